"""How a piece ends: the last chord, and the step of the bass into it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from verifier.base.text import times
from verifier.data.batch import Batch
from verifier.music.features.sonorities import FIRST, Slices, nearest, slices, sonority_name
from verifier.music.voice_rules import SonorityRule
from verifier.rule.counted import counts_of_names, names_of_counts
from verifier.rule.rule import Count, SparseCounts


class Cadences(SonorityRule, frozen=True, kw_only=True):
    """The endings: a violation is a piece that ends as none of the corpus does, so that the cadence never comes.

    An ending is the last sonority of a piece, as the rule ``sonorities`` has it, and the step of the bass into it: a
    major triad with its root doubled, ``bass up 5`` in an authentic cadence (a fifth down is the same) or ``bass down
    5`` in a plagal one. The same ending in another key is the same one. Of the chord before it the bass alone is told:
    with the whole of it, every twentieth ending of a chorale is new. Ends of phrases do not teach how pieces end, or
    one that breaks off after a half cadence would pass. A trial is a sample that its piece ends with; a window cut out
    of a piece, and an array, have none.
    """

    needs = ("voices", "ends")
    endings: dict[str, Count] = {}
    """intervals above the bass, step of the bass -> pieces."""

    def trial_name(self) -> str:
        return "ending"

    def find(self, batch: Batch) -> Slices:
        """The last slice of every sample with which its piece ends, unless what comes before it was cut off."""
        found = slices(batch)
        last = np.diff(found.samples, append=-1) != 0
        known = (found.bass_steps() != FIRST) | batch.begins[found.samples]
        return found.where(last & known & batch.ends[found.samples])

    def from_yaml(self) -> SparseCounts:
        return counts_of_names(self.endings, self.key_of)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"endings": names_of_counts(table, self.key_name)}

    def expected_text(self, key: int, table: SparseCounts) -> str:
        found = nearest(table.where(np.isin(table.keys, self.allowed(table))), key)
        return f"nearest ending of the corpus: {found[0]} ({times(found[1])})" if found else "no ending at all"

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        yield f"{len(table.keys):,} endings of {table.counts.sum():,} pieces; {len(self.allowed(table)):,} allowed"
        for at in np.argsort(-table.counts, kind="stable")[:5]:
            yield f"{sonority_name(int(table.keys[at]))}  {int(table.counts[at]):,}"
