"""A path that a person typed -> Batches: a file, a folder or a glob; tensors may be mixed with files of the medium."""

import fnmatch
import functools
import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from verifier.base.errors import EmptySetError, InputError
from verifier.base.text import encodable
from verifier.data.array_files import INDEX_SUFFIX
from verifier.data.batch import Batch, concatenate
from verifier.data.medium import Medium, medium_of
from verifier.data.pieces import Extent, Piece
from verifier.data.tensor import CHUNK_CELLS, TENSOR_SUFFIXES, open_tensors
from verifier.data.view import View

Known = Callable[[str], bool]
"""Whether a file of that name is one to read."""


def suffixes(view: View) -> Sequence[str]:
    """Suffixes, in lower case, of the files that are read under a view."""
    return (*medium_of(view).suffixes, *TENSOR_SUFFIXES)


def is_collection(path: Path, medium: Medium) -> bool:
    """Whether a file, by its name, holds many samples that have nothing to do with each other."""
    return path.suffix.lower() in TENSOR_SUFFIXES or medium.is_collection(path.name)


@dataclass(kw_only=True)
class FileSamples:
    """The samples at one path, read anew by each call of ``batches``.

    label       the path as it was typed
    view        how its files become arrays
    files       (path, name) of each file, in the order of reading; names are relative to the folder, with slashes
    ignored     files in the folder whose suffix is not among ``suffixes``, and hidden ones
    total       how much there is to read, in ``unit``: samples of a single tensor file, else files
    done        how much of it the current iteration has read
    limit       most samples that are given; None for all
    keep_source whether what samples were made of is kept with them, so that faults can be planted there
    on_error    "stop" raises at the first unreadable file; "skip" leaves it out
    unreadable  what was skipped in the current iteration, one InputError a file
    """

    label: str
    view: View
    files: list[tuple[Path, str]]
    ignored: int = 0
    total: int | None = None
    unit: Literal["files", "samples"] = "files"
    done: int = 0
    limit: int | None = None
    keep_source: bool = False
    on_error: Literal["stop", "skip"] = "stop"
    unreadable: list[InputError] = field(default_factory=list)

    def batches(self) -> Iterator[Batch]:
        """All samples in order, at most CHUNK_CELLS cells a Batch unless one sample is larger.

        Raises InputError for the first unreadable file; under ``on_error="skip"`` only if every file was unreadable. A
        file that is skipped has given no sample: tensors are then checked whole before their first Batch.
        """
        self.unreadable.clear()
        self.done = 0
        left = self.limit
        for batch in self._all_batches():
            if left is not None and len(batch) >= left:
                if left:
                    yield batch.take(range(left)) if len(batch) > left else batch
                return
            yield batch
            left = None if left is None else left - len(batch)
        if self.unreadable and len(self.unreadable) == len(self.files):
            first = f"; the first: {self.unreadable[0]}"
            raise EmptySetError(self.label, f"expected a readable file, found none among {len(self.files)}{first}")

    def _all_batches(self) -> Iterator[Batch]:
        joiner = _Joiner(self.view, self.keep_source)
        for path, name in self.files:
            try:
                for part in self._parts(path, name):
                    yield from joiner.add(part)
            except InputError as error:
                if self.on_error == "stop":
                    raise
                self.unreadable.append(error)
            if self.unit == "files":
                self._advance(1)
        yield from joiner.flush()

    def _parts(self, path: Path, name: str) -> Iterator["Batch | _Sized"]:
        """What a file gives: a piece whose extent is known, or Batches. A file that is to be skipped must have given
        nothing, so that all of it is read first.
        """
        medium = medium_of(self.view)
        if path.suffix.lower() in TENSOR_SUFFIXES:
            tensors = open_tensors(path, self.view, name=name)
            if self.on_error == "skip":
                for tensor in tensors:
                    tensor.check()
            for batch in (batch for tensor in tensors for batch in tensor.batches()):
                if self.unit == "samples":
                    self._advance(int((batch.starts == 0).sum()))
                yield batch
            return
        piece = medium.piece(path, name=name, group=name)
        extent = medium.extent(piece, self.view)
        if extent is not None:
            if not extent.samples:
                raise InputError(
                    name, f"expected at least {self.view.window} steps for one window, found {extent.steps}"
                )
            yield _Sized(piece, extent)
            return
        found = 0
        batches = medium.read(path, self.view, name=name, keep_source=self.keep_source)
        for batch in list(batches) if self.on_error == "skip" else batches:
            found += len(batch)
            yield batch
        if not found:
            raise InputError(name, "expected at least one sample, found none")

    def _advance(self, amount: int) -> None:
        self.done += amount


