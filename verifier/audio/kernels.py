"""The compiled hot loops behind ``features.mel_spectrogram`` and ``features.frame_moments``, and nothing else.

Importing this module imports numba.
"""

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True, fastmath=True)
def mel_powers(
    spectrum: NDArray[np.float32],
    first: NDArray[np.int64],
    starts: NDArray[np.int64],
    weights: NDArray[np.float32],
    mel: NDArray[np.float32],
) -> None:
    """The power of each frame in each band: spectrum (frames, 2 bins) -> mel (frames, bands).

    The real and imaginary parts of a bin stand side by side; they are squared and weighed alike, so that all loops run
    on vectors. A band weighs only the numbers it covers: from first[b] on, with weights[starts[b] : starts[b + 1]].
    """
    frames, numbers = spectrum.shape
    squares = np.empty(numbers, np.float32)
    for t in range(frames):
        frame = spectrum[t]
        for k in range(numbers):
            squares[k] = frame[k] * frame[k]
        for b in range(len(first)):
            own = weights[starts[b] : starts[b + 1]]
            covered = squares[first[b] : first[b] + len(own)]
            total = np.float32(0)
            for w in range(len(own)):
                total += own[w] * covered[w]
            mel[t, b] = total


@numba.njit(cache=True, nogil=True, inline="always")
def _moments(values: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Mean, variance, skewness and excess kurtosis of what is no nan in ``values``; what is not defined is left."""
    count = 0
    total = 0.0
    for value in values:
        if value == value:
            count += 1
            total += value
    if count == 0:
        return
    mean = total / count
    second = third = fourth = 0.0
    for value in values:
        if value == value:
            off = value - mean
            square = off * off
            second += square
            third += square * off
            fourth += square * square
    second /= count
    out[0] = mean
    out[1] = second
    # Values that differ by roundings alone have no shape (scipy.stats draws the same line).
    if second > (np.finfo(np.float64).eps * mean) ** 2:
        out[2] = third / count / second**1.5
        out[3] = fourth / count / second**2 - 3


@numba.njit(cache=True, parallel=True, nogil=True)
def column_moments(
    values: NDArray[np.float32],
    lengths: NDArray[np.int64],
    positions: NDArray[np.float32],
    window: int,
    centroids: NDArray[np.float64],
    slopes: NDArray[np.float64],
) -> None:
    """The four moments of the centroids of the columns, and of their slopes: values (n, rows, steps) -> (n, 4) each.

    positions (rows,); outputs start as nan. See features.frame_moments: functions of the same names are the definition.
    """
    n, rows, _ = values.shape
    middle = (window - 1) / 2
    squares = window * (window * window - 1) / 12
    for i in numba.prange(n):
        length = lengths[i]
        weight = np.zeros(length, np.float32)
        moment = np.zeros(length, np.float32)
        for row in range(rows):
            position = positions[row]
            some = values[i, row, :length]
            for t in range(length):
                weight[t] += some[t]
                moment[t] += position * some[t]
        centroid = np.full(length, np.nan)
        for t in range(length):
            if weight[t] > 0:
                centroid[t] = moment[t] / weight[t]
        _moments(centroid, centroids[i])
        slope = np.full(max(length - window + 1, 0), np.nan)
        for t in range(len(slope)):
            total = 0.0
            for k in range(window):
                total += (k - middle) * centroid[t + k]
            slope[t] = total / squares
        _moments(slope, slopes[i])
