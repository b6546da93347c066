"""Verdicts from real data only: p-values of samples, pieces and whole sets against held-out real pieces.

docs/verdicts.md says the same in plain words, with the sources.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from verifier.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PERMUTATIONS = 1999
"""Random regroupings of real and tested pieces that a set is held against, so that 1 / 2000 is the smallest p-value."""


Verdict = Literal["pass", "undecided", "fail"]

DECIMALS = 5
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


class Calibration(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What held-out real data scores, piece by piece: what every p-value is a rank in.

    ``samples`` is the number of samples of each piece. ``scores`` has under each rule one score for each of these
    samples, one piece after the other; null where the sample gave the rule no trial. ``counts`` has one entry a piece.
    """

    samples: list[Annotated[int, Meta(ge=1)]]
    scores: dict[str, list[float | None]]
    counts: dict[str, PieceCounts]

    def __post_init__(self) -> None:
        for name, scores in self.scores.items():
            if len(scores) != sum(self.samples):
                raise ValueError(f"{len(scores)} scores of {name} for {sum(self.samples)} samples")
        for name, counts in self.counts.items():
            if len(counts.violations) != len(self.samples) or len(counts.trials) != len(self.samples):
                raise ValueError(f"the counts of {name} are not those of {len(self.samples)} pieces")

    def require_rules(self, rules: Sequence[str]) -> None:
        """Raise InputError unless every rule was calibrated."""
        for name in rules:
            if name not in self.scores or name not in self.counts:
                raise InputError("", f"expected the scores and counts of {name}, found none")

    def table(self, rules: Sequence[str]) -> Floats:
        """(samples, rules) scores, nan for null."""
        columns = [[math.nan if score is None else score for score in self.scores[name]] for name in rules]
        return np.array(columns, np.float64).reshape(len(rules), -1).T

    def pieces(self) -> Ints:
        """(samples,) the piece of each sample, from 0."""
        return np.repeat(np.arange(len(self.samples)), self.samples)


class PValues(NamedTuple):
    """p-values of n samples: under each rule (n, rules), of all rules together (n,), and which rule spoke (n,)."""

    rules: Floats
    combined: Floats
    spoke: Ints


def require_level(alpha: float, available: int, what: str) -> None:
    """Raise InputError if a p-value among ``available`` real ones can never be as small as ``alpha``."""
    needed = math.ceil(1 / alpha - 1e-9) - 1
    if available < needed:
        raise InputError(
            "--alpha",
            f"a level of {alpha:g} needs {needed} held-out {what}; the spec was calibrated with {available}, enough for"
            f" {1 / (available + 1):.2g}",
        )


