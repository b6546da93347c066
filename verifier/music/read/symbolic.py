"""Files of symbolic music -> Notes: what reads which, by suffix."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from verifier.base.errors import InputError
from verifier.base.files import open_regular
from verifier.music.notes import Notes
from verifier.music.read import midi, score
from verifier.music.read.columns import MAX_BYTES


class Reader(Protocol):
    """What reads the bytes of a file."""

    def __call__(self, data: bytes, suffix: str, *, name: str, group: str) -> Notes:
        """The notes in it. Raises InputError for what is no such file, or is damaged."""
        ...


MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
READERS: Mapping[str, Reader] = {
    **dict.fromkeys(MIDI_SUFFIXES, midi.read),
    **dict.fromkeys((".xml", ".musicxml", ".mxl", ".krn", ".abc"), score.read),
}
"""Suffix, in lower case -> what reads it."""
SYMBOLIC_SUFFIXES = tuple(READERS)


def read_notes(path: Path, *, name: str, group: str) -> Notes:
    """The notes of one file, in quarter notes from its start; percussion and grace notes are left out.

    The format follows from the suffix (see READERS). A file without a note is read too. Raises InputError if the file
    cannot be opened, is larger than MAX_BYTES, is not what its suffix says, or is damaged.
    """
    suffix = path.suffix.lower()
    data = _contents(path, name)
    return READERS.get(suffix, score.read)(data, suffix, name=name, group=group)


def music21_work(name: str) -> Path | None:
    """The score that music21 brings under a name such as ``bwv66.6`` or ``palestrina/Agnus_00``; None if there is none.

    A name is the end of a path in music21's folder of scores, with or without its suffix, in upper or lower case.
    Neither music21 nor the network is asked. Raises InputError where several files have it.
    """
    package = importlib.util.find_spec("music21")
    if package is None or package.origin is None:
        return None
    top = Path(package.origin).parent / "corpus"
    wanted = f"/{name.lower()}"
    found = []
    for folder, _, names in os.walk(top):
        for file in names:
            inside, suffix = os.path.splitext(os.path.join(folder[len(str(top)) :], file).replace(os.sep, "/").lower())
            if suffix in SYMBOLIC_SUFFIXES and (inside.endswith(wanted) or f"{inside}{suffix}".endswith(wanted)):
                found.append(Path(folder, file))
    if len(found) > 1:
        paths = ", ".join(path.relative_to(top).as_posix() for path in sorted(found)[:5])
        raise InputError(name, f"expected the name of one score of music21, found {len(found)} of that name: {paths}")
    return found[0] if found else None


def _contents(path: Path, name: str) -> bytes:
    with open_regular(path, name) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise InputError(name, f"expected a score of at most {MAX_BYTES:,} bytes, found {size:,}")
        data = file.read(size)
    if not data:
        raise InputError(name, "expected a score, found an empty file")
    return data
