"""How much of what is heard comes again a quarter, one, two, four or eight bars later."""

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
from verifier.music.features.scalars import bar_steps
from verifier.music.samples import roll_view
from verifier.rule.distribution import Distribution, DistributionChecker
from verifier.rule.rule import Count, SparseCounts, Violation, replace

LAGS = (0, 1, 2, 4, 8)
"""Bars; 0 stands for a quarter."""
LEVELS = 11
"""Tenths of agreement, 0 to 10."""
_APART = ("a quarter", "1 bar", "2 bars", "4 bars", "8 bars")
PARTS = tuple(f"{content}, {apart} later" for content in ("onsets", "chroma") for apart in _APART)
"""What is compared; the key of an event is its place here, times 11, and its level."""

Floats = NDArray[np.float64]


class SelfSimilarity(Distribution, frozen=True, kw_only=True):
    """How far steps that are a quarter, and one, two, four and eight bars apart agree. A violation is a sample in which
    they agree more, as in a loop, or less, as in notes without a plan, than in 99 % of held-out real samples.

    Onsets are compared at steps at which a note begins in one bar or the other: they agree if one begins in both.
    Chroma is compared where anything sounds: the pitch classes common to both steps, in tenths of those of either. Bars
    are as long as the meter says, 4 quarters where it is unknown; where they begin does not matter. A distance at
    which a sample has nothing to compare is left out.

    Of each of the ten histograms the sample's distance is Kolmogorov's statistic, the root of the number of steps
    times the largest difference of the cumulative distributions, as a multiple of what 99 % of held-out real samples
    keep; the largest of the ten counts. Distances of the whole set: the largest ``ks`` and ``jsd`` of the ten.
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
        """(n, 10), the distance of each histogram of each sample; nan where either side has nothing to compare."""
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
    """(10, 11) a table as histograms."""
    counts = np.zeros(len(PARTS) * LEVELS, np.int64)
    counts[table.keys] = table.counts
    return counts.reshape(len(PARTS), LEVELS)


def _mean(levels: NDArray[np.int64]) -> float:
    return float((levels * np.arange(LEVELS)).sum() / (10 * max(int(levels.sum()), 1)))


def _histograms(batch: Batch) -> NDArray[np.int64]:
    """(n, 110) pairs of steps of each part and level."""
    codes, begun = scan(batch).codes, onset_counts(batch) > 0
    steps = codes.shape[1]
    found = np.zeros((len(batch), len(PARTS), LEVELS), np.int64)
    bars, quarter = bar_steps(batch), max(round(float(roll_view(batch).steps_per_quarter)), 1)
    for bar in np.unique(bars).tolist():
        at = np.flatnonzero(bars == bar)
        for number, lag in enumerate(LAGS):
            apart = bar * lag or quarter
            if apart >= steps:
                continue
            inside = np.arange(apart, steps) < batch.lengths[at, None]
            a, b = begun[at, :-apart], begun[at, apart:]
            _tally(found, at, number, 10 * (a & b).astype(np.int64), inside & (a | b))
            x, y = codes[at, :-apart], codes[at, apart:]
            common, either = (np.bitwise_count(codes).astype(np.int64) for codes in (x & y, x | y))
            tenths = (20 * common + either) // np.maximum(2 * either, 1)  # to the nearest, a half goes up
            _tally(found, at, len(LAGS) + number, tenths, inside & (either > 0))
    return found.reshape(len(batch), len(PARTS) * LEVELS)


def _tally(
    found: NDArray[np.int64], at: NDArray[np.int64], part: int, levels: NDArray[np.int64], some: NDArray[np.bool_]
) -> None:
    """Add the ``levels`` (rows, steps) where ``some`` to the histograms of the samples ``at``."""
    samples, _ = np.nonzero(some)
    counts = np.bincount(samples * LEVELS + levels[some], minlength=len(at) * LEVELS)
    found[at, part] += counts.reshape(len(at), LEVELS)
