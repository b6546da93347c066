"""Durations: how long a pitch sounds without a break, in steps."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.roll import scan, sounding
from verifier.music.features.runs import runs
from verifier.music.samples import roll_view

CutRuns = Literal["skip", "count"]
LONGEST = 1 << 20
"""More steps than any piece may have."""


def duration_histograms(batch: Batch, cut_runs: CutRuns) -> NDArray[np.int32]:
    """Runs of each length, (n, steps + 1). A run cut by the edge of a window has an unknown length: skipped, or
    counted at the length that is seen.
    """
    found = scan(batch)
    return found.runs + found.cut_runs if cut_runs == "count" else found.runs


def notes(batch: Batch, i: int) -> Iterator[tuple[int, int, int, bool]]:
    """(pitch, start, steps, cut) of every run of sample i, in order of time and then pitch."""
    length = int(batch.lengths[i])
    _, rows, starts, stops = runs(_sounding(batch, i)[None, :, :length])
    for at in np.lexsort((rows, starts)):
        start, stop = int(starts[at]), int(stops[at])
        cut = (start == 0 and not batch.begins[i]) or (stop == length and not batch.ends[i])
        yield roll_view(batch).lowest_pitch + int(rows[at]), start, stop - start, cut


def sounding_pitches(batch: Batch, i: int, step: int) -> tuple[int, ...]:
    """MIDI numbers that sound at one step of sample i, upwards."""
    return tuple(int(row) + roll_view(batch).lowest_pitch for row in np.flatnonzero(_sounding(batch, i)[:, step]))


def _sounding(batch: Batch, i: int) -> NDArray[np.bool_]:
    """(rows, steps) of sample i."""
    found: NDArray[np.bool_] = sounding(batch)[i]
    return found
