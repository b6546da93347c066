"""The seam: what the engine asks of a medium, and the media there are.

A medium is one object, which the entry point group ``verifier.media`` names by the kind of its views. It derives from
Medium and defines what its samples need; what stands here does for samples that are arrays of values in files.
"""

import functools
import importlib.metadata
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.axes import Axes, cell_axes
from verifier.data.batch import Batch, concatenate
from verifier.data.pieces import (
    BatchPiece,
    Extent,
    FilePiece,
    Piece,
    batch_in_memory,
    digest_of,
    joined,
    one_group_each,
)
from verifier.data.storage import StorageProfile
from verifier.data.view import View, require_same_view

if TYPE_CHECKING:  # types of the layers above, which a medium gives them objects of
    from rich.text import Text

    from verifier.data.container import Container
    from verifier.judge.degraded import Degradation
    from verifier.judge.sets import SetCheck
    from verifier.rule.fault import Fault
    from verifier.rule.rule import Rule, Violation

Found = Mapping[int, Sequence["Violation"]]
"""Sample -> its violations."""
ObjectReader = Callable[[Any, Any, str], Batch]
"""(object, view, name) -> its samples."""


class Cell(NamedTuple):
    """A cell of a sample: in music its pitch as a MIDI number; or in words, and its row."""

    pitches: tuple[int, ...]
    words: str
    rows: tuple[int, ...]


class Classes(NamedTuple):
    """Of (n,) samples the class of each, from 0, how many there are, and what they are, in words."""

    of: NDArray[np.int64]
    number: int
    words: str


SampleWriter = Callable[[Path, NDArray[np.float32]], int]
"""(path, values (rows, steps)) -> a file; gives the steps that it holds up to its end, 0 for nothing."""


class Baseline(NamedTuple):
    """Samples made from real ones, a part of every corpus of a medium: the function that makes them of a batch, and a
    number of its own, so that no two draw the same random numbers.
    """

    make: Callable[[Batch, Generator], Batch]
    seed: int


