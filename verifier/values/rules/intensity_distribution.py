"""How often each value occurs, as a distribution, raw and after rounding to 8 bit."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.intensity import bin_name, bin_of_name, bin_positions
from verifier.data.levels import levels
from verifier.rule.charts import Panel, Values
from verifier.rule.counted import counts_of_names, names_of_counts
from verifier.rule.distribution import Distribution
from verifier.rule.rule import Count, SparseCounts, option

MIDDLE = (0.11, 0.88)
"""Where TequilaGAN (Valle, Cai and Doshi, arXiv:1807.04919) looks between the two modes of a picture."""


class IntensityDistribution(Distribution, frozen=True, kw_only=True):
    """The histogram of values. A violation is a sample whose histogram is farther from the corpus's
    than 99 % of held-out real samples, after rounding to 8 bit unless ``rounding: none``.

    Distances of the whole set, raw and with ``-8-bit``: ``ks``; ``jsd`` in nats; ``wasserstein`` on the scale 0 to 1.
    Raw keeps apart what rounding merges: a sigmoid never gives an exact 0, so its raw distance is large whatever it
    learned. Both are computed on bins (features.intensity), so a raw ``ks`` is a lower bound within half a level.
    """

    rounding: Annotated[Literal["8-bit", "none"], option("what single samples are compared after")] = "8-bit"
    values: dict[str, Count] = {}
    """'at', 'below' or 'above' a level of 1/255 -> values."""

    hears = "loudness"
    survives = ("clipping",)
    headline = ("ks", "ks-8-bit")

    def histograms(self, batch: Batch) -> NDArray[Any]:
        return levels(batch)

    def from_yaml(self) -> SparseCounts:
        return counts_of_names(self.values, bin_of_name)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"values": names_of_counts(table, bin_name)}

    def positions(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        return bin_positions(keys)

    def coarsened(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        return keys if self.rounding == "none" else _rounded(keys)

    def distances_between(self, learned: SparseCounts, observed: SparseCounts) -> dict[str, float]:
        rounded = (SparseCounts.of(_rounded(table.keys), table.counts) for table in (learned, observed))
        after = super().distances_between(*rounded)
        return super().distances_between(learned, observed) | {f"{name}-8-bit": value for name, value in after.items()}

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        total = int(table.counts.sum())
        mean = float((bin_positions(table.keys) * table.counts).sum()) / max(total, 1)
        yield f"{total:,} values, mean {mean:.4f}"
        yield self.limit_line()

    def panels(self) -> Iterator[Panel]:
        table = self.from_yaml()
        if len(table.keys) > 2:  # a binary roll has nothing to draw
            yield Values(
                title="how the values are distributed: all, and those that are neither dark nor bright",
                axis="value",
                positions=bin_positions(table.keys).tolist(),
                counts=table.counts.tolist(),
                zoom=MIDDLE,
            )


def _rounded(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bin of the level that each bin rounds to."""
    return keys // 3 * 3 + 1
