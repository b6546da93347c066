"""Which token follows which."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from verifier.data.batch import Batch
from verifier.rule.counted import Events, counts_of_names, names_of_counts
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts
from verifier.rule.vocabulary import Vocabulary

MOST = 256


class Bigrams(Vocabulary, frozen=True, kw_only=True):
    """Pairs of neighbouring tokens. A violation is a pair that the corpus does not have."""

    pairs: dict[str, Count] = {}
    """pair -> how often it occurs."""

    key_space = MOST * MOST

    def trial_name(self) -> str:
        return "pair"

    def events(self, batch: Batch) -> Events:
        tokens = batch.values.argmax(axis=1)
        inside = batch.inside()[:, 1:]
        keys = tokens[:, :-1] * MOST + tokens[:, 1:]
        return Events.single(np.nonzero(inside)[0], keys[inside])

    def from_yaml(self) -> SparseCounts:
        return counts_of_names(self.pairs, lambda name: int(name.split()[0]) * MOST + int(name.split()[1]))

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"pairs": names_of_counts(table, self.key_name)}

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        for step, key in enumerate(self.events(batch.take([i])).keys.tolist()):
            yield EventLocation(key, step, 2, ())

    def key_name(self, key: int) -> str:
        return f"{key // MOST} {key % MOST}"

    def expected_text(self, key: int, table: SparseCounts) -> str:
        after = [other % MOST for other in table.keys.tolist() if other // MOST == key // MOST]
        return f"after {key // MOST} the corpus has {', '.join(map(str, after)) or 'nothing'}"

    def summary(self) -> Iterator[str]:
        yield f"{len(self.pairs)} pairs"
