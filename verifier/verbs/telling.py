"""How well one property, or several together, tell two sets of samples apart: areas under the curve, with intervals.

Samples of one group are one witness: they stand in one part of a cross-validation, and an interval counts groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verifier.base import statistics

Floats = NDArray[np.float64]
FOLDS = 5
"""Parts of a cross-validation, fewer if one side has fewer groups."""
QUANTILES = 10
"""Stretches of a number that a threshold cannot tell apart; a value that is frequent is one of its own."""
RIDGE = 1.0
"""Weight of the squares of what the logistic regression learns."""
COMMON = 20
"""Most categories of one property that the regression knows."""


@dataclass(frozen=True, eq=False)
class Column:
    """One property of n samples: ``values`` (n,), numbers with nan, or else texts with "", where it is not known."""

    values: NDArray[np.float64] | NDArray[np.str_]

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.values.dtype.kind == "f"

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) whether a sample has it."""
        return np.asarray(~np.isnan(self.values) if self.is_number else self.values != "")


def area(scores: Floats, fake: NDArray[np.bool_]) -> float:
    """The share of pairs in which the generated sample scores higher than the real one, ties half."""
    of_real, of_fake = scores[~fake], scores[fake]
    once = (np.ones((1, len(side))) for side in (of_real, of_fake))
    return float(statistics.auroc(of_real, of_fake, *once)[0])


def area_interval(found: float, real: int, fake: int, confidence: float = 0.95) -> tuple[float, float]:
    """The areas that are compatible with ``found`` in so many independent real and generated samples.

    Newcombe's method 5 (Statistics in Medicine 25, 2006): the error is that of Hanley and McNeil (Radiology 143, 1982)
    at the end of the interval, not at the estimate, so that an area of 1 has an interval too.

    >>> [round(end, 2) for end in area_interval(1.0, 1, 1)]
    [0.21, 1.0]
    >>> [round(end, 2) for end in area_interval(1.0, 100, 100)]
    [0.98, 1.0]
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))

    def beyond(theta: float, estimate: float) -> float:
        more = (real + fake) / 2 - 1
        variance = theta * (1 - theta) * (1 + more * ((1 - theta) / (2 - theta) + theta / (1 + theta))) / (real * fake)
        return (estimate - theta) ** 2 - z**2 * variance

    def lower(estimate: float) -> float:
        return float(brentq(beyond, 0.0, estimate - 1e-9, args=(estimate,))) if estimate > 1e-6 else 0.0

    return lower(found), 1 - lower(1 - found)


def folds_of(groups: NDArray[np.int64], fake: NDArray[np.bool_], seed: int = 0) -> NDArray[np.int64] | None:
    """(n,) the part of the cross-validation that each sample stands in: a group in one, the groups of the real side,
    of the generated side and of both dealt out in turn. None if one side has a single group.
    """
    at_most = min(len(np.unique(groups[fake])), len(np.unique(groups[~fake])), FOLDS)
    if at_most < 2:
        return None
    rng = np.random.default_rng(seed)
    count = int(groups.max()) + 1
    sides = np.zeros(count, np.int64)
    np.bitwise_or.at(sides, groups, np.where(fake, 2, 1))
    of_group = np.zeros(count, np.int64)
    for side in (1, 2, 3):
        members = rng.permutation(np.flatnonzero(sides == side))
        of_group[members] = np.arange(len(members)) % at_most
    return of_group[groups]


def crossed(column: Column, fake: NDArray[np.bool_], folds: NDArray[np.int64]) -> Floats:
    """(n,) the log odds of each value, as the other parts have it: of a category, or of the stretch of a number. What
    they have not says nothing, 0: so that names and digests, each of one file, tell nothing.
    """
    found = np.zeros(len(fake))
    for fold in np.unique(folds):
        out, learned = folds == fold, folds != fold
        codes = _codes(column, learned)
        shares = [
            np.bincount(codes[learned & side], minlength=codes.max() + 1) / max(1, int((learned & side).sum()))
            for side in (fake, ~fake)
        ]
        least = 0.5 / max(1, min(int((learned & fake).sum()), int((learned & ~fake).sum())))
        odds = np.log((shares[0] + least) / (shares[1] + least))
        found[out] = odds[codes[out]]
    return found


def _codes(column: Column, learned: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n,) which category or stretch each value is, as those that are ``learned`` define them."""
    if not column.is_number:
        return np.unique(column.values, return_inverse=True)[1].astype(np.int64)
    values = np.asarray(column.values, np.float64)
    edges = np.unique(np.quantile(values[learned], np.arange(1, QUANTILES) / QUANTILES, method="nearest"))
    return np.searchsorted(edges, values, side="left") + np.searchsorted(edges, values, side="right")


def together(columns: Sequence[Column], fake: NDArray[np.bool_], folds: NDArray[np.int64]) -> Floats:
    """(n,) the score of each sample by a logistic regression on all columns, learned from the other parts: on the rank
    of a number and its distance from the middle, and on the categories.
    """
    found = np.zeros(len(fake))
    for fold in np.unique(folds):
        learned = folds != fold
        table = np.concatenate([np.ones((len(fake), 1)), *(_features(column, learned) for column in columns)], axis=1)
        weights = _logistic(table[learned], fake[learned])
        found[~learned] = table[~learned] @ weights
    return found


def _features(column: Column, learned: NDArray[np.bool_]) -> Floats:
    """(n, features) of one column."""
    some = learned & column.known
    if not column.is_number:
        names, counts = np.unique(column.values[some], return_counts=True)
        common = names[counts >= 2][np.argsort(-counts[counts >= 2], kind="stable")][:COMMON]
        return np.asarray(column.values[:, None] == common, np.float64)
    ordered = np.sort(column.values[some])
    if not len(ordered):
        return np.zeros((len(learned), 0))
    middle = np.searchsorted(ordered, column.values, "left") + np.searchsorted(ordered, column.values, "right")
    rank = np.where(column.known, middle / len(ordered) - 1, 0)
    return np.stack([rank, np.abs(rank), (~column.known).astype(np.float64)], axis=1)


def _logistic(table: Floats, fake: NDArray[np.bool_]) -> Floats:
    """(features,) the weights of a ridge-penalised logistic regression, both sides weighing the same; by Newton."""
    of_sides = np.where(fake, 0.5 / max(1, fake.sum()), 0.5 / max(1, (~fake).sum())) * len(fake)
    penalty = np.full(table.shape[1], RIDGE)
    penalty[0] = 1e-6
    weights = np.zeros(table.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
        gradient = table.T @ (of_sides * (chance - fake)) + penalty * weights
        curvature = (table * (of_sides * chance * (1 - chance))[:, None]).T @ table + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def joined_groups(names: Sequence[str], contents: Sequence[bytes]) -> NDArray[np.int64]:
    """(n,) the number of the group of each sample: those of one name are one, and so are copies, whose groups become
    one too.
    """
    parent: dict[str | bytes, str | bytes] = {}

    def root(key: str | bytes) -> str | bytes:
        while (above := parent.setdefault(key, key)) != key:
            parent[key] = key = parent[above]
        return key

    for name, content in zip(names, contents, strict=True):
        parent[root(content)] = root(name)
    numbers: dict[str | bytes, int] = {}
    return np.array([numbers.setdefault(root(name), len(numbers)) for name in names], np.int64)


def column_of(facts: Sequence[Mapping[str, float | str]], key: str, is_number: bool) -> Column:
    """The values of one property of samples."""
    if is_number:
        return Column(np.array([each.get(key, np.nan) for each in facts], np.float64))
    return Column(np.array([each.get(key, "") for each in facts], np.str_))
