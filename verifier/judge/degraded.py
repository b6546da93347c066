"""Real samples changed as files often are: what a set that was processed, or written otherwise, is compared with.

Learning changes some real samples in each way that the medium names, by each dose, and keeps what they then
score: columns that stand in the place of those of a calibration (``Degraded.calibration``), or that a set which breaks
rules is held against (``judge.likeness``).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from msgspec import Meta, Struct, structs
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.judge.calibration import Calibration, PieceCounts, nulled, numbers
from verifier.rule.fault import Fault
from verifier.rule.rule import Checker, Rule, RuleCounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST = 120
"""Real samples that are degraded, about, however many the doses;"""
TABLES = 1200
"""and about so many by all doses together, if these are few."""
DIGITS = 3
"""Of their scores in a spec file: significant ones, at most two after the point."""
CHANGED = 0.05
"""Share of them whose score must change for the degradation to change a rule."""


OFF = 0.03
"""By how much the mean rank of scores, or of how far they lie from the middle, may be off where a dose is not stored
but told from others."""


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """A way in which samples come changed: ``processing`` is what the traces of rules call it, ``words`` says it with a
    dose ("JPEG of quality 90"), ``plant`` does it to a batch. ``doses`` ascend; between two of them lie others if it is
    ``graded``. ``possible`` says that a batch has what it needs; ``told``, that the samples tell whether they came
    so, and by what dose (``Medium.degraded``): it is not looked for in those that do not.
    """

    processing: str
    doses: tuple[float, ...]
    words: Callable[[float], str]
    plant: Callable[[Batch, float, Generator], Batch]
    graded: bool = True
    told: bool = False
    possible: Callable[[Batch], bool] = lambda batch: True

    @classmethod
    def by(
        cls,
        fault: Fault,
        processing: str,
        doses: tuple[float, ...],
        words: Callable[[float], str],
        possible: Callable[[Batch], bool] = lambda batch: True,
    ) -> Self:
        """What a fault does."""
        return cls(processing=processing, doses=doses, words=words, plant=fault.plant, possible=possible)


class DegradedScores(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """What real samples score after a ``dose``, under the rules that it changes."""

    dose: float
    scores: dict[str, list[float | None]]


class Degraded(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What some real samples score after each degradation, by its name: the ``samples`` of the calibration that are
    listed, from 0, in its order.
    """

    samples: list[Annotated[int, Meta(ge=0)]]
    by: dict[str, list[DegradedScores]]

    def require(self, calibration: Calibration | None, known: Mapping[str, Degradation]) -> None:
        """Raise InputError unless it belongs to ``calibration`` and has ``known`` names alone."""
        total = 0 if calibration is None else sum(calibration.samples)
        if calibration is None or any(sample >= total for sample in self.samples):
            raise InputError("samples", f"expected samples of the calibration, which has {total}, found others")
        for name, doses in self.by.items():
            if name not in known:
                raise InputError("by", f"expected one of {', '.join(known) or 'none'}, found {name!r}")
            for each in doses:
                for rule, scores in each.scores.items():
                    if len(scores) != len(self.samples) or rule not in calibration.scores:
                        raise InputError(
                            f"by.{name}",
                            f"expected {len(self.samples)} scores of a calibrated rule, found {len(scores)} of {rule}",
                        )

    def calibration(self, calibration: Calibration, name: str, dose: float, share: float = 1.0) -> Calibration:
        """That of the listed samples with the columns that the degradation changes in the place of the others; between
        two stored doses, on the line from one to the other; beyond the last, as after that. A ``share`` of the samples
        is degraded.
        """
        clean = restricted(calibration, self.samples)
        rules = self.changed(name)
        table = mixed(clean.table(rules), self._at(clean, rules, name, min(dose, self.by[name][-1].dose)), share)
        columns = {rule: nulled(column) for rule, column in zip(rules, table.T, strict=True)}
        return structs.replace(clean, scores={**clean.scores, **columns})

    def changed(self, name: str) -> tuple[str, ...]:
        """The rules that a degradation changes at any dose."""
        return tuple(dict.fromkeys(rule for each in self.by[name] for rule in each.scores))

    def _at(self, clean: Calibration, rules: Sequence[str], name: str, dose: float) -> Floats:
        """(samples, rules) scores after a dose."""
        for low, high, (before, after) in self.spans(clean, rules, name):
            if low <= dose <= high:
                return between(before, after, (dose - low) / (high - low))
        raise ValueError(f"a dose of {dose:g}")

    def spans(
        self, clean: Calibration, rules: Sequence[str], name: str
    ) -> Iterator[tuple[float, float, tuple[Floats, Floats]]]:
        """Each stored dose and the next, from 0, with the scores (samples, rules) after both."""
        low, before = 0.0, clean.table(rules)
        for each in self.by[name]:
            after = _table(clean, rules, each)
            yield low, each.dose, (before, after)
            low, before = each.dose, after


