"""Scalars: one number a sample, under the names that users of muspy and mgeval know.

A note is a maximal run on one pitch of the roll, as both take it from a roll; one that a cut shortens counts as it is
seen. Definitions are those of muspy 0.5 (Dong et al., ISMIR 2020), with its ends: a sample goes as far as its last
note, a note that ends on a beat touches the beat after it, and beats and bars are counted from the first step. Those of
mgeval (Yang and Lerch, Neural Computing and Applications 32, 2020) take all notes as one track, in order of time and
then upwards, and times in quarter notes instead of seconds; its total_used_pitch is n_pitches_used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.extra import PITCHES
from verifier.music.features.onsets import onset_counts
from verifier.music.features.roll import runs_in_time, scan
from verifier.music.samples import music, roll_view, sounding_cells

Floats = NDArray[np.float64]

Name = Literal[
    "n_pitches_used",
    "n_pitch_classes_used",
    "pitch_range",
    "pitch_entropy",
    "pitch_class_entropy",
    "scale_consistency",
    "polyphony",
    "polyphony_rate",
    "empty_beat_rate",
    "groove_consistency",
    "total_used_note",
    "avg_pitch_shift",
    "avg_IOI",
    "note_density",
    "duration_entropy",
]
"""What a scalar is called."""
BINS = 1 << 12
"""Values of a scalar on its grid; larger ones count as the largest."""
_SCALES = np.array(
    [np.roll(mask, root) for mask in ([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], [1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0])
     for root in range(12)]
).T  # fmt: skip
"""(12, 24), the pitch classes of each major and each natural minor scale."""


@dataclass(frozen=True)
class Scalar:
    """How a scalar is computed, (n,) with nan where it is undefined, and the step of the grid on which it is counted.

    ``unit`` says what it is measured in. No scalar is negative, so that bin b of the grid is the value b * step.
    """

    compute: Callable[[Batch], Floats]
    step: float
    unit: str

    def bins(self, values: Floats) -> NDArray[np.int64]:
        """(m,) the nearest point of the grid to each value; a half goes up."""
        # The last addend: a half must go up in spite of the rounding errors of a logarithm or a quotient.
        return np.minimum(np.floor(values / self.step + 0.5 + 1e-6), BINS - 1).astype(np.int64)

    def text(self, bin_: int) -> str:
        """The value of a bin as it is written: ``2.35``."""
        return f"{bin_ * self.step:.6g}"


def scalar(batch: Batch, name: Name) -> Floats:
    """(n,) the scalar of that name in SCALARS, computed once a batch; nan for samples in which it is undefined."""
    return batch.feature(f"scalar-{name}", SCALARS[name].compute)


def n_pitches_used(batch: Batch) -> Floats:
    """How many different pitches there are."""
    return np.asarray(np.count_nonzero(scan(batch).notes, axis=1), np.float64)


def n_pitch_classes_used(batch: Batch) -> Floats:
    """How many different pitch classes there are."""
    return np.asarray(np.count_nonzero(_pitch_classes(batch), axis=1), np.float64)


def pitch_range(batch: Batch) -> Floats:
    """Semitones from the lowest to the highest note; 0 where there is none."""
    used = scan(batch).notes > 0
    rows = used.shape[1]
    highest, lowest = rows - 1 - used[:, ::-1].argmax(axis=1), used.argmax(axis=1)
    return np.where(used.any(axis=1), highest - lowest, 0).astype(np.float64)


def pitch_entropy(batch: Batch) -> Floats:
    """Entropy of the pitches of the notes, in bits."""
    return _entropy(scan(batch).notes)


def pitch_class_entropy(batch: Batch) -> Floats:
    """Entropy of the pitch classes of the notes, in bits."""
    return _entropy(_pitch_classes(batch))


def scale_consistency(batch: Batch) -> Floats:
    """The largest share of the notes that any major or natural minor scale holds."""
    classes = _pitch_classes(batch)
    return _ratio((classes @ _SCALES).max(axis=1), classes.sum(axis=1))


def polyphony(batch: Batch) -> Floats:
    """Mean number of pitches at the steps at which any sounds."""
    together = scan(batch).polyphony
    return _ratio(together.sum(axis=1, dtype=np.int64), np.count_nonzero(together, axis=1))


def polyphony_rate(batch: Batch) -> Floats:
    """The share of steps at which three pitches or more sound: more than muspy's threshold of 2."""
    return _ratio(np.count_nonzero(scan(batch).polyphony > 2, axis=1), _ends(batch))


