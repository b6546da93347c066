"""A user's own folder as a corpus."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from verifier.base.errors import InputError, printable
from verifier.corpora import collection
from verifier.data.array_files import INDEX_SUFFIX
from verifier.data.medium import Medium
from verifier.data.paths import is_collection
from verifier.data.pieces import Piece, pieces_of
from verifier.data.tensor import TENSOR_SUFFIXES
from verifier.data.view import View


def read(
    folder: Path, medium: Medium, view: View | None = None, progress: Callable[[int, int], None] | None = None
) -> Sequence[Piece]:
    """The pieces in ``folder`` and the folders in it, named by their paths from there; each is its own group.

    Of a file of many samples each is a piece, which takes a ``view``; if there is no other file, they are called as if
    that file alone were the corpus. A file that cannot be read is left out, with a warning on standard error. Raises
    InputError if none can.
    """
    files = paths(folder, medium, arrays=view is not None)
    pieces: list[Piece] = []
    unreadable = []
    for done, path in enumerate(files, 1):
        name = path.relative_to(folder).as_posix()
        try:
            if view is not None and is_collection(path, medium):
                pieces.extend(_samples(path, view, "" if len(files) == 1 else f"{name}:"))
            else:
                pieces.append(medium.work(path, name=name, group=name))
        except InputError as problem:
            unreadable.append(problem)
        if progress is not None:
            progress(done, len(files))
    if not pieces:
        raise InputError(folder, f"none of {len(files)} files can be read; the first: {unreadable[0]}")
    for left_out in unreadable:
        print(f"warning: left out: {printable(left_out)}", file=sys.stderr)
    return sorted(pieces, key=lambda piece: piece.name)


def _samples(path: Path, view: View, prefix: str) -> Sequence[Piece]:
    batch = collection.read(path, view)
    named = [f"{prefix}{name}" for name in batch.names], [f"{prefix}{group}" for group in batch.groups]
    return pieces_of(replace(batch, names=named[0], groups=named[1]))


def paths(folder: Path, medium: Medium, *, arrays: bool = True) -> list[Path]:
    """The files below ``folder`` that are read, arrays too if asked for. Raises InputError if there is none."""
    found = sorted(
        path
        for path in folder.rglob("*")
        # Hidden files are the droppings of file managers.
        if (medium.is_file(path.name) or (arrays and path.suffix.lower() in TENSOR_SUFFIXES))
        and not path.name.endswith(INDEX_SUFFIX)
        and not path.name.startswith(".")
        and path.is_file()
    )
    if not found:
        endings = (*medium.suffixes, *TENSOR_SUFFIXES)
        raise InputError(folder, f"expected files that end in one of {', '.join(endings)}, found none")
    return found
