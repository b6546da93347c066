"""The compiled hot loops behind ``features.roll``, and nothing else. Importing this module imports numba.

Each has a numpy twin in ``features.roll`` that is the definition; a test holds the two equal.
"""

import numba
import numpy as np
from numpy.typing import NDArray

WORD = 64


@numba.njit(cache=True, parallel=True, nogil=True)
def pack_and_bin(
    values: NDArray[np.float32],
    lengths: NDArray[np.int64],
    threshold: np.float32,
    levels: NDArray[np.float32],
    words: NDArray[np.uint64],
    bins: NDArray[np.int32],
) -> None:
    """One pass over the values: which cells sound, as bits, and the histogram of intensities.

    values (n, rows, steps); levels (256,); words (n, rows, ceil(steps / 64)) and bins (n, 768) are filled from zero.
    """
    n, rows, _ = values.shape
    for i in numba.prange(n):
        length = lengths[i]
        zeros = 0
        histogram = np.zeros(768, np.int32)
        for row in range(rows):
            for start in range(0, length, WORD):
                word = np.uint64(0)
                for t in range(start, min(start + WORD, length)):
                    value = values[i, row, t]
                    if value == 0:
                        zeros += 1
                        continue
                    if value < 0:
                        histogram[0] += 1
                        continue
                    if value > 1:
                        histogram[767] += 1
                    else:
                        level = int(value * np.float32(255) + np.float32(0.5))
                        exact = levels[level]
                        histogram[3 * level + 1 + int(value > exact) - int(value < exact)] += 1
                    word |= np.uint64(value >= threshold) << np.uint64(t - start)
                words[i, row, start // WORD] = word
        histogram[1] += zeros
        bins[i] = histogram


@numba.njit(cache=True, parallel=True, nogil=True)
def scan_words(
    words: NDArray[np.uint64],
    lengths: NDArray[np.int64],
    begins: NDArray[np.bool_],
    ends: NDArray[np.bool_],
    lowest_pitch: int,
    codes: NDArray[np.uint16],
    polyphony: NDArray[np.uint8],
    runs: NDArray[np.int32],
    cut_runs: NDArray[np.int32],
    notes: NDArray[np.int32],
) -> None:
    """From the bits of each row: chroma codes, polyphony, and runs by length and by row. All outputs start at zero."""
    n, rows, _ = words.shape
    for i in numba.prange(n):
        length = lengths[i]
        for row in range(rows):
            bit = np.uint16(1) << np.uint16((lowest_pitch + row) % 12)
            start = -1
            for first in range(0, length, WORD):
                word = words[i, row, first // WORD]
                if word == 0 and start < 0:
                    continue
                for t in range(first, min(first + WORD, length)):
                    if (word >> np.uint64(t - first)) & np.uint64(1):
                        codes[i, t] |= bit
                        polyphony[i, t] += 1
                        if start < 0:
                            start = t
                    elif start >= 0:
                        if start == 0 and not begins[i]:
                            cut_runs[i, t - start] += 1
                        else:
                            runs[i, t - start] += 1
                        notes[i, row] += 1
                        start = -1
            if start >= 0:
                if not ends[i] or (start == 0 and not begins[i]):
                    cut_runs[i, length - start] += 1
                else:
                    runs[i, length - start] += 1
                notes[i, row] += 1