def empty_beat_rate(batch: Batch) -> Floats:
    """The share of quarters that no note touches."""
    sounds = scan(batch).polyphony > 0
    touched = np.zeros((len(sounds), sounds.shape[1] + 1), np.bool_)
    touched[:, :-1] = sounds
    touched[:, 1:] |= sounds  # where the last of the notes ends
    per_quarter = float(roll_view(batch).steps_per_quarter)
    beats = np.floor(np.arange(touched.shape[1]) / per_quarter).astype(np.int64)
    first = np.flatnonzero(np.diff(beats, prepend=-1))  # of each beat that has a step, the first
    filled = np.count_nonzero(np.logical_or.reduceat(touched, first, axis=1), axis=1)
    ends = _ends(batch)
    return np.where(ends > 0, 1 - filled / (np.floor(ends / per_quarter) + 1), np.nan)


def groove_consistency(batch: Batch) -> Floats:
    """1 less the mean share of steps by which the onsets of neighbouring bars differ; nan for less than two bars."""
    struck, ends = onset_counts(batch) > 0, _ends(batch)
    values = np.full(len(batch), np.nan)
    bars = bar_steps(batch)
    for bar in np.unique(bars).tolist():
        at = np.flatnonzero(bars == bar)
        whole = struck.shape[1] // bar + 1
        padded = np.zeros((len(at), (whole + 1) * bar), np.bool_)
        padded[:, : struck.shape[1]] = struck[at]
        by_bar = padded.reshape(len(at), whole + 1, bar)
        pairs = ends[at] // bar  # of neighbours, up to the bar in which the last note ends
        differing = np.count_nonzero(by_bar[:, 1:] != by_bar[:, :-1], axis=2)
        counted = np.where(np.arange(whole) < pairs[:, None], differing, 0).sum(axis=1)
        values[at] = 1 - _ratio(counted, pairs * bar)
    return values


def total_used_note(batch: Batch) -> Floats:
    """How many notes there are."""
    return np.asarray(scan(batch).notes.sum(axis=1), np.float64)


def avg_pitch_shift(batch: Batch) -> Floats:
    """Mean interval in semitones, up or down, from each note to the next; nan for less than two notes."""
    samples, rows, _, _ = runs_in_time(batch)
    same = samples[1:] == samples[:-1]
    sums = np.bincount(samples[1:][same], np.abs(np.diff(rows))[same], len(batch))
    return _ratio(sums, np.bincount(samples[1:][same], minlength=len(batch)))


def avg_IOI(batch: Batch) -> Floats:  # noqa: N802  # the name it has in mgeval
    """Mean time from each onset to the next in quarters; notes of a chord are 0 apart. nan for less than two."""
    counts = onset_counts(batch)
    struck = counts > 0
    first = struck.argmax(axis=1)
    last = counts.shape[1] - 1 - struck[:, ::-1].argmax(axis=1)
    total = counts.sum(axis=1)
    return _ratio(np.where(total > 1, last - first, 0), np.maximum(total - 1, 0)) / float(
        roll_view(batch).steps_per_quarter
    )


def note_density(batch: Batch) -> Floats:
    """Notes per quarter of the sample; nan for one of no steps."""
    return _ratio(total_used_note(batch), batch.lengths / float(roll_view(batch).steps_per_quarter))


def duration_entropy(batch: Batch) -> Floats:
    """Entropy of the lengths of the notes in steps, in bits."""
    found = scan(batch)
    return _entropy(found.runs + found.cut_runs)


