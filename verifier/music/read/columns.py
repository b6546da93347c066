"""Columns of notes -> Notes: what readers of music share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.music.notes import Notes

MAX_BYTES = 64 * 2**20
"""Largest file, and largest score inside a compressed one, that is read."""


def notes_of_columns(
    name: str,
    group: str,
    columns: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]],
    meter: float,
) -> Notes:
    """The piece of notes as (onsets, ends, pitches, parts), in quarter notes. Raises InputError for none."""
    onsets, ends, pitches, parts = columns
    if not len(onsets):
        raise InputError(name, "expected at least one pitched note, found none")
    return Notes(name=name, group=group, onsets=onsets, ends=ends, pitches=pitches, parts=parts, meter=meter)


def meter_of(signatures: Sequence[Any]) -> float:
    """Quarter notes in a bar by the first of some time signatures, each with ``numerator`` and ``denominator``.

    A nonsensical one (0/4, or a denominator that overflowed) counts as none, 4: it only names places.
    """
    first = signatures[0] if len(signatures) else None
    return first.numerator * 4 / first.denominator if first and first.numerator > 0 and first.denominator > 0 else 4.0


def start_of(data: bytes) -> str:
    """The first bytes, for a message."""
    return repr(data[:16].decode("latin-1")) if data else "nothing"
