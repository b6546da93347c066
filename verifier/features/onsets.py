"""Onsets: where pitches begin to sound, and where the top line moves."""

import numpy as np
from numpy.typing import NDArray

from verifier.batch import Batch


def onsets(batch: Batch) -> NDArray[np.bool_]:
    """(n, rows, steps), where a pitch begins to sound, or is first seen: a pitch that sounds as a sample starts has an
    onset at its first step. A repeated pitch with no gap on the grid is one sound with one onset.
    """
    return batch.feature("onsets", _onsets)


def onset_counts(batch: Batch) -> NDArray[np.int64]:
    """(n, steps), how many pitches begin at each step, as ``onsets`` has them."""
    return batch.feature("onset-counts", lambda batch: onsets(batch).sum(axis=1, dtype=np.int64))


def true_onset_counts(batch: Batch) -> NDArray[np.int64]:
    """The same without the first step of a cut: what sounds there may have begun before."""
    counts = onset_counts(batch).copy()
    counts[~batch.begins, :1] = 0
    return counts


def top_moves(batch: Batch) -> NDArray[np.bool_]:
    """(n, steps), where the highest sounding pitch begins or becomes another; never the first step of a cut."""
    return batch.feature("top-moves", _top_moves)


def _onsets(batch: Batch) -> NDArray[np.bool_]:
    sounding: NDArray[np.bool_] = batch.feature("sounding", Batch.sounding)
    found = sounding.copy()
    found[:, :, 1:] &= ~sounding[:, :, :-1]
    return found


def _top_moves(batch: Batch) -> NDArray[np.bool_]:
    sounding: NDArray[np.bool_] = batch.feature("sounding", Batch.sounding)
    rows = sounding.shape[1]
    top = np.where(sounding.any(axis=1), rows - sounding[:, ::-1].argmax(axis=1), 0)
    moves = top > 0
    moves[:, 1:] &= top[:, 1:] != top[:, :-1]
    moves[:, :1] &= batch.begins[:, None]
    return np.asarray(moves)
