"""Samples made from real ones: noise that any check must catch, and hard ones that keep all but the music.

Each is a pure function of a batch and a random generator. What it gives has bool values (exponential: float32 values
from 0 to 1) and the view, names, lengths and groups of the batch, so that an edited sample and the one it was made from
pair up by name. Hard ones keep the voices of a sample too, and those that edit voices leave a sample without any as it
was; noise has none.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.medium import Baseline
from verifier.music.features.runs import runs
from verifier.music.features.voice_notes import VoiceNotes, lines
from verifier.music.samples import music, roll_view, sounding_cells, with_voices
from verifier.music.voices import SILENT, Voices
from verifier.values.noise import coins, exponential

Indices = NDArray[np.int64]

FIFTHS = (7, 19, 31)
"""Semitones of a perfect fifth, a twelfth and a nineteenth."""


def move_notes(batch: Batch, k: int, rng: Generator) -> Batch:
    """``k`` notes of each sample moved by a semitone, each up or down at random, and none of them twice.

    A note is a maximal run on one pitch. It can move to a pitch of the view on which nothing sounds during the note,
    just before it or just after it: two notes never become one, so that the number of notes and the time they sound
    stay. A sample with fewer notes that can move has those moved. Every voice that sounds the note moves with it.
    """
    values = sounding_cells(batch)
    pitches = music(batch).voices.pitches.copy()
    moved = np.zeros_like(values)
    for _ in range(k):
        sample, row, start, end = runs(values)
        up, down = (_is_free(values, sample, row + step, start, end) for step in (1, -1))
        movable = np.flatnonzero((up | down) & ~moved[sample, row, start])
        chance, upward = rng.random(len(movable)), rng.random(len(movable)) < 0.5
        upward = (upward & up[movable]) | ~down[movable]
        chosen = _one_of_each(sample[movable], chance)
        for note, step in zip(movable[chosen], np.where(upward[chosen], 1, -1), strict=True):
            i, old, new, when = sample[note], row[note], row[note] + step, slice(start[note], end[note])
            values[i, old, when] = False
            values[i, new, when] = moved[i, new, when] = True
            line = pitches[i, :, when]
            line[line == old + roll_view(batch).lowest_pitch] += np.int16(step)
    return with_voices(batch, values, music(batch).voices.with_notes(pitches, music(batch).voices.attacks))


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
    next to each other, where they would be one longer chord. Voices go with the chords: a note that was attacked is,
    and a voice that has the same pitch at the end of one chord and at the start of the next holds it if it was not.
    """
    values = sounding_cells(batch)
    shuffled = np.zeros_like(values)
    steps = np.tile(np.arange(values.shape[2]), (len(batch), 1))
    packed = np.packbits(values, axis=1)
    for i, length in enumerate(batch.lengths):
        if length == 0:
            continue
        changes = np.flatnonzero((packed[i, :, 1:length] != packed[i, :, : length - 1]).any(axis=0)) + 1
        starts = np.concatenate([[0], changes])
        durations = np.diff(np.append(starts, length))
        kinds = np.unique(packed[i][:, starts], axis=1, return_inverse=True)[1].ravel()
        order = _never_twice(kinds.tolist(), rng)
        steps[i, :length] = np.concatenate([np.arange(starts[at], starts[at] + durations[at]) for at in order])
        shuffled[i, :, :length] = values[i][:, steps[i, :length]]
    return with_voices(batch, shuffled, music(batch).voices.at_steps(steps))


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


def parallel_fifths(batch: Batch, k: int, rng: Generator) -> Batch:
    """``k`` pairs of parallel fifths in each sample: a voice that moved together with a lower one, up or down, now goes
    from a perfect fifth above it to a perfect fifth; a fifth may be a twelfth or nineteenth.

    Only the pitches of the upper voice's two notes change, by as few semitones in all as there is a place for in the
    sample, and so that it crosses no neighbour. Of places that are equally good one is taken at random, and no note is
    part of two. A sample with fewer such places has those.
    """
    voices, taken = music(batch).voices, np.zeros(music(batch).voices.pitches.shape, np.bool_)
    for _ in range(k):
        notes = lines(with_voices(batch, batch.values, voices))
        found = _possible_fifths(batch, voices, notes, taken)
        pitches = voices.pitches.copy()
        for at in _one_of_each(notes.samples[found.upper], found.cost, rng.random(len(found.cost))).tolist():
            upper, lower = found.upper[at], found.lower[at]
            for note, pitch in ((upper - 1, found.first[at]), (upper, found.second[at])):
                pitches[_cells_of(notes, note)] = pitch
            for note in (upper - 1, upper, lower - 1, lower):
                taken[_cells_of(notes, note)] = True
        voices = voices.with_notes(pitches, voices.attacks)
    return _with_voices(batch, voices)


