"""Features of single columns of a picture or a spectrogram, and the four moments of such a feature over a sample.

Both features are those of Valle, Cai and Doshi (TequilaGAN, arXiv:1807.04919): the centroid of a column, its values
taken as the probabilities of its rows; and the slope of the centroids, by linear regression in each window of 7
columns, which overlap.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOMENTS = ("mean", "variance", "skewness", "kurtosis")
"""The last is the excess over that of a normal distribution, as in scipy.stats."""
WINDOW = 7
"""Columns of a regression."""


class ColumnMoments(NamedTuple):
    """(n, 4) the MOMENTS of the centroids of the columns, and those of the slopes; nan where undefined."""

    centroids: Floats
    slopes: Floats


def column_moments(values: NDArray[np.float32], lengths: NDArray[np.int64], positions: Floats) -> ColumnMoments:
    """What ``moments`` says of ``centroids`` and of ``slopes``, in one pass over the values (n, rows, steps)."""
    from verifier.audio import kernels  # numba takes a second to import

    found = ColumnMoments(np.full((len(values), 4), np.nan), np.full((len(values), 4), np.nan))
    kernels.column_moments(
        np.ascontiguousarray(values, np.float32),
        lengths,
        positions.astype(np.float32),
        WINDOW,
        found.centroids,
        found.slopes,
    )
    return found


def centroids(values: NDArray[np.float32], lengths: NDArray[np.int64], positions: Floats) -> Floats:
    """(n, steps) sum(p v) / sum(v) over each column v of (n, rows, steps), where p (rows,) are the positions of the
    rows: their numbers, or the hertz of bands. nan where a column is 0 throughout, and after ``lengths``.
    """
    weight = values.sum(axis=1, dtype=np.float64)
    defined = (weight > 0) & (np.arange(values.shape[2]) < lengths[:, None])
    moment = np.einsum("nrt,r->nt", values, positions)
    return np.asarray(np.divide(moment, weight, out=np.full(weight.shape, np.nan), where=defined))


def slopes(centroids: Floats) -> Floats:
    """(n, steps - WINDOW + 1) the slope of the centroids, per column, in each WINDOW of columns: that of the line of
    least squares. nan where any of them is. No columns are left where there are fewer.
    """
    n, steps = centroids.shape
    if steps < WINDOW:
        return np.zeros((n, 0))
    off = np.arange(WINDOW) - (WINDOW - 1) / 2
    return np.asarray(np.lib.stride_tricks.sliding_window_view(centroids, WINDOW, axis=1) @ (off / (off @ off)))


def moments(values: Floats) -> Floats:
    """(n, 4) the MOMENTS of each row, of what is no nan in it; those of scipy.stats with its defaults. nan where
    there is nothing, and for the last two where the values do not differ.
    """
    defined = ~np.isnan(values)
    count = np.where(defined.any(axis=1), defined.sum(axis=1), np.nan)
    mean = np.where(defined, values, 0).sum(axis=1) / count
    off = np.where(defined, values - mean[:, None], 0)
    second, third, fourth = ((off**k).sum(axis=1) / count for k in (2, 3, 4))
    # Values that differ by roundings alone have no shape.
    spread = np.where(second > (np.finfo(np.float64).eps * mean) ** 2, second, np.nan)
    return np.stack([mean, second, third / spread**1.5, fourth / spread**2 - 3], axis=1)
