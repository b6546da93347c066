"""Samples made from real ones: noise that any check must catch, and hard ones that keep all but the music.

Each is a pure function of a batch and a random generator. What it gives has bool values (exponential: float32 values
from 0 to 1) and the view, names, lengths and groups of the batch, so that an edited sample and the one it was made from
pair up by name.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.batch import Batch
from verifier.features.stretches import runs


def bernoulli(batch: Batch, rng: Generator) -> Batch:
    """Each cell sounds by chance, with the share of sounding cells of the whole batch."""
    inside = np.broadcast_to(batch.inside()[:, None, :], batch.values.shape)
    cells = int(np.count_nonzero(inside))
    density = np.count_nonzero(batch.sounding()) / cells if cells else 0.0
    return batch.with_values((rng.random(batch.values.shape, np.float32) < density) & inside)


def exponential(batch: Batch, rng: Generator) -> Batch:
    """Each cell is an exponential variable with the mean intensity of the whole batch, clipped to 1: float32.

    Noise of Valle et al. (arXiv:1807.04919). Intensities of the batch outside of 0..1 count as 0 and 1. Clipping takes
    the share e^(-1/mean) off the mean of the noise.
    """
    inside = np.broadcast_to(batch.inside()[:, None, :], batch.values.shape)
    mean = np.clip(batch.values, 0, 1).mean(where=inside, dtype=np.float64) if inside.any() else 0.0
    values = rng.standard_exponential(batch.values.shape, np.float32)
    values *= np.float32(mean)
    np.minimum(values, 1, out=values)
    values *= inside
    return batch.with_values(values)


def move_notes(batch: Batch, k: int, rng: Generator) -> Batch:
    """``k`` notes of each sample moved by a semitone, each up or down at random, and none of them twice.

    A note is a maximal run on one pitch. It can move to a pitch of the view on which nothing sounds during the note,
    just before it or just after it: two notes never become one, so that the number of notes and the time they sound
    stay. A sample with fewer notes that can move has those moved.
    """
    values = batch.sounding()
    moved = np.zeros_like(values)
    for _ in range(k):
        sample, row, start, end = runs(values)
        up, down = (_is_free(values, sample, row + step, start, end) for step in (1, -1))
        movable = np.flatnonzero((up | down) & ~moved[sample, row, start])
        chance, upward = rng.random(len(movable)), rng.random(len(movable)) < 0.5
        upward = (upward & up[movable]) | ~down[movable]
        # One note of each sample: that of the lowest chance.
        order = np.lexsort((chance, sample[movable]))
        chosen = order[np.unique(sample[movable], return_index=True)[1]]
        for note, step in zip(movable[chosen], np.where(upward[chosen], 1, -1), strict=True):
            i, old, new, when = sample[note], row[note], row[note] + step, slice(start[note], end[note])
            values[i, old, when] = False
            values[i, new, when] = moved[i, new, when] = True
    return batch.with_values(values)


Indices = NDArray[np.int64]


def _is_free(
    values: NDArray[np.bool_], sample: Indices, row: Indices, start: Indices, end: Indices
) -> NDArray[np.bool_]:
    """Whether ``row`` exists and is silent from the step before ``start`` up to and with the step ``end``."""
    _, rows, steps = values.shape
    before = np.zeros((*values.shape[:2], steps + 1), np.int32)
    np.cumsum(values, axis=2, dtype=np.int32, out=before[:, :, 1:])
    exists = (row >= 0) & (row < rows)
    row = np.clip(row, 0, rows - 1)
    sounding = before[sample, row, np.minimum(end + 1, steps)] - before[sample, row, np.maximum(start - 1, 0)]
    return np.asarray(exists & (sounding == 0))


def shuffle_chords(batch: Batch, rng: Generator) -> Batch:
    """The chords of each sample in random order, each for as long as it was.

    A chord is a maximal stretch of steps in which the same pitches sound, or none. Equal chords never come to stand
    next to each other, where they would be one longer chord.
    """
    values = batch.sounding()
    shuffled = np.zeros_like(values)
    packed = np.packbits(values, axis=1)
    for i, length in enumerate(batch.lengths):
        if length == 0:
            continue
        changes = np.flatnonzero((packed[i, :, 1:length] != packed[i, :, : length - 1]).any(axis=0)) + 1
        starts = np.concatenate([[0], changes])
        durations = np.diff(np.append(starts, length))
        kinds = np.unique(packed[i][:, starts], axis=1, return_inverse=True)[1].ravel()
        order = _never_twice(kinds.tolist(), rng)
        shuffled[i, :, :length] = np.repeat(values[i][:, starts[order]], durations[order], axis=1)
    return batch.with_values(shuffled)


def _never_twice(kinds: list[int], rng: Generator) -> list[int]:
    """The indices of ``kinds`` in random order, such that neighbours are of different kinds.

    There is such an order if ``kinds`` is one; each choice then leaves one, unless it passes over a kind that makes up
    more than half of what is left.
    """
    left = list(range(len(kinds)))
    counts = [0] * (max(kinds) + 1)
    for kind in kinds:
        counts[kind] += 1
    order: list[int] = []
    last = -1
    while left:
        most = max(counts)
        needed = counts.index(most) if 2 * most > len(left) else None
        while True:
            at = int(rng.random() * len(left))
            kind = kinds[left[at]]
            if kind != last and needed in (None, kind):
                break
        order.append(left[at])
        left[at] = left[-1]
        left.pop()
        counts[kind] -= 1
        last = kind
    return order


def _one_note(batch: Batch, rng: Generator) -> Batch:
    return move_notes(batch, 1, rng)


def _three_notes(batch: Batch, rng: Generator) -> Batch:
    return move_notes(batch, 3, rng)


BASELINES: dict[str, Callable[[Batch, Generator], Batch]] = {
    "bernoulli": bernoulli,
    "one-note": _one_note,
    "three-notes": _three_notes,
    "shuffled-chords": shuffle_chords,
    "exponential": exponential,
}
"""Each baseline by the name that it has on the command line."""
