"""Parsing many scores at once: what the corpora that come with music21 share."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from verifier.music.notes import Notes

T = TypeVar("T")

MOST_PROCESSES = 8
"""Processes that parse at once, at most."""


def files(composer: str, suffix: str) -> list[Path]:
    """The files that music21 lists under ``composer`` and that end in ``suffix``, by name."""
    from music21 import corpus

    return sorted((path for path in corpus.getComposer(composer) if path.suffix == suffix), key=lambda path: path.name)


def read_all(
    items: Sequence[T], read: Callable[[T], Notes | None], progress: Callable[[int, int], None] | None = None
) -> list[Notes]:
    """What ``read``, a function of a module, gives for each item, by name; None is left out.

    ``progress`` is called after each item, with the number of items done and the number there are.
    """
    pieces = []
    for done, piece in enumerate(_mapped(items, read), 1):
        if piece is not None:
            pieces.append(piece)
        if progress is not None:
            progress(done, len(items))
    return sorted(pieces, key=lambda piece: piece.name)


def _mapped(items: Sequence[T], read: Callable[[T], Notes | None]) -> Iterator[Notes | None]:
    processes = min(MOST_PROCESSES, os.cpu_count() or 1)
    # Elsewhere a new process would run the caller's script again, from its first line.
    if sys.platform != "linux" or processes == 1 or len(items) <= processes:
        yield from map(read, items)
        return
    import music21  # noqa: F401  # here once, rather than in each process

    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        yield from pool.map(read, items, chunksize=4)
