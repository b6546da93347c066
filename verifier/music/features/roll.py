"""What the rules need to know of a piano roll, all of it from one pass over the values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.intensity import BINS, intensity_bins
from verifier.music.features.chroma import CODES, DOUBLED, classes_of_bytes
from verifier.music.features.runs import Runs, runs
from verifier.music.samples import roll_view, sounding_cells

COMPILE_FROM = 1 << 24
"""Cells of a Batch from which on the compiled loops scan it: a full one, after which more will come. Loading them takes
longer than numpy takes for less (benchmarks/counting.py measures both)."""


@dataclass(frozen=True, eq=False)
class RollScan:
    """Features of n samples of ``steps`` steps and ``rows`` pitches; nothing after a sample's length counts.

    A run is a maximal stretch of sounding steps on one pitch. It is *cut* if it touches an edge of the sample at which
    the piece goes on, so that its true length is unknown.

    codes      (n, steps) uint16, the pitch classes that sound, bit 0 = C
    polyphony  (n, steps) uint8, number of pitches that sound
    runs       (n, steps + 1) int32, number of uncut runs by length
    cut_runs   (n, steps + 1) int32, number of cut runs by length
    notes      (n, rows) int32, number of runs on each pitch
    intensity  (n, 768) int32, values in each bin of ``data.intensity``
    """

    codes: NDArray[np.uint16]
    polyphony: NDArray[np.uint8]
    runs: NDArray[np.int32]
    cut_runs: NDArray[np.int32]
    notes: NDArray[np.int32]
    intensity: NDArray[np.int32]


def scan(batch: Batch) -> RollScan:
    """The features of a batch, computed once and kept on it; by numpy or compiled, whichever is the cheaper."""
    return batch.feature("roll", _scan)


def sounding(batch: Batch) -> NDArray[np.bool_]:
    """(n, rows, steps), the cells that sound, computed once a batch; not to be written to."""
    return batch.feature("sounding", sounding_cells)


def packed_rows(batch: Batch) -> NDArray[np.uint8]:
    """(n, steps, bytes), the rows that sound at each step: row r is bit r % 8 of byte r // 8. Computed once a batch."""
    return batch.feature("packed-rows", _packed_rows)


def chroma_sets(batch: Batch) -> NDArray[np.uint32]:
    """(n, steps), the pitch classes that sound, bit 0 = C, and from bit DOUBLED on those that sound in more than one
    octave. Computed once a batch.
    """
    return batch.feature("chroma-sets", _chroma_sets)


def all_runs(batch: Batch) -> Runs:
    """The notes of the batch, in order of sample, row and time; computed once."""
    return batch.feature("runs", lambda batch: runs(sounding(batch)))


def runs_in_time(batch: Batch) -> Runs:
    """The same in order of sample, time and row."""
    return batch.feature("runs-in-time", _runs_in_time)


def _packed_rows(batch: Batch) -> NDArray[np.uint8]:
    # Bits are packed along the last axis, which is several times as fast where it is contiguous.
    return np.packbits(np.ascontiguousarray(sounding(batch).transpose(0, 2, 1)), axis=2, bitorder="little")


def _chroma_sets(batch: Batch) -> NDArray[np.uint32]:
    packed = packed_rows(batch)
    sets = np.zeros(packed.shape[:2], np.uint32)
    for byte, classes in enumerate(classes_of_bytes(roll_view(batch).lowest_pitch)[: packed.shape[2]]):
        # No two of eight neighbouring rows are of one class.
        more = classes[packed[:, :, byte]]
        sets |= more | (sets & more) << np.uint32(DOUBLED)
    return sets


def _runs_in_time(batch: Batch) -> Runs:
    found = all_runs(batch)
    _, rows, steps = batch.values.shape
    order = np.argsort((found.samples * steps + found.starts) * rows + found.rows)
    return Runs(*(column[order] for column in found))


def _scan(batch: Batch) -> RollScan:
    return scan_compiled(batch) if batch.values.size >= COMPILE_FROM else scan_numpy(batch)


def scan_numpy(batch: Batch) -> RollScan:
    """The definition of every feature, in numpy."""
    values, lengths = batch.values, batch.lengths
    n, rows, steps = values.shape
    codes = (chroma_sets(batch) & np.uint32(CODES - 1)).astype(np.uint16)
    polyphony = np.bitwise_count(packed_rows(batch)).sum(axis=2, dtype=np.uint8)

    sample, pitch, first, last = all_runs(batch)
    cut = ((first == 0) & ~batch.begins[sample]) | ((last == lengths[sample]) & ~batch.ends[sample])
    by_length = sample * (steps + 1) + (last - first)

    def tally(at: NDArray[np.int64], width: int) -> NDArray[np.int32]:
        return np.bincount(at, minlength=n * width).astype(np.int32).reshape(n, width)

    return RollScan(
        codes=codes,
        polyphony=polyphony,
        runs=tally(by_length[~cut], steps + 1),
        cut_runs=tally(by_length[cut], steps + 1),
        notes=tally(sample * rows + pitch, rows),
        intensity=_binary_intensity(batch, polyphony) if values.dtype == np.bool_ else _intensity(batch),
    )


def scan_compiled(batch: Batch) -> RollScan:
    """The same by ``kernels``: a pass over the values that keeps one bit a cell, and a pass over the bits."""
    from verifier.music import kernels

    n, rows, steps = batch.values.shape
    width = -(-steps // kernels.WORD)
    words = np.zeros((n, rows, width), np.uint64)
    intensity = np.zeros((n, BINS), np.int32)
    if batch.values.dtype == np.bool_:
        packed = np.packbits(sounding(batch), axis=2, bitorder="little")
        words.view(np.uint8)[:, :, : packed.shape[2]] = packed
    else:
        threshold = np.float32(roll_view(batch).threshold)
        kernels.pack_and_bin(batch.values, batch.lengths, threshold, words, intensity)
    found = RollScan(
        codes=np.zeros((n, steps), np.uint16),
        polyphony=np.zeros((n, steps), np.uint8),
        runs=np.zeros((n, steps + 1), np.int32),
        cut_runs=np.zeros((n, steps + 1), np.int32),
        notes=np.zeros((n, rows), np.int32),
        intensity=intensity,
    )
    kernels.scan_words(
        words, batch.lengths, batch.begins, batch.ends, roll_view(batch).lowest_pitch,
        found.codes, found.polyphony, found.runs, found.cut_runs, found.notes,
    )  # fmt: skip
    if batch.values.dtype == np.bool_:
        intensity[:] = _binary_intensity(batch, found.polyphony)
    return found


def _binary_intensity(batch: Batch, polyphony: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Histogram (n, 768) of values that are 0 or 1."""
    bins = np.zeros((len(batch), BINS), np.int32)
    bins[:, 3 * 255 + 1] = polyphony.sum(axis=1, dtype=np.int64)
    bins[:, 1] = batch.lengths * roll_view(batch).pitches - bins[:, 3 * 255 + 1]
    return bins


def _intensity(batch: Batch) -> NDArray[np.int32]:
    """Histogram (n, 768) of float values."""
    bins = np.zeros((len(batch), BINS), np.int32)
    for i, (values, length) in enumerate(zip(batch.values, batch.lengths, strict=True)):
        bins[i] = np.bincount(intensity_bins(values[:, :length]).ravel(), minlength=BINS)
    return bins
