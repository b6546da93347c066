"""What sounds together above the bass, and how the bass comes there."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from verifier.base.text import times
from verifier.data.batch import Batch
from verifier.music.features.sonorities import FIRST, Slices, nearest, slices, sonority_name
from verifier.music.voice_rules import SonorityRule
from verifier.rule.counted import counts_of_names, names_of_counts
from verifier.rule.rule import Count, SparseCounts


class Sonorities(SonorityRule, frozen=True, kw_only=True):
    """The sonorities: a violation is a chord over its bass, with its doublings, that the corpus does not reach by the
    same step of the bass.

    A sonority is what the voices sound at once, as figured bass tells it: the intervals of the others above the lowest
    note, octaves taken away, each as often as there are voices at it (three and more count as two). So an inversion is
    another sonority, and so is a doubled leading note; a transposition is the same one. To it belongs the step by which
    the lowest note comes there, in semitones modulo 12, whichever voice has it: chords that are right by themselves,
    but in no order, are seen by this. Sets without it hardly speak, as any set that a wrong note makes is found
    somewhere in real music. A trial is a sonority with another one before it.
    """

    sonorities: dict[str, Count] = {}
    """intervals above the bass, step of the bass -> times."""

    def trial_name(self) -> str:
        return "chord"

    def find(self, batch: Batch) -> Slices:
        found = slices(batch)
        return found.where(found.bass_steps() != FIRST)

    def from_yaml(self) -> SparseCounts:
        return counts_of_names(self.sonorities, self.key_of)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"sonorities": names_of_counts(table, self.key_name)}

    def expected_text(self, key: int, table: SparseCounts) -> str:
        found = nearest(table.where(np.isin(table.keys, self.allowed(table))), key)
        return f"nearest in the corpus: {found[0]} ({times(found[1])})" if found else "no chord at all"

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        yield f"{len(table.keys):,} sonorities with the step of their bass; {len(self.allowed(table)):,} allowed"
        most = np.argsort(-table.counts, kind="stable")[:8]
        yield "most common: " + "; ".join(f"{sonority_name(int(table.keys[at]))} ({table.counts[at]:,})" for at in most)
