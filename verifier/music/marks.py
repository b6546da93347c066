"""The notes of a sample, and which of them a violation is about."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.durations import notes
from verifier.music.features.voice_notes import in_time, lines
from verifier.music.samples import music
from verifier.rule.rule import Violation


class NoteTable(NamedTuple):
    """The notes of one sample; all (m,) int64, in order of time. ``voices`` are 0 where they are not known.

    ``stops`` is the step after the last; ``pitches`` are MIDI numbers.
    """

    voices: NDArray[np.int64]
    pitches: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    def where(self, mask: NDArray[np.bool_]) -> "NoteTable":
        return NoteTable._make(column[mask] for column in self)

    def rows(self) -> list[tuple[int, ...]]:
        """(voice, pitch, start, stop) of each note."""
        return list(zip(*(column.tolist() for column in self), strict=True))


def note_table(batch: Batch, i: int) -> NoteTable:
    """The notes of sample i: those of its voices, or if they are not known every run of sounding steps on a pitch."""
    if music(batch).voices.counts[i]:
        found = lines(batch)
        at = in_time(found, i)
        return NoteTable(found.voices[at], found.pitches[at], found.starts[at], found.stops[at])
    rows = [(0, pitch, start, start + steps) for pitch, start, steps, _ in notes(batch, i)]
    return NoteTable._make(np.array(rows, np.int64).reshape(-1, 4).T)


def marked(table: NoteTable, violation: Violation) -> NDArray[np.int64]:
    """Which notes the violation is about: of each of its pitches those that sound while it lasts.

    A pitch that does not sound then is one that a voice comes from or goes to: the note that ends as the violation
    starts, or that starts as it ends.
    """
    stop = violation.start + violation.steps
    own = np.isin(table.pitches, violation.pitches)
    during = own & (table.starts < stop) & (table.stops > violation.start)
    others = own & ~np.isin(table.pitches, table.pitches[during])
    return np.flatnonzero(during | (others & ((table.stops == violation.start) | (table.starts == stop))))
