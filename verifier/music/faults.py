"""Faults to plant in real samples: each edits one aspect by a known dose and leaves the rest as it was.

A fault is a pure function of a batch, a dose and a random generator. What it gives has the view, names, groups and
lengths of the batch, so that an edited sample and the one it was made from pair up by name. Dose 0 changes nothing,
and nothing after the length of a sample is touched. A note is a maximal run on one pitch.

Faults of notes keep the dtype of the values: cells that they turn on are 1, those they turn off 0, and no other cell
changes. Faults of values give float32 between 0 and 1. A sample without room for the whole dose takes what it can.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.edits import move_boundaries, move_notes, parallel_fifths, swap_voices
from verifier.music.features.runs import runs
from verifier.music.samples import music, roll_view, sounding_cells, with_voices
from verifier.music.voices import SILENT, Voices
from verifier.rule.fault import Fault, fault
from verifier.values import faults as of_values

Roll = NDArray[np.bool_]
Ints = NDArray[np.int64]

FAULTS: dict[str, Fault] = {}
"""Every fault of music by the name that it has on the command line."""
LEVELS = 5
"""Values that ``quantise`` leaves, 0 and 1 among them."""


@fault(FAULTS, "added", "notes added", "notes per sample", doses=(1, 2, 4, 8), whole=True)
def add_notes(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Notes are added: each sounds while some note of the sample does, on a silent pitch within the sample's range.

    Dose: notes per sample. All notes there were stay, and the new ones have durations that the sample has. No voice
    sings them: the voices of a sample that gets one are dropped.
    """

    def edit(roll: Roll, rng: Generator) -> None:
        rows, starts, ends = _runs(roll)
        if not len(rows):
            return
        low, high = int(rows.min()), int(rows.max()) + 1
        for _ in range(int(dose)):
            # A note that has no free pitch beside it is passed over for another.
            for at in rng.permutation(len(rows)):
                start, end = int(starts[at]), int(ends[at])
                free = np.flatnonzero(~roll[low:high, max(start - 1, 0) : end + 1].any(axis=1)) + low
                if len(free):
                    roll[rng.choice(free), start:end] = True
                    break

    return _edited(batch, edit, rng)


