"""What share of the values of a sample lies exactly on a mode, just beside one, and in between."""

from typing import Annotated

import numpy as np
from msgspec import field
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.levels import levels
from verifier.rule.numeric_range import Grid, NumericRange
from verifier.rule.rule import option

NONE = Grid("", "", 0, 1)


class ModeShares(NumericRange, frozen=True, kw_only=True):
    """The shares of a sample's values that lie exactly on each of the ``modes``, within ``beside`` levels of one
    without meeting it, and between all of them. A violation is a share beyond those of the corpus.

    A scanned digit is black or white nearly everywhere, and exactly so; a network's output comes near both and meets
    neither, also after rounding to 8 bit, and is grey too often or too seldom (TequilaGAN: Valle, Cai and Doshi,
    arXiv:1807.04919). Where ``intensity-modes`` counts the values of a whole set, these tell single samples apart.
    Any processing that mixes neighbouring values, a blur or JPEG, moves them as much as a network does.
    """

    modes: Annotated[list[int], option("the modes, as levels of 1/255", min_length=1)] = field(
        default_factory=lambda: [0, 255]
    )
    beside: Annotated[int, option("levels of 1/255 around a mode that are beside it", ge=1, le=127)] = 8

    media = ("image",)
    hears = "loudness"
    survives = ("clipping",)

    def axis(self, at: int) -> Grid:
        modes = sorted(set(self.modes))
        if at < 2 * len(modes):
            where = "exactly at" if at % 2 == 0 else "beside"
            return Grid(f"{where} {modes[at // 2]}", "%", 0, 0.0125)
        return Grid("between", "%", 0, 0.0125) if at == 2 * len(modes) else NONE

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        counts = levels(batch).astype(np.float64)
        total = np.maximum(counts.sum(axis=1), 1)
        modes = np.array(sorted(set(self.modes)))
        level = np.arange(counts.shape[1]) // 3
        distance = np.abs(level[:, None] - modes)
        nearest, exact = distance.argmin(axis=1), np.arange(counts.shape[1]) % 3 == 1
        kind = np.where(distance.min(axis=1) <= self.beside, 2 * nearest + 1, 2 * len(modes))
        kind = np.where((distance.min(axis=1) == 0) & exact, 2 * nearest, kind)
        member = kind[:, None] == np.arange(2 * len(modes) + 1)
        return np.asarray(100 * (counts @ member) / total[:, None])
