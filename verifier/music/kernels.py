"""The compiled hot loops behind ``features.roll``, and nothing else. Importing this module imports numba.

Each has a numpy twin in ``features.roll`` that is the definition; a test holds the two equal.
"""

import numba
import numpy as np
from numpy.typing import NDArray

WORD = 64
_DEBRUIJN = np.uint64(0x03F79D71B4CB0A89)
_POSITIONS = np.zeros(64, np.int64)
_POSITIONS[[(0x03F79D71B4CB0A89 << bit & (1 << 64) - 1) >> 58 for bit in range(64)]] = np.arange(64)


@numba.njit(cache=True, inline="always")
def _lowest_bit(word: np.uint64) -> int:
    """The position of the lowest set bit of a word that is not 0 (a perfect hash by a de Bruijn sequence)."""
    position: int = _POSITIONS[((word & (~word + np.uint64(1))) * _DEBRUIJN) >> np.uint64(58)]
    return position


@numba.njit(cache=True, parallel=True, nogil=True)
def pack_and_bin(
    values: NDArray[np.float32],
    lengths: NDArray[np.int64],
    threshold: np.float32,
    words: NDArray[np.uint64],
    bins: NDArray[np.int32],
) -> None:
    """One pass over the values: which cells sound, as bits, and the histogram of intensities.

    values (n, rows, steps); words (n, rows, ceil(steps / 64)) and bins (n, 768) are filled from zero. Loops without a
    branch come first, since they run on vectors; only a stretch with values beside 0 and 1 is binned value by value.
    """
    n, rows, _ = values.shape
    for i in numba.prange(n):
        length = lengths[i]
        zeros = 0
        ones = 0
        # Four histograms in turn: values that follow each other often fall into one bin, and would wait for it.
        histogram = np.zeros((4, 768), np.int32)
        at = np.zeros(WORD, np.int32)
        for row in range(rows):
            for start in range(0, length, WORD):
                some = values[i, row, start : min(start + WORD, length)]
                nought = 0
                one = 0
                for t in range(len(some)):
                    nought += some[t] == 0
                    one += some[t] == 1
                zeros += nought
                if nought == len(some):
                    continue
                word = np.uint64(0)
                for t in range(len(some)):
                    word |= np.uint64(some[t] >= threshold) << np.uint64(t)
                words[i, row, start // WORD] = word
                if nought + one == len(some):
                    ones += one
                    continue
                for t in range(len(some)):
                    value = some[t]
                    inside = min(max(value, np.float32(0)), np.float32(1))
                    level = np.int32(inside * np.float32(255) + np.float32(0.5))
                    exact = np.float32(level) / np.float32(255)
                    at[t] = 3 * level + 1 + np.int32(value > exact) - np.int32(value < exact)
                for t in range(len(some)):
                    histogram[t & 3, at[t]] += 1
                zeros -= nought  # they were binned just now
        for at_bin in range(768):
            bins[i, at_bin] = histogram[0, at_bin] + histogram[1, at_bin] + histogram[2, at_bin] + histogram[3, at_bin]
        bins[i, 1] += zeros
        bins[i, 3 * 255 + 1] += ones


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
    """From the bits of each row: chroma codes, polyphony, and runs by length and by row. All outputs start at zero.

    Goes from edge to edge by the lowest set bit, so that it takes time for what sounds and none for silence.
    """
    n, rows, width = words.shape
    for i in numba.prange(n):
        length = lengths[i]
        for row in range(rows):
            bit = np.uint16(1) << np.uint16((lowest_pitch + row) % 12)
            start = -1
            for w in range(width):
                word = words[i, row, w]
                flipped = ~word
                position = 0
                while position < WORD:
                    left = (word if start < 0 else flipped) >> np.uint64(position)
                    if left == 0:
                        break
                    position += _lowest_bit(left)
                    t = w * WORD + position
                    if start < 0:
                        start = t
                        continue
                    stop = min(t, length)
                    for step in range(start, stop):
                        codes[i, step] |= bit
                        polyphony[i, step] += 1
                    notes[i, row] += 1
                    if (start == 0 and not begins[i]) or (stop == length and not ends[i]):
                        cut_runs[i, stop - start] += 1
                    else:
                        runs[i, stop - start] += 1
                    start = -1
            if start >= 0:
                for step in range(start, length):
                    codes[i, step] |= bit
                    polyphony[i, step] += 1
                notes[i, row] += 1
                if not ends[i] or (start == 0 and not begins[i]):
                    cut_runs[i, length - start] += 1
                else:
                    runs[i, length - start] += 1