def _table(clean: Calibration, rules: Sequence[str], each: DegradedScores) -> Floats:
    """(samples, rules) scores after a dose, or clean ones where it changes none."""
    table = clean.table(rules)
    for at, rule in enumerate(rules):
        if rule in each.scores:
            table[:, at] = numbers(each.scores[rule])
    return table


def between(before: Floats, after: Floats, weight: float) -> Floats:
    """Scores on the line from one stored dose to the next."""
    return np.asarray((1 - weight) * before + weight * after)


def mixed(before: Floats, after: Floats, share: float) -> Floats:
    """Scores (samples, rules) of which a share is from after, evenly chosen, and the others are from before."""
    degraded = np.diff(np.floor(np.arange(len(before) + 1) * share)) > 0
    return np.where(degraded[:, None], after, before)


def restricted(calibration: Calibration, samples: Sequence[int]) -> Calibration:
    """That of some of its samples alone, which ascend; with the counts of those pieces that are whole, if all are."""
    of_pieces = calibration.pieces()[list(samples)]
    pieces, sizes = np.unique(of_pieces, return_counts=True)
    whole = all(calibration.samples[piece] == size for piece, size in zip(pieces, sizes, strict=True))
    units = [name for name, count in calibration.units for _ in range(count)]
    return Calibration(
        samples=sizes.tolist(),
        scores={rule: [scores[i] for i in samples] for rule, scores in calibration.scores.items()},
        counts={rule: _of(counts, pieces) for rule, counts in calibration.counts.items()} if whole else {},
        units=[(units[piece], 1) for piece in pieces] if units else [],
    )


def _of(counts: PieceCounts, pieces: Ints) -> PieceCounts:
    return PieceCounts(
        violations=[counts.violations[piece] for piece in pieces], trials=[counts.trials[piece] for piece in pieces]
    )


