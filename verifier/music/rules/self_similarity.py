"""How much of what is heard comes again one to thirty-two quarters later."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features.onsets import onset_counts
from verifier.music.features.roll import scan
from verifier.music.samples import roll_view
from verifier.rule.distribution import Distribution, DistributionChecker
from verifier.rule.rule import Count, SparseCounts, Violation, replace

LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 32)
"""Quarters: bars of two, three and four among them, so that no file has to say how long its bars are."""
LEVELS = 11
"""Tenths of agreement, 0 to 10."""
_APART = tuple(f"{lag} quarter{'s' * (lag != 1)}" for lag in LAGS)
PARTS = tuple(f"{content}, {apart} later" for content in ("onsets", "chroma") for apart in _APART)
"""What is compared; the key of an event is its place here, times 11, and its level."""

Floats = NDArray[np.float64]


class SelfSimilarity(Distribution, frozen=True, kw_only=True):
    """How far steps that are one to thirty-two quarters apart agree. A violation is a sample in which they agree more,
    as in a loop, or less, as in notes without a plan, than in 99 % of held-out real samples.

    Onsets are compared at steps at which a note begins in one place or the other: they agree if one begins in both.
    Chroma is compared where anything sounds: the pitch classes common to both steps, in tenths of those of either.
    Quarters are counted, not bars: the meter may be unknown. A distance at which a sample has nothing to compare is
    left out.

    Of each of the histograms the sample's distance is Kolmogorov's statistic, the root of the number of steps
    times the largest difference of the cumulative distributions, as a multiple of what 99 % of held-out real samples
    keep; the largest of them counts. Distances of the whole set: the largest ``ks`` and ``jsd`` of all.
    """

    scales: dict[str, float] = {}
    """What 99 % of held-out samples keep in each histogram; where it is missing, 1. Lost in a merge."""
    agreement: dict[str, dict[int, Count]] = {}
    """what is compared -> tenths of agreement -> pairs of steps."""

    headline = ("ks", "jsd")

    def histograms(self, batch: Batch) -> NDArray[Any]:
        return batch.feature("self-similarity", _histograms)

    def from_yaml(self) -> SparseCounts:
        entries = []
        for part, counts in self.agreement.items():
            if part not in PARTS:
                raise InputError("agreement", f"expected one of {'; '.join(PARTS)}, found {part!r}")
            for level, count in counts.items():
                if not 0 <= level < LEVELS:
                    raise InputError("agreement", f"expected tenths from 0 to {LEVELS - 1}, found {level}")
                entries.append((PARTS.index(part) * LEVELS + level, count))
        keys, pairs = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, pairs)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        found: dict[str, dict[int, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            found.setdefault(PARTS[key // LEVELS], {})[key % LEVELS] = count
        return {"agreement": found}

    def merge(self, other: Self) -> Self:
        merged: Self = replace(super().merge(other), scales={})
        return merged

    def calibrate(self, batch: Batch) -> Self:
        scales: dict[str, float] = {}
        for part, own in zip(PARTS, replace(self, scales={}).by_part(batch).T, strict=True):
            tried = own[~np.isnan(own)]
            scale = np.ceil(np.quantile(tried, 0.99, method="higher") * 1e6) / 1e6 if len(tried) else 0
            if scale > 0:
                scales[part] = float(scale)
        calibrated: Self = replace(self, scales=scales)
        return super(SelfSimilarity, calibrated).calibrate(batch)

    def distances(self, batch: Batch) -> Floats:
        parts = self.by_part(batch)
        tried = ~np.isnan(parts).all(axis=1)
        return np.where(tried, np.where(np.isnan(parts), 0, parts).max(axis=1), np.nan)

    def by_part(self, batch: Batch) -> Floats:
        """(n, parts), the distance of each histogram of each sample; nan where either side has nothing to compare."""
        own = self.histograms(batch).reshape(len(batch), len(PARTS), LEVELS)
        corpus = _tables(self.learned)
        totals = own.sum(axis=2)
        with np.errstate(invalid="ignore"):  # 0 / 0 is nan: nothing to compare
            gaps = np.cumsum(own, axis=2) / totals[:, :, None] - np.cumsum(corpus, axis=1) / corpus.sum(1)[:, None]
        scales = np.array([self.scales.get(part, 1.0) for part in PARTS])
        return np.asarray(np.abs(gaps).max(axis=2) * np.sqrt(totals) / scales)

    def distances_between(self, learned: SparseCounts, observed: SparseCounts) -> dict[str, float]:
        pairs = zip(_tables(learned), _tables(observed), strict=True)
        both = [(p, q) for p, q in pairs if p.any() and q.any()]
        if not both:
            return {}
        return {
            "ks": max(statistics.ks_distance(p, q) for p, q in both),
            "jsd": max(statistics.jensen_shannon(p, q) for p, q in both),
        }

    def compile(self) -> "SelfSimilarityChecker":
        return SelfSimilarityChecker(self)

    def summary(self) -> Iterator[str]:
        for part, counts in self.agreement.items():
            pairs = sum(counts.values())
            mean = sum(level * count for level, count in counts.items()) / (10 * max(pairs, 1))
            yield f"{part}: {mean:.0%} agreement over {pairs:,} pairs of steps"
        yield self.limit_line()


@dataclass(frozen=True, eq=False)
class SelfSimilarityChecker(DistributionChecker):
    """As any distribution's, but a violation says which steps agree too much or too little."""

    rule: SelfSimilarity

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        one = batch.take([i])
        for violation in super().locate(batch, i):
            part = int(np.nanargmax(self.rule.by_part(one)[0]))
            own = self.rule.histograms(one).reshape(len(PARTS), LEVELS)[part]
            corpus = _tables(self.rule.learned)[part]
            yield structs.replace(
                violation,
                observed=f"{PARTS[part]}: {_mean(own):.0%} agreement",
                allowed=f"the corpus has {_mean(corpus):.0%}; {violation.observed}, {violation.allowed}",
            )


