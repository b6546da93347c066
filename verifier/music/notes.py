"""The notes of one piece, as every reader of music gives them."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Notes:
    """The notes of one piece, one entry a note in each array; there may be none.

    onsets, ends  (m,) float64, quarter notes from the start of the piece
    pitches       (m,) int64, MIDI numbers 0..127, as they sound
    parts         (m,) int64, the part, track or voice each note stands in, from 0
    meter         quarter notes in a bar of the piece (first time signature; 4 where there is none)
    meter_known   whether the file has a time signature
    pickup        quarter notes before the first full bar
    fermatas      (k,) float64, where notes with a fermata begin, in quarter notes from the start
    length        quarter notes to the end of the file; 0 stands for the end of the last note
    drums         notes of percussion, which are left out
    mended        notes that the file does not let go of where they are written to end (see ``read.articulation``)
    guessed       notes of which the file does not tell how long they last: that lengths are all one
    doubled       notes of parts that only double others, which are left out
    sequential    notes of tracks that are patterns, which follow each other
    octaves       notes of parts that double others one or more octaves apart
    padding       steps of silence before and after, which are left out of arrays
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
    meter_known: bool = True
    pickup: float = 0.0
    fermatas: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    length: float = 0.0
    drums: int = 0
    mended: int = 0
    guessed: int = 0
    doubled: int = 0
    sequential: int = 0
    octaves: int = 0
    padding: int = 0
