"""Onsets: where pitches begin to sound, and where the top line moves."""

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.roll import all_runs, packed_rows
from verifier.music.samples import roll_view


def onset_counts(batch: Batch) -> NDArray[np.int64]:
    """(n, steps), how many pitches begin to sound at each step, or are first seen: a pitch that sounds as a sample
    starts has an onset at its first step. A repeated pitch with no gap on the grid is one sound with one onset.
    """
    return batch.feature("onset-counts", _onset_counts)


def true_onset_counts(batch: Batch) -> NDArray[np.int64]:
    """The same without the first step of a cut: what sounds there may have begun before."""
    counts = onset_counts(batch).copy()
    counts[~batch.begins, :1] = 0
    return counts


def beat_phases(batch: Batch) -> NDArray[np.int64]:
    """(n,), at which step after each quarter of its piece a sample has its beats: where most pitches begin. No file has
    to say how long its pickup is. 0 where steps do not divide a quarter, and the earliest of equals.
    """
    return batch.feature("beat-phases", _beat_phases)


def _beat_phases(batch: Batch) -> NDArray[np.int64]:
    per_quarter = float(roll_view(batch).steps_per_quarter)
    if not per_quarter.is_integer():
        return np.zeros(len(batch), np.int64)
    onsets = true_onset_counts(batch)
    samples, steps = np.nonzero(onsets)
    phases = (batch.starts[samples] + steps) % int(per_quarter)
    counts = np.zeros((len(batch), int(per_quarter)), np.int64)
    np.add.at(counts, (samples, phases), onsets[samples, steps])
    return np.asarray(counts.argmax(axis=1), np.int64)


def top_moves(batch: Batch) -> NDArray[np.bool_]:
    """(n, steps), where the highest sounding pitch begins or becomes another; never the first step of a cut."""
    return batch.feature("top-moves", _top_moves)


def _onset_counts(batch: Batch) -> NDArray[np.int64]:
    n, _, steps = batch.values.shape
    found = all_runs(batch)
    return np.bincount(found.samples * steps + found.starts, minlength=n * steps).reshape(n, steps)


_BITS = np.array([byte.bit_length() for byte in range(256)], np.uint8)


def _top_moves(batch: Batch) -> NDArray[np.bool_]:
    packed = packed_rows(batch)
    top = np.zeros(packed.shape[:2], np.uint8)  # the highest row and 1; 0 for silence
    for byte in range(packed.shape[2]):
        bits = packed[:, :, byte]
        np.copyto(top, _BITS[bits] + np.uint8(8 * byte), where=bits != 0)
    moves = top > 0
    moves[:, 1:] &= top[:, 1:] != top[:, :-1]
    moves[:, :1] &= batch.begins[:, None]
    return np.asarray(moves)
