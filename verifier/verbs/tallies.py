"""The counts that a check makes: every rule over every batch, merged, with the worst samples kept to look at."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.data.storage import StorageProfile
from verifier.data.view import require_same_view
from verifier.judge.sets import SetChecker, SetTally
from verifier.judge.storage import storage_of
from verifier.rule.rule import Checker, Mapper, Rule, SparseCounts, merge_all
from verifier.spec.findings import MAX_FINDINGS, Findings, find
from verifier.spec.spec import Spec
from verifier.spec.suppressions import AcceptingChecker

KEPT_SAMPLES = 3
"""Samples kept for each rule, those that break it most, so that places can be shown."""


class Checkers(NamedTuple):
    """A spec made ready: a checker for each rule, and one for sample sets as a whole if the spec has its reference."""

    rules: Mapping[str, Checker]
    whole: SetChecker | None

    @classmethod
    def of(cls, spec: Spec, indices: Mapping[str, Any] | None = None) -> "Checkers":
        """``indices`` hold the learned part of the corpus for the checks of sets that compare with it; by default they
        are those beside the spec.
        """
        whole = None
        if spec.whole is not None:
            checks = medium_of(spec.view).set_checks() or ()
            whole = SetChecker.of(spec.whole, spec.rules, checks, spec.indices() if indices is None else indices)
        return cls(spec.compile(), whole)


@dataclass(frozen=True, eq=False)
class RuleTally:
    """Counts of one rule over samples: violations and trials (n,) int64, scores (n,) float64, kinds, the rule as
    learned from the samples (if it measures distances), the samples that break it most (violations, Batch of one), how
    many violations are accepted, and the violations one by one (if they were asked for).
    """

    violations: NDArray[np.int64]
    trials: NDArray[np.int64]
    scores: NDArray[np.float64]
    kinds: SparseCounts
    observed: Rule | None
    worst: tuple[tuple[int, Batch], ...]
    suppressed: int = 0
    findings: Findings | None = None

    def merge(self, other: "RuleTally") -> "RuleTally":
        observed = self.observed.merge(other.observed) if self.observed and other.observed else None
        worst = sorted((*self.worst, *other.worst), key=lambda entry: (-entry[0], entry[1].names[0]))
        return RuleTally(
            np.concatenate([self.violations, other.violations]),
            np.concatenate([self.trials, other.trials]),
            np.concatenate([self.scores, other.scores]),
            self.kinds.merge(other.kinds),
            observed,
            tuple(worst[:KEPT_SAMPLES]),
            self.suppressed + other.suppressed,
            self.findings.merge(other.findings) if self.findings and other.findings else None,
        )

    def silent(self) -> "RuleTally":
        """The tally of a rule that judges none of these samples: no trials, and what follows from that."""
        none = np.zeros_like(self.trials)
        return RuleTally(none, none, np.full(len(none), np.nan), SparseCounts.none(), self.observed, ())

    def compared(self, checker: Checker, groups: statistics.Groups) -> dict[str, Any]:
        """The fields of a RuleResult that serve to compare runs."""
        rate = statistics.group_rate(self.violations, self.trials, groups)
        most = np.argsort(-self.kinds.counts, kind="stable")[:MAX_FINDINGS]
        kinds = {checker.type_name(int(self.kinds.keys[at])): int(self.kinds.counts[at]) for at in most}
        return {
            "error": rate.error if rate and rate.groups > 1 else None,
            "rate_groups": rate.groups if rate else 0,
            "suppressed": self.suppressed,
            "all_kinds": kinds if self.findings else None,
            "findings": self.findings,
        }


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of every rule over the samples of a set; ``lengths`` (n,) are their steps. Tallies of parts of a set merge
    into the tally of the whole.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    lengths: NDArray[np.int64]
    facts: StorageProfile
    rules: Mapping[str, RuleTally]
    whole: SetTally | None

    def merge(self, other: "Tally") -> "Tally":
        return Tally(
            self.names + other.names,
            self.groups + other.groups,
            np.concatenate([self.lengths, other.lengths]),
            self.facts.merge(other.facts),
            {name: tally.merge(other.rules[name]) for name, tally in self.rules.items()},
            self.whole.merge(other.whole) if self.whole and other.whole else None,
        )


def tally_batch(spec: Spec, checkers: Checkers, batch: Batch, findings: bool = False) -> Tally:
    """The counts of every rule of ``spec`` over a batch, with every violation one by one if ``findings``. Raises
    InputError if the views differ.
    """
    require_same_view(spec.view, batch.view, f"spec {spec.name} and the samples")
    rules = {}
    for rule in spec.rules:
        checker = checkers.rules[rule.name()]
        counts = checker.count(batch)
        rules[rule.name()] = RuleTally(
            counts.violations,
            counts.trials,
            counts.scores,
            counts.kinds,
            type(rule).learn(batch, **rule.set_options()) if rule.has_measures() else None,
            tuple((int(counts.violations[i]), batch.take([i])) for i in _worst(counts.violations, batch.names)),
            int(checker.suppressed(batch).sum()) if isinstance(checker, AcceptingChecker) else 0,
            find(checker, batch, counts.violations) if findings else None,
        )
    whole = checkers.whole.tally(batch) if checkers.whole else None
    return Tally(tuple(batch.names), tuple(batch.groups), batch.lengths, storage_of(batch), rules, whole)


def _worst(violations: NDArray[np.int64], names: Sequence[str]) -> list[int]:
    """The samples with the most violations, equal ones by name: the same ones however the set is cut into batches."""
    if not len(violations):
        return []
    least = np.sort(violations)[-KEPT_SAMPLES:][0]
    some = np.flatnonzero(violations >= max(least, 1)).tolist()
    return sorted(some, key=lambda i: (-violations[i], names[i]))[:KEPT_SAMPLES]


def tally(
    spec: Spec,
    batches: Iterable[Batch],
    mapper: Mapper = map,
    findings: bool = False,
    checkers: Checkers | None = None,
) -> Tally:
    """The counts of every rule over all batches, which are read one at a time; with every violation one by one if
    ``findings``, which takes longer.
    """
    count = functools.partial(tally_batch, spec, checkers or Checkers.of(spec), findings=findings)
    return merge_tallies(list(mapper(count, batches)))


def merge_tallies(tallies: Sequence[Tally]) -> Tally:
    """The merge of one or more tallies. Raises InputError for none: a set with no samples."""
    if not tallies:
        raise InputError("", "the sample set has no samples")
    return merge_all(tallies)
