"""A user's own folder of music, recordings or pictures as a corpus."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from verifier.audio.view import MelView
from verifier.base.errors import InputError, printable
from verifier.data.pieces import Picture, Piece, Recording
from verifier.data.view import View
from verifier.music.view import PianoRollView


def read(folder: Path, view: View | None = None, progress: Callable[[int, int], None] | None = None) -> Sequence[Piece]:
    """The pieces in ``folder`` and the folders in it, named by their paths from there; each is its own group.

    They are music, or recordings or pictures if ``view`` is for these, which are not opened before it is used. A file
    that cannot be read is left out, with a warning on standard error. Raises InputError if none can.
    """
    if view is not None and not isinstance(view, PianoRollView):
        return _files(folder, view)
    from verifier.music.read.symbolic import SYMBOLIC_SUFFIXES, read_notes

    paths = _paths(folder, SYMBOLIC_SUFFIXES)
    pieces = []
    unreadable = []
    for done, path in enumerate(paths, 1):
        name = path.relative_to(folder).as_posix()
        try:
            pieces.append(read_notes(path, name=name, group=name))
        except InputError as problem:
            unreadable.append(problem)
        if progress is not None:
            progress(done, len(paths))
    if not pieces:
        raise InputError(folder, f"none of {len(paths)} files can be read; the first: {unreadable[0]}")
    for left_out in unreadable:
        print(f"warning: left out: {printable(left_out)}", file=sys.stderr)
    return sorted(pieces, key=lambda piece: piece.name)


def _files(folder: Path, view: View) -> list[Piece]:
    found: list[Piece] = []
    if isinstance(view, MelView):
        from verifier.audio.read import AUDIO_SUFFIXES

        for path in _paths(folder, AUDIO_SUFFIXES):
            name = path.relative_to(folder).as_posix()
            found.append(Recording(name, name, path))
        return found
    from verifier.image.read import IMAGE_SUFFIXES

    for path in _paths(folder, IMAGE_SUFFIXES):
        name = path.relative_to(folder).as_posix()
        found.append(Picture(name, name, path))
    return found


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