SCALARS: Mapping[Name, Scalar] = {
    "n_pitches_used": Scalar(n_pitches_used, 1, "pitches"),
    "n_pitch_classes_used": Scalar(n_pitch_classes_used, 1, "pitch classes"),
    "pitch_range": Scalar(pitch_range, 1, "semitones"),
    "pitch_entropy": Scalar(pitch_entropy, 0.05, "bits"),
    "pitch_class_entropy": Scalar(pitch_class_entropy, 0.05, "bits"),
    "scale_consistency": Scalar(scale_consistency, 0.01, "of the notes"),
    "polyphony": Scalar(polyphony, 0.05, "pitches"),
    "polyphony_rate": Scalar(polyphony_rate, 0.01, "of the steps"),
    "empty_beat_rate": Scalar(empty_beat_rate, 0.01, "of the quarters"),
    "groove_consistency": Scalar(groove_consistency, 0.01, "of the steps"),
    "total_used_note": Scalar(total_used_note, 1, "notes"),
    "avg_pitch_shift": Scalar(avg_pitch_shift, 0.1, "semitones"),
    "avg_IOI": Scalar(avg_IOI, 0.01, "quarters"),
    "note_density": Scalar(note_density, 0.1, "notes a quarter"),
    "duration_entropy": Scalar(duration_entropy, 0.05, "bits"),
}
"""Every scalar by its name."""


def registers(batch: Batch) -> NDArray[np.int64]:
    """(n,) the mean pitch of each sample over its notes, those outside the view with them, to the nearest MIDI number;
    0 for silence. What a rule measures from here is the same in every key.
    """
    return batch.feature("registers", _registers)


def _registers(batch: Batch) -> NDArray[np.int64]:
    notes, outside = scan(batch).notes, music(batch).outside
    sums = notes @ (roll_view(batch).lowest_pitch + np.arange(notes.shape[1])) + outside @ np.arange(PITCHES)
    counts = notes.sum(axis=1) + outside.sum(axis=1)
    return np.asarray(np.floor(sums / np.maximum(counts, 1) + 0.5), np.int64)


def bar_steps(batch: Batch) -> NDArray[np.int64]:
    """(n,) the steps of a bar, to the nearest, at least 1."""
    return np.maximum(np.rint(music(batch).meters * float(roll_view(batch).steps_per_quarter)).astype(np.int64), 1)


def _pitch_classes(batch: Batch) -> NDArray[np.int64]:
    """(n, 12), the notes of each pitch class."""
    notes = scan(batch).notes
    classes = (roll_view(batch).lowest_pitch + np.arange(notes.shape[1])) % 12
    return np.asarray(notes @ (classes[:, None] == np.arange(12)), np.int64)


def _ends(batch: Batch) -> NDArray[np.int64]:
    """(n,) the step after the last at which anything sounds; 0 for silence."""
    sounds = scan(batch).polyphony > 0
    steps = sounds.shape[1]
    return np.where(sounds.any(axis=1), steps - sounds[:, ::-1].argmax(axis=1), 0).astype(np.int64)


def _entropy(counts: NDArray[np.int32] | NDArray[np.int64]) -> Floats:
    """(n,) the entropy of each row of counts in bits; nan for a row of none."""
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    bits = -(shares * np.log2(np.where(counts > 0, shares, 1))).sum(axis=1)
    return np.where(totals > 0, np.maximum(bits, 0), np.nan)


def _ratio(a: NDArray[np.int64] | Floats, b: NDArray[np.int64] | Floats) -> Floats:
    """a / b, and nan where b is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(b > 0, a / b, np.nan), np.float64)


def longest_pitch_class(batch: Batch) -> NDArray[np.int64]:
    """The pitch class, 0 (C) to 11, that sounds longest in each sample, (n,): what a classifier of music learns here.

    Two notes of one class count twice. Of equals, and where nothing sounds, it is the lowest.
    """
    pitches = roll_view(batch).lowest_pitch + np.arange(roll_view(batch).pitches)
    steps = sounding_cells(batch).sum(axis=2) @ (pitches[:, None] % 12 == np.arange(12))
    return np.asarray(steps.argmax(axis=1), np.int64)
