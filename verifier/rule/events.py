"""Rules that judge each event by its key alone, and the checker that they share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.rule.counted import Counted, Events, _column_sums, _per_sample
from verifier.rule.rule import RuleCounts, SparseCounts, Violation


class EventLocation(NamedTuple):
    """Where one event stands in a sample: its key, first step, steps, MIDI pitches, in words what its voices do or
    which frequencies are meant, and its rows where they are no pitches.
    """

    key: int
    start: int
    steps: int
    pitches: tuple[int, ...]
    words: str = ""
    rows: tuple[int, ...] = ()


class EventRule(Counted, frozen=True, kw_only=True):
    """A rule that judges each event by its key alone: a violation is an event with a key that is not allowed."""

    key_space: ClassVar[int]
    """Keys lie in 0..key_space - 1."""

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        """The keys that are no violations where ``table`` is what was learned, ascending."""
        raise NotImplementedError

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        """Every event of sample i that is a trial, with its place, in order of time."""
        raise NotImplementedError

    def key_name(self, key: int) -> str:
        """What an event is called."""
        raise NotImplementedError

    def key_of(self, name: str) -> int:
        """The inverse of ``key_name``. Raises InputError for what is no name of an event."""
        for key in range(self.key_space):
            if self.key_name(key) == name:
                return key
        raise InputError(self.name(), f"expected an event such as {self.key_name(1)!r}, found {name!r}")

    def expected_text(self, key: int, table: SparseCounts) -> str:
        """What the corpus has in place of ``key``, for a message; ``table`` is what was learned."""
        raise NotImplementedError

    def compile(self) -> "KeyChecker":
        table = self.learned
        return KeyChecker(self, table, KeySet.of(self.allowed(table), self.key_space))

    def first_events(self, batch: Batch) -> Events | None:
        """The trials that the score of a sample is made of, if not of all: those of what it has not played before."""
        return None

    def leave_one_out(self, pieces: Sequence[Self]) -> float | None:
        """See Rule. Exact: the table of the others is the table of all less the piece's own."""
        if len(pieces) < 2:
            return None
        total = self.learned
        violations = trials = 0
        for piece in pieces:
            own = piece.learned
            others = total.counts.copy()
            others[np.searchsorted(total.keys, own.keys)] -= own.counts
            allowed = self.allowed(SparseCounts(total.keys[others > 0], others[others > 0]))
            tried = self.only_trials(Events(np.zeros(len(own.keys), np.int64), own.keys, own.counts))
            trials += int(tried.counts.sum())
            violations += int(tried.counts[~np.isin(tried.keys, allowed)].sum())
        return violations / trials if trials else None


@dataclass(frozen=True, eq=False)
class KeySet:
    """A set of keys as one bit each: 2 MB for the 2^24 transitions, which stays in a processor's cache."""

    bits: NDArray[np.uint8]

    @classmethod
    def of(cls, keys: NDArray[np.int64], space: int) -> Self:
        bits = np.zeros(-(-space // 8), np.uint8)
        np.bitwise_or.at(bits, keys >> 3, np.uint8(1) << (keys & 7).astype(np.uint8))
        return cls(bits)

    def contains(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each key is in the set."""
        return np.asarray(self.bits[keys >> 3] >> (keys & 7).astype(np.uint8) & 1, np.bool_)


@dataclass(frozen=True, eq=False)
class KeyChecker:
    """Counts and locates the events whose keys a rule does not allow.

    The score of a sample is the surprise at its number of violations, in nats: -log of the chance of as many or more
    among as many trials, at the rate of held-out real data. One violation in a short sample is then not a high rate.
    """

    rule: EventRule
    table: SparseCounts
    allowed: KeySet

    def count(self, batch: Batch) -> RuleCounts:
        found = self.rule.histograms(batch)
        if found is not None:
            total = _column_sums(found)
            kinds = total.where(~self.allowed.contains(total.keys))
            trials = found.sum(axis=1, dtype=np.int64)
            violations = found[:, kinds.keys].sum(axis=1, dtype=np.int64)
        else:
            events = self.rule.trial_events(batch)
            broken = events.where(~self.allowed.contains(events.keys))
            violations, trials = _per_sample(broken, len(batch)), _per_sample(events, len(batch))
            kinds = SparseCounts.of(broken.keys, broken.counts)
        real = self.rule.held_out
        rate = (real.violations + 0.5) / (real.trials + 1) if real else 0.5 / (self.rule.support.trials + 1)
        heard, of = violations, trials
        if found is None and (first := self.rule.first_events(batch)) is not None:
            of = _per_sample(first, len(batch))
            heard = _per_sample(first.where(~self.allowed.contains(first.keys)), len(batch))
        surprise = statistics.binomial_surprise(heard, of, rate)
        return RuleCounts(
            violations=violations,
            trials=trials,
            scores=np.where(trials > 0, surprise, np.nan),
            kinds=kinds,
        )

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        for key, start, steps, pitches, words, rows in self.rule.places(batch, i):
            if not self.allowed.contains(np.array([key]))[0]:
                yield Violation(
                    start=start,
                    steps=steps,
                    pitches=pitches,
                    observed=self.rule.key_name(key),
                    allowed=self.rule.expected_text(key, self.table),
                    where=words,
                    rows=rows,
                )

    def type_name(self, key: int) -> str:
        return self.rule.key_name(key)