class _Sized(NamedTuple):
    """A piece, and what it gives."""

    piece: Piece
    extent: Extent


class _Joiner:
    """Joins small Batches, and pieces, into Batches of at most CHUNK_CELLS cells, in their order."""

    def __init__(self, view: View, keep_source: bool) -> None:
        self._view = view
        self._keep_source = keep_source
        self._pieces: list[_Sized] = []
        self._batches: list[Batch] = []
        self._samples, self._steps, self._cells = 0, 0, 0

    def add(self, part: Batch | _Sized) -> Iterator[Batch]:
        """What is full, and must be given before ``part``, which waits."""
        if isinstance(part, Batch):
            other = self._batches and self._batches[-1].values.dtype != part.values.dtype
            if self._pieces or other or (self._batches and self._cells + part.values.size > CHUNK_CELLS):
                yield from self.flush()
            self._batches.append(part)
            self._cells += part.values.size
            return
        steps = max(self._steps, self._view.window or 0, part.extent.steps)
        cells = (self._samples + part.extent.samples) * steps * self._view.rows
        if self._batches or (self._pieces and cells > CHUNK_CELLS):
            yield from self.flush()
        self._pieces.append(part)
        self._samples += part.extent.samples
        self._steps = max(self._steps, part.extent.steps)

    def flush(self) -> Iterator[Batch]:
        """All that waits."""
        batches, pieces = self._batches, self._pieces
        self._batches, self._pieces = [], []
        self._samples, self._steps, self._cells = 0, 0, 0
        if batches:
            yield concatenate(self._view, batches) if len(batches) > 1 else batches[0]
        if pieces:
            medium = medium_of(self._view)
            batch = medium.batch_of([sized.piece for sized in pieces], self._view, keep_source=self._keep_source)
            at_once = max(1, CHUNK_CELLS // (batch.values.shape[1] * batch.values.shape[2]))
            if len(batch) <= at_once:
                yield batch
                return
            for at in range(0, len(batch), at_once):
                yield batch.take(range(at, min(at + at_once, len(batch))))


def open_path(
    path: str, view: View, *, limit: int | None = None, on_error: Literal["stop", "skip"] = "stop"
) -> FileSamples:
    """The samples at ``path``: a file, a folder with all folders below it, or a glob (``**`` for any depth).

    Where there is nothing of that name, it may be that of a file that a package brings (``Medium.named_file``). Only
    names are looked at, and the header of a single tensor file. Raises InputError for a missing path, and where no file
    has a suffix that is read under the view.
    """
    medium = medium_of(view)
    work = None if os.path.lexists(path) or glob.has_magic(path) else medium.named_file(path)
    if work is not None:
        files, ignored = [(work, path)], 0
    else:
        known = functools.partial(_is_known, medium=medium)
        files, ignored = files_at(path, known, suffixes(view), lambda file: medium.advice(file, view))
    samples = FileSamples(
        label=encodable(path),
        view=view,
        files=files,
        ignored=ignored,
        limit=limit,
        on_error=on_error,
    )
    samples.total = len(files)
    if len(files) == 1 and files[0][0].suffix.lower() in TENSOR_SUFFIXES and not os.path.isdir(path):
        samples.total = sum(tensor.samples for tensor in open_tensors(files[0][0], view, name=files[0][1]))
        samples.unit = "samples"
    return samples


def files_at(
    path: str, known: Known, endings: Sequence[str], advice: Callable[[Path], str] = lambda _: ""
) -> tuple[list[tuple[Path, str]], int]:
    """(path, name) of each file at ``path`` whose name is ``known``, sorted by these names, and the number of others.
    ``path`` is a file, a folder with all folders below it, or a glob; ``endings`` are what is known, for a message, and
    ``advice`` is what to do with a file of another kind.

    Raises InputError for a missing path, and where no file is known.
    """
    expected = f"expected files with one of the suffixes {', '.join(endings)}"
    if os.path.isdir(path):
        found, ignored = _below(path, known)
        files = [(file, _relative(file, path)) for file in found]
    elif os.path.lexists(path):
        file = Path(path)
        if not known(file.name):
            what = advice(file)
            raise InputError(path, f"{expected}, found {file.suffix or 'no suffix'}" + (f"; {what}" if what else ""))
        files, ignored = [(file, encodable(file.name))], 0
    elif glob.has_magic(path):
        found, ignored = _matching(path, known)
        if not found and not ignored:
            raise EmptySetError(path, "expected files that match, found none")
        base = _fixed_part(path)
        files = [(file, _relative(file, base)) for file in found]
    else:
        raise InputError(path, "expected a file, a folder or a glob, found nothing there")
    if not files:
        raise EmptySetError(path, f"{expected}, found none" + (f" among {ignored:,} files" if ignored else ""))
    return sorted(files, key=lambda entry: entry[1]), ignored


def _below(folder: str, known: Known) -> tuple[list[Path], int]:
    """Readable files below ``folder`` and the number of others. Links are followed, but no folder is entered twice."""
    found: list[Path] = []
    ignored = 0
    entered: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise InputError(error.filename, f"expected a readable folder, found: {error.strerror}") from error

    for root, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        status = os.stat(root)
        identity = (status.st_dev, status.st_ino)
        if identity in entered:
            folders.clear()
            continue
        entered.add(identity)
        # A sorted walk, so that of two ways to one folder the same is taken on every machine.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if known(name):
                found.append(Path(root, name))
            else:
                ignored += 1
    return found, ignored


def _matching(pattern: str, known: Known) -> tuple[list[Path], int]:
    """Readable files that match, or stand below a folder that does, and the number of others seen on the way."""
    if "**" in Path(pattern).parts:
        # The glob module would follow links in circles.
        base = _fixed_part(pattern)
        wanted = _recursive_pattern(Path(pattern).relative_to(base))
        files, ignored = _below(base, known)
        return [file for file in files if wanted.fullmatch(_relative(file, base))], ignored
    found: dict[Path, None] = {}
    ignored = 0
    for match in glob.iglob(pattern):
        if os.path.isdir(match):
            inside, others = _below(match, known)
            found.update(dict.fromkeys(inside))
            ignored += others
        elif known(os.path.basename(match)):
            found[Path(match)] = None
        else:
            ignored += 1
    return list(found), ignored


def _recursive_pattern(pattern: Path) -> re.Pattern[str]:
    """What a path must match to stand at ``pattern`` or below it: ``**`` is any number of folders."""
    expression = ""
    for part in pattern.parts:
        if part == "**":
            expression += "(?:[^/]+/)*"
            continue
        # fnmatch lets its wildcards cross a slash: each token is translated alone, and a slash kept out of it.
        for token in re.findall(r"\[!?\]?[^\]]*\]|.", part, re.DOTALL):
            expression += {"*": "[^/]*", "?": "[^/]"}.get(token) or f"(?!/){fnmatch.translate(token)[4:-3]}"
        expression += "/"
    below = expression + ".*" if pattern.name == "**" else expression[:-1] + "(?:/.*)?"
    return re.compile(below, re.DOTALL)


def _is_known(name: str, medium: Medium) -> bool:
    if name.endswith(INDEX_SUFFIX):  # it lies beside its spec
        return False
    return is_visible(name) and (medium.is_file(name) or os.path.splitext(name)[1].lower() in TENSOR_SUFFIXES)


def is_visible(name: str) -> bool:
    """Whether a file is not hidden: such are the droppings of file managers (._x.mid of macOS is no music)."""
    return not name.startswith(".")


def _fixed_part(pattern: str) -> str:
    """The folder before the first part of ``pattern`` that holds a wildcard."""
    parts = Path(pattern).parts
    magic = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return str(Path(*parts[:magic]))


def _relative(file: Path, folder: str) -> str:
    return encodable(file.relative_to(folder).as_posix())
