"""Notes -> piano roll -> windows. The readers of each file format give Notes; everything after that is shared."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.windows import MAX_STEPS
from verifier.music.extra import GRIDS, PITCHES, READ, Music
from verifier.music.notes import Notes
from verifier.music.sections import cut_between_beats, sections
from verifier.music.view import PianoRollView
from verifier.music.voices import SILENT, Voices

MAX_VOICES = 16
"""A piece of more parts is taken for one without voices: an orchestra, or a file with a track for each hit."""
OFF_GRID = 0.1
"""Of a step, from which on a note begins beside it: times in ticks are no further off."""
BLOCK = 2**18
"""Cells that are painted at a time: as many as stay in the cache of a processor."""


def steps_of(quarters: NDArray[np.float64], view: PianoRollView) -> NDArray[np.int64]:
    """The nearest step of each time in quarter notes; a half goes up, so that equal notes stay equal.

    A sixty-fourth of a step is added first: files hold times in ticks, and a half rounded down to a tick goes up too.
    """
    return np.floor(quarters * float(view.steps_per_quarter) + 0.5 + 1 / 64).astype(np.int64)


def total_steps(notes: Notes, view: PianoRollView) -> int:
    """Steps of the piece on the grid of ``view``, at least one: up to the end of its last note, or without notes to the
    end of the file.

    Raises InputError for a piece longer than MAX_STEPS.
    """
    last_onset, last_end = notes.onsets.max(initial=0), notes.ends.max(initial=0)
    if not len(notes.onsets):
        last_end = max(last_end, notes.length)
    longest = float(last_end) * float(view.steps_per_quarter)
    if longest > MAX_STEPS:
        raise InputError(notes.name, f"expected at most {MAX_STEPS:,} steps, found a piece of {longest:,.0f}")
    last_step, end = steps_of(np.array([last_onset, last_end]), view).tolist()
    return int(max(last_step + 1, end))


def piano_roll(notes: Notes, view: PianoRollView) -> NDArray[np.bool_]:
    """The piece on the grid of ``view``: (pitches, steps) bool. Two notes on one pitch that overlap make one sound.

    Raises InputError for a piece longer than MAX_STEPS, before anything is allocated.
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


def span(notes: Notes, view: PianoRollView) -> tuple[int, int]:
    """The first step of the quarter in which the piece begins to sound, and the step after its last: what is cut into
    windows. Rests before the music are none of it: a pickup may be written with them or without. A piece without a note
    is one window of silence.

    Raises InputError as ``total_steps`` does.
    """
    end = total_steps(notes, view)
    if not len(notes.onsets):
        return 0, view.window or end
    first = steps_of(np.floor(notes.onsets.min(keepdims=True) + 1e-6), view)
    return int(first[0]), end


def cuts_of(notes: Notes, view: PianoRollView) -> Sequence[tuple[int, int]]:
    """(start, length) of each window of a file, in steps from its beginning. Raises InputError as ``total_steps``."""
    return [cut for section in sections(notes) for cut in _cuts(*span(section, view), view)]


def _cuts(first: int, end: int, view: PianoRollView) -> Sequence[tuple[int, int]]:
    return [(first + start, length) for start, length in view.cuts(end - first)]


class _Windows(NamedTuple):
    """The windows of some pieces, (n,): the piece of each, its first step in it, its length, and whether the piece
    begins or ends with it.
    """

    pieces: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    begins: NDArray[np.bool_]
    ends: NDArray[np.bool_]


def _windows(spans: Sequence[tuple[int, int]], view: PianoRollView) -> _Windows:
    rows = [
        (piece, start, length, start == first, start + length == end)
        for piece, (first, end) in enumerate(spans)
        for start, length in _cuts(first, end, view)
    ]
    of, starts, lengths, begins, ends = np.array(rows, np.int64).reshape(-1, 5).T
    return _Windows(of, starts, lengths, begins.astype(np.bool_), ends.astype(np.bool_))