def _tables(table: SparseCounts) -> NDArray[np.int64]:
    """(parts, levels) a table as histograms."""
    counts = np.zeros(len(PARTS) * LEVELS, np.int64)
    counts[table.keys] = table.counts
    return counts.reshape(len(PARTS), LEVELS)


def _mean(levels: NDArray[np.int64]) -> float:
    return float((levels * np.arange(LEVELS)).sum() / (10 * max(int(levels.sum()), 1)))


def _histograms(batch: Batch) -> NDArray[np.int64]:
    """(n, parts * levels) pairs of steps of each part and level."""
    codes, begun = scan(batch).codes, onset_counts(batch) > 0
    steps = codes.shape[1]
    found = np.zeros((len(batch), len(PARTS), LEVELS), np.int64)
    for number, lag in enumerate(LAGS):
        apart = max(round(lag * float(roll_view(batch).steps_per_quarter)), 1)
        if apart >= steps:
            break
        inside = np.arange(apart, steps) < batch.lengths[:, None]
        a, b = begun[:, :-apart], begun[:, apart:]
        found[:, number] = _tally(10 * (a & b).astype(np.int64), inside & (a | b))
        x, y = codes[:, :-apart], codes[:, apart:]
        common, either = (np.bitwise_count(codes).astype(np.int64) for codes in (x & y, x | y))
        tenths = (20 * common + either) // np.maximum(2 * either, 1)  # to the nearest, a half goes up
        found[:, len(LAGS) + number] = _tally(tenths, inside & (either > 0))
    return found.reshape(len(batch), len(PARTS) * LEVELS)


def _tally(levels: NDArray[np.int64], some: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n, LEVELS) how often each of the ``levels`` (n, steps) occurs where ``some`` (n, steps)."""
    samples, _ = np.nonzero(some)
    counts = np.bincount(samples * LEVELS + levels[some], minlength=len(levels) * LEVELS)
    return counts.reshape(len(levels), LEVELS)
