"""Verdicts from real data only: p-values of samples, pieces and whole sets against real pieces.

docs/verdicts.md says the same in plain words, with the sources.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from verifier.base.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TOLERANCE = 0.01
"""A rate that exceeds that of real data by less than this, and by less than that itself, fails no rule."""
PERMUTATIONS = 1999
"""Random regroupings of real and tested pieces that a set is held against, so that 1 / 2000 is the smallest p-value."""


Verdict = Literal["pass", "undecided", "fail"]

DECIMALS = 3
"""Of the scores in a spec file."""


class PieceCounts(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Violations and trials of one rule in each held-out piece."""

    violations: list[int]
    trials: list[int]

    @classmethod
    def of(cls, violations: Ints, trials: Ints, piece: Ints) -> Self:
        """From those of each sample (n,) and the piece of each sample (n,), from 0."""
        of_pieces = (np.bincount(piece, weights=counts).astype(int).tolist() for counts in (violations, trials))
        return cls(violations=next(of_pieces), trials=next(of_pieces))


class Calibration(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """What real data scores, piece by piece: what every p-value is a rank in.

    ``samples`` is the number of samples of each piece. ``scores`` has under each rule one score for each of these
    samples, one piece after the other; null where the sample gave the rule no trial. ``counts`` has one entry a piece.
    Pieces that were held out come first; the last ``learned`` pieces were learned from, and each was scored by rules
    that were learned without it. ``units`` has the name of each unit, such as a speaker, and how many of the next
    pieces are its own; nothing where every piece is a unit.
    """

    samples: list[Annotated[int, Meta(ge=1)]]
    scores: dict[str, list[float | None]]
    counts: dict[str, PieceCounts]
    learned: Annotated[int, Meta(ge=0)] = 0
    units: list[tuple[str, Annotated[int, Meta(ge=1)]]] = []

    def __post_init__(self) -> None:
        for name, scores in self.scores.items():
            if len(scores) != sum(self.samples):
                raise ValueError(f"{len(scores)} scores of {name} for {sum(self.samples)} samples")
        for name, counts in self.counts.items():
            if len(counts.violations) != len(self.samples) or len(counts.trials) != len(self.samples):
                raise ValueError(f"the counts of {name} are not those of {len(self.samples)} pieces")

        if self.learned > len(self.samples):
            raise ValueError(f"{self.learned} learned pieces of {len(self.samples)}")
        if self.units and sum(pieces for _, pieces in self.units) != len(self.samples):
            raise ValueError(f"the units do not have {len(self.samples)} pieces")

    @classmethod
    def joined(cls, parts: "Sequence[Calibration]") -> Self:
        """That of held-out pieces, the first part, and of the learned pieces of each fold, the others."""
        held_out = parts[0]
        units = [unit for part in parts for unit in part.units]
        return cls(
            samples=[n for part in parts for n in part.samples],
            scores={name: [score for part in parts for score in part.scores[name]] for name in held_out.scores},
            counts={
                name: PieceCounts(
                    violations=[n for part in parts for n in part.counts[name].violations],
                    trials=[n for part in parts for n in part.counts[name].trials],
                )
                for name in held_out.counts
            },
            learned=sum(len(part.samples) for part in parts[1:]),
            units=units if any(pieces > 1 for _, pieces in units) else [],
        )

    def require_rules(self, rules: Sequence[str]) -> None:
        """Raise InputError unless every rule was calibrated."""
        for name in rules:
            if name not in self.scores or name not in self.counts:
                raise InputError("", f"expected the scores and counts of {name}, found none")

    def table(self, rules: Sequence[str]) -> Floats:
        """(samples, rules) scores, nan for null."""
        columns = [numbers(self.scores[name]) for name in rules]
        return np.array(columns, np.float64).reshape(len(rules), -1).T

    def pieces(self) -> Ints:
        """(samples,) the piece of each sample, from 0."""
        return np.repeat(np.arange(len(self.samples)), self.samples)

    def units_of_pieces(self) -> Ints | None:
        """(pieces,) the unit of each piece, from 0; None where every piece is a unit."""
        if not self.units:
            return None
        names = list(dict.fromkeys(name for name, _ in self.units))
        return np.repeat([names.index(name) for name, _ in self.units], [pieces for _, pieces in self.units])


def rounded(scores: Floats) -> list[float | None]:
    """Scores (n,) as a spec file holds them; a nan, no trial, is null."""
    return [None if score is None else round(score, DECIMALS) for score in nulled(scores)]


def nulled(scores: Floats) -> list[float | None]:
    """Scores (n,) with null for a nan: no trial."""
    return [None if math.isnan(score) else score for score in scores.tolist()]


def numbers(scores: Sequence[float | None]) -> list[float]:
    """The same back again."""
    return [math.nan if score is None else score for score in scores]


def require_level(alpha: float, available: int, what: str) -> None:
    """Raise InputError if a p-value among ``available`` real ones can never be as small as ``alpha``."""
    needed = math.ceil(1 / alpha - 1e-9) - 1
    if available < needed:
        raise InputError(
            "--alpha",
            f"a level of {alpha:g} needs {needed} held-out {what}; the spec was calibrated with {available}, enough for"
            f" {1 / (available + 1):.2g}",
        )


def excess_p_values(
    real: Mapping[str, PieceCounts], tested: Mapping[str, PieceCounts], seed: int = 0
) -> dict[str, float]:
    """p-values, rule by rule, of the hypothesis that tested pieces break it no more often than real ones do, or by no
    more than is ``tolerated``: of many samples every difference is significant.

    The statistic is the difference of the two rates, less what is tolerated, over its standard error between pieces;
    its distribution under the hypothesis is that of the difference over random regroupings of all pieces into a "real"
    and a "tested" part of the same sizes (a studentised permutation test: Janssen, Statistics and Probability Letters
    36, 1997). All rules share them, and the same seed gives the same ones: the answer does not change from run to run.

    Pieces may only change places if they weigh alike. No piece counts for more trials than the median of the tested
    ones has: a work that the corpus has in twelve keys is one work, and a long piece is not many short ones.
    """
    names = list(tested)
    v, t = (
        np.array([[*getattr(real[name], what), *getattr(tested[name], what)] for name in names], np.float64).T
        for what in ("violations", "trials")
    )
    pieces = len(v)
    is_tested = np.arange(pieces) >= pieces - len(tested[names[0]].trials)
    weights = _evened(t, t[is_tested])
    v, t = v * weights, t * weights
    rates = v[~is_tested].sum(axis=0) / np.maximum(t[~is_tested].sum(axis=0), 1)
    found = regrouped(v, t, is_tested, tolerated(rates), seed)
    return dict(zip(names, found.tolist(), strict=True))


def regrouped(v: Floats, t: Floats, is_tested: NDArray[np.bool_], less: Floats | float, seed: int = 0) -> Floats:
    """(columns,) p-values that the tested pieces have no higher a mean than the others by more than ``less``; 1 where
    either have no count. ``v`` and ``t`` (pieces, columns) are the sums over each piece and its counts.
    """
    observed = studentised(v, t, is_tested[None, :], less)[0]
    as_strange = np.ones(v.shape[1])
    for shuffled in regroupings(is_tested, seed):
        as_strange += (studentised(v, t, shuffled) >= observed - 1e-9).sum(axis=0)
    known = t[is_tested].any(axis=0) & t[~is_tested].any(axis=0)
    return np.where(known, as_strange / (PERMUTATIONS + 1), 1.0)


def regroupings(is_tested: NDArray[np.bool_], seed: int) -> Iterator[NDArray[np.bool_]]:
    """PERMUTATIONS random choices of as many pieces as are tested (pieces,), some at a time: (rows, pieces)."""
    rng = np.random.default_rng(seed)
    rows = max(1, (1 << 22) // len(is_tested))
    for start in range(0, PERMUTATIONS, rows):
        yield rng.permuted(np.tile(is_tested, (min(rows, PERMUTATIONS - start), 1)), axis=1)


def _evened(trials: Floats, tested: Floats) -> Floats:
    """(pieces, rules) what the counts of pieces with so many ``trials`` are multiplied by, so that none has more than
    the median of those in ``tested`` that have any.
    """
    most = np.array([np.median(column[column > 0]) if column.any() else np.inf for column in tested.T])
    return np.asarray(np.minimum(1.0, most / np.maximum(trials, 1)))


def tolerated(rate: Floats) -> Floats:
    """By how much a rate may exceed that of real data before it matters: by as much again, at most by TOLERANCE.

    Two real sets of one kind differ by more than chance: those who wrote the test digits of MNIST wrote none of the
    training digits.
    """
    return np.minimum(rate, TOLERANCE)


def studentised(v: Floats, t: Floats, tested: NDArray[np.bool_], less: Floats | float = 0.0) -> Floats:
    """(rows, rules) difference of the rates of the tested and the other pieces, ``less`` so much, over its standard
    error.

    v and t (pieces, rules) are violations and trials; tested (rows, pieces). A piece without a trial has no weight.
    """
    columns = np.concatenate([t > 0, v, t, v * v, v * t, t * t], axis=1)

    def rate_and_variance(weights: Floats) -> tuple[Floats, Floats, Floats]:
        count, sum_v, sum_t, sum_vv, sum_vt, sum_tt = np.split(weights @ columns, 6, axis=1)
        total = np.maximum(sum_t, 1)
        rate = sum_v / total
        # the sum of (v - rate t)^2 over the pieces of the part, written out so that it is a product of matrices
        residual = np.maximum(sum_vv - 2 * rate * sum_vt + rate**2 * sum_tt, 0)
        return rate, residual / total**2 * count / np.maximum(count - 1, 1), total

    rate, variance, total = rate_and_variance(tested.astype(np.float64))
    other, of_other, total_other = rate_and_variance((~tested).astype(np.float64))
    # Half a violation in each part keeps a part without any from looking certain.
    floor = (0.5 / total) ** 2 + (0.5 / total_other) ** 2
    return np.asarray((rate - other - less) / np.sqrt(variance + of_other + floor))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted so that rejecting those up to alpha errs in any at most with probability alpha (Holm, 1979)."""
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted


def discovered(p_values: Floats, alpha: float) -> NDArray[np.bool_]:
    """(n,) which samples are called, such that the expected share of false calls is at most alpha (Benjamini and
    Hochberg, 1995).
    """
    order = np.argsort(p_values, kind="stable")
    below = p_values[order] <= alpha * np.arange(1, len(p_values) + 1) / max(len(p_values), 1)
    called = np.zeros(len(p_values), np.bool_)
    if below.any():
        called[order[: int(np.flatnonzero(below)[-1]) + 1]] = True
    return called
