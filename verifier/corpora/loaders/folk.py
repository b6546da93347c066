"""German folk songs of the Essen collection that the package music21 brings: melodies of one voice."""

import re
from collections.abc import Callable
from typing import NamedTuple

from verifier.corpora.loaders import scores
from verifier.music.notes import Notes

VERSION = 2
"""To be raised by whoever changes what is loaded: cached pieces are then parsed anew."""

BOOKS = ("erk10", "erk20", "erk30")
"""The files that are read; each is a book of tunes."""


class Tune(NamedTuple):
    """One tune of a book, in ABC. ``work`` is what it shares with its variants."""

    name: str
    work: str
    text: str


def read(progress: Callable[[int, int], None] | None = None) -> list[Notes]:
    """Parse the songs; the variants of one are one group.

    ``progress`` is called after each song, with the number of songs done and the number there are.
    """
    books = [path for path in scores.files("essenFolksong", ".abc") if path.stem in BOOKS]
    tunes = [tune for book in books for tune in tunes_of(book.read_text("latin-1"), book.stem)]
    return scores.read_all(tunes, _melody, progress)


def tunes_of(text: str, book: str) -> list[Tune]:
    """The tunes of a book, named by it and their number (``X:``).

    The collection numbers its songs (``N: E0001``), and the variants of one by letters (``N: E0001A``).
    """
    tunes = []
    for tune in re.split(r"^(?=X:)", text, flags=re.MULTILINE)[1:]:
        number = int(re.match(r"X: *(\d+)", tune)[1])  # type: ignore[index]  # a book that is at fault is a bug
        song = re.search(r"^N: *([A-Z]+\d+)[A-Z]*\s*$", tune, re.MULTILINE)
        name = f"{book}.{number:03}"
        tunes.append(Tune(name, song[1] if song else name, tune))
    return tunes


def _melody(tune: Tune) -> Notes:
    from verifier.music.read.score import notes_of_stream, parse_score

    return notes_of_stream(parse_score(tune.text.encode(), ".abc", tune.name), name=tune.name, group=tune.work)
