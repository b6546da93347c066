"""Slices: what the voices sound at once, seen from the lowest note, and how that note is reached."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.samples import music
from verifier.music.voices import SILENT
from verifier.rule.rule import SparseCounts

INTERVALS = ("P8", "m2", "M2", "m3", "M3", "P4", "TT", "P5", "m6", "M6", "m7", "M7")
"""Names of 0 to 11 semitones above the bass, octaves taken away: a ninth is a second, and a unison is an octave."""
ALONE = "alone"
STEPS = ("held", *(f"up {n}" for n in range(1, 7)), *(f"down {n}" for n in range(5, 0, -1)), "begins")
"""How the bass comes there, by its semitones upwards modulo 12, on the shorter way: a fifth up is ``down 5``."""
FIRST = len(STEPS) - 1
"""The step of a sonority with none before it in its sample."""
MOST = 2
"""Voices at one interval; more count as this."""
KEYS = (MOST + 1) ** 12 * len(STEPS)
_PLACES = (MOST + 1) ** np.arange(12)


class Slices(NamedTuple):
    """Every sonority of samples with voices; all (m,) int64, in order of sample and time.

    One begins where a voice comes to another pitch, or to any after a rest, and lasts until the next one begins.
    A voice that only stops, or repeats its note, begins none.

    samples  the sample
    starts   its first step
    steps    how many it lasts
    keys     the sonority: in how many voices each interval stands above the bass, and the bass's step into it
    """

    samples: NDArray[np.int64]
    starts: NDArray[np.int64]
    steps: NDArray[np.int64]
    keys: NDArray[np.int64]

    def where(self, mask: NDArray[np.bool_]) -> "Slices":
        at = np.flatnonzero(mask)
        return Slices(*(column[at] for column in self))

    def bass_steps(self) -> NDArray[np.int64]:
        """(m,) where each step of the bass stands in STEPS."""
        return self.keys % len(STEPS)


def slices(batch: Batch) -> Slices:
    """The slices of the batch, computed once."""
    return batch.feature("slices", _slices)


def _slices(batch: Batch) -> Slices:
    every = music(batch).voices.pitches
    enters = every != SILENT
    enters[:, :, 1:] &= every[:, :, 1:] != every[:, :, :-1]
    samples, starts = np.nonzero(enters.any(axis=1) & batch.inside())
    pitches = every[samples, :, starts].astype(np.int64)
    sounds = pitches != SILENT
    basses = pitches.min(axis=1, initial=np.iinfo(np.int64).max, where=sounds)
    above = (pitches - basses[:, None]) % 12
    # The bass stands at the interval 0 itself, and is no doubling.
    counts = np.zeros((len(samples), 12), np.int64)
    for voice in range(pitches.shape[1]):
        counts[np.arange(len(samples)), above[:, voice]] += sounds[:, voice]
    counts[:, 0] -= 1
    bass_steps = np.full(len(samples), FIRST)
    follows = np.flatnonzero(samples[1:] == samples[:-1]) + 1
    bass_steps[follows] = (basses[follows] - basses[follows - 1]) % 12
    stops = batch.lengths[samples]
    stops[follows - 1] = starts[follows]
    keys = (np.minimum(counts, MOST) @ _PLACES) * len(STEPS) + bass_steps
    return Slices(samples, starts, stops - starts, keys)


def sounding_voices(batch: Batch, i: int, step: int) -> tuple[int, ...]:
    """MIDI numbers that the voices of sample i sound at a step, upwards."""
    return tuple(sorted(pitch for pitch in music(batch).voices.pitches[i, :, step].tolist() if pitch != SILENT))


@functools.lru_cache(maxsize=1 << 16)
def sonority_name(key: int) -> str:
    """``M3 P5 P8, bass up 5``: intervals above the bass, each as often as there are voices at it, and the bass's step.

    Semitones decide: an augmented second is an ``m3``.
    """
    figures, step = divmod(key, len(STEPS))
    names = [INTERVALS[i % 12] for i in range(1, 13) for _ in range(figures // (MOST + 1) ** (i % 12) % (MOST + 1))]
    return f"{' '.join(names) or ALONE}, bass {STEPS[step]}"


@functools.lru_cache(maxsize=1 << 16)
def sonority_key(name: str, place: object) -> int:
    """The inverse of ``sonority_name``. Raises InputError at ``place`` for what is no such name."""
    figures, _, step = name.partition(", bass ")
    intervals = [] if figures == ALONE else figures.split(" ")
    known = step in STEPS and set(intervals) <= set(INTERVALS)
    key = sum((MOST + 1) ** INTERVALS.index(i) for i in intervals) * len(STEPS) + STEPS.index(step) if known else KEYS
    if key >= KEYS or sonority_name(key) != name:
        raise InputError(place, f"expected a sonority such as 'M3 P5 P8, bass up 5', found {name!r}")
    return key


def nearest(table: SparseCounts, key: int) -> tuple[str, int] | None:
    """Of the sonorities in ``table`` the one that differs in the fewest notes, or else in its step only: its name, and
    how often it occurs; of several the most frequent, and None if there are none.
    """
    if not len(table.keys):
        return None
    at = np.lexsort((-table.counts, _differences(table.keys, key)))[0]
    return sonority_name(int(table.keys[at])), int(table.counts[at])


def _differences(keys: NDArray[np.int64], key: int) -> NDArray[np.int64]:
    """(m,) in how many notes above the bass each of ``keys`` differs from ``key``, and one more for another step."""
    figures, step = divmod(key, len(STEPS))
    notes = np.abs(_digits(keys // len(STEPS)) - _digits(np.array([figures]))).sum(axis=1)
    return np.asarray(notes + (keys % len(STEPS) != step))


def _digits(figures: NDArray[np.int64]) -> NDArray[np.int64]:
    """(m, 12), voices at each interval."""
    return np.asarray(figures[:, None] // _PLACES % (MOST + 1))
