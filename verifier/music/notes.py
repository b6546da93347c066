"""The notes of one piece, as every reader of music gives them."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Notes:
    """The notes of one piece, one entry a note in each array.

    onsets, ends  (m,) float64, quarter notes from the start of the piece
    pitches       (m,) int64, MIDI numbers 0..127
    parts         (m,) int64, the part or track each note stands in, from 0
    meter         quarter notes in a bar (first time signature; 4 where there is none)
    pickup        quarter notes before the first full bar
    drums         hits of percussion, which are no notes here
    fermatas      (k,) float64, where notes with a fermata begin, in quarter notes from the start
    """

    kind: ClassVar[str] = "piano-roll"
    """The medium that it is a piece of."""

    name: str
    group: str
    onsets: NDArray[np.float64]
    ends: NDArray[np.float64]
    pitches: NDArray[np.int64]
    parts: NDArray[np.int64]
    meter: float = 4.0
    pickup: float = 0.0
    drums: int = 0
    fermatas: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
