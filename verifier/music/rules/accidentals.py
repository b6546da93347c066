"""Whether each note has the accidental that its chord, line and key call for, or a neighbour would fit better."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features.chroma import CODES, DOUBLED, PITCH_CLASSES, Unions, chord_name, transpose
from verifier.music.features.passages import first_time
from verifier.music.features.roll import chroma_sets, runs_in_time
from verifier.music.samples import roll_view
from verifier.rule.counted import Counted, Events, looked_up
from verifier.rule.rule import Count, RuleCounts, SparseCounts, Violation, option, replace

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WIDEST = 12
"""Semitones of the widest step in a line; what leaps further is another line."""
BREAK = "rest"
SETS = ("next", "during", "near", "wide", "far", "home")
"""The other tables: each counts sets of pitch classes around a note."""
SETS_AT = 1 << 22
"""Keys of the table below this are of ``lines``; each of the others has the next 4096."""
PLACES = np.arange(-5, 7)
"""Semitones from a note to the twelve pitches that could stand in its place."""
SOUNDING = PLACES.tolist().index(0)


class Accidentals(Counted, frozen=True, kw_only=True):
    """Wrong notes by a semitone: a violation is a note whose chromatic neighbour fits far better than itself.

    A note, a maximal run on one pitch, is seen from itself, in semitones above its own pitch class: which others sound
    when it starts; the step of its line into it and out of it, from the nearest pitch that ends there and to the
    nearest that starts as it ends; which pitch classes sound at the next step after it; which sound from ``near``
    quarter notes before it until as many after it; and which within ``wide`` quarter notes. How often each was seen
    says how well each of the twelve pitches around would fit in its place, in whatever key: the product of the four
    probabilities, each normalised over the twelve, with Witten-Bell back-off (IEEE Transactions on Information Theory
    37, 1991) from both steps of the line to the first, and to the chord alone. A note's misfit is the logarithm of how
    many times better the better of its two neighbours fits; its limit is what 99 % of held-out notes keep. It is a
    ratio of pseudo-likelihoods (Besag, The Statistician 24, 1975), each note given all others, and counts what the
    four share more than once.

    A sample's score is the log-likelihood ratio between about one wrong note in it and none: the sum of
    log(1 + times better / notes), divided by ``weight``, so that a note that stands out speaks as loudly as the product
    itself would. The test is made for this fault and sees others only so far as they bring it about.
    """

    near: Annotated[float, option("quarter notes before and after a note that tell its harmony", ge=0, le=64)] = 1
    wide: Annotated[float, option("the same, for the harmony around that", ge=0, le=64)] = 2
    far: Annotated[float, option("quarter notes before and after a note that tell its key", ge=0, le=64)] = 4
    home: Annotated[float, option("the same, for the key around that", ge=0, le=64)] = 8
    weight: Annotated[float, option("power that each of the seven probabilities is taken to", gt=0, le=1)] = 0.4
    limit: float | None = None
    """Largest misfit that a note may have, in nats: set from held-out real samples, lost in a merge."""
    lines: dict[str, dict[str, Count]] = {}
    """semitones of the others above the note -> step into it, step out of it -> notes."""
    next_chords: dict[str, Count] = {}
    """semitones above the note of what sounds just after it -> notes."""
    during_chords: dict[str, Count] = {}
    near_chords: dict[str, Count] = {}
    wide_chords: dict[str, Count] = {}
    far_chords: dict[str, Count] = {}
    home_chords: dict[str, Count] = {}
    """semitones above the note of the pitch classes while it sounds, and around it -> notes."""

    def trial_name(self) -> str:
        return "note"

    def events(self, batch: Batch) -> Events:
        found = self.contexts(batch)
        samples = np.tile(found.samples, 1 + len(SETS))
        keys = np.concatenate([found.lines, *(of_set + _first(at) for at, of_set in enumerate(found.sets))])
        order = np.argsort(samples, kind="stable")
        return Events.single(samples[order], keys[order])

    def contexts(self, batch: Batch) -> "Contexts":
        """What surrounds every note of every sample."""
        return contexts(batch, (self.near, self.wide, self.far, self.home))

    def only_trials(self, events: Events) -> Events:
        return events.where(events.keys < SETS_AT)

    def from_yaml(self) -> SparseCounts:
        entries = [
            (chord << 10 | _steps_key(steps), count)
            for others, found in self.lines.items()
            for chord in [_set_key(others, "lines")]
            for steps, count in found.items()
        ]
        for at, name in enumerate(SETS):
            counts_of: dict[str, int] = getattr(self, f"{name}_chords")
            entries += [(_first(at) + _set_key(key, f"{name}-chords"), count) for key, count in counts_of.items()]
        keys, counts = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, counts)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        lines: dict[str, dict[str, int]] = {}
        sets: list[dict[str, int]] = [{} for _ in SETS]
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            if key >= SETS_AT:
                sets[(key - SETS_AT) // CODES][_set_name(key % CODES)] = count
            else:
                steps = f"{_step_name(key >> 5 & 31)} {_step_name(key & 31)}"
                lines.setdefault(_set_name(key >> 10), {})[steps] = count
        return {"lines": lines, **{f"{name}_chords": counts for name, counts in zip(SETS, sets, strict=True)}}

    def merge(self, other: Self) -> Self:
        merged: Self = replace(super().merge(other), limit=None)
        return merged

    def calibrate(self, batch: Batch) -> Self:
        misfits = self.compile().misfits(self.contexts(batch)).max(axis=0)
        limit = None
        if len(misfits):
            # Where no neighbour fits better there is no misfit, however seldom that one fits as well.
            limit = max(0.0, float(np.ceil(np.quantile(misfits, 0.99, method="higher") * 1e6) / 1e6))
        calibrated: Self = replace(self, limit=limit)
        return calibrated

    def compile(self) -> "AccidentalsChecker":
        table = self.learned
        lines = _part(table, 0, SETS_AT)
        levels = (
            SparseCounts.of(lines.keys >> 10, lines.counts),
            SparseCounts.of(lines.keys >> 5, lines.counts),
            lines,
        )
        moved = _moved_sets(np.arange(CODES))
        by_set = [_advantage(_fit(moved, _part(table, _first(at), CODES), 1 / len(PLACES))) for at in range(len(SETS))]
        return AccidentalsChecker(self, levels, np.stack(by_set))

    def summary(self) -> Iterator[str]:
        yield (
            f"{len(self.lines):,} chords around a note, {sum(map(len, self.lines.values())):,} with the steps of its"
            f" line; {len(self.next_chords):,} sets of pitch classes just after it, {len(self.near_chords):,} within"
            f" {self.near:g}, {len(self.wide_chords):,} within {self.wide:g}, {len(self.far_chords):,} within"
            f" {self.far:g} and {len(self.home_chords):,} within {self.home:g} quarter notes"
        )
        if self.limit is None:
            yield "no limit: nothing was held out"
        else:
            yield f"a chromatic neighbour may fit {_factor(self.limit)} times as well"


class Contexts(NamedTuple):
    """Every note, in order of sample, time and pitch; all (m,).

    The pitch is a MIDI number, ``start`` and ``stop`` are steps. ``lines`` has the set of the others that sound, as 12
    bits from 10 on, the step into the note in 5 bits, and the step out of it in 5 bits: 0 for a break, or 13 more than
    the semitones. ``sets`` (6, m) has the sets of the pitch classes of ``SETS``, in 12 bits; bit 0 is the class of the
    note itself.
    """

    samples: Ints
    pitches: Ints
    starts: Ints
    stops: Ints
    lines: Ints
    sets: Ints


def contexts(batch: Batch, spans: Sequence[float]) -> Contexts:
    """What surrounds every note of every sample; ``spans`` in quarter notes before and after it."""
    samples, row, start, stop = runs_in_time(batch)
    steps, length = batch.values.shape[2], batch.lengths[samples]
    pitch_class = (roll_view(batch).lowest_pitch + row) % 12
    far = [round(span * roll_view(batch).steps_per_quarter) for span in spans]
    longest = max(1, *far, int((stop - start).max(initial=1)))
    unions = Unions.of(chroma_sets(batch), longest)

    def beside(since: Ints, until: Ints) -> Ints:
        """The set of pitch classes that sound in these steps beside the note, which sounds in all of them."""
        sets = unions.between(samples, since, until)
        # Its own class is one of the others where another octave of it sounds.
        return np.where(sets >> DOUBLED + pitch_class & 1, sets, sets & ~(1 << pitch_class))

    def around(far: int) -> Ints:
        before = unions.between(samples, np.maximum(start - far, 0), start)
        return before | during | unions.between(samples, stop, np.minimum(stop + far, length))

    chord, during = beside(start, start + 1), beside(start, stop)
    sets = [unions.between(samples, stop, np.minimum(stop + 1, length)), during, *map(around, far)]
    starting, ending = ((samples * (steps + 1) + at) << 8 | row for at in (start, stop))
    into, out = _nearest(np.sort(ending), starting), _nearest(starting, ending)
    # The step into a note is upward if it comes from below.
    line = _seen_from(chord, pitch_class) << 10 | np.where(into, 26 - into, 0) << 5 | out
    seen = np.stack([_seen_from(found, pitch_class) for found in sets])
    return Contexts(samples, row + roll_view(batch).lowest_pitch, start, stop, line, seen)


def _seen_from(sets: Ints, pitch_class: Ints) -> Ints:
    """Sets of pitch classes in semitones above another pitch class; bits from DOUBLED on are ignored."""
    sets = sets & (CODES - 1)
    return (sets >> pitch_class | sets << (12 - pitch_class)) & (CODES - 1)


def _nearest(rows: Ints, of: Ints) -> Ints:
    """13 + semitones from each pitch of ``of`` to the nearest of ``rows`` (ascending) at the same time of the same
    sample, the lower of two that are equally near; 0 if there is none within an octave. The pitch is the low 8 bits.
    """
    above = np.searchsorted(rows, of)
    padded = np.concatenate([[-1 << 8], rows, [-1 << 8]])
    higher, lower = padded[above + 1], padded[above]
    up = np.where(higher >> 8 == of >> 8, higher - of, 256)
    down = np.where(lower >> 8 == of >> 8, of - lower, 256)
    nearest = np.where(down <= up, -down, up)
    return np.where(np.abs(nearest) <= WIDEST, 13 + nearest, 0)


def _moved_sets(sets: Ints) -> Ints:
    """(12, m) the sets as the pitches of ``PLACES`` would see them."""
    return np.stack([transpose(sets, int(-semitones) % 12) for semitones in PLACES])


def _moved_lines(lines: Ints) -> Ints:
    """(12, m) the keys of ``lines`` as the pitches of ``PLACES`` would have them, or -1 for a step that is too wide."""
    into, out = lines >> 5 & 31, lines & 31
    shift = PLACES[:, None]
    after, then = np.where(into > 0, into + shift, 0), np.where(out > 0, out - shift, 0)
    wide = (into > 0) & (np.abs(after - 13) > WIDEST) | (out > 0) & (np.abs(then - 13) > WIDEST)
    return np.where(wide, -1, _moved_sets(lines >> 10) << 10 | after << 5 | then)


def _fit(candidates: Ints, table: SparseCounts, base: Floats | float) -> Floats:
    """(12, m) Witten-Bell: how likely each of twelve candidates is by its count, interpolated with ``base``."""
    counts = looked_up(table.keys, table.counts, candidates)
    total, types = counts.sum(axis=0), (counts > 0).sum(axis=0)
    return np.asarray(np.where(total > 0, (counts + types * base) / np.maximum(total + types, 1), base))


def _advantage(fit: Floats) -> Floats:
    """(2, m) log of how many times better the pitch below and the pitch above fit than the one that sounds."""
    return np.asarray(np.log(fit[[SOUNDING - 1, SOUNDING + 1]]) - np.log(fit[SOUNDING]))


@dataclass(frozen=True, eq=False)
class AccidentalsChecker:
    """Counts and locates the notes whose misfit exceeds the limit.

    ``levels`` are the counts of the chord, with the step into the note, and with both steps. ``by_set`` (6, 2, 4096)
    is what each set of pitch classes, in each of its places, says for the pitch below the note and the one above.
    """

    rule: Accidentals
    levels: tuple[SparseCounts, SparseCounts, SparseCounts]
    by_set: Floats

    def misfits(self, found: Contexts) -> Floats:
        """(2, m) log of how many times better the pitch below each note and the pitch above it would fit."""
        distinct, at = np.unique(found.lines, return_inverse=True)
        candidates = _moved_lines(distinct)
        fit: Floats | float = 1 / len(PLACES)
        # A step too wide is -1, and so is what remains of it: nowhere in a table, but its chord is.
        chords = _moved_sets(distinct >> 10)
        into = np.where(candidates < 0, -1, candidates >> 5)
        for level, keys in zip(self.levels, (chords, into, candidates), strict=True):
            fit = _fit(keys, level, fit)
        misfits = _advantage(np.asarray(fit))[:, at]
        for advantage, of_set in zip(self.by_set, found.sets, strict=True):
            misfits += advantage[:, of_set]
        return self.rule.weight * misfits

    def count(self, batch: Batch) -> RuleCounts:
        found = self.rule.contexts(batch)
        misfits = self.misfits(found).max(axis=0)
        broken = misfits > self._limit()
        trials = np.bincount(found.samples, minlength=len(batch)).astype(np.int64)
        first = first_time(batch)[found.samples, found.starts]
        ratios = np.where(first, np.log1p(np.exp(misfits) / trials[found.samples]), 0)
        scores = np.bincount(found.samples, ratios, len(batch)) / self.rule.weight
        return RuleCounts(
            violations=np.bincount(found.samples[broken], minlength=len(batch)).astype(np.int64),
            trials=trials,
            scores=np.where(trials > 0, scores, np.nan),
            kinds=SparseCounts.of(_kinds(found)[broken], np.ones(int(broken.sum()), np.int64)),
        )

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        found = self.rule.contexts(batch.take([i]))
        misfits, kinds = self.misfits(found), _kinds(found)
        for at in np.flatnonzero(misfits.max(axis=0) > self._limit()):
            below, above = misfits[:, at].tolist()
            pitch, start = int(found.pitches[at]), int(found.starts[at])
            neighbour = PITCH_CLASSES[(pitch + (1 if above > below else -1)) % 12]
            yield Violation(
                start=start,
                steps=int(found.stops[at]) - start,
                pitches=(pitch,),
                observed=self.type_name(int(kinds[at])),
                allowed=(
                    f"{neighbour} would fit {_factor(max(below, above))} times as well, where for 99 % of held-out"
                    f" notes no neighbour fits more than {_factor(self._limit())} times as well"
                ),
            )

    def type_name(self, key: int) -> str:
        others = f"with {chord_name(key >> 4)}" if key >> 4 else "alone"
        return f"{PITCH_CLASSES[key & 15]} {others}"

    def _limit(self) -> float:
        return np.inf if self.rule.limit is None else self.rule.limit


def _kinds(found: Contexts) -> Ints:
    """The pitch class of each note in 4 bits, below the set of the pitch classes that sound beside it."""
    pitch_class = found.pitches % 12
    return _seen_from(found.lines >> 10, -pitch_class % 12) << 4 | pitch_class


def _factor(nats: float) -> str:
    factor = float(np.exp(nats))
    return f"{factor:,.1f}" if factor < 100 else f"{factor:,.0f}"


def _first(at: int) -> int:
    """The first key of the sets in one of the three places."""
    return SETS_AT + at * CODES


def _part(table: SparseCounts, first: int, size: int) -> SparseCounts:
    """The part of a table with keys from ``first`` on, as keys from 0 on."""
    inside = (table.keys >= first) & (table.keys < first + size)
    return SparseCounts(table.keys[inside] - first, table.counts[inside])


def _set_name(key: int) -> str:
    return " ".join(str(bit) for bit in range(12) if key >> bit & 1) or BREAK


def _set_key(name: str, place: str) -> int:
    parts = [] if name == BREAK else name.split()
    if any(not (part.isascii() and part.isdigit() and int(part) < 12) for part in parts) or not (
        parts or name == BREAK
    ):
        raise InputError(place, f"expected semitones such as '3 8' or '{BREAK}', found {name!r}")
    return sum(1 << semitones for semitones in {int(part) for part in parts})


def _step_name(key: int) -> str:
    return f"{key - 13:+d}" if key else BREAK


def _steps_key(steps: str) -> int:
    parts = steps.split()
    if len(parts) != 2 or any(part not in _STEPS for part in parts):
        raise InputError("lines", f"expected two steps such as '+2 -1' or '{BREAK} +5', found {steps!r}")
    return _STEPS[parts[0]] << 5 | _STEPS[parts[1]]


_STEPS = {_step_name(step): step for step in range(26)}
