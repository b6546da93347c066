"""Chords of a roll, hashed so that they are the same in every key, and runs of them."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.base.hashing import mixed
from verifier.data.batch import Batch
from verifier.music.features.roll import packed_rows

Ints = NDArray[np.int64]


Words = NDArray[np.uint64]


GRAM = 4
"""Chords in a gram of the index: two beats or so of a chorale. A shorter copy is not found."""


_BASE = 0x9E3779B97F4A7C15  # odd, and so invertible among 64-bit words


class Chords(NamedTuple):
    """The chords of n samples, in order of sample and time; all (m,), and ``first`` (n + 1,): where each sample starts.

    ``shapes`` is a hash of the pitches above the lowest, the same in every key; 0 is silence. ``lowest`` is the row of
    the lowest pitch; of silence it is that of the chord before, of silence at the start that of the chord after it.
    """

    samples: Ints
    shapes: Words
    lowest: Ints
    starts: Ints
    steps: Ints
    first: Ints


def chords(batch: Batch) -> Chords:
    """The chords of every sample, computed once a batch."""
    return batch.feature("chords", _chords)


def _chords(batch: Batch) -> Chords:
    n, rows, steps = batch.values.shape
    packed = packed_rows(batch)
    hashes = np.zeros((n, steps), np.uint64)
    lowest = np.full((n, steps), rows, np.int16)
    for byte in reversed(range(packed.shape[2])):
        bits = packed[:, :, byte]
        hashes += _byte_hashes()[byte][bits]
        np.copyto(lowest, _LOWEST_BIT[bits] + np.int16(8 * byte), where=bits != 0)
    changed = np.ones((n, steps), np.bool_)
    changed[:, 1:] = hashes[:, 1:] != hashes[:, :-1]
    samples, starts = np.nonzero(changed & batch.inside())
    first = np.searchsorted(samples, np.arange(n + 1))
    stops = np.append(starts[1:], 0)
    some = np.diff(first) > 0
    stops[first[1:][some] - 1] = batch.lengths[some]
    raw, low = hashes[samples, starts], lowest[samples, starts].astype(np.int64)
    # The sum of base^row over the pitches, less the power of the lowest: the same in every key.
    shapes = np.where(low < rows, mixed(raw * _inverse_powers()[np.minimum(low, rows - 1)]), np.uint64(0))
    return Chords(samples, shapes, _filled(low, low < rows, samples, first), starts, stops - starts, first)


_LOWEST_BIT = np.array([0, *((byte & -byte).bit_length() - 1 for byte in range(1, 256))], np.int16)


@functools.cache
def _byte_hashes() -> list[Words]:
    """For each byte of packed rows and each of its 256 values: the sum of base^row over the rows that are set."""
    powers = [pow(_BASE, row, 1 << 64) for row in range(128)]
    return [
        np.array(
            [sum(powers[8 * at + bit] for bit in range(8) if byte >> bit & 1) % (1 << 64) for byte in range(256)],
            np.uint64,
        )
        for at in range(16)
    ]


@functools.cache
def _inverse_powers() -> Words:
    inverse = pow(_BASE, -1, 1 << 64)
    return np.array([pow(inverse, row, 1 << 64) for row in range(128)], np.uint64)


def _filled(lowest: Ints, sounds: NDArray[np.bool_], samples: Ints, first: Ints) -> Ints:
    """``lowest`` with the entries of silences taken from the chord before, or else after, in the same sample."""
    m = len(lowest)
    if not m:
        return lowest
    at = np.arange(m)
    before = np.maximum.accumulate(np.where(sounds, at, -1))
    after = np.minimum.accumulate(np.where(sounds, at, m)[::-1])[::-1]
    source = np.where(before >= first[samples], before, after)
    known = source < first[samples + 1]
    return np.where(known, lowest[np.minimum(source, m - 1)], 0)


class Grams(NamedTuple):
    """Hashes (k,) of runs of chords within one sample, and (k,) the chord at which each starts, rising."""

    hashes: Words
    chords: Ints


def grams(found: Chords, size: int) -> Grams:
    """Every run of ``size`` chords, 2 or more, in any key; the durations of its first and last chord do not count."""
    m = len(found.samples)
    if m < size:
        return Grams(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    at = np.flatnonzero(found.samples[size - 1 :] == found.samples[: m - size + 1])
    hashes = found.shapes[at]
    for step in range(1, size):
        here = at + step
        rise = (found.lowest[here] - found.lowest[here - 1]).astype(np.uint64)
        duration = found.steps[here].astype(np.uint64) if step < size - 1 else np.zeros(len(at), np.uint64)
        token = found.shapes[here] + (rise << np.uint64(32)) + duration
        hashes = mixed(hashes * np.uint64(_BASE) + mixed(token))
    return Grams(hashes, at)
