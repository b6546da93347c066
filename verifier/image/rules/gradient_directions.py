"""Which way pictures grow brighter, and where: what is turned or mirrored is told by it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.image.features.gradients import CELLS, DIRECTIONS, gradient_directions
from verifier.image.features.planes import luma
from verifier.rule.distribution import Distribution
from verifier.rule.rule import Count, SparseCounts


class GradientDirections(Distribution, frozen=True, kw_only=True):
    """The directions in which a picture's luma grows brighter, counted in nine parts of it, thirds of its lines and
    columns. A violation is a picture whose histogram is farther from the corpus's than those of 99 % of held-out real
    pictures.

    It is the one rule of pictures that knows up from down: digits that were transposed, turned or mirrored, as often
    happens with EMNIST, have the texture of upright ones. Of a single picture it can say little; a set as a whole lies
    far from the corpus (features.gradients; Dalal and Triggs, CVPR 2005). A picture without an edge has no trial.
    Distances of the whole set are ``ks`` and ``jsd`` in nats.
    """

    directions: dict[str, dict[str, Count]] = {}
    """Part of the picture -> direction -> pixels."""

    headline = ("ks",)

    def histograms(self, batch: Batch) -> NDArray[Any]:
        return batch.feature("gradient directions", lambda batch: gradient_directions(luma(batch)))

    def from_yaml(self) -> SparseCounts:
        entries = []
        for cell, counts in self.directions.items():
            if cell not in CELLS:
                raise InputError("directions", f"expected one of {', '.join(CELLS)}; found {cell!r}")
            for direction, count in counts.items():
                if direction not in DIRECTIONS:
                    known = ", ".join(DIRECTIONS)
                    raise InputError(f"directions, {cell}", f"expected one of {known}; found {direction!r}")
                entries.append((CELLS.index(cell) * len(DIRECTIONS) + DIRECTIONS.index(direction), count))
        keys, pixels = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, pixels)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        found: dict[str, dict[str, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            cell, direction = divmod(key, len(DIRECTIONS))
            found.setdefault(CELLS[cell], {})[DIRECTIONS[direction]] = count
        return {"directions": found}

    def positions(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        return keys / (len(CELLS) * len(DIRECTIONS))

    def distances_between(self, learned: SparseCounts, observed: SparseCounts) -> dict[str, float]:
        found = super().distances_between(learned, observed)
        return {name: found[name] for name in ("ks", "jsd") if name in found}

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        total = max(int(table.counts.sum()), 1)
        share = np.bincount(table.keys % len(DIRECTIONS), table.counts, len(DIRECTIONS)) / total
        yield "brighter to " + ", ".join(f"{name} {part:.1%}" for name, part in zip(DIRECTIONS, share, strict=True))
        yield self.limit_line()