class Medium(Protocol):
    """What a sample of a kind of view is, and how it is read, told of and drawn."""

    name: str
    """The tag of its view in the spec file."""
    view: type[View]
    spec_format: int = 1
    """The first format of a spec whose rules count what those of the medium count today; older ones are to be learned
    again."""
    suffixes: Sequence[str]
    """Endings of the files that it reads, in lower case; arrays are read by all media."""
    rules: str
    """The package in which each module is a rule of this medium."""
    storage: type[StorageProfile] = StorageProfile
    """What a spec keeps of how the corpus is stored."""
    whole_pieces: bool = False
    """Whether the samples of one piece are read together: violations are numbered through it."""
    copies: Sequence[str] = ()
    """Endings of the annotated copies of a piece that ``annotate`` can write."""

    from_object: str = "p"
    """An expression of NumPy for the array of a sample, of what an array of Python objects usually has in its place."""

    throughout: str | None = None
    """What a violation that lasts from end to end has in place of a time; None where a time is said all the same."""

    # Reading.

    def is_file(self, name: str) -> bool:
        """Whether a file of that name is one of the medium: by its suffix."""
        return name.lower().endswith(tuple(self.suffixes))

    def view_like(self, path: Path) -> Mapping[str, Any]:
        """Settings of the view, in place of its defaults, under which a file can be read. Raises InputError."""
        return {}

    def is_collection(self, name: str) -> bool:
        """Whether a file of that name holds many samples that have nothing to do with each other, as arrays do."""
        return False

    def read(self, path: Path, view: Any, *, name: str, keep_source: bool = False) -> Iterator[Batch]:
        """All samples of a file, in order; each is called after ``name``, which is also their group. ``keep_source``
        keeps what the samples were made of, so that faults can be planted there. Raises InputError.
        """
        return iter([self.batch_of([self.piece(path, name=name, group=name)], view, keep_source=keep_source)])

    def piece(self, path: Path, *, name: str, group: str) -> Piece:
        """The work in a file. By default it is not opened before a view says how to see it."""
        return FilePiece(name, group, path, self.name)

    def work(self, path: Path, *, name: str, group: str) -> Piece:
        """The work in a file of a corpus. Raises InputError for one that holds nothing to learn from."""
        return self.piece(path, name=name, group=group)

    def named_file(self, name: str) -> Path | None:
        """The file that an installed package brings under that name; None if there is none."""
        return None

    def extent(self, piece: Any, view: Any) -> Extent | None:
        """How many samples a piece gives, where that is known without making them. Raises InputError for a piece that
        holds nothing.
        """
        return None

    def batch_of(self, pieces: Sequence[Any], view: Any, *, keep_source: bool = False) -> Batch:
        """The samples of ``pieces``, one piece after the other. Raises InputError for a file that cannot be read."""
        return joined(pieces, view, lambda piece: self.read(piece.path, view, name=piece.name, keep_source=keep_source))

    def grouped(self, pieces: Sequence[Any]) -> list[Piece]:
        """The pieces, those that are one work in one group: by default those that are equal to the last bit."""
        return one_group_each(pieces)

    def digest(self, pieces: Sequence[Any]) -> str:
        """sha256 of what pieces are called and hold."""
        return digest_of(pieces)

    def axes(self, shape: tuple[int, ...], dtype: np.dtype[Any], view: Any, name: str) -> Axes:
        """What the axes of an array are. Raises WrongShapeError that says what to do."""
        return cell_axes(shape, view, name)

    def advice(self, path: Path, view: Any) -> str:
        """What to type for a file with a suffix that is not read; nothing if that is unclear."""
        return ""

    def objects(self) -> Mapping[tuple[str, str], ObjectReader]:
        """What reads objects in memory, by the library and the name of their type."""
        return {}

    # Words.

    def place(self, batch: Batch, i: int, step: int) -> str:
        """Where a step of sample i lies in its piece, in words; nothing where that says nothing."""
        return f"step {int(batch.starts[i]) + step}"

    def cell(self, batch: Batch, row: int, step: int) -> Cell:
        """Where a cell of a sample is, for a person."""
        return Cell((), f"row {row}", (row,))

    def sounding(self, batch: Batch, i: int, step: int) -> tuple[int, ...]:
        """The pitches that sound at a step of sample i, as MIDI numbers; none where there is no such thing."""
        return ()

    def describe(self, view: Any) -> str:
        """The view in words."""
        return f"{view.kind} of {view.rows} rows"

    def row_names(self, view: Any) -> Sequence[str] | None:
        """What each row of a sample is called, in numbers with their unit; None where it has no name."""
        return None

    # Guards.

    def storage_of(self, batch: Batch) -> Mapping[str, Any]:
        """The fields of ``storage`` that are the medium's own."""
        return {}

    def stored_alike(self, batch: Batch, corpus: Any) -> NDArray[np.bool_]:
        """(n,) whether each sample is stored as the corpus is, so that a rule that measures files can speak of it."""
        return np.ones(len(batch), np.bool_)

    def misfit(self, batch: Batch, chosen: Collection[str]) -> str:
        """Why nothing is to be learned from samples in a view of which a person chose the fields ``chosen``; nothing if
        something may be.
        """
        return ""

    def better_view(self, facts: Any, view: Any) -> str:
        """What would fit them better, as a sentence; nothing if they fit."""
        return ""

    def confounds(self, corpus: Any, samples: Any) -> Iterator[str]:
        """What differs in these fields between corpus and samples, each as a sentence that says what follows."""
        yield from ()

    def unknown(self, corpus: Any, samples: Any) -> Mapping[str, str]:
        """What the samples as a whole do not tell, of what rules need (``Rule.needs``), each with why, as the end of a
        sentence. ``corpus`` is None where nothing is known of it.
        """
        return {}

    def container(self) -> "Container | None":
        """What the files of the medium tell beside what they hold; None where nothing is known of that."""
        return None

    def set_checks(self) -> Sequence["SetCheck"] | None:
        """What a sample set as a whole is held to beside coverage; None if sets are not looked at as a whole."""
        return None

    # What is made of samples.

    def faults(self) -> Mapping[str, "Fault"]:
        """What `verify power` plants, by name."""
        return {}

    def degradations(self) -> Mapping[str, "Degradation"]:
        """How samples usually come changed: what a set that breaks rules may look like, by name."""
        return {}

    def degraded(self, corpus: Any, samples: Any) -> tuple[str, float] | None:
        """The degradation of samples, by its name and dose, that their ``storage`` tells beside that of the corpus."""
        return None

    def degraded_pieces(self, corpus: Any, lengths: NDArray[np.int64], piece: NDArray[np.int64]) -> NDArray[np.float64]:
        """(k,) the dose of each piece of samples that came so; ``lengths`` (n,) are the steps of the samples, ``piece``
        (n,) is the piece of each. 0 for one that did not.
        """
        return np.zeros(int(piece.max(initial=-1)) + 1)

    def baselines(self) -> Mapping[str, Baseline]:
        """What samples are made of real ones, by the name of the part of the corpus that they are."""
        return {}

    def planes(self, view: Any) -> tuple[int, int, int]:
        """Channels, rows and columns of a sample as a generator makes it."""
        return 1, view.rows, view.window

    def cells(self, batch: Batch) -> NDArray[np.float32]:
        """(n, rows, steps) the samples as a classifier sees them, from 0 to 1."""
        return batch.values.astype(np.float32)

    def speaks(self, batch: Batch) -> NDArray[np.bool_]:
        """(n,) whether a sample holds anything at all."""
        return np.ones(len(batch), np.bool_)

    def classes(self, batch: Batch) -> Classes | None:
        """What each sample is, for a classifier to learn; None if that is not in the samples themselves."""
        return None

    def sample_writer(self, view: Any, place: object) -> SampleWriter:
        """What writes a sample of a generator as a file of the medium. Raises InputError if nothing does."""
        raise InputError(place, f"MIDI files need samples of music, found a {self.name}; write a .npz")

    # Pictures of samples.

    def height(self, view: Any) -> int:
        """Rows of a sample as it is seen: planes lie one on the other."""
        return int(view.rows)

    def lines(self, batch: Batch, i: int, violations: Sequence["Violation"]) -> "list[Text]":
        """Sample i in characters, what breaks a rule in red; nothing if it cannot be drawn so."""
        return []

    def draw(self, path: Path, rules: Sequence["Rule"], batch: Batch, found: Found, shown: int) -> None:
        """Draw the ``shown`` samples that break ``rules`` most. Raises InputError where it has no pictures."""
        raise InputError(path, f"there are no pictures of a {self.name}")

    def require_copy(self, path: Path, batch: Batch, found: Found, shown: int) -> None:
        """Raise InputError now if ``annotate`` could not write there later."""
        return

    def annotate(self, path: Path, batch: Batch, found: Found, shown: int) -> None:
        """Write a copy of the ``shown`` pieces that break most, with their violations in it. Raises InputError where
        there are no such copies.
        """
        raise InputError(path, f"there are no annotated copies of a {self.name}")


