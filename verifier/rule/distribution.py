"""Rules about whole histograms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.data.batch import Batch
from verifier.rule.counted import Counted, aligned
from verifier.rule.rule import RuleCounts, SparseCounts, Violation, replace, support_of

SET_GROUPS = 200
"""Held-out groups from which on real sets are drawn: fewer would be much the same set again and again."""


SMALLEST_SET = 16


SETS_DRAWN = 200


SET_QUANTILE = 0.9


class Distribution(Counted, frozen=True, kw_only=True):
    """A rule about a whole histogram. A trial is a sample; it is violated if the sample's own histogram lies farther
    from the corpus's than 99 % of held-out real samples do. The distances of the whole set stand beside the count.

    A single sample's distance is Kolmogorov's statistic, sqrt(m) times the largest difference of the two cumulative
    distributions, where m is the number of events in the sample: so that a short sample is not far for being short.

    A set is far if its histogram, that of all of its samples, lies farther from the corpus's than those of real sets of
    as many groups: sets of held-out groups, drawn at random, say how far these lie.
    """

    limit: float | None = None
    """Largest statistic that a sample may have: set from held-out real samples."""
    sets: dict[int, tuple[float, float]] = {}
    """Groups in a set -> the distance that nine of ten real sets of that size keep, and by how much the others
    exceed it on average. Empty if fewer than SET_GROUPS groups were held out."""

    def trial_name(self) -> str:
        return "sample"

    def positions(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """Where each key lies on the axis of the quantity, in its unit."""
        raise NotImplementedError

    def coarsened(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The keys under which single samples are held against the corpus."""
        return keys

    @classmethod
    def learn(cls, batch: Batch, **options: Any) -> Self:
        rule = super().learn(batch, **options)
        events = rule.events(batch)
        filled: Self = replace(rule, support=support_of(batch, len(np.unique(events.samples))))
        return filled

    def merge(self, other: Self) -> Self:
        merged: Self = replace(super().merge(other), limit=None, sets={})
        return merged

    def calibrate(self, batch: Batch) -> Self:
        distances = self.distances(batch)
        distances = distances[~np.isnan(distances)]
        limit = float(np.ceil(np.quantile(distances, 0.99, method="higher") * 1e6) / 1e6) if len(distances) else None
        calibrated: Self = replace(self, limit=limit, sets=self._real_sets(batch))
        return calibrated

    def _real_sets(self, batch: Batch) -> dict[int, tuple[float, float]]:
        """See ``sets``; drawn by one seed, so that the same samples always say the same."""
        labels, of = statistics.numbered(batch.groups)
        if len(labels) < SET_GROUPS:
            return {}
        keys, tables, corpus = self._histograms(batch)
        if not len(keys):
            return {}
        by_group = np.zeros((len(labels), len(keys)))
        np.add.at(by_group, of, tables)
        rng = np.random.default_rng(0)
        found = {}
        size = SMALLEST_SET
        while 2 * size <= len(labels):
            drawn = (by_group[rng.choice(len(labels), size, replace=False)].sum(axis=0) for _ in range(SETS_DRAWN))
            distances = np.sort([statistics.ks_distance(table, corpus) for table in drawn])
            start = float(np.quantile(distances, SET_QUANTILE))
            found[size] = round(start, 6), round(max(float((distances[distances > start] - start).mean()), 1e-6), 6)
            size *= 4
        return found

    def set_p_value(self, observed: SparseCounts, groups: int) -> float | None:
        """The chance that a real set of so many groups lies as far from the corpus as one with the table ``observed``;
        1 if it lies within what nine of ten do, and as much again: two real sets differ by more than chance, as those
        who wrote the digits of one file and of another do. None if the rule was not calibrated on sets, or for a set
        that is too small. A set larger than those drawn is held to the largest.
        """
        if not self.sets or groups < min(self.sets) or not len(observed.keys):
            return None
        learned = SparseCounts.of(self.coarsened(self.learned.keys), self.learned.counts)
        _, corpus, table = aligned(learned, SparseCounts.of(self.coarsened(observed.keys), observed.counts))
        sizes = np.log(sorted(self.sets))
        tails = np.log([self.sets[size] for size in sorted(self.sets)])
        start, excess = np.exp([np.interp(np.log(groups), sizes, tails[:, at]) for at in (0, 1)])
        beyond = statistics.ks_distance(table, corpus) - 2 * start
        return 1.0 if beyond <= 0 else float((1 - SET_QUANTILE) * np.exp(-beyond / excess))

    def measures(self, observed: Self) -> dict[str, float]:
        return self.distances_between(self.learned, observed.learned)

    def distances_between(self, learned: SparseCounts, observed: SparseCounts) -> dict[str, float]:
        """ks, jsd (nats) and wasserstein (in the unit of the axis) between two tables; none if one is empty."""
        if not len(learned.keys) or not len(observed.keys):
            return {}
        keys, p, q = aligned(learned, observed)
        return {
            "ks": statistics.ks_distance(p, q),
            "jsd": statistics.jensen_shannon(p, q),
            "wasserstein": statistics.wasserstein(self.positions(keys), p, q),
        }

    def distances(self, batch: Batch) -> NDArray[np.float64]:
        """(n,) Kolmogorov's statistic of each sample against the corpus; nan for a sample with no events."""
        keys, tables, corpus = self._histograms(batch)
        if not len(keys):
            return np.full(len(batch), np.nan)
        cumulated = np.cumsum(tables, axis=1)
        with np.errstate(invalid="ignore"):  # a sample with no events is 0 / 0: nan, as documented
            shares = cumulated / cumulated[:, -1:]
        differences: NDArray[np.float64] = np.abs(shares - np.cumsum(corpus) / corpus.sum()).max(axis=1)
        return differences * np.sqrt(cumulated[:, -1])

    def _histograms(self, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """keys (k,), the counts of each sample (n, k) and of the corpus (k,) under them; no keys if one is empty."""
        table, events = self.learned, self.events(batch)
        learned = SparseCounts.of(self.coarsened(table.keys), table.counts)
        if not len(learned.keys) or not len(events.keys):
            return np.zeros(0, np.int64), np.zeros((len(batch), 0)), np.zeros(0)
        own = self.coarsened(events.keys)
        keys = np.union1d(learned.keys, own)
        at = events.samples * len(keys) + np.searchsorted(keys, own)
        tables = np.bincount(at, weights=events.counts, minlength=len(batch) * len(keys)).reshape(len(batch), len(keys))
        corpus = np.zeros(len(keys))
        corpus[np.searchsorted(keys, learned.keys)] = learned.counts
        return np.asarray(keys, np.int64), np.asarray(tables, np.float64), corpus

    def limit_line(self) -> str:
        """The limit in words."""
        return "no limit: nothing was held out" if self.limit is None else f"a sample may be {self.limit:.3f} away"

    def compile(self) -> "DistributionChecker":
        return DistributionChecker(self)


@dataclass(frozen=True, eq=False)
class DistributionChecker:
    """Counts the samples that lie farther from the corpus than the rule's limit; the distance is the score."""

    rule: Distribution

    def count(self, batch: Batch) -> RuleCounts:
        distances = self.rule.distances(batch)
        tried = ~np.isnan(distances)
        limit = np.inf if self.rule.limit is None else self.rule.limit
        broken = (tried & (distances > limit)).astype(np.int64)
        return RuleCounts(violations=broken, trials=tried.astype(np.int64), scores=distances, kinds=SparseCounts.none())

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        one = batch.take([i])
        distance = self.rule.distances(one)[0]
        if self.rule.limit is not None and distance > self.rule.limit:
            yield Violation(
                start=0,
                steps=int(batch.lengths[i]),
                pitches=(),
                observed=f"a distance of {distance:.3f} from the corpus (Kolmogorov)",
                allowed=f"at most {self.rule.limit:.3f}, which 99 % of held-out real samples keep",
            )

    def type_name(self, key: int) -> str:
        raise KeyError(key)  # a distribution has no kinds of violation
