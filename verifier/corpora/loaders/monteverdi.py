"""The madrigals of Monteverdi, books three to five, that the package music21 brings."""

from collections.abc import Callable
from pathlib import Path

from verifier.corpora.loaders import scores
from verifier.music.notes import Notes

VERSION = 2
"""To be raised by whoever changes what is loaded: cached pieces are then parsed anew."""


def read(progress: Callable[[int, int], None] | None = None) -> list[Notes]:
    """Parse the madrigals; each is its own group.

    ``progress`` is called after each file, with the number of files done and the number there are.
    """
    # One has an older encoding of itself beside it.
    paths = [path for path in scores.files("monteverdi", ".mxl") if not path.stem.endswith("_old")]
    return scores.read_all(paths, _madrigal, progress)


def _madrigal(path: Path) -> Notes:
    from verifier.music.read.symbolic import read_notes

    return read_notes(path, name=path.stem, group=path.stem)
