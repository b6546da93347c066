"""Levels: how the values of each sample are distributed over the bins of ``data.intensity``, in every medium."""

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.intensity import BINS, intensity_bins

AT_ONCE = 1 << 22
"""Values that are binned at once."""


def levels(batch: Batch) -> NDArray[np.int32]:
    """(n, 768) how many values of each sample lie in each bin; computed once and kept on the batch."""
    return batch.feature("levels", _levels)


def _levels(batch: Batch) -> NDArray[np.int32]:
    n, rows, steps = batch.values.shape
    found = np.zeros((n, BINS), np.int32)
    inside = batch.inside()
    at_once = max(1, AT_ONCE // max(rows * steps, 1))
    for start in range(0, n, at_once):
        some = slice(start, min(start + at_once, n))
        bins = intensity_bins(batch.values[some].astype(np.float32, copy=False))
        bins += (np.arange(bins.shape[0]) * BINS)[:, None, None]
        counted = bins[np.broadcast_to(inside[some][:, None, :], bins.shape)]
        found[some] = np.bincount(counted, minlength=bins.shape[0] * BINS).reshape(-1, BINS)
    return found
