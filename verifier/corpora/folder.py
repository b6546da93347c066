"""A user's own folder as a corpus."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from verifier.base.errors import InputError, printable
from verifier.data.medium import Medium
from verifier.data.pieces import Piece


def read(folder: Path, medium: Medium, progress: Callable[[int, int], None] | None = None) -> Sequence[Piece]:
    """The pieces in ``folder`` and the folders in it, named by their paths from there; each is its own group.

    A file that cannot be read is left out, with a warning on standard error. Raises InputError if none can.
    """
    paths = _paths(folder, medium.suffixes)
    pieces: list[Piece] = []
    unreadable = []
    for done, path in enumerate(paths, 1):
        name = path.relative_to(folder).as_posix()
        try:
            pieces.append(medium.piece(path, name=name, group=name))
        except InputError as problem:
            unreadable.append(problem)
        if progress is not None:
            progress(done, len(paths))
    if not pieces:
        raise InputError(folder, f"none of {len(paths)} files can be read; the first: {unreadable[0]}")
    for left_out in unreadable:
        print(f"warning: left out: {printable(left_out)}", file=sys.stderr)
    return sorted(pieces, key=lambda piece: piece.name)


def _paths(folder: Path, endings: Sequence[str]) -> list[Path]:
    """The files below ``folder`` that end in one of ``endings``. Raises InputError if there is none."""
    paths = sorted(
        path
        for path in folder.rglob("*")
        # Hidden files are the droppings of file managers.
        if path.suffix.lower() in endings and not path.name.startswith(".") and path.is_file()
    )
    if not paths:
        raise InputError(folder, f"expected files that end in one of {', '.join(endings)}, found none")
    return paths
