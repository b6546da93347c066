"""A user's own folder of scores and MIDI files as a corpus."""

import sys
from collections.abc import Callable
from pathlib import Path

from verifier.errors import InputError, printable
from verifier.media.piano_roll import Notes


def read(folder: Path, progress: Callable[[int, int], None] | None = None) -> list[Notes]:
    """The pieces in ``folder`` and the folders in it, named by their paths from there; each is its own group.

    A file that cannot be read is left out, with a warning on standard error. Raises InputError if none can.
    """
    from verifier.media.symbolic import SYMBOLIC_SUFFIXES, read_notes

    paths = sorted(
        path
        for path in folder.rglob("*")
        # Hidden files are the droppings of file managers.
        if path.suffix.lower() in SYMBOLIC_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not paths:
        raise InputError(folder, f"expected files that end in one of {', '.join(SYMBOLIC_SUFFIXES)}, found none")
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
