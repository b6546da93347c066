"""Distances between histograms, and intervals for rates whose trials come in groups."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Groups = Sequence[str] | NDArray[np.int64]
"""The group of each sample: by name, or by number, which saves sorting the names again and again."""


def ks_distance(p: NDArray[Any], q: NDArray[Any]) -> float:
    """Kolmogorov-Smirnov: the largest difference of two cumulative distributions, given as counts on one axis."""
    return float(np.abs(np.cumsum(p) / p.sum() - np.cumsum(q) / q.sum()).max())


def histogram_ks(p: NDArray[np.int64], q: NDArray[np.int64]) -> float:
    """The two-sample KS statistic of the two sets of *bar heights*, as TequilaGAN's tables report it.

    It treats the k shares of a histogram as k draws, so it is a multiple of 1 / k and does not see where a bar stands.
    Kept to compare with the published figures; ``ks_distance`` is the distance of the distributions.
    """
    heights_p, heights_q = np.sort(p / p.sum()), np.sort(q / q.sum())
    at = np.concatenate([heights_p, heights_q])
    below_p = np.searchsorted(heights_p, at, side="right") / len(p)
    below_q = np.searchsorted(heights_q, at, side="right") / len(q)
    return float(np.abs(below_p - below_q).max())


def jensen_shannon(p: NDArray[np.int64], q: NDArray[np.int64]) -> float:
    """Jensen-Shannon divergence in nats, between 0 and log 2."""
    x, y = p / p.sum(), q / q.sum()
    middle = (x + y) / 2

    def divergence(a: NDArray[np.float64]) -> float:
        some = a > 0
        return float((a[some] * np.log(a[some] / middle[some])).sum())

    return max(0.0, (divergence(x) + divergence(y)) / 2)


def wasserstein(positions: NDArray[np.float64], p: NDArray[np.int64], q: NDArray[np.int64]) -> float:
    """First Wasserstein (earth mover's) distance of two histograms, in the unit of ``positions`` (ascending)."""
    gap = np.abs(np.cumsum(p) / p.sum() - np.cumsum(q) / q.sum())
    return float((gap[:-1] * np.diff(positions)).sum())


def pairs_interval(area: float, pairs: int) -> tuple[float, float]:
    """The 95 % interval of an AUROC over so many disjoint pairs of a real and a generated group: that of a share of as
    many independent trials (Clopper and Pearson, Biometrika 26, 1934), which an average over all pairs varies less
    than. Two against two that are told apart: 0.158 to 1.
    """
    from scipy.special import betaincinv

    told = area * pairs
    low = float(betaincinv(told, pairs - told + 1, 0.025)) if told > 0 else 0.0
    high = float(betaincinv(told + 1, pairs - told, 0.975)) if told < pairs else 1.0
    return low, high


def auroc(
    real: NDArray[np.float64],
    fake: NDArray[np.float64],
    of_real: NDArray[np.float64],
    of_fake: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(replicates,) the weighted share of pairs in which the fake (m,) scores higher than the real (n,), ties half;
    ``of_real`` (replicates, n) and ``of_fake`` (replicates, m) are their weights.
    """
    order = np.argsort(real, kind="stable")
    below = np.pad(np.cumsum(of_real[:, order], axis=1), ((0, 0), (1, 0)))
    left, right = (np.searchsorted(real[order], fake, side=side) for side in ("left", "right"))
    wins = (of_fake * (below[:, left] + below[:, right])).sum(axis=1) / 2
    return np.asarray(wins / (of_real.sum(axis=1) * of_fake.sum(axis=1)))


class Interval(NamedTuple):
    """A rate with its two-sided interval."""

    rate: float
    low: float
    high: float


class GroupRate(NamedTuple):
    """A rate of violations per trial, its standard error between groups, the groups with a trial, and the trials.

    The error is nan for a single group, which says nothing of how much groups differ.
    """

    rate: float
    error: float
    groups: int
    trials: int


def group_rate(violations: NDArray[np.int64], trials: NDArray[np.int64], groups: Groups) -> GroupRate | None:
    """The rate of violations per trial over all samples with its error between groups; None with no trials.

    violations, trials (n,); groups n names. Trials of one piece resemble each other, so the group is the unit: the
    variance of the ratio is taken between groups, linearised as in survey sampling (Cochran, Sampling Techniques,
    1977, section 6.4).
    """
    _, index = numbered(groups)
    by_group = np.bincount(index, weights=violations), np.bincount(index, weights=trials)
    some = by_group[1] > 0
    v, t = by_group[0][some], by_group[1][some]
    count, total = len(t), float(t.sum())
    if not count:
        return None
    rate = float(v.sum()) / total
    residual = v - rate * t
    variance = count / (count - 1) * float((residual**2).sum()) / total**2 if count > 1 else math.nan
    return GroupRate(rate, math.sqrt(variance), count, int(total))


def rate_interval(
    violations: NDArray[np.int64], trials: NDArray[np.int64], groups: Groups, confidence: float = 0.95
) -> Interval | None:
    """The rate of violations per trial over all samples, with an interval that respects groups; None with no trials.

    The variance between groups (``group_rate``) is turned into the number of independent trials it is worth, and the
    interval is Clopper and Pearson's for that number (Korn and Graubard, Survey Methodology 24, 1998). Where there is
    no variance to measure, as when nothing is violated, each group counts as one trial: with G groups and no violation
    the upper end is about 3.7 / G.
    """
    from scipy.special import betaincinv

    found = group_rate(violations, trials, groups)
    if found is None:
        return None
    rate, error, count, total = found
    worth = min(total, rate * (1 - rate) / error**2) if error > 0 else float(count)
    hits, alpha = rate * worth, 1 - confidence
    low = float(betaincinv(hits, worth - hits + 1, alpha / 2)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, worth - hits, 1 - alpha / 2)) if hits < worth else 1.0
    return Interval(rate, low, high)


def binomial_surprise(violations: NDArray[np.int64], trials: NDArray[np.int64], rate: float) -> NDArray[np.float64]:
    """-log P(X >= violations), in nats, X binomial with that many trials and that rate; 0 where nothing is violated."""
    from scipy.special import betainc

    some = violations > 0
    surprise = np.zeros(len(violations))
    chance = betainc(violations[some], trials[some] - violations[some] + 1.0, rate)
    surprise[some] = -np.log(np.maximum(chance, 1e-300))
    return surprise


def numbered(groups: Groups) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different groups, sorted, and the number (n,) of each sample's group among them."""
    if isinstance(groups, np.ndarray):
        return np.unique(groups, return_inverse=True)
    return np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)


def breaking_interval(violations: NDArray[np.int64], trials: NDArray[np.int64], groups: Groups) -> Interval | None:
    """The share of samples with a violation, among those with a trial, with its interval over groups."""
    tried = trials > 0
    of_tried = groups[tried] if isinstance(groups, np.ndarray) else [groups[i] for i in np.flatnonzero(tried).tolist()]
    return share_interval(violations[tried] > 0, of_tried)


def share_interval(broken: NDArray[np.bool_], groups: Groups, confidence: float = 0.95) -> Interval | None:
    """The share of samples that are broken, with its interval over groups; None if there are none."""
    return rate_interval(broken.astype(np.int64), np.ones(len(broken), np.int64), groups, confidence)