def batch_of(pieces: Iterable[Notes], view: PianoRollView) -> Batch:
    """All windows of all pieces, in order. With ``window: null`` each piece is one sample; so is one without a note.
    What stands in a file after three quarters of silence is taken for another piece of the same group.
    """
    files = [sections(notes) for notes in pieces]
    pieces = [section for file in files for section in file]
    spans = [span(notes, view) for notes in pieces]
    cuts = _windows(spans, view)
    counts = np.bincount(cuts.pieces, minlength=len(pieces))
    n, width = len(cuts.pieces), view.window or int(cuts.lengths.max(initial=1))
    # All pieces stand on one long time line, each from the first column of its first window.
    notes = _of_all(pieces)
    rows, first, last = _spans(notes, view)
    of = np.repeat(np.arange(len(pieces)), [len(piece.onsets) for piece in pieces])
    ends = np.cumsum(counts * width, dtype=np.int64)
    shifts = ends - counts * width - np.array([start for start, _ in spans], np.int64)
    lines = _lines(pieces, notes, of, shifts, ends, view)
    kept = first + shifts[of] < ends[of]  # notes after the last window are dropped with the rest of the piece
    grids = (float(view.steps_per_quarter), *GRIDS)
    off_grids = np.stack([_is_off_grid(notes.onsets[kept], grid) for grid in grids])
    rows, first, last = rows[kept], (first + shifts[of])[kept], np.minimum(last + shifts[of], ends[of])[kept]
    values = np.empty((n, view.pitches, width), np.bool_)
    _paint(values, rows, first, last)
    beyond = (rows < 0) | (rows >= view.pitches)
    outside = np.zeros((n, PITCHES), np.int32)
    np.add.at(outside, (first[beyond] // width, rows[beyond] + view.lowest_pitch), 1)
    off_grid, *of_others = [np.bincount(first[off] // width, minlength=n) for off in off_grids]
    is_cut = np.array([cut_between_beats(notes) for notes in pieces], np.bool_).reshape(-1, 2)[cuts.pieces]
    totals = np.array([end - start for start, end in spans], np.int64)
    return Batch(
        view=view,
        values=values,
        lengths=cuts.lengths,
        names=_names(files, pieces, cuts),
        groups=[pieces[piece].group for piece in cuts.pieces],
        starts=cuts.starts,
        begins=cuts.begins & ~is_cut[:, 0],
        ends=cuts.ends & ~is_cut[:, 1],
        extra=Music(
            meters=np.array([notes.meter for notes in pieces], np.float64)[cuts.pieces],
            pickups=np.array([notes.pickup for notes in pieces], np.float64)[cuts.pieces],
            outside=outside,
            off_grid=off_grid,
            off_grids=np.stack(of_others, axis=1),
            read=np.where(cuts.begins[:, None], _read(files, spans)[cuts.pieces], 0),
            totals=np.where(cuts.ends, totals[cuts.pieces], 0),
            cut=cuts.begins & is_cut[:, 0],
            repeats=lines.repeats[cuts.pieces],
            voices=_voices(lines, counts, n, width),
        ),
    )


def _names(files: Sequence[Sequence[Notes]], pieces: Sequence[Notes], cuts: _Windows) -> list[str]:
    """That of the file, with the first step of the window where the file gives several."""
    counts = np.array([len(file) for file in files], np.int64)
    alone = np.repeat(counts == 1, counts)[cuts.pieces] & cuts.begins & cuts.ends
    return [
        pieces[piece].name if is_alone else f"{pieces[piece].name}@{start}"
        for piece, start, is_alone in zip(cuts.pieces.tolist(), cuts.starts.tolist(), alone.tolist(), strict=True)
    ]


def _read(files: Sequence[Sequence[Notes]], spans: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """(pieces, fields) what reading left out of each file, told of its first piece; silence between pieces too."""
    table = np.zeros((len(spans), len(READ)), np.int64)
    at = 0
    for file in files:
        table[at] = [getattr(file[0], name) for name in READ]
        own = spans[at : at + len(file)]
        table[at, READ.index("padding")] += sum(after[0] - end for (_, end), after in pairwise(own))
        at += len(file)
    return table


def _is_off_grid(onsets: NDArray[np.float64], per_quarter: float) -> NDArray[np.bool_]:
    """(m,) whether each note, by its onset in quarters, begins between two steps of ``per_quarter``."""
    steps = onsets * per_quarter
    return np.asarray(np.abs(steps - np.floor(steps + 0.5)) > OFF_GRID)


class _Lines(NamedTuple):
    """The notes of every voice of every piece on one long time line; none overlap within a voice. (m,) but counts.

    voices   voice of the note, 0 the highest of its piece
    pitches  MIDI number
    first, last  its first step, and the step after its last
    fermatas steps at which a note with a fermata begins; (k,)
    counts   (pieces,) voices of each piece
    repeats  (pieces,) whether a note of the piece is repeated without a gap
    """

    voices: NDArray[np.int64]
    pitches: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    fermatas: NDArray[np.int64]
    counts: NDArray[np.int64]
    repeats: NDArray[np.bool_]


def _of_all(pieces: Sequence[Notes]) -> Notes:
    """The notes of all pieces, one piece after the other."""

    def joined(name: str, dtype: type) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype), *(getattr(piece, name) for piece in pieces)])

    return Notes(
        name="",
        group="",
        onsets=joined("onsets", np.float64),
        ends=joined("ends", np.float64),
        pitches=joined("pitches", np.int64),
        parts=joined("parts", np.int64),
    )


def _lines(
    pieces: Sequence[Notes],
    notes: Notes,
    of: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    view: PianoRollView,
) -> _Lines:
    """The voices of ``pieces``, each of which lies between its start and its end; later notes are dropped. ``notes``
    are those of all pieces, ``of`` says which piece each is of.

    A piece has voices if each of its parts, at most MAX_VOICES, sings one note at a time: they are the parts, the
    highest mean pitch first. A note that is held into the next by no more than a step ends where that one begins; of
    notes that fall on one step of the grid, the first stays.
    """
    order = np.lexsort((notes.pitches, notes.onsets, notes.parts, of))
    of, pitches, parts = of[order], notes.pitches[order], notes.parts[order]
    onsets = notes.onsets[order]
    _, first, last = (column[order] for column in _spans(notes, view))
    same = (of[1:] == of[:-1]) & (parts[1:] == parts[:-1])
    begins = np.concatenate([np.ones(min(len(of), 1), np.bool_), ~same])
    part = np.cumsum(begins) - 1
    piece = of[begins]  # of each part
    counts = np.bincount(piece, minlength=len(pieces))

    again = same & (pitches[1:] == pitches[:-1]) & (first[1:] <= last[:-1]) & (first[1:] > first[:-1])
    repeats = np.bincount(of[1:][again], minlength=len(pieces)) > 0
    chord = same & (onsets[1:] - onsets[:-1] < 1e-6)
    held = same & (last[:-1] > first[1:] + 1) & (first[1:] > first[:-1])
    counts[of[1:][chord | held]] = 0
    counts[counts > MAX_VOICES] = 0

    by_pitch = np.lexsort((-np.bincount(part, pitches) / np.bincount(part), piece))
    ranks = np.zeros(len(piece), np.int64)
    ranks[by_pitch] = np.arange(len(piece)) - np.searchsorted(piece, piece)
    kept = (counts[of] > 0) & np.concatenate([begins[:1], ~(same & (first[1:] == first[:-1]))])
    of, part, pitches, first, last = (column[kept] for column in (of, part, pitches, first, last))
    last[:-1] = np.where(part[1:] == part[:-1], np.minimum(last[:-1], first[1:]), last[:-1])
    kept = first + starts[of] < ends[of]
    of, part, pitches, first, last = (column[kept] for column in (of, part, pitches, first, last))
    fermatas = [np.zeros(0, np.int64)]
    for at in np.flatnonzero(counts).tolist():
        if len(pieces[at].fermatas):
            steps = steps_of(pieces[at].fermatas, view) + starts[at]
            fermatas.append(steps[steps < ends[at]])
    first, last = first + starts[of], np.minimum(last + starts[of], ends[of])
    return _Lines(ranks[part], pitches, first, last, np.concatenate(fermatas), counts, repeats)


def _voices(lines: _Lines, windows_of: NDArray[np.int64], n: int, width: int) -> Voices:
    """The voices of n windows of ``width`` steps; ``windows_of`` (pieces,) says how many each piece has."""
    most = int(lines.counts.max(initial=0))
    pitches = np.full((most, n * width), SILENT, np.int16)
    attacks = np.zeros((most, n * width), np.bool_)
    lengths = lines.last - lines.first
    begin = lines.voices * (n * width) + lines.first
    # The flat index of every step of every note: each counts on from its first.
    steps = np.arange(lengths.sum()) + np.repeat(begin - (np.cumsum(lengths) - lengths), lengths)
    pitches.reshape(-1)[steps] = np.repeat(lines.pitches, lengths)
    attacks.reshape(-1)[begin] = True
    fermatas = np.zeros(n * width, np.bool_)
    if len(lines.fermatas):
        # Under a fermata is every note that begins with it, to its end.
        under = np.isin(lines.first, lines.fermatas)
        of_notes = np.repeat(under, lengths)
        fermatas[steps[of_notes] % (n * width)] = True
    return Voices(
        pitches=np.ascontiguousarray(pitches.reshape(most, n, width).transpose(1, 0, 2)),
        attacks=np.ascontiguousarray(attacks.reshape(most, n, width).transpose(1, 0, 2)),
        counts=np.repeat(lines.counts, windows_of),
        fermatas=fermatas.reshape(n, width),
    )