@fault(FAULTS, "removed", "notes removed", "notes per sample", doses=(1, 2, 4, 8), whole=True)
def remove_notes(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Notes fall silent. Dose: notes per sample. The others stay as they were."""

    def edit(roll: Roll, rng: Generator) -> None:
        rows, starts, ends = _runs(roll)
        for at in rng.permutation(len(rows))[: int(dose)]:
            roll[rows[at], starts[at] : ends[at]] = False

    return _edited(batch, edit, rng)


@fault(FAULTS, "moved", "notes moved by a semitone", "notes per sample", doses=(1, 2, 3, 8), whole=True)
def displace_notes(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Notes move by a semitone, up or down. Dose: notes per sample. Onsets, durations and number of notes stay.

    Every voice that sounds the note moves with it.
    """
    return _as(batch, move_notes(batch, int(dose), rng))


@fault(FAULTS, "split", "notes split by a rest", "notes per sample", doses=(1, 2, 4, 8), whole=True)
def split_notes(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Notes of three steps or more lose the step in their middle. Dose: notes per sample. Pitches stay."""

    def edit(roll: Roll, rng: Generator) -> None:
        rows, starts, ends = _runs(roll)
        long = np.flatnonzero(ends - starts >= 3)
        for at in rng.permutation(long)[: int(dose)]:
            roll[rows[at], (starts[at] + ends[at]) // 2] = False

    return _edited(batch, edit, rng)


@fault(FAULTS, "joined", "notes on one pitch joined", "pairs per sample", doses=(1, 2, 4), whole=True)
def join_notes(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Two notes in a row on one pitch, at most a half note apart, become one that sounds through.

    Dose: pairs per sample. Nothing falls silent. A voice that rests between the two notes joins them; where it sings
    something else there, the voices of the sample are dropped.
    """
    widest = round(2 * roll_view(batch).steps_per_quarter)

    def edit(roll: Roll, rng: Generator) -> None:
        rows, starts, ends = _runs(roll)
        gaps = np.flatnonzero((rows[1:] == rows[:-1]) & (starts[1:] - ends[:-1] <= widest))
        for at in rng.permutation(gaps)[: int(dose)]:
            roll[rows[at], ends[at] : starts[at + 1]] = True

    return _edited(batch, edit, rng)


@fault(FAULTS, "lengthened", "notes held too long", "notes per sample", doses=(1, 2, 4, 8), whole=True)
def lengthen_notes(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Notes are held a quarter note too long, into what follows, but not up to the next note on their pitch.

    Dose: notes per sample. Onsets, pitches and number of notes stay. A note before less than that stays as it is.
    Voices are kept only where the note is held into a rest of its voice.
    """
    longer = max(1, round(roll_view(batch).steps_per_quarter))

    def edit(roll: Roll, rng: Generator) -> None:
        rows, starts, ends = _runs(roll)
        limits = np.full(len(rows), roll.shape[1])
        same = rows[1:] == rows[:-1]
        limits[:-1][same] = starts[1:][same] - 1
        room = np.flatnonzero(ends + longer <= limits)
        for at in rng.permutation(room)[: int(dose)]:
            roll[rows[at], ends[at] : ends[at] + longer] = True

    return _edited(batch, edit, rng)


@fault(FAULTS, "shifted", "notes shifted by a step", "notes per sample", doses=(1, 2, 4, 8), whole=True)
def shift_notes(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Notes come a step too early or too late. Dose: notes per sample. Pitches, durations and number of notes stay.

    Notes at the edges of the sample stay, and those that would reach another note on their pitch. Voices are kept only
    where the note goes into a rest of its voice.
    """

    def edit(roll: Roll, rng: Generator) -> None:
        rows, starts, ends = _runs(roll)
        left = int(dose)
        for at in rng.permutation(len(rows)):
            row, start, end = rows[at], int(starts[at]), int(ends[at])
            later = bool(rng.random() < 0.5)
            if not left or start == 0 or end == roll.shape[1]:
                continue
            for by in (1, -1) if later else (-1, 1):
                # The step beyond the new end must be silent as well, or two notes would become one.
                first, stop = (end, end + 2) if by > 0 else (max(start - 2, 0), start)
                if not roll[row, first:stop].any():
                    roll[row, start:end] = False
                    roll[row, start + by : end + by] = True
                    left -= 1
                    break

    return _edited(batch, edit, rng)


@fault(FAULTS, "delayed", "the whole sample delayed", "steps", doses=(1, 2, 4, 8), whole=True)
def delay(batch: Batch, dose: float, rng: Generator) -> Batch:
    """The whole sample comes later, after silence. Dose: steps. What leaves it at the end is lost; the rest stays.

    All voices are as late.
    """

    def edit(roll: Roll, rng: Generator) -> None:
        by = min(int(dose), roll.shape[1])
        roll[:, by:] = roll[:, : roll.shape[1] - by].copy()
        roll[:, :by] = False

    old, new = _redrawn(batch, edit, rng)
    step, length = np.arange(batch.values.shape[2]), batch.lengths[:, None]
    by = np.minimum(int(dose), length)
    late = music(batch).voices.at_steps(np.where(step < length, np.maximum(step - by, 0), step))
    pitches = np.where((step < by)[:, None, :], np.int16(SILENT), late.pitches)
    return _changed(batch, old, new, late.with_notes(pitches, late.attacks))


@fault(FAULTS, "chords-shuffled", "chords shuffled", "share of chords", doses=(0.1, 0.25, 0.5, 1), largest=1)
def permute_chords(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Some chords change places, each for as long as it was. Dose: share of the chords that may.

    A chord is a maximal stretch of steps in which the same pitches sound, or none. Every chord keeps its duration, and
    equal ones never come to stand next to each other, where they would be one longer chord. Voices go with the chords:
    a note that was attacked is, and a voice that has the same pitch at the end of one chord and at the start of the
    next holds it if it was not.
    """
    sounding = sounding_cells(batch)
    values = batch.values.copy()
    steps = np.tile(np.arange(values.shape[2]), (len(batch), 1))
    for i, length in enumerate(batch.lengths.tolist()):
        own = np.random.default_rng(rng.integers(2**63))
        if not length:
            continue
        roll = sounding[i, :, :length]
        starts = np.concatenate([[0], np.flatnonzero((roll[:, 1:] != roll[:, :-1]).any(axis=0)) + 1])
        durations = np.diff(np.append(starts, length))
        kinds = np.unique(roll[:, starts], axis=1, return_inverse=True)[1].ravel().tolist()
        order = np.array(_permuted(kinds, round(dose * len(kinds)), own))
        steps[i, :length] = np.concatenate([np.arange(starts[at], starts[at] + durations[at]) for at in order])
        values[i, :, :length] = batch.values[i][:, steps[i, :length]]
    return with_voices(batch, values, music(batch).voices.at_steps(steps))


@fault(FAULTS, "half-transposed", "the second half transposed", "semitones", doses=(1, 2, 6, 12), whole=True)
def transpose_half(batch: Batch, dose: float, rng: Generator) -> Batch:
    """All from the middle of the sample on is transposed, up or down. Dose: semitones. The first half stays.

    A sample that leaves the pitches of the view in one direction goes in the other; one that leaves them in both stays.
    Voices are transposed too; those of a sample are dropped if one of them is outside the view, where it is not in the
    values.
    """
    semitones: list[int] = []  # of each sample that is edited

    def edit(roll: Roll, rng: Generator) -> None:
        semitones.append(0)
        half = roll[:, roll.shape[1] // 2 :]
        heard = np.flatnonzero(half.any(axis=1))
        if not len(heard):
            return
        upward = bool(rng.random() < 0.5)
        for by in (int(dose), -int(dose)) if upward else (-int(dose), int(dose)):
            if heard[0] + by >= 0 and heard[-1] + by < len(roll):
                half[:] = np.roll(half, by, axis=0)  # only silent rows go round the edge
                semitones[-1] = by
                return

    old, new = _redrawn(batch, edit, rng)
    by = np.zeros(len(batch), np.int16)
    by[batch.lengths > 0] = semitones
    pitches, step = music(batch).voices.pitches, np.arange(batch.values.shape[2])
    second = (step >= batch.lengths[:, None] // 2) & batch.inside()
    moved = second[:, None, :] & (pitches != SILENT) & (by != 0)[:, None, None]
    outside = (pitches < roll_view(batch).lowest_pitch) | (pitches > roll_view(batch).highest_pitch)
    voices = music(batch).voices.with_notes(pitches + moved * by[:, None, None], music(batch).voices.attacks)
    return _changed(batch, old, new, voices.only(~(moved & outside).any(axis=(1, 2))))


@fault(
    FAULTS, "parallel-fifths", "parallel fifths between two voices", "pairs per sample", doses=(1, 2, 4, 8), whole=True
)
def plant_fifths(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Pairs of parallel fifths between two voices. Dose: pairs per sample. One voice of each changes two pitches.

    Onsets, durations and number of notes of every voice stay, and so does a sample without voices.
    """
    return _as(batch, parallel_fifths(batch, int(dose), rng))


@fault(FAULTS, "swapped-voices", "two voices exchanged", "share of the steps", doses=(0.1, 0.25, 0.5, 1), largest=1)
def exchange_voices(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Two neighbouring voices exchange their notes. Dose: share of the steps of the sample, all in a row.

    The values stay as they are, so that only rules of voices can tell.
    """
    return with_voices(batch, batch.values.copy(), music(swap_voices(batch, dose, rng)).voices)


@fault(
    FAULTS, "wrong-duration", "notes of a voice ended a step off", "notes per sample", doses=(1, 2, 4, 8), whole=True
)
def misplace_boundaries(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Notes of a voice end a step too early or too late, where its next note begins then. Dose: notes per sample.

    Pitches and number of notes of every voice stay, and so does a sample without voices.
    """
    return _as(batch, move_boundaries(batch, int(dose), rng))


@fault(FAULTS, "smoothed", "values smoothed along time", "weight of the mean", doses=(0.01, 0.1, 0.3, 1), largest=1)
def smooth(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Each value is mixed with the mean of itself and of the steps before and after it. Dose: weight of the mean."""
    return _revalued(batch, lambda roll, rng: of_values.smoothed(roll, dose), rng)


@fault(
    FAULTS, "quantised", f"noisy values rounded to {LEVELS} levels", "deviation of noise", doses=(0.05, 0.1, 0.2, 0.4)
)
def quantise(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Noise, then rounding to ``LEVELS`` values. Dose: standard deviation of the noise, on the scale from 0 to 1."""

    def edit(roll: NDArray[np.float32], rng: Generator) -> NDArray[Any]:
        noise = np.float32(dose) * rng.standard_normal(roll.shape, np.float32)
        return np.round(np.clip(roll + noise, 0, 1) * (LEVELS - 1)) / (LEVELS - 1)

    return _revalued(batch, edit, rng)


@fault(FAULTS, "blurred", "values blurred along pitch and time", "deviation in cells", doses=(0.25, 0.35, 0.5, 1))
def blur(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Values run into neighbouring pitches and steps. Dose: standard deviation of the Gaussian, in rows and steps."""
    return _revalued(batch, lambda roll, rng: of_values.blurred(roll, dose), rng)


@fault(FAULTS, "softened", "values away from 0 and 1", "mean distance", doses=(0.0001, 0.001, 0.01, 0.1), largest=1)
def soften(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Values stay a little away from 0 and 1, as a sigmoid leaves them. Dose: mean distance, exponentially distributed.

    No cell crosses the threshold of the view: the same cells sound.
    """
    threshold = np.float32(roll_view(batch).threshold)
    below = np.nextafter(threshold, np.float32(0))

    def edit(roll: NDArray[np.float32], rng: Generator) -> NDArray[Any]:
        distance = np.float32(dose) * rng.standard_exponential(roll.shape, np.float32)
        on = roll >= threshold
        return np.where(on, np.maximum(roll - distance, threshold), np.minimum(roll + distance, below))

    return _revalued(batch, edit, rng)


def _edited(batch: Batch, edit: Callable[[Roll, Generator], None], rng: Generator) -> Batch:
    """The batch after ``edit``, see ``_redrawn``, with the voices that can be known from the cells alone."""
    old, new = _redrawn(batch, edit, rng)
    return _changed(batch, old, new, _followed(batch, old, new))


def _redrawn(
    batch: Batch, edit: Callable[[Roll, Generator], None], rng: Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The cells that sound, before and after ``edit`` changed those of each sample (rows, length) in place.

    Each sample has a generator of its own, so that what is planted in it does not depend on the other samples, and a
    larger dose goes on where a smaller one stopped.
    """
    old = sounding_cells(batch)
    new = old.copy()
    seeds = rng.integers(2**63, size=len(batch))
    for roll, length, seed in zip(new, batch.lengths.tolist(), seeds, strict=True):
        if length:
            edit(roll[:, :length], np.random.default_rng(seed))
    return old, new


def _followed(batch: Batch, old: NDArray[np.bool_], new: NDArray[np.bool_]) -> Voices:
    """The voices of the batch once the cells of ``new`` sound in place of those of ``old``.

    A voice rests in a cell that was turned off. Cells that were turned on are the voice's that sounds their pitch just
    before or after them and rests meanwhile, joined to its note; if no voice is, the sample's are not known any more.
    """
    voices, low = music(batch).voices, roll_view(batch).lowest_pitch
    if not voices.counts.any():
        return voices
    pitches, attacks, known = voices.pitches.copy(), voices.attacks.copy(), np.ones(len(batch), np.bool_)
    off = np.zeros((len(batch), 129, batch.values.shape[2]), np.bool_)  # the last row is that of a rest
    off[:, low : low + roll_view(batch).pitches] = old & ~new
    pitches[np.take_along_axis(off, np.where(pitches == SILENT, 128, pitches).astype(np.int64), axis=1)] = SILENT
    sung = np.flatnonzero(voices.counts > 0)
    for at, row, start, stop in zip(*runs((new & ~old)[sung]), strict=True):
        sample, pitch = sung[at], row + low
        lines = pitches[sample]
        before = lines[:, start - 1] == pitch if start else np.zeros(len(lines), np.bool_)
        after = lines[:, stop] == pitch if stop < batch.lengths[sample] else np.zeros(len(lines), np.bool_)
        takes = (before | after) & (lines[:, start:stop] == SILENT).all(axis=1)
        known[sample] &= takes.any()
        lines[takes, start:stop] = pitch
        attacks[sample, takes & after, stop : stop + 1] = False
    return voices.with_notes(pitches, attacks).only(known)


def _changed(batch: Batch, old: NDArray[np.bool_], new: NDArray[np.bool_], voices: Voices) -> Batch:
    """The batch with ``voices``, the cells that sound in ``new`` and not in ``old`` on, and those the other way off."""
    return with_voices(batch, np.where(old == new, batch.values, new.astype(batch.values.dtype)), voices)


def _as(batch: Batch, edited: Batch) -> Batch:
    """``edited``, whose values are bool, with the values of the batch where the same sounds."""
    return _changed(batch, sounding_cells(batch), sounding_cells(edited), music(edited).voices)


def _revalued(batch: Batch, edit: Callable[[NDArray[np.float32], Generator], NDArray[Any]], rng: Generator) -> Batch:
    """The batch with the values (rows, length) of each sample as ``edit`` gives them, clipped to 0 to 1."""
    values = of_values.edited(batch, edit, rng)
    sounding = sounding_cells(batch.with_values(values))
    return with_voices(batch, values, _followed(batch, sounding_cells(batch), sounding))


def _runs(roll: Roll) -> tuple[Ints, Ints, Ints]:
    """Row, first step and step after the last of each maximal run, by row and then by time."""
    return runs(roll[None])[1:]


def _permuted(kinds: list[int], chosen: int, rng: Generator) -> list[int]:
    """The indices of ``kinds``, ``chosen`` of them exchanged at random among each other, such that neighbours are of
    different kinds if they were.

    A walk of random exchanges, each made only if it keeps that, ten for each index: long enough to forget the order.
    """
    order = list(range(len(kinds)))
    if chosen < 2:
        return order
    slots = rng.permutation(len(kinds))[:chosen]
    last = len(kinds) - 1

    def fits(at: int) -> bool:
        kind = kinds[order[at]]
        return (at == 0 or kinds[order[at - 1]] != kind) and (at == last or kinds[order[at + 1]] != kind)

    for a, b in slots[rng.integers(chosen, size=(10 * chosen, 2))].tolist():
        order[a], order[b] = order[b], order[a]
        if not (fits(a) and fits(b)):
            order[a], order[b] = order[b], order[a]
    return order
