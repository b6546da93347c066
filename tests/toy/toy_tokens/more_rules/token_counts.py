"""How many different tokens a sample has."""

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.rule.numeric_range import Grid, NumericRange


class TokenCounts(NumericRange, frozen=True, kw_only=True):
    """The number of different tokens of a sample. A violation is a number beyond those of the corpus."""

    def axis(self, at: int) -> Grid:
        return Grid("tokens" if at == 0 else "", "", 0, 1)

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        return (batch.values & batch.inside()[:, None, :]).any(axis=2).sum(axis=1, dtype=np.float64)[:, None]