@functools.cache
def media() -> Mapping[str, importlib.metadata.EntryPoint]:
    """The media there are, by name; none of them is imported."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group="verifier.media")}


@functools.cache
def medium_named(name: str, place: object = "") -> Medium:
    """The medium of that name. Raises InputError that lists what there is."""
    if name not in media():
        raise InputError(place, f"expected a kind of view ({', '.join(sorted(media()))}), found {name!r}")
    medium: Medium = media()[name].load()
    return medium


@functools.cache
def kind_of(file: str) -> str | None:
    """The name of the medium of a file of that name; None for arrays, which all media read, and for others."""
    return next((name for name in sorted(media()) if medium_named(name).is_file(file)), None)


def medium_of(view: View) -> Medium:
    """The medium whose view it is."""
    return medium_named(view.kind)


def decoded_view(data: Any) -> View:
    """The view that a file holds as a map with its ``kind``. Raises msgspec.ValidationError, or InputError for a kind
    that does not exist.
    """
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
        raise msgspec.ValidationError("Expected a view, a map with the key `kind`")
    view: View = msgspec.convert(data, medium_named(data["kind"]).view)
    return view


def view_of(settings: Mapping[str, Any], kind: str) -> View:
    """The view of that kind with ``settings`` (kebab-case) in place of its defaults; a setting ``kind`` chooses another
    kind. Raises InputError for a kind that does not exist, msgspec.ValidationError for what is no setting.
    """
    found = {"kind": kind, **settings}
    if not isinstance(found["kind"], str):
        raise msgspec.ValidationError(f"Expected `str`, got `{type(found['kind']).__name__}` - at `$.kind`")
    view: View = msgspec.convert(found, medium_named(found["kind"]).view, strict=False)
    return view


def batch_of(pieces: Sequence[Piece], view: View, *, keep_source: bool = False) -> Batch:
    """The samples of ``pieces``, one piece after the other. Raises InputError for a view of another medium, and for a
    file that cannot be read under it.
    """
    for piece in pieces[:1]:
        if piece.kind != view.kind:
            raise InputError(piece.name, f"expected a view of the kind {piece.kind}, found {view.kind}")
    found = []
    for in_memory, of_kind in itertools.groupby(pieces, key=lambda piece: isinstance(piece, BatchPiece)):
        run: list[Any] = list(of_kind)
        if in_memory:
            require_same_view(view, run[0].whole.view, run[0].name)
            found.append(batch_in_memory(run, view))
        else:
            found.append(medium_of(view).batch_of(run, view, keep_source=keep_source))
    return found[0] if len(found) == 1 else concatenate(view, found)


def sample_counts(pieces: Sequence[Piece], view: View) -> list[int]:
    """How many samples each piece gives."""
    medium = medium_of(view)
    counts = []
    for piece in pieces:
        extent = None if isinstance(piece, BatchPiece) else medium.extent(piece, view)
        counts.append(len(batch_of([piece], view)) if extent is None else extent.samples)
    return counts
