"""Notes -> piano roll -> windows. The readers of each file format give Notes; everything after that is shared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verifier.batch import Batch
from verifier.errors import InputError
from verifier.view import PianoRollView

MAX_STEPS = 1_000_000
"""Longest piece in steps (about 17 hours of sixteenths at 60 quarters a minute); a longer one is a broken file."""
BLOCK = 2**18
"""Cells that are painted at a time: as many as stay in the cache of a processor."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Notes:
    """The notes of one piece, one entry a note in each array.

    onsets, ends  (m,) float64, quarter notes from the start of the piece
    pitches       (m,) int64, MIDI numbers 0..127
    parts         (m,) int64, the part or track each note stands in, from 0
    meter         quarter notes in a bar (first time signature; 4 where there is none)
    """

    name: str
    group: str
    onsets: NDArray[np.float64]
    ends: NDArray[np.float64]
    pitches: NDArray[np.int64]
    parts: NDArray[np.int64]
    meter: float = 4.0


def steps_of(quarters: NDArray[np.float64], view: PianoRollView) -> NDArray[np.int64]:
    """The nearest step of each time in quarter notes; a half goes up, so that equal notes stay equal.

    A sixty-fourth of a step is added first: files hold times in ticks, and a half rounded down to a tick goes up too.
    """
    return np.floor(quarters * float(view.steps_per_quarter) + 0.5 + 1 / 64).astype(np.int64)


def total_steps(notes: Notes, view: PianoRollView) -> int:
    """Steps of the piece on the grid of ``view``, up to the end of its last note.

    Raises InputError for a piece with no notes, and for one longer than MAX_STEPS.
    """
    if len(notes.onsets) == 0:
        raise InputError(notes.name, "expected at least one note, found none")
    longest = float(notes.ends.max()) * float(view.steps_per_quarter)
    if longest > MAX_STEPS:
        raise InputError(notes.name, f"expected at most {MAX_STEPS:,} steps, found a piece of {longest:,.0f}")
    last_onset, last_end = steps_of(np.array([notes.onsets.max(), notes.ends.max()]), view)
    return int(max(last_onset + 1, last_end))


def piano_roll(notes: Notes, view: PianoRollView) -> NDArray[np.bool_]:
    """The piece on the grid of ``view``: (pitches, steps) bool. Two notes on one pitch that overlap make one sound.

    Raises InputError for a piece with no notes, and for one longer than MAX_STEPS, before anything is allocated.
    """
    total = total_steps(notes, view)
    roll = np.empty((1, view.pitches, total), np.bool_)
    _paint(roll, *_spans(notes, view))
    return np.asarray(roll[0])


def _spans(notes: Notes, view: PianoRollView) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Row, first step and step after the last of each note; rows outside the view are below 0 or above its last."""
    first = steps_of(notes.onsets, view)
    return notes.pitches - view.lowest_pitch, first, np.maximum(steps_of(notes.ends, view), first + 1)


def _paint(
    values: NDArray[np.bool_], rows: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> None:
    """Fill ``values`` (n, pitches, width): where any note sounds, on the time line of n * width steps.

    Notes outside the rows are left out; none ends after the line.
    """
    n, pitches, width = values.shape
    steps = n * width
    by_row = np.argsort(rows.astype(np.int16), kind="stable")  # NumPy has a radix sort for 16 bits
    rows, first, last = rows[by_row], first[by_row], last[by_row]
    at_once = max(1, BLOCK // max(1, steps))
    for low in range(0, pitches, at_once):
        high = min(low + at_once, pitches)
        inside = slice(*np.searchsorted(rows, (low, high)))
        base = (rows[inside] - low) * steps
        open_end = last[inside] < steps
        # +1 where a note starts, -1 where it ends: the running sum is positive while anything sounds. NumPy adds fast
        # with one flat index and a number of the type of the array.
        edges = np.zeros((high - low, steps), np.int32)
        np.add.at(edges.reshape(-1), base + first[inside], np.int32(1))
        np.add.at(edges.reshape(-1), (base + last[inside])[open_end], np.int32(-1))
        np.cumsum(edges, axis=1, out=edges)
        np.greater(edges.reshape(high - low, n, width).transpose(1, 0, 2), 0, out=values[:, low:high])


def batch_of(pieces: Iterable[Notes], view: PianoRollView) -> Batch:
    """All windows of all pieces, in order. With ``window: null`` each piece is one sample."""
    pieces = list(pieces)
    totals = [total_steps(notes, view) for notes in pieces]
    cuts = [windows(total, view) for total in totals]
    longest = max((length for piece in cuts for _, length in piece), default=1)
    width = view.window or longest
    n = sum(map(len, cuts))
    # All pieces stand on one long time line, each from the first column of its first window.
    spans: list[tuple[NDArray[np.int64], ...]] = [(np.zeros(0, np.int64),) * 3]
    at = 0
    for notes, piece in zip(pieces, cuts, strict=True):
        rows, first, last = _spans(notes, view)
        end = len(piece) * width
        kept = first < end  # notes after the last window are dropped with the rest of the piece
        if not kept.all():
            rows, first, last = rows[kept], first[kept], last[kept]
        spans.append((rows, first + at, np.minimum(last, end) + at))
        at += end
    rows, first, last = (np.concatenate(column) for column in zip(*spans, strict=True))
    values = np.empty((n, view.pitches, width), np.bool_)
    _paint(values, rows, first, last)
    outside = first[(rows < 0) | (rows >= view.pitches)]
    return Batch(
        view=view,
        values=values,
        lengths=np.array([length for piece in cuts for _, length in piece], np.int64),
        names=[
            notes.name if length == total else f"{notes.name}@{start}"
            for notes, total, piece in zip(pieces, totals, cuts, strict=True)
            for start, length in piece
        ],
        groups=[notes.group for notes, piece in zip(pieces, cuts, strict=True) for _ in piece],
        starts=np.array([start for piece in cuts for start, _ in piece], np.int64),
        begins=np.array([start == 0 for piece in cuts for start, _ in piece], np.bool_),
        ends=np.array(
            [start + length == total for total, piece in zip(totals, cuts, strict=True) for start, length in piece],
            np.bool_,
        ),
        meters=np.array([notes.meter for notes, piece in zip(pieces, cuts, strict=True) for _ in piece], np.float64),
        clipped=np.bincount(outside // width, minlength=n).astype(np.int64),
    )


def windows(total: int, view: PianoRollView) -> Sequence[tuple[int, int]]:
    """(start, length) of each window of a piece of ``total`` steps."""
    if view.window is None:
        return [(0, total)]
    cuts = [(start, min(view.window, total - start)) for start in range(0, total, view.window)]
    return [cut for cut in cuts if view.remainder == "keep" or cut[1] == view.window]
