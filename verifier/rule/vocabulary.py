"""Rules that allow what the corpus has."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from verifier.rule.events import EventRule
from verifier.rule.rule import SparseCounts, option


class Vocabulary(EventRule, frozen=True, kw_only=True):
    """A rule that allows what the corpus has, at least ``minimum-support`` times. A violation is any other event."""

    minimum_support: Annotated[int, option("times an event must occur in the corpus to be allowed", ge=1)] = 1

    def orbit(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """(k, m) for each of m keys, all that the rule takes for the same event: its transpositions, say."""
        return keys[None, :]

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        """The keys that ``table`` allows: those that, with all the rule takes for the same, have support enough."""
        classes = SparseCounts.of(self.orbit(table.keys).min(axis=0), table.counts)
        return np.unique(self.orbit(classes.keys[classes.counts >= self.minimum_support]))
