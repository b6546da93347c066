"""The learned pieces of a corpus as chords, to look for passages of theirs in samples: built, packed small, unpacked.

Packed, a chord is its number in a table of the chords that occur, its lowest pitch and its length: about two bytes once
it is compressed. Where each begins, the runs of chords and their order follow from these.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.base.text import encodable
from verifier.data.batch import Batch
from verifier.music.features.chord_grams import GRAM, Chords, Ints, Words, chords, grams
from verifier.music.samples import music, roll_view
from verifier.music.view import PianoRollView

Arrays = Mapping[str, NDArray[Any]]

LARGEST = 1 << 31
"""No number of an index is as large; one that is is damage, and their sums stay within 64 bits."""


@dataclass(frozen=True, eq=False)
class Index:
    """The grams of a corpus: hashes (k,) ascending, and chords (k,) the chord at which each starts.

    ``music`` are the chords of all samples of the corpus, in order; names, starts, meters and pickups (n,) describe
    these samples as in Batch.
    """

    view: PianoRollView
    hashes: Words
    chords: Ints
    music: Chords
    names: Sequence[str]
    starts: Ints
    meters: NDArray[np.float64]
    pickups: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        view: PianoRollView,
        found: Chords,
        names: Sequence[str],
        starts: Ints,
        meters: NDArray[np.float64],
        pickups: NDArray[np.float64],
    ) -> "Index":
        """The index of samples with these chords."""
        runs = grams(found, GRAM)
        order = np.argsort(runs.hashes, kind="stable")
        return cls(view, runs.hashes[order], runs.chords[order], found, names, starts, meters, pickups)


def build_index(batches: Iterable[Batch]) -> Index:
    """The index of a corpus: best of whole pieces (``window: null``), since a gram across two windows is in neither.

    Raises InputError for no batch.
    """
    parts = list(batches)
    if not parts:
        raise InputError("", "there is no piece to index")
    sung = [chords(part) for part in parts]
    samples = np.cumsum([0, *(len(part) for part in parts)])
    of = np.concatenate([found.samples + before for found, before in zip(sung, samples[:-1], strict=True)])
    joined = Chords(
        samples=of,
        shapes=np.concatenate([found.shapes for found in sung]),
        lowest=np.concatenate([found.lowest for found in sung]),
        starts=np.concatenate([found.starts for found in sung]),
        steps=np.concatenate([found.steps for found in sung]),
        first=np.searchsorted(of, np.arange(samples[-1] + 1)),
    )
    return Index.of(
        roll_view(parts[0]),
        joined,
        names=[encodable(name) for part in parts for name in part.names],
        starts=np.concatenate([part.starts for part in parts]),
        meters=np.concatenate([music(part).meters for part in parts]),
        pickups=np.concatenate([music(part).pickups for part in parts]),
    )


def packed(index: Index) -> Arrays:
    """The index as rows of numbers; ``unpacked`` gives it back unchanged."""
    table, numbers, often = np.unique(index.music.shapes, return_inverse=True, return_counts=True)
    ranked = np.argsort(-often, kind="stable")  # small numbers for what occurs often, which compresses better
    rank = np.empty(len(table), np.int64)
    rank[ranked] = np.arange(len(table))
    return {
        "shapes": table[ranked],
        "chords": _small(rank[numbers]),
        "lowest": _small(index.music.lowest),
        "steps": _small(index.music.steps),
        "counts": _small(np.diff(index.music.first)),
        "starts": _small(index.starts),
        "meters": index.meters,
        "pickups": index.pickups,
        "names": np.frombuffer(msgspec.json.encode(list(index.names)), np.uint8),
    }


def _small(numbers: Ints) -> NDArray[Any]:
    """Whole numbers from 0 in the smallest type that holds them."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def unpacked(arrays: Arrays, view: PianoRollView) -> Index:
    """The index that ``packed`` made these of, under ``view``. Raises InputError for what it did not make."""
    try:
        whole = {name: _whole(arrays[name]) for name in ("chords", "lowest", "steps", "counts", "starts")}
        shapes, meters, pickups = (arrays[name] for name in ("shapes", "meters", "pickups"))
        names = msgspec.json.decode(arrays["names"].tobytes(), type=list[str])
        _require_consistent(whole, shapes, len(names), (meters, pickups))
    except (KeyError, ValueError) as error:  # msgspec's errors are ValueErrors
        raise InputError("", f"expected the index of a corpus as verify learn writes it: {error}") from None
    counts, steps = whole["counts"], whole["steps"]
    first = np.concatenate([[0], np.cumsum(counts)])
    ends = np.cumsum(steps)
    before = np.concatenate([[0], ends])[first[:-1]]  # steps of all samples before each
    found = Chords(
        samples=np.repeat(np.arange(len(counts)), counts),
        shapes=shapes[whole["chords"]],
        lowest=whole["lowest"],
        starts=ends - steps - np.repeat(before, counts),
        steps=steps,
        first=first,
    )
    return Index.of(view, found, names, whole["starts"], meters, pickups)


def _whole(numbers: NDArray[Any]) -> Ints:
    if numbers.dtype.kind != "u":
        raise ValueError(f"found numbers of the type {numbers.dtype}")
    if int(numbers.max(initial=0)) >= LARGEST:
        raise ValueError(f"found the number {numbers.max()}")
    return numbers.astype(np.int64)


def _require_consistent(
    whole: Mapping[str, Ints], shapes: NDArray[Any], n: int, floats: Sequence[NDArray[Any]]
) -> None:
    """Raise ValueError if the arrays do not belong together."""
    m = len(whole["chords"])
    if any(len(values) != m for values in (whole["lowest"], whole["steps"])) or whole["counts"].sum() != m:
        raise ValueError("its chords differ in number")
    if any(len(values) != n for values in (whole["counts"], whole["starts"], *floats)):
        raise ValueError("its samples differ in number")
    if shapes.dtype != np.uint64 or any(values.dtype != np.float64 for values in floats):
        raise ValueError("found numbers of another type")
    if whole["chords"].max(initial=-1) >= len(shapes) or whole["lowest"].max(initial=0) > 127:
        raise ValueError("found a chord that is none")
    if not all(np.isfinite(values).all() for values in floats):
        raise ValueError("found a place that is none")
