"""What most rules share: a table of how often each key occurred, and three ways to check against it.

A *vocabulary* asks of each event whether the corpus has it; a *habit* asks whether it is a breach by definition, and
learns how often real pieces commit it; a *distribution* asks how far the whole table lies from the corpus's. A rule
says what its events are, how a table is written in the YAML, and what a key is called.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.rule.rule import Rule, SparseCounts, merge_support, replace, support_of


class Events(NamedTuple):
    """Which key occurred in which sample how often; all (m,) int64, in order of sample."""

    samples: NDArray[np.int64]
    keys: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def single(cls, samples: NDArray[np.int64], keys: NDArray[np.int64]) -> Self:
        """Events that occur once each."""
        return cls(samples, keys, np.ones(len(keys), np.int64))

    @classmethod
    def of_histograms(cls, histograms: NDArray[Any]) -> Self:
        """One histogram a sample, (n, keys), as events."""
        flat = np.flatnonzero(histograms)
        samples, keys = np.divmod(flat, histograms.shape[1])
        return cls(samples, keys, histograms.ravel()[flat].astype(np.int64))

    def where(self, mask: NDArray[np.bool_]) -> "Events":
        return Events(self.samples[mask], self.keys[mask], self.counts[mask])


class Counted(Rule, frozen=True, kw_only=True, dict=True):
    """A rule that is a table of counts."""

    def histograms(self, batch: Batch) -> NDArray[Any] | None:
        """(n, keys) how often each key occurs in each sample, for a rule whose keys are few; None for any other."""
        return None

    def events(self, batch: Batch) -> Events:
        """Every event of every sample. Uses the options, not what was learned. A rule defines this or histograms."""
        found = self.histograms(batch)
        if found is None:
            raise NotImplementedError
        return Events.of_histograms(found)

    def from_yaml(self) -> SparseCounts:
        """What was learned, as keys and counts. Raises InputError for a key that cannot be."""
        raise NotImplementedError

    @functools.cached_property
    def learned(self) -> SparseCounts:
        """``from_yaml()``, made once: names are parsed, which takes longer than counting does."""
        return self.from_yaml()

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        """The fields that hold ``table``: the inverse of ``from_yaml()``."""
        raise NotImplementedError

    def only_trials(self, events: Events) -> Events:
        """The events that are trials; a rule may learn more than it checks."""
        return events

    def trial_events(self, batch: Batch) -> Events:
        """The events of every sample that are trials."""
        return self.only_trials(self.events(batch))

    def validate(self) -> None:
        _ = self.learned

    @classmethod
    def learn(cls, batch: Batch, **options: Any) -> Self:
        rule = cls.with_options(**options)
        found = rule.histograms(batch)
        if found is not None:
            table = _column_sums(found)
            return rule._with(table, support=support_of(batch, int(table.counts.sum())))
        events = rule.events(batch)
        support = support_of(batch, int(rule.only_trials(events).counts.sum()))
        return rule._with(SparseCounts.of(events.keys, events.counts), support=support)

    def merge(self, other: Self) -> Self:
        self.require_same_options(other)
        return self._with(
            self.learned.merge(other.learned), support=merge_support(self, other), held_out=None, forecast=None
        )

    def _with(self, table: SparseCounts, **changes: Any) -> Self:
        changed: Self = replace(self, **self.to_yaml(table), **changes)
        return changed


def looked_up(
    keys: NDArray[np.int64], values: NDArray[np.int64], wanted: NDArray[np.int64], missing: int = 0
) -> NDArray[np.int64]:
    """The value of each wanted key (of any shape), ``missing`` if it is not there; ``keys`` ascend."""
    if not len(keys):
        return np.full(wanted.shape, missing, np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], missing)


def aligned(a: SparseCounts, b: SparseCounts) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The union of the keys, and the counts of both tables at each."""
    keys = np.union1d(a.keys, b.keys)
    p, q = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    p[np.searchsorted(keys, a.keys)] = a.counts
    q[np.searchsorted(keys, b.keys)] = b.counts
    return keys, p, q


def counts_of_map(counts: dict[int, int], space: int, place: str) -> SparseCounts:
    """A map from a YAML file as a table. Raises InputError for a key outside 0..space - 1."""
    for key in counts:
        if not 0 <= key < space:
            raise InputError(place, f"expected a key from 0 to {space - 1}, found {key}")
    keys = np.array(sorted(counts), np.int64)
    return SparseCounts.of(keys, np.array([counts[int(key)] for key in keys], np.int64))


def map_of_counts(table: SparseCounts) -> dict[int, int]:
    """The inverse of ``counts_of_map``, ascending."""
    return {int(key): int(count) for key, count in zip(table.keys, table.counts, strict=True)}


def counts_of_names(counts: dict[str, int], parse: Callable[[str], int]) -> SparseCounts:
    """A map from names to counts as a table; ``parse`` gives the key of a name, or raises InputError."""
    keys = np.array([parse(name) for name in counts], np.int64)
    return SparseCounts.of(keys, np.array(list(counts.values()), np.int64))


def names_of_counts(table: SparseCounts, name: Callable[[int], str]) -> dict[str, int]:
    """The inverse of ``counts_of_names``, by ascending key."""
    return {name(key): count for key, count in map_of_counts(table).items()}


def _column_sums(histograms: NDArray[Any]) -> SparseCounts:
    """What all samples have together."""
    sums = histograms.sum(axis=0, dtype=np.int64)
    keys = np.flatnonzero(sums)
    return SparseCounts(keys, sums[keys])


def _per_sample(events: Events, n: int) -> NDArray[np.int64]:
    return np.bincount(events.samples, weights=events.counts, minlength=n).astype(np.int64)
