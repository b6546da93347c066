"""The movements of the masses of Palestrina that the package music21 brings."""

import re
from collections.abc import Callable
from pathlib import Path

from verifier.corpora.loaders import scores
from verifier.music.notes import Notes

VERSION = 2
"""To be raised by whoever changes what is loaded: cached pieces are then parsed anew."""


def read(progress: Callable[[int, int], None] | None = None) -> list[Notes]:
    """Parse the movements; those of one mass are one group, for they share their material.

    ``progress`` is called after each file, with the number of files done and the number there are.
    """
    return scores.read_all(scores.files("palestrina", ".krn"), _movement, progress)


def _movement(path: Path) -> Notes:
    from verifier.music.read.symbolic import read_notes

    return read_notes(path, name=path.stem, group=mass(path))


def mass(path: Path) -> str:
    """The title of the mass in the record OPR of a Humdrum file, such as "Missa Papae Marcelli"; its name without."""
    found = re.search(rb"^!!!OPR: *(.+?)\s*$", path.read_bytes(), re.MULTILINE)
    return found[1].decode("latin-1") if found else path.stem
