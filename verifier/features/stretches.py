"""Stretches: maximal runs of steps over which something stays the same."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Stretches(NamedTuple):
    """All (m,): the sample, the value that holds, the first step, and how many steps; in order of sample and time."""

    samples: NDArray[np.int64]
    values: NDArray[np.int64]
    starts: NDArray[np.int64]
    steps: NDArray[np.int64]


def stretches(values: NDArray[np.uint16] | NDArray[np.uint8], lengths: NDArray[np.int64]) -> Stretches:
    """The maximal stretches of equal values in each row of ``values`` (n, steps), up to each sample's length."""
    _, steps = values.shape
    inside = np.arange(steps) < lengths[:, None]
    changed = np.ones(values.shape, np.bool_)
    changed[:, 1:] = values[:, 1:] != values[:, :-1]
    samples, starts = np.nonzero(changed & inside)
    last = np.diff(samples, append=-1) != 0
    stops = np.where(last, lengths[samples], np.roll(starts, -1))
    return Stretches(samples, values[samples, starts].astype(np.int64), starts, stops - starts)
