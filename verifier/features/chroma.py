"""Chroma: the set of pitch classes that sound, as 12 bits (bit 0 is C), and transitions from one set to the next."""

import functools

import numpy as np
from numpy.typing import NDArray

from verifier.errors import InputError

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
REST = "rest"
CODES = 1 << 12
TRANSITIONS = 1 << 24


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
