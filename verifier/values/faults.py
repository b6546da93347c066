"""Edits of single values, which the faults of several media share."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.data.batch import Batch

Values = NDArray[np.float32]


def edited(batch: Batch, edit: Callable[[Values, Generator], NDArray[Any]], rng: Generator) -> Values:
    """(n, rows, steps) the values (rows, length) of each sample as ``edit`` gives them, clipped to 0 to 1."""
    values = batch.values.astype(np.float32)
    seeds = rng.integers(2**63, size=len(batch))
    for sample, length, seed in zip(values, batch.lengths.tolist(), seeds, strict=True):
        if length:
            sample[:, :length] = np.clip(edit(sample[:, :length], np.random.default_rng(seed)), 0, 1)
    return values


def smoothed(values: Values, weight: float) -> NDArray[Any]:
    """(rows, steps) each value mixed with the mean of itself and of the steps before and after it, of that weight."""
    from scipy.ndimage import uniform_filter1d

    return np.asarray((1 - weight) * values + weight * uniform_filter1d(values, 3, axis=1, mode="nearest"))


def blurred(values: Values, deviation: float) -> NDArray[Any]:
    """(rows, steps) values that run into their neighbours: a Gaussian of that deviation, in rows and steps."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(values, deviation, mode="nearest"))