class Reference:
    """The held-out real samples of a spec, made ready to rank others among.

    Larger scores are stranger; a nan, no trial, is the least strange. Under one rule a sample has
    p = (1 + real scores that are at least as large) / (m + 1). All rules together: the statistic of a sample is the
    smallest of its p-values, ties decided by the next smallest, and the combined p-value is the rank of the statistic
    among those of the real samples, each ranked among all samples, real and tested, as the tested one is. So it is
    uniform for a sample that is exchangeable with the real ones, however the rules depend on each other (conformal
    prediction: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). A piece is ranked among the
    real pieces in the same way, by its strangest sample times the number of its samples.
    """

    def __init__(self, calibration: Calibration, rules: Sequence[str]) -> None:
        self.scores = _comparable(calibration.table(rules))
        self.size = len(self.scores)
        self.columns = np.sort(self.scores, axis=0)
        self.at_least = self._at_least(self.scores)
        self.trace = _trace((self.at_least + 0.5) / (self.size + 1))
        self.samples = np.asarray(calibration.samples)
        starts = np.cumsum(self.samples) - self.samples
        own = [
            (scores[None, :, :] >= scores[:, None, :]).sum(axis=1)
            for scores in (self.scores[start : start + n] for start, n in zip(starts, self.samples, strict=True))
        ]
        self.starts = starts
        self.at_least_elsewhere = self.at_least - np.concatenate(own)

    def _at_least(self, scores: Floats) -> Ints:
        """(n, rules) how many real scores are at least as large as each of ``scores``."""
        columns = [
            self.size - np.searchsorted(self.columns[:, at], scores[:, at], side="left")
            for at in range(scores.shape[1])
        ]
        return np.stack(columns, axis=1)

    def of_samples(self, scores: Floats) -> PValues:
        """p-values of samples by their scores (n, rules), in the order of the rules given."""
        scores = _comparable(scores)
        rules = (1 + self._at_least(scores)) / (self.size + 1)
        statistic = rules.min(axis=1) + _trace(rules)
        as_strange = np.empty(len(scores))
        rows = max(1, (1 << 22) // self.scores.size)
        for start in range(0, len(scores), rows):
            part = scores[start : start + rows, None, :]
            smallest = (self.at_least + (part >= self.scores)).min(axis=2) / (self.size + 1)
            as_strange[start : start + rows] = (smallest + self.trace <= statistic[start : start + rows, None]).sum(
                axis=1
            )
        return PValues(rules, (1 + as_strange) / (self.size + 1), rules.argmin(axis=1))

    def of_pieces(self, scores: Floats, pieces: Ints) -> Floats:
        """p-value of each piece (k,); scores (n, rules), ``pieces`` (n,) the piece of each sample, from 0 to k - 1."""
        scores = _comparable(scores)
        rules = (1 + self._at_least(scores)) / (self.size + 1)
        by_sample = rules.min(axis=1) + _trace(rules)
        others = self.size - np.repeat(self.samples, self.samples)
        order = np.argsort(pieces, kind="stable")
        found = []
        for members in np.split(order, np.cumsum(np.bincount(pieces))[:-1]):
            statistic = by_sample[members].min() * len(members)
            tested = (scores[members, None, :] >= self.scores).sum(axis=0)
            smallest = (1 + self.at_least_elsewhere + tested).min(axis=1) / (1 + others + len(members))
            real = np.minimum.reduceat(smallest + self.trace, self.starts) * self.samples
            found.append((1 + int((real <= statistic).sum())) / (len(self.samples) + 1))
        return np.array(found)


def _comparable(scores: Floats) -> Floats:
    """Scores as a spec file holds them, so that equal ones stay equal, with "no trial" as the least strange."""
    return np.where(np.isnan(scores), -np.inf, np.round(scores, DECIMALS))


def _trace(p: Floats) -> Floats:
    """Of each sample, the second and third smallest p, made so small that they only decide between equal smallest."""
    ordered = np.sort(p, axis=1)[:, 1:3]
    return np.asarray(ordered @ (1e-5 ** np.arange(1, ordered.shape[1] + 1)))


def excess_p_values(
    real: Mapping[str, PieceCounts], tested: Mapping[str, PieceCounts], seed: int = 0
) -> dict[str, float]:
    """p-values, rule by rule, of the hypothesis that tested pieces break it no more often than real ones do.

    The statistic is the difference of the two rates over its standard error between pieces; its distribution under the
    hypothesis is that over random regroupings of all pieces into a "real" and a "tested" part of the same sizes (a
    studentised permutation test: Janssen, Statistics and Probability Letters 36, 1997). All rules share them,
    and the same seed gives the same ones: the answer does not change from run to run.
    """
    names = list(tested)
    v, t = (
        np.array([[*getattr(real[name], what), *getattr(tested[name], what)] for name in names], np.float64).T
        for what in ("violations", "trials")
    )
    pieces = len(v)
    is_tested = np.arange(pieces) >= pieces - len(tested[names[0]].trials)
    observed = _studentised(v, t, is_tested[None, :])[0]
    as_strange = np.ones(len(names))
    rng = np.random.default_rng(seed)
    rows = max(1, (1 << 22) // pieces)
    for start in range(0, PERMUTATIONS, rows):
        shuffled = rng.permuted(np.tile(is_tested, (min(rows, PERMUTATIONS - start), 1)), axis=1)
        as_strange += (_studentised(v, t, shuffled) >= observed - 1e-9).sum(axis=0)
    return {
        name: float(count) / (PERMUTATIONS + 1) if sum(tested[name].trials) and sum(real[name].trials) else 1.0
        for name, count in zip(names, as_strange, strict=True)
    }


def _studentised(v: Floats, t: Floats, tested: NDArray[np.bool_]) -> Floats:
    """(rows, rules) difference of the rates of the tested and the other pieces, over its standard error.

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
    return np.asarray((rate - other) / np.sqrt(variance + of_other + floor))


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
