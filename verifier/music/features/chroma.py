"""Chroma: the set of pitch classes that sound, as 12 bits (bit 0 is C), and transitions from one set to the next."""

import functools
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
REST = "rest"
CODES = 1 << 12
TRANSITIONS = 1 << 24
DOUBLED = 12
"""From this bit on, where a number has two sets: the pitch classes that sound in more than one octave."""


@functools.cache
def chord_name(code: int) -> str:
    """Pitch classes of a code, upwards from C: ``C E G``; ``rest`` for silence."""
    return " ".join(name for bit, name in enumerate(PITCH_CLASSES) if code >> bit & 1) or REST


@functools.lru_cache(maxsize=CODES)
def chord_code(name: str) -> int:
    """The code of a name as ``chord_name`` writes it, in any order. Raises InputError for anything else."""
    if name == REST:
        return 0
    code = 0
    for part in name.split():
        if part not in PITCH_CLASSES:
            raise InputError("", f"expected pitch classes such as 'C E G' or '{REST}', found {name!r}")
        code |= 1 << PITCH_CLASSES.index(part)
    if not code:
        raise InputError("", f"expected pitch classes such as 'C E G' or '{REST}', found {name!r}")
    return code


@functools.cache
def classes_of_bytes(lowest_pitch: int) -> NDArray[np.uint32]:
    """(16, 256), the pitch classes of each value of each byte of packed rows, the first of which has the MIDI number
    ``lowest_pitch``.
    """
    rows = np.arange(128).reshape(16, 1, 8)
    on = np.arange(256)[:, None] >> np.arange(8) & 1
    sets: NDArray[np.int64] = np.bitwise_or.reduce(on << (lowest_pitch + rows) % 12, axis=2)
    return sets.astype(np.uint32)


def transpose(codes: NDArray[np.int64], semitones: int) -> NDArray[np.int64]:
    """Codes moved up by 0 to 11 semitones (a rotation of 12 bits)."""
    return ((codes << semitones) | (codes >> (12 - semitones))) & (CODES - 1)


def transitions(codes: NDArray[np.uint16], lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every pair of neighbouring steps: (sample, key) of each, key = from << 12 | to.

    codes (n, steps); the pairs of one sample stand together, in order of time.
    """
    n, steps = codes.shape
    keys = (codes[:, :-1].astype(np.int64) << 12) | codes[:, 1:]
    inside = np.arange(1, steps) < lengths[:, None]
    samples = np.broadcast_to(np.arange(n)[:, None], keys.shape)
    return samples[inside], keys[inside]


def transpose_transitions(keys: NDArray[np.int64], semitones: int) -> NDArray[np.int64]:
    """Transitions with both chords moved up by the same number of semitones."""
    return transpose(keys >> 12, semitones) << 12 | transpose(keys & (CODES - 1), semitones)


@dataclass(frozen=True, eq=False)
class Unions:
    """Unions of sets over any span of steps, two look-ups each: a sparse table (Bender and Farach-Colton, The LCA
    problem revisited, 2000). ``levels`` (k, n, steps) has the unions over 1, 2, 4, ... steps from each step on.
    """

    levels: NDArray[np.uint32]

    @classmethod
    def of(cls, sets: NDArray[np.uint32], longest: int) -> Self:
        """Of sets (n, steps), for spans of at most ``longest`` steps."""
        levels = [sets]
        while 1 << len(levels) <= longest:
            half, union = 1 << len(levels) - 1, levels[-1].copy()
            union[:, :-half] |= levels[-1][:, half:]
            levels.append(union)
        return cls(np.stack(levels))

    def between(
        self, samples: NDArray[np.int64], since: NDArray[np.int64], until: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """(m,) the union over the steps ``since`` <= step < ``until`` of each sample; 0 where there are none."""
        _, n, steps = self.levels.shape
        lengths = until - since
        # The exponent of a float is the exact logarithm of every length that an array can have.
        level = np.maximum(np.frexp(np.maximum(lengths, 1))[1].astype(np.int64) - 1, 0)
        row = (level * n + samples) * steps
        flat = self.levels.reshape(-1)
        some = lengths > 0
        first = np.where(some, row + since, 0)
        second = np.where(some, row + until - (1 << level), 0)
        return np.where(some, flat[first] | flat[second], 0).astype(np.int64)