def most_samples(degradations: Mapping[str, Degradation]) -> int:
    """How many samples to degrade in these ways."""
    return max(MOST, TABLES // sum(len(how.doses) for how in degradations.values()))


def chosen(calibration: Calibration, most: int = MOST) -> list[int]:
    """About so many samples of the calibration to degrade: of pieces evenly chosen, as many pieces as can be, and
    samples evenly chosen in each.
    """
    starts = np.concatenate([[0], np.cumsum(calibration.samples)])
    step, each = math.ceil(len(calibration.samples) / most), max(1, most // len(calibration.samples))
    found: list[int] = []
    for piece in range(0, len(calibration.samples), step):
        size = calibration.samples[piece]
        own = np.unique((np.arange(min(each, size)) + 0.5) * size // min(each, size)).astype(int)
        found += (starts[piece] + own).tolist()
    return found


def degrade(
    rules: Sequence[Rule],
    parts: Sequence[tuple[Sequence[Rule], Batch]],
    degradations: Mapping[str, Degradation],
    calibration: Calibration,
    samples: Sequence[int],
    seed: int = 0,
) -> Degraded:
    """What the ``samples`` of the calibration score after every dose of every degradation. They are those of the
    batches of ``parts``, in that order, each with rules that were not learned from it.

    By these they are scored if samples tell of the degradation, as samples that it did not change are. Otherwise all
    are scored by the ``rules`` of the spec, as tested samples are: far from what is real, a score depends on the few
    real samples that lie farthest, so that rules learned without some of them give others. That a sample was among
    those learned from matters little there.
    """
    clean = restricted(calibration, samples)
    if sum(len(batch) for _, batch in parts) != len(samples):
        raise ValueError(f"{sum(len(batch) for _, batch in parts)} samples in place of {len(samples)}")
    of_spec = _compiled(rules)
    scorers = [(_compiled(own), batch) for own, batch in parts]
    by: dict[str, list[DegradedScores]] = {}
    for name, degradation in degradations.items():
        doses = []
        for dose in degradation.doses:
            found: dict[str, list[RuleCounts]] = {}
            for own, batch in scorers:
                changed = degradation.plant(batch, dose, np.random.default_rng(seed))
                for rule, checker in (own if degradation.told else of_spec).items():
                    found.setdefault(rule, []).append(checker.count(changed))
            doses.append(_changed(dose, found, clean))
        by[name] = _needed(doses, clean) if degradation.graded else doses
    return Degraded(samples=list(samples), by=by)


def _compiled(rules: Sequence[Rule]) -> dict[str, Checker]:
    return {rule.name(): rule.compile() for rule in rules}


def _needed(doses: Sequence[DegradedScores], clean: Calibration) -> list[DegradedScores]:
    """Those without which the scores after all of them would not be known: the line from the one before to the one
    after gives the others, from the first that it does not give on.
    """
    rules = list(clean.scores)
    tables = [clean.table(rules), *(_table(clean, rules, each) for each in doses)]
    values = [0.0, *(each.dose for each in doses)]
    kept, last = [], 0
    for at in range(1, len(values)):
        following = at + 1
        if following < len(values) and all(
            _lies_between(tables[last], tables[i], tables[following], values[last], values[i], values[following])
            for i in range(last + 1, following)
        ):
            continue
        kept.append(doses[at - 1])
        last = at
    return kept


def _lies_between(low: Floats, middle: Floats, high: Floats, first: float, dose: float, last: float) -> bool:
    guess = between(low, high, (dose - first) / (last - first))
    pairs = [(guessed, known) for guessed, known in zip(guess.T, middle.T, strict=True) if np.isfinite(known).any()]
    pairs += [(spread(guessed, known), spread(known, known)) for guessed, known in pairs]
    return all(abs(float(np.nanmean(ranks_among(guessed, known))) - 0.5) <= OFF for guessed, known in pairs)


def spread(values: Floats, real: Floats) -> Floats:
    """(n,) how far the rank of each value among the real ones lies from the middle."""
    return np.abs(ranks_among(values, real) - 0.5)


def ranks_among(values: Floats, real: Floats) -> Floats:
    """(n,) the mid-rank of each value among the real ones, 0 to 1; nan without a trial, and if no real one has any."""
    ordered = np.sort(real[~np.isnan(real)])
    if not len(ordered):
        return np.full(len(values), np.nan)
    below, up_to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.where(np.isnan(values), np.nan, (below + up_to) / (2 * len(ordered)))


def _changed(dose: float, found: Mapping[str, Sequence[RuleCounts]], clean: Calibration) -> DegradedScores:
    """Of the rules that a dose changes."""
    scores = {}
    for rule, parts in found.items():
        after = np.concatenate([part.scores for part in parts])
        same = np.isclose(clean.table([rule])[:, 0], after, rtol=0, atol=0.005, equal_nan=True)
        if np.mean(~same) <= CHANGED:
            continue
        scores[rule] = nulled(rounded(after))
    return DegradedScores(dose=dose, scores=scores)


def rounded(scores: Floats) -> Floats:
    """Scores (n,) with as many digits as a spec file has of them, so that equal ones are equal."""
    with np.errstate(divide="ignore"):
        size = np.floor(np.log10(np.abs(scores)))
    decimals = np.clip(DIGITS - 1 - np.where(np.isfinite(size), size, 0), 0, 2)
    return np.asarray(np.round(scores * 10**decimals) / 10**decimals)
