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


class Runs(NamedTuple):
    """All (m,): the sample, the row, the first step, and the step after the last; in order of sample, row and time."""

    samples: NDArray[np.int64]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]


def runs(sounding: NDArray[np.bool_]) -> Runs:
    """The maximal runs of sounding steps in each row of (n, rows, steps): the notes of a roll."""
    n, rows, steps = sounding.shape
    padded = np.zeros((n, rows, steps + 2), np.bool_)
    padded[:, :, 1:-1] = sounding
    # Nothing sounds in the padding: edges come in pairs, one where a run begins and one where it ends.
    edges = np.flatnonzero(padded[:, :, 1:] != padded[:, :, :-1])
    row_of_all, steps_of_edge = np.divmod(edges, steps + 1)
    samples, row = np.divmod(row_of_all[::2], rows)
    return Runs(samples, row, steps_of_edge[::2], steps_of_edge[1::2])
