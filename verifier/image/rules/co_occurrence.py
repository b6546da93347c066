"""How neighbouring pixels differ, by the place of their cell on the grid of even and odd lines and columns."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.image.features.pixel_differences import (
    BINS,
    DIRECTIONS,
    OFFSETS,
    STEPS,
    neighbour_differences,
    parity_name,
    step_name,
)
from verifier.image.features.planes import planes
from verifier.rule.counted import aligned
from verifier.rule.distribution import Distribution
from verifier.rule.rule import Count, SparseCounts

STEP_NAMES = {step_name(step): step for step in range(STEPS)}
CELL_NAMES = {
    f"{parity_name(offset)}, {direction[0]}": at * len(DIRECTIONS) + to
    for at, offset in enumerate(OFFSETS)
    for to, direction in enumerate(DIRECTIONS)
}


class CoOccurrence(Distribution, frozen=True, kw_only=True):
    """The differences of neighbouring pixels within cells of two by two, counted for each of the four grids of cells. A
    violation is a picture whose histogram is farther from the corpus's than those of 99 % of held-out real pictures.

    Up-sampling makes pixels by groups, and so differences that depend on whether two pixels lie in one group (Tan et
    al., arXiv:2312.10461, who feed these differences to a network). The twelve histograms (four grids; the pixel on the
    right, below, and diagonally) stand end to end as one. Differences are in levels of 1/255, in steps that widen.
    Distances of the whole set are ``ks`` and ``jsd`` in nats.
    """

    differences: dict[str, dict[str, Count]] = {}
    """Lines and columns on which cells begin, and direction -> step in levels of 1/255 -> pairs of pixels."""

    headline = ("ks",)

    def histograms(self, batch: Batch) -> NDArray[Any]:
        return batch.feature("neighbour differences", lambda batch: neighbour_differences(planes(batch)))

    def from_yaml(self) -> SparseCounts:
        entries = []
        for cell, counts in self.differences.items():
            if cell not in CELL_NAMES:
                known = "; ".join(CELL_NAMES)
                raise InputError("differences", f"expected one of {known}; found {cell!r}")
            for step, count in counts.items():
                if step not in STEP_NAMES:
                    known = ", ".join(STEP_NAMES)
                    raise InputError(f"differences, {cell}", f"expected one of {known}; found {step!r}")
                entries.append((CELL_NAMES[cell] * STEPS + STEP_NAMES[step], count))
        keys, counts_of_all = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, counts_of_all)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        found: dict[str, dict[str, int]] = {}
        cells = list(CELL_NAMES)
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            found.setdefault(cells[key // STEPS], {})[step_name(key % STEPS)] = count
        return {"differences": found}

    def positions(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        return keys / BINS

    def distances_between(self, learned: SparseCounts, observed: SparseCounts) -> dict[str, float]:
        if not len(learned.keys) or not len(observed.keys):
            return {}
        _, p, q = aligned(learned, observed)
        return {"ks": statistics.ks_distance(p, q), "jsd": statistics.jensen_shannon(p, q)}

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        total = int(table.counts.sum())
        same = int(table.counts[table.keys % STEPS == STEPS // 2].sum())
        yield f"{total:,} pairs of neighbours, {100 * same / max(total, 1):.1f} % of them equal"
        yield self.limit_line()
