"""Violations that a person accepted, with a reason: no longer counted as violations, but never out of sight."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct, structs
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.storage import StorageProfile
from verifier.judge.storage import StoredAlike
from verifier.rule.events import EventRule, KeyChecker, KeySet
from verifier.rule.rule import Checker, Rule, RuleCounts, SparseCounts, Violation
from verifier.spec.findings import place_of, sample_key


class Accepted(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """What is accepted of a rule: a kind of violation wherever it occurs, or all that it finds in one sample (with
    ``place``, only there), and why.
    """

    rule: str
    kind: str | None = None
    sample: str | None = None
    place: str | None = None
    reason: Annotated[str, Meta(pattern=r"\S")]

    def __post_init__(self) -> None:
        if (self.kind is None) == (self.sample is None):
            raise ValueError("expected either a kind or a sample")
        if self.place is not None and self.sample is None:
            raise ValueError("expected a place only beside a sample")

    def identity(self) -> tuple[str, str, str, str]:
        """What two entries have in common that accept the same; the order in which a spec lists them."""
        return self.rule, self.kind or "", self.sample or "", self.place or ""

    def covers(self, sample: str, place: str, observed: str) -> bool:
        """Whether a finding of the rule is accepted by this entry."""
        if self.kind is not None:
            return observed == self.kind
        return sample == self.sample and self.place in (None, place)


def arranged(entries: Iterable[Accepted]) -> tuple[Accepted, ...]:
    """Sorted, each once: of two that accept the same, the later."""
    found = {entry.identity(): entry for entry in entries}
    return tuple(found[identity] for identity in sorted(found))


def require_acceptable(entry: Accepted, rule: Rule) -> Accepted:
    """The entry with its kind as the rule writes it. Raises InputError for a kind that the rule has no name for, and
    for one that what was learned allows already.
    """
    if entry.kind is None:
        return entry
    key = type_key(rule, entry.kind)
    checker = rule.compile()
    if not isinstance(rule, EventRule) or not isinstance(checker, KeyChecker):
        raise TypeError(f"{rule.name()} has kinds but no keys")
    if checker.allowed.contains(np.array([key]))[0]:
        raise InputError(rule.name(), f"{rule.key_name(key)!r} is already allowed: the corpus has it")
    return structs.replace(entry, kind=rule.key_name(key))


def type_key(rule: Rule, kind: str) -> int:
    """The key of a kind of violation by its name. Raises InputError if the rule has none of that name."""
    if not isinstance(rule, EventRule):
        raise InputError(rule.name(), "has no kinds of violation that could be accepted; accept a sample")
    return rule.key_of(kind)


def accepting(rule: Rule, entries: Sequence[Accepted], facts: StorageProfile | None = None) -> Checker:
    """The checker of ``rule`` less what ``entries``, all of this rule, accept. ``facts`` say how the corpus is stored:
    a rule that measures files is asked of samples alone that are stored so.
    """

    def guarded(checker: Checker) -> Checker:
        return StoredAlike(checker, facts) if rule.measures_file and facts is not None else checker

    strict = rule.compile()
    if not entries:
        return guarded(strict)
    lenient = strict
    kinds = [entry.kind for entry in entries if entry.kind is not None]
    if kinds and isinstance(rule, EventRule) and isinstance(strict, KeyChecker):
        more = KeySet.of(np.array([rule.key_of(kind) for kind in kinds], np.int64), rule.key_space)
        lenient = replace(strict, allowed=KeySet(strict.allowed.bits | more.bits))
    samples: dict[str, list[Accepted]] = {}
    for entry in entries:
        if entry.sample is not None:
            samples.setdefault(entry.sample, []).append(entry)
    return AcceptingChecker(guarded(strict), guarded(lenient), samples)


@dataclass(frozen=True, eq=False)
class AcceptingChecker:
    """Counts with ``lenient``, which allows the accepted kinds, and leaves out what is accepted in single samples.

    A sample all of whose violations were accepted one by one has no score: the rule has nothing to say about it.
    """

    strict: Checker
    lenient: Checker
    samples: Mapping[str, Sequence[Accepted]]

    def count(self, batch: Batch) -> RuleCounts:
        counts = self.lenient.count(batch)
        named = [i for i in np.flatnonzero(counts.violations).tolist() if sample_key(batch, i) in self.samples]
        if not named:
            return counts
        violations, scores = counts.violations.copy(), counts.scores.copy()
        taken: dict[str, int] = {}
        for i in named:
            for violation in self.lenient.locate(batch, i):
                if self._accepts(batch, i, violation):
                    violations[i] -= 1
                    taken[violation.observed] = taken.get(violation.observed, 0) + 1
            if not violations[i]:
                scores[i] = np.nan
        left = [
            int(count) - taken.get(self.type_name(int(key)), 0)
            for key, count in zip(counts.kinds.keys, counts.kinds.counts, strict=True)
        ]
        return RuleCounts(
            violations, counts.trials, scores, SparseCounts.of(counts.kinds.keys, np.array(left, np.int64))
        )

    def suppressed(self, batch: Batch) -> NDArray[np.int64]:
        """(n,) violations of each sample that are accepted."""
        return self.strict.count(batch).violations - self.count(batch).violations

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        for violation in self.lenient.locate(batch, i):
            if not self._accepts(batch, i, violation):
                yield violation

    def type_name(self, key: int) -> str:
        return self.strict.type_name(key)

    def _accepts(self, batch: Batch, i: int, violation: Violation) -> bool:
        key = sample_key(batch, i)
        entries = self.samples.get(key, ())
        return any(entry.covers(key, place_of(violation), violation.observed) for entry in entries)
