"""Lines: the notes of each voice, one after the other, and those of two voices that sound together."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.piano_roll import MAX_VOICES
from verifier.music.samples import music
from verifier.music.voices import SILENT, voice_name
from verifier.music.words import pitch_name

PARTS = MAX_VOICES * MAX_VOICES
"""Parts are numbered from 0 to PARTS - 1: a voice of a sample with so many voices."""

PAIRS = ("both voices", "upper voices", "inner voices", "lower voices")
"""Two neighbouring voices: the only two, the highest two, two that are neither, the lowest two."""


class VoiceNotes(NamedTuple):
    """The notes of every voice; all (m,) int64, in order of sample, voice, and time.

    samples  the sample of the note
    voices   its voice, 0 the highest
    counts   the voices of its sample
    starts   its first step in the sample: 0 for a note that a window cuts
    stops    the step after its last
    pitches  MIDI number
    """

    samples: NDArray[np.int64]
    voices: NDArray[np.int64]
    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    pitches: NDArray[np.int64]

    def parts(self) -> NDArray[np.int64]:
        """(m,) the part of each note: see ``part_name``."""
        return (self.counts - 1) * MAX_VOICES + self.voices

    def following(self) -> NDArray[np.int64]:
        """(k,) every note that begins where another of its voice ends, with no rest between: the one at - 1."""
        same = (self.samples[1:] == self.samples[:-1]) & (self.voices[1:] == self.voices[:-1])
        return np.flatnonzero(same & (self.starts[1:] == self.stops[:-1])) + 1


class Dyads(NamedTuple):
    """Two notes of neighbouring voices, for as long as both sound; all (m,) int64, in order of sample, voice, and time.

    samples  the sample
    voices   the upper of the two voices, from 0; the other is the next
    counts   the voices of the sample
    starts   the first step at which these two notes sound together
    stops    the step after the last
    upper    MIDI number of the note of the upper voice, which need not be the higher one
    lower    MIDI number of the other
    """

    samples: NDArray[np.int64]
    voices: NDArray[np.int64]
    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    upper: NDArray[np.int64]
    lower: NDArray[np.int64]

    def both(self, at: int) -> tuple[int, int]:
        """MIDI numbers of dyad ``at``, the upper voice first."""
        return int(self.upper[at]), int(self.lower[at])

    def in_words(self, at: int) -> str:
        """``alto C4, tenor D4``: dyad ``at``."""
        voice, count = int(self.voices[at]), int(self.counts[at])
        upper, lower = map(pitch_name, self.both(at))
        return f"{voice_name(voice, count)} {upper}, {voice_name(voice + 1, count)} {lower}"


def lines(batch: Batch) -> VoiceNotes:
    """The notes of the batch, computed once. A note begins with an attack, another pitch, or after a rest."""
    return batch.feature("lines", _lines)


def sounds(batch: Batch) -> VoiceNotes:
    """The same, but a note that is repeated without a gap is one with the note before: not every file tells the two
    apart, so that only a rule that needs ``attacks`` may.
    """
    return batch.feature("sounds", _sounds)


def dyads(batch: Batch) -> Dyads:
    """The dyads of ``sounds`` of neighbouring voices, computed once. A voice that rests is in none."""
    return batch.feature("dyads", _dyads)


def in_time(found: VoiceNotes | Dyads, i: int) -> list[int]:
    """Where those of sample i stand, in order of time and then of voice."""
    first, last = np.searchsorted(found.samples, (i, i + 1)).tolist()
    order = np.lexsort((found.voices[first:last], found.starts[first:last]))
    places: list[int] = (order + first).tolist()
    return places


def pairs(voices: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(m,) which of PAIRS each voice and the next are, in a sample of ``counts`` voices."""
    return np.select([counts == 2, voices == 0, voices == counts - 2], [0, 1, 3], 2)


def part_name(part: int) -> str:
    """``tenor``, ``upper voice of 3``: unlike ``voice_name``, different for every part."""
    count, voice = part // MAX_VOICES + 1, part % MAX_VOICES
    return f"{voice_name(voice, count)}{f' of {count}' * (count in (2, 3))}"


def part_of(name: str, place: str) -> int:
    """The inverse of ``part_name``. Raises InputError for what is no name of a part."""
    if name in _PARTS:
        return _PARTS[name]
    raise InputError(place, f"expected a voice such as 'tenor' or 'upper voice of 2', found {name!r}")


_PARTS = {part_name(part): part for part in range(PARTS) if part % MAX_VOICES <= part // MAX_VOICES}


def _sounding(batch: Batch) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(n, voices, steps) each, where a voice sounds, and where it comes to another pitch or to any after a rest."""
    found = music(batch).voices
    sounding = (found.pitches != SILENT) & batch.inside()[:, None, :]
    begins = sounding.copy()
    begins[:, :, 1:] &= found.pitches[:, :, 1:] != found.pitches[:, :, :-1]
    return sounding, begins


def _spans(
    sounding: NDArray[np.bool_], begins: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Sample, row, first step, and step after the last of whatever begins and sounds, (n, rows, steps), until the next
    begins or nothing sounds.
    """
    ends = sounding.copy()
    ends[:, :, :-1] &= begins[:, :, 1:] | ~sounding[:, :, 1:]
    first = np.flatnonzero(begins)  # each begins and ends once, so that the two come in pairs
    row_of_all, starts = np.divmod(first, max(sounding.shape[2], 1))
    samples, rows = np.divmod(row_of_all, max(sounding.shape[1], 1))
    return samples, rows, starts, np.flatnonzero(ends) - first + starts + 1


def _lines(batch: Batch) -> VoiceNotes:
    sounding, begins = batch.feature("voice-sounds", _sounding)
    return _of_spans(batch, *_spans(sounding, begins | (music(batch).voices.attacks & sounding)))


def _sounds(batch: Batch) -> VoiceNotes:
    return _of_spans(batch, *_spans(*batch.feature("voice-sounds", _sounding)))


def _of_spans(
    batch: Batch,
    samples: NDArray[np.int64],
    voices: NDArray[np.int64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> VoiceNotes:
    pitches = music(batch).voices.pitches[samples, voices, starts].astype(np.int64)
    return VoiceNotes(samples, voices, music(batch).voices.counts[samples], starts, stops, pitches)


def _dyads(batch: Batch) -> Dyads:
    sounding, begins = batch.feature("voice-sounds", _sounding)
    both = sounding[:, :-1] & sounding[:, 1:]
    samples, voices, starts, stops = _spans(both, both & (begins[:, :-1] | begins[:, 1:]))
    upper = music(batch).voices.pitches[samples, voices, starts].astype(np.int64)
    lower = music(batch).voices.pitches[samples, voices + 1, starts].astype(np.int64)
    return Dyads(samples, voices, music(batch).voices.counts[samples], starts, stops, upper, lower)