class _Fifths(NamedTuple):
    """Parallel fifths that could be; all (m,) int64.

    upper, lower   the second note of each voice, by its place in Lines; the first is the one before
    first, second  MIDI numbers that the two notes of the upper voice would get
    cost           semitones by which these differ from what they are
    """

    upper: Indices
    lower: Indices
    first: Indices
    second: Indices
    cost: Indices


def _possible_fifths(batch: Batch, voices: Voices, notes: VoiceNotes, taken: NDArray[np.bool_]) -> _Fifths:
    """Those of which no note is ``taken`` (n, voices, steps)."""
    at = notes.following()
    free = ~taken[notes.samples, notes.voices, notes.starts]
    at = at[(notes.pitches[at] != notes.pitches[at - 1]) & free[at] & free[at - 1]]
    begins = np.zeros(taken.shape, np.int64)  # 0 is no note that follows another
    begins[notes.samples[at], notes.voices[at], notes.starts[at]] = at
    pairs = [np.zeros((2, 0), np.int64)]
    for one, other in zip(*np.triu_indices(taken.shape[1], 1), strict=True):
        together = (begins[:, one] > 0) & (begins[:, other] > 0)
        pairs.append(np.stack([begins[:, one][together], begins[:, other][together]]))
    upper, lower = np.concatenate(pairs, axis=1)
    similar = np.diff(notes.pitches)[upper - 1] * np.diff(notes.pitches)[lower - 1] > 0
    upper, lower = (np.repeat(of[similar], len(FIFTHS)) for of in (upper, lower))
    apart = np.resize(FIFTHS, len(upper))
    first, second = notes.pitches[lower - 1] + apart, notes.pitches[lower] + apart
    cost = np.abs(first - notes.pitches[upper - 1]) + np.abs(second - notes.pitches[upper])
    lowest, highest = _room(batch, voices, notes)
    fits = (first >= lowest[upper - 1]) & (first <= highest[upper - 1])
    fits &= (second >= lowest[upper]) & (second <= highest[upper])
    return _Fifths(*(column[fits & (cost > 0)] for column in (upper, lower, first, second, cost)))


def _room(batch: Batch, voices: Voices, notes: VoiceNotes) -> tuple[Indices, Indices]:
    """(m,) the lowest and the highest pitch of the view that each note may have without a crossing of neighbours."""
    pitches = voices.pitches.astype(np.int64)
    lowest = np.full(pitches.shape, roll_view(batch).lowest_pitch)
    highest = np.full(pitches.shape, roll_view(batch).highest_pitch)
    np.maximum(lowest[:, :-1], pitches[:, 1:], out=lowest[:, :-1])
    np.minimum(highest[:, 1:], pitches[:, :-1], out=highest[:, 1:], where=pitches[:, :-1] != SILENT)
    sounding = (pitches != SILENT) & batch.inside()[:, None, :]
    lengths = notes.stops - notes.starts
    first = np.cumsum(lengths) - lengths  # notes stand in the order of the steps that sound
    return np.maximum.reduceat(lowest[sounding], first), np.minimum.reduceat(highest[sounding], first)


def swap_voices(batch: Batch, share: float, rng: Generator) -> Batch:
    """Two neighbouring voices of each sample exchange their notes for a ``share`` of its steps, at random.

    The same pitches sound at every step: no rule that looks at the roll can tell. Nor can one that looks at a file if
    the exchange is of the whole piece, because the reader of files puts the voice with the higher mean pitch first.
    """
    voices = music(batch).voices
    n, width, steps = voices.pitches.shape
    upper = (rng.random(n) * (voices.counts - 1)).astype(np.int64)
    swapped = np.round(share * batch.lengths).astype(np.int64)
    first = (rng.random(n) * (batch.lengths - swapped + 1)).astype(np.int64)
    inside = (np.arange(steps) >= first[:, None]) & (np.arange(steps) < (first + swapped)[:, None])
    order = np.tile(np.arange(width)[None, :, None], (n, 1, steps))
    some = np.flatnonzero(voices.counts > 1)
    for voice, by in ((upper[some], 1), (upper[some] + 1, -1)):
        order[some, voice] += by * inside[some]
    pitches = np.take_along_axis(voices.pitches, order, axis=1)
    attacks = np.take_along_axis(voices.attacks, order, axis=1)
    return with_voices(batch, sounding_cells(batch), voices.with_notes(pitches, attacks))


