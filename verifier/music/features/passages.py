"""Passages: where a piece plays again what it has played before."""

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.roll import packed_rows
from verifier.music.samples import roll_view

AROUND = 1
"""Quarter notes before a step, and from it on, that must have sounded before for the step to be played again."""
BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that it has an inverse modulo 2^64."""
INVERSE = np.uint64(pow(int(BASE), -1, 1 << 64))


def first_time(batch: Batch) -> NDArray[np.bool_]:
    """(n, steps), whether what sounds around a step sounds so for the first time in its sample. Computed once a batch.

    A passage that is repeated has the faults of its model again: what it shows is shown already. A step at which a
    sample begins or ends has too little around it to be a repeat.
    """
    return batch.feature("first-time", _first_time)


def _first_time(batch: Batch) -> NDArray[np.bool_]:
    rows = packed_rows(batch)
    n, steps, width = rows.shape
    around = max(1, round(AROUND * roll_view(batch).steps_per_quarter))
    first = np.ones((n, steps), np.bool_)
    if steps < 2 * around + 1:
        return first
    padded = np.zeros((n, steps, -(-width // 8) * 8), np.uint8)
    padded[:, :, :width] = rows
    words = padded.view(np.uint64)  # (n, steps, words)
    with np.errstate(over="ignore"):
        codes = (words * np.power(BASE, np.arange(1, words.shape[2] + 1, dtype=np.uint64))).sum(axis=2, dtype=np.uint64)
        codes ^= codes >> np.uint64(29)
        # The hash of a stretch is a polynomial in BASE, from the sums before its beginning and its end (Karp and
        # Rabin, IBM Journal of Research and Development 31, 1987).
        at = np.arange(steps, dtype=np.uint64)
        sums = np.zeros((n, steps + 1), np.uint64)
        np.cumsum(codes * np.power(BASE, at), axis=1, out=sums[:, 1:])
        hashes = (sums[:, 2 * around :] - sums[:, : -2 * around]) * np.power(INVERSE, at[: steps - 2 * around + 1])
    inside = batch.inside()[:, 2 * around - 1 :]
    samples, starts = np.nonzero(inside)
    found = hashes[samples, starts]
    order = np.lexsort((starts, found, samples))
    again = order[1:][(samples[order][1:] == samples[order][:-1]) & (found[order][1:] == found[order][:-1])]
    first[samples[again], starts[again] + around] = False
    return first
