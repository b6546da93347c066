"""Verdicts from real data only: p-values of samples, pieces and whole sets against real pieces.

docs/verdicts.md says the same in plain words, with the sources.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, Self

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
TAIL = 0.9
"""The share of real samples above which scores are taken to fall off exponentially."""
LEAST = 10
"""Real samples that must lie there to say how fast."""
LOWEST = 0.75
"""The share of these that says it for the scores of a rule: the highest may be what the rule looks for."""


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


class PValues(NamedTuple):
    """p-values of n samples: under each rule (n, rules), and of all rules together (n,); which rule spoke (n,); and how
    strange each is (n,), in nats: what the combined p-values are the ranks of.
    """

    rules: Floats
    combined: Floats
    spoke: Ints
    strangeness: Floats


def require_level(alpha: float, available: int, what: str) -> None:
    """Raise InputError if a p-value among ``available`` real ones can never be as small as ``alpha``."""
    needed = math.ceil(1 / alpha - 1e-9) - 1
    if available < needed:
        raise InputError(
            "--alpha",
            f"a level of {alpha:g} needs {needed} held-out {what}; the spec was calibrated with {available}, enough for"
            f" {1 / (available + 1):.2g}",
        )


class Conformal:
    """The real samples of a spec, made ready to rank others among.

    Larger scores are stranger; a nan, no trial, is the least strange. Under one rule a sample has
    p = (1 + real scores that are at least as large) / (m + 1).

    All rules together: a sample has two sums. The *evidence* is that of the squares of its scores, most of which are
    nats: a rule of which a single violation says much has a loud voice in it. The other is that of the cubes of its
    nats on one *scale*, -log of its p under each rule (see ``_Scale``): there every rule can be as loud as any other.
    Squares and cubes keep the one rule that speaks from being buried by many that mumble. Each sum is put on one scale
    in its turn, the larger of the two is how strange the sample is, and its rank among the same of the real samples is
    the combined p-value: near uniform for real samples, however the rules depend on each other (see Vovk,
    Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). The p of a real sample counts the samples of
    other pieces alone, as that of a tested sample does; so the two are treated alike up to one piece more or less.

    A piece is ranked among real pieces in the same way, by its strangest sample. Of a longer real piece as many samples
    count, and it counts as the share of its stretches of so many that hold one as strange: a long piece is no random
    choice of samples, and less strange than as many short ones. In a shorter one, p times the number of samples counts.
    """

    def __init__(self, calibration: Calibration, rules: Sequence[str]) -> None:
        scores, piece = _comparable(calibration.table(rules)), calibration.pieces()
        self.size = len(scores)
        self.scale = _Scale(scores, piece, LOWEST)
        self.sums = _Scale(_sums(scores, self.scale.real), piece)
        self.strangeness = _Scale(self.sums.real.max(axis=1, keepdims=True), piece)
        self.of_real_pieces = np.split(self.strangeness.real[:, 0], np.flatnonzero(np.diff(piece)) + 1)

    def of_samples(self, scores: Floats) -> PValues:
        """p-values of samples by their scores (n, rules), in the order of the rules given."""
        scores = _comparable(scores)
        nats = self.scale.nats(scores)
        sums = self.sums.nats(_sums(scores, nats))
        strangeness = sums.max(axis=1)
        combined = (1 + self.strangeness.at_least(strangeness[:, None])[:, 0]) / (self.size + 1)
        by_evidence = sums[:, 0] > sums[:, 1]
        spoke = np.where(by_evidence, scores.argmax(axis=1), nats.argmax(axis=1))
        return PValues((1 + self.scale.at_least(scores)) / (self.size + 1), combined, spoke, strangeness)

    def of_pieces(self, found: PValues, pieces: Ints) -> Floats:
        """p-value of each piece (k,) from those of its samples, ``pieces`` (n,) the piece of each, from 0 to k - 1."""
        nats = self.strangeness.nats(found.strangeness[:, None])[:, 0]
        sizes = np.bincount(pieces)
        strangest = np.full(len(sizes), -np.inf)
        np.maximum.at(strangest, pieces, nats)
        as_strange = np.ones(len(sizes))
        for size in np.unique(sizes).tolist():
            of_size = sizes == size
            as_strange[of_size] += _shares_at_least(self.of_real_pieces, size, strangest[of_size] - math.log(size))
        return as_strange / (len(self.of_real_pieces) + 1)


class _Scale:
    """Columns of real numbers (m, c) as nats: -log of the share of real samples that have at least as much.

    Beyond the ``TAIL`` quantile the share is that of an exponential distribution with the mean excess of the real ones,
    so that what no real sample reaches is still more or less far (peaks over threshold: Pickands, Annals of Statistics
    3, 1975); unless fewer than ``LEAST`` lie there. With ``lowest`` below 1, the mean is what that share of the
    excesses implies. ``real`` (m, c) are the real samples themselves, each among those of the other pieces.
    """

    def __init__(self, values: Floats, piece: Ints, lowest: float = 1.0) -> None:
        self.columns = np.sort(values, axis=0)
        size, columns = values.shape
        finite = np.where(np.isfinite(values), values, np.inf).min(axis=0)
        # With no trial in most samples, the tail is of those that have some; with none in any, there is no tail.
        self.start = np.maximum(np.quantile(values, TAIL, axis=0, method="higher"), finite)
        beyond = values > self.start
        self.has_tail = beyond.sum(axis=0) >= LEAST
        self.beyond, self.mean = beyond.sum(axis=0, dtype=np.float64), np.ones(columns)

        of_piece = np.zeros((int(piece.max(initial=-1)) + 1, columns))
        np.add.at(of_piece, piece, beyond)
        mean_of_others = np.ones(values.shape)
        for column in np.flatnonzero(self.has_tail).tolist():
            rows = np.flatnonzero(beyond[:, column])
            excess = values[rows, column] - self.start[column]
            self.mean[column] = _mean_excess(excess, lowest)
            for own in np.unique(piece[rows]).tolist():
                is_own = piece[rows] == own
                if not is_own.all():
                    mean_of_others[rows[is_own], column] = _mean_excess(excess[~is_own], lowest)

        starts = np.flatnonzero(np.diff(piece, prepend=-1))
        own = np.concatenate(
            [(part[None] >= part[:, None]).sum(axis=1) for part in np.split(values, starts[1:]) if len(part)]
        )
        others = size - np.bincount(piece)[piece]
        self.real = self._nats(
            values,
            self.at_least(values) - own,
            others[:, None],
            self.beyond - of_piece[piece],
            mean_of_others,
        )

    def at_least(self, values: Floats) -> Ints:
        """(n, c) how many real samples have at least each of the values (n, c)."""
        return np.stack([_at_least(real, own) for real, own in zip(self.columns.T, values.T, strict=True)], axis=1)

    def nats(self, values: Floats) -> Floats:
        """(n, c) of samples that are not among the real ones."""
        return self._nats(values, self.at_least(values), len(self.columns), self.beyond, self.mean)

    def _nats(self, values: Floats, at_least: Ints, among: Ints | int, beyond: Floats, mean: Floats) -> Floats:
        """(n, c) of values that ``at_least`` so many of ``among`` real samples have; ``beyond`` so many of which lie in
        the tail, where the mean excess is ``mean``.
        """
        ranked = np.log((among + 1) / (at_least + 1))
        in_tail = (values > self.start) & self.has_tail & (beyond > 0)
        over = np.where(in_tail, values, 0) - np.where(in_tail, self.start, 0)
        return np.where(in_tail, np.log((among + 1) / (beyond + 1)) + over / mean, ranked)


def _mean_excess(excess: Floats, lowest: float) -> float:
    """Mean of an exponential distribution of which the ``lowest`` share (0 to 1) of ``excess`` (m,) is the lowest."""
    kept = np.sort(excess)[: max(1, int(lowest * len(excess)))]
    # The mean of a standard exponential distribution below its ``lowest`` quantile.
    below = 1 + (1 - lowest) * math.log1p(-lowest) / lowest if lowest < 1 else 1.0
    return float(kept.mean()) / below


def _at_least(ascending: Floats, values: Floats) -> Ints:
    return np.asarray(len(ascending) - np.searchsorted(ascending, values, side="left"))


def _shares_at_least(pieces: Sequence[Floats], size: int, values: Floats) -> Floats:
    """(k,) the sum over pieces, each the nats of its samples, of the share of its stretches of ``size`` samples in
    which -log of the smallest p times the number of samples is at least each of ``values`` (k,).
    """
    found = np.zeros(len(values))
    for nats in pieces:
        own = min(size, len(nats))
        stretches = nats[: len(nats) // own * own].reshape(-1, own).max(axis=1) - math.log(own)
        found += _at_least(np.sort(stretches), values) / len(stretches)
    return found


def _sums(scores: Floats, nats: Floats) -> Floats:
    """(n, 2) the sum of the squares of scores, as far as they are above 0, and that of the cubes of nats (n, rules)."""
    return np.stack([(np.maximum(scores, 0) ** 2).sum(axis=1), (nats**3).sum(axis=1)], axis=1)


def _comparable(scores: Floats) -> Floats:
    """Scores as a spec file holds them, so that equal ones stay equal, with "no trial" as the least strange."""
    return np.where(np.isnan(scores), -np.inf, np.round(scores, DECIMALS))


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
    observed = studentised(v, t, is_tested[None, :], tolerated(rates))[0]
    as_strange = np.ones(len(names))
    for shuffled in regroupings(is_tested, seed):
        as_strange += (studentised(v, t, shuffled) >= observed - 1e-9).sum(axis=0)
    return {
        name: float(count) / (PERMUTATIONS + 1) if sum(tested[name].trials) and sum(real[name].trials) else 1.0
        for name, count in zip(names, as_strange, strict=True)
    }


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