def move_boundaries(batch: Batch, k: int, rng: Generator) -> Batch:
    """``k`` notes of each sample end a step too early or too late, and the next note of the voice begins there.

    Both are a quarter note or longer before, and have different pitches, so that their new durations are odd ones. No
    note is part of two such pairs. A sample with fewer such places has those.
    """
    voices, taken = music(batch).voices, np.zeros(music(batch).voices.pitches.shape, np.bool_)
    least = max(2, round(float(roll_view(batch).steps_per_quarter)))
    for _ in range(k):
        notes = lines(with_voices(batch, batch.values, voices))
        free = ~taken[notes.samples, notes.voices, notes.starts] & (notes.stops - notes.starts >= least)
        at = notes.following()
        at = at[free[at] & free[at - 1] & (notes.pitches[at] != notes.pitches[at - 1])]
        chance, later = rng.random(len(at)), rng.random(len(at)) < 0.5
        pitches, attacks = voices.pitches.copy(), voices.attacks.copy()
        for found in _one_of_each(notes.samples[at], chance).tolist():
            note = at[found]
            sample, voice, step = notes.samples[note], notes.voices[note], notes.starts[note]
            kept, lost = (note - 1, step) if later[found] else (note, step - 1)
            pitches[sample, voice, lost] = notes.pitches[kept]
            attacks[sample, voice, step] = False
            taken[_cells_of(notes, note - 1)] = taken[_cells_of(notes, note)] = True
        voices = voices.with_notes(pitches, attacks)
    return _with_voices(batch, voices)


def _cells_of(notes: VoiceNotes, note: int) -> tuple[int, int, slice]:
    """Where a note stands in (n, voices, steps)."""
    return int(notes.samples[note]), int(notes.voices[note]), slice(int(notes.starts[note]), int(notes.stops[note]))


def _one_of_each(samples: Indices, *keys: NDArray[Any]) -> Indices:
    """Of each sample, where the one with the least key stands; the next key decides between equal ones."""
    order = np.lexsort((*keys[::-1], samples))
    return order[np.unique(samples[order], return_index=True)[1]]


def _with_voices(batch: Batch, voices: Voices) -> Batch:
    """The batch with other notes in its voices; what sounds without a voice goes on."""
    low, rows = roll_view(batch).lowest_pitch, roll_view(batch).pitches
    others = sounding_cells(batch) & ~music(batch).voices.painted(low, rows)
    painted = voices.painted(low, rows) & batch.inside()[:, None, :]
    return with_voices(batch, others | painted, voices)


def _one_note(batch: Batch, rng: Generator) -> Batch:
    return move_notes(batch, 1, rng)


def _three_notes(batch: Batch, rng: Generator) -> Batch:
    return move_notes(batch, 3, rng)


def _parallel_fifths(batch: Batch, rng: Generator) -> Batch:
    return parallel_fifths(batch, 3, rng)  # one chorale in ten has a parallel of its own: a single one proves little


def _swapped_voices(batch: Batch, rng: Generator) -> Batch:
    return swap_voices(batch, 1, rng)


def _wrong_duration(batch: Batch, rng: Generator) -> Batch:
    return move_boundaries(batch, 1, rng)


def bernoulli(batch: Batch, rng: Generator) -> Batch:
    """Each cell is 1 by chance, else 0: with the share of sounding cells of the whole batch."""
    cells = int(batch.lengths.sum()) * batch.values.shape[1]
    return coins(batch, np.count_nonzero(sounding_cells(batch)) / cells if cells else 0.0, rng)


BASELINES: dict[str, Baseline] = {
    "bernoulli": Baseline(bernoulli, 3),
    "one-note": Baseline(_one_note, 4),
    "three-notes": Baseline(_three_notes, 5),
    "shuffled-chords": Baseline(shuffle_chords, 6),
    "exponential": Baseline(exponential, 7),
    "parallel-fifths": Baseline(_parallel_fifths, 8),
    "swapped-voices": Baseline(_swapped_voices, 9),
    "wrong-duration": Baseline(_wrong_duration, 10),
}
"""Each baseline by the name that it has on the command line."""
