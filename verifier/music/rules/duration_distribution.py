"""How often each length of note occurs, as a distribution."""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.data.batch import Batch
from verifier.music.features.durations import LONGEST, CutRuns, duration_histograms
from verifier.rule.counted import counts_of_map, map_of_counts
from verifier.rule.distribution import Distribution
from verifier.rule.rule import Count, SparseCounts, option


class DurationDistribution(Distribution, frozen=True, kw_only=True):
    """The histogram of note lengths in steps. A violation is a sample whose histogram is farther from
    the corpus's than 99 % of held-out real samples.

    Distances of the whole set: ``ks``; ``jsd`` in nats; ``wasserstein`` in steps; ``histogram-ks`` as TequilaGAN's
    tables have it, which compares the heights of the bars 1..``bins`` as if they were draws.
    """

    cut_runs: Annotated[CutRuns, option("what to do with a run that the edge of a window cuts")] = "count"
    bins: Annotated[int, option("bars 1..bins that histogram-ks compares; the paper has 64", ge=1)] = 64
    durations: dict[int, Count] = {}
    """steps -> notes."""

    headline = ("ks", "jsd")

    def histograms(self, batch: Batch) -> NDArray[Any]:
        return duration_histograms(batch, self.cut_runs)

    def from_yaml(self) -> SparseCounts:
        return counts_of_map(self.durations, LONGEST, "durations")

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"durations": map_of_counts(table)}

    def positions(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        return keys.astype(np.float64)

    def distances_between(self, learned: SparseCounts, observed: SparseCounts) -> dict[str, float]:
        distances = super().distances_between(learned, observed)
        if distances:
            bars = [
                np.bincount(table.keys, weights=table.counts, minlength=self.bins + 1) for table in (learned, observed)
            ]
            p, q = (heights[1 : self.bins + 1].astype(np.int64) for heights in bars)
            if p.sum() and q.sum():
                distances["histogram-ks"] = statistics.histogram_ks(p, q)
        return distances

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        total = int(table.counts.sum())
        yield f"{total:,} notes, mean length {float((table.keys * table.counts).sum()) / max(total, 1):.2f} steps"
        yield self.limit_line()
