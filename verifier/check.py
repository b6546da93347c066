"""Checking samples against a spec: count everything, keep the worst samples to look at, judge each rule."""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

import verifier
from verifier import places, statistics
from verifier.batch import Batch
from verifier.errors import InputError
from verifier.record import RuleResult, Run, SetResult, Verdict
from verifier.rule import Checker, HeldOut, Kinds, Mapper, Rule, Violation
from verifier.spec import Spec, document
from verifier.view import require_same_view

KEPT_SAMPLES = 3
"""Samples kept for each rule, those that break it most, so that places can be shown."""
SHOWN_PLACES = 3
"""Places shown of each of them."""
SHOWN_KINDS = 10
"""Kinds of violation in a record, the most frequent."""


@dataclass(frozen=True, eq=False)
class RuleTally:
    """Counts of one rule over samples: violations and trials (n,) int64, kinds, the rule as learned from the samples
    (if it measures distances), and the samples that break it most, as (violations, a Batch of one).
    """

    violations: NDArray[np.int64]
    trials: NDArray[np.int64]
    kinds: Kinds
    observed: Rule | None
    worst: tuple[tuple[int, Batch], ...]

    def merge(self, other: "RuleTally") -> "RuleTally":
        observed = self.observed.merge(other.observed) if self.observed and other.observed else None
        worst = sorted((*self.worst, *other.worst), key=lambda entry: (-entry[0], entry[1].names[0]))
        return RuleTally(
            np.concatenate([self.violations, other.violations]),
            np.concatenate([self.trials, other.trials]),
            self.kinds.merge(other.kinds),
            observed,
            tuple(worst[:KEPT_SAMPLES]),
        )


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of every rule over the samples of a set. Tallies of parts of a set merge into the tally of the whole."""

    names: tuple[str, ...]
    groups: tuple[str, ...]
    rules: Mapping[str, RuleTally]

    def merge(self, other: "Tally") -> "Tally":
        return Tally(
            self.names + other.names,
            self.groups + other.groups,
            {name: tally.merge(other.rules[name]) for name, tally in self.rules.items()},
        )


def tally_batch(spec: Spec, checkers: Mapping[str, Checker], batch: Batch) -> Tally:
    """The counts of every rule of ``spec`` over a batch. Raises InputError if the views differ."""
    require_same_view(spec.view, batch.view, f"spec {spec.name} and the samples")
    rules = {}
    for rule in spec.rules:
        counts = checkers[rule.name()].count(batch)
        rules[rule.name()] = RuleTally(
            counts.violations,
            counts.trials,
            counts.kinds,
            type(rule).learn(batch, **rule.set_options()) if _measures(rule) else None,
            tuple((int(counts.violations[i]), batch.take([i])) for i in _worst(counts.violations, batch.names)),
        )
    return Tally(tuple(batch.names), tuple(batch.groups), rules)


def _worst(violations: NDArray[np.int64], names: Sequence[str]) -> list[int]:
    """The samples with the most violations, equal ones by name: the same ones however the set is cut into batches."""
    if not len(violations):
        return []
    least = np.sort(violations)[-KEPT_SAMPLES:][0]
    some = np.flatnonzero(violations >= max(least, 1)).tolist()
    return sorted(some, key=lambda i: (-violations[i], names[i]))[:KEPT_SAMPLES]


def tally(spec: Spec, batches: Iterable[Batch], mapper: Mapper = map) -> Tally:
    """The counts of every rule over all batches, which are read one at a time."""
    count = functools.partial(tally_batch, spec, spec.compile())
    return merge_tallies(list(mapper(count, batches)))


def merge_tallies(tallies: Sequence[Tally]) -> Tally:
    """The merge of one or more tallies, as a balanced tree. Raises InputError for none: a set with no samples."""
    if not tallies:
        raise InputError("", "the sample set has no samples")
    merged = list(tallies)
    while len(merged) > 1:
        pairs = [merged[i].merge(merged[i + 1]) for i in range(0, len(merged) - 1, 2)]
        merged = pairs + merged[len(pairs) * 2 :]
    return merged[0]


def judge_rule(rule: Rule, checker: Checker, tally: RuleTally, groups: Sequence[str]) -> RuleResult:
    """The result of one rule: its rate and interval, and how they stand to held-out real data."""
    interval = statistics.rate_interval(tally.violations, tally.trials, groups)
    tried = tally.trials > 0
    share = statistics.share_interval(
        tally.violations[tried] > 0, [g for g, some in zip(groups, tried, strict=True) if some]
    )
    held_out = rule.held_out
    verdict, reason = _verdict(interval, share, held_out)
    most = np.argsort(-tally.kinds.counts, kind="stable")[:SHOWN_KINDS]
    return RuleResult(
        unit=rule.unit(),
        violations=int(tally.violations.sum()),
        distinct=len(tally.kinds.keys),
        trials=int(tally.trials.sum()),
        rate=interval.rate if interval else None,
        interval=(interval.low, interval.high) if interval else None,
        held_out=held_out,
        ratio=interval.rate / held_out.rate if interval and held_out and held_out.rate else None,
        breaking=int((tally.violations > 0).sum()),
        breaking_interval=(share.low, share.high) if share else None,
        measures=rule.measures(tally.observed) if tally.observed else {},
        verdict=verdict,
        reason=reason,
        kinds={checker.kind_name(int(tally.kinds.keys[at])): int(tally.kinds.counts[at]) for at in most},
        examples=tuple(
            violation for _, batch in tally.worst for violation in locate(rule, checker, batch, 0, limit=SHOWN_PLACES)
        ),
    )


def _verdict(
    rate: statistics.Interval | None, share: statistics.Interval | None, held_out: HeldOut | None
) -> tuple[Verdict, str]:
    """Fail if the rate of violations, or the share of samples that have any, is clearly above that of real data; pass
    if both are clearly within it.
    """
    if rate is None or share is None:
        return "undecided", "the samples gave it no trial"
    if held_out is None:
        return "undecided", "the spec has no held-out record to compare with"
    if rate.low > held_out.upper:
        return "fail", f"the rate is at least {rate.low:.2%}; real data stays below {held_out.upper:.2%}"
    if share.low > held_out.breaking_upper:
        return "fail", (
            f"at least {share.low:.2%} of the samples break it; of real ones fewer than {held_out.breaking_upper:.2%}"
        )
    if rate.high <= held_out.upper and share.high <= held_out.breaking_upper:
        return "pass", f"the rate is at most {rate.high:.2%}; real data may reach {held_out.upper:.2%}"
    return "undecided", f"the rate may be {rate.low:.2%} to {rate.high:.2%}; real data may reach {held_out.upper:.2%}"


def judge(spec: Spec, tally: Tally, unreadable: Sequence[InputError] = ()) -> SetResult:
    """The result of a sample set: it fails if any rule fails, and passes if all of them pass."""
    checkers = spec.compile()
    rules = {
        rule.name(): judge_rule(rule, checkers[rule.name()], tally.rules[rule.name()], tally.groups)
        for rule in spec.rules
    }
    verdicts = {result.verdict for result in rules.values()}
    return SetResult(
        samples=len(tally.names),
        groups=len(set(tally.groups)),
        verdict="fail" if "fail" in verdicts else "pass" if verdicts == {"pass"} else "undecided",
        unreadable=tuple(str(error) for error in unreadable),
        rules=rules,
    )


def run_record(spec: Spec, sets: Mapping[str, SetResult]) -> Run:
    """The record of a run, with the whole spec in it."""
    return Run(verifier=verifier.__version__, spec=msgspec.to_builtins(document(spec), str_keys=True), sets=dict(sets))


def locate(rule: Rule, checker: Checker, batch: Batch, i: int, limit: int | None = None) -> Iterator[Violation]:
    """The violations of sample i with rule, sample and place stamped on them; the first ``limit`` of them."""
    for count, violation in enumerate(checker.locate(batch, i)):
        if count == limit:
            return
        yield msgspec.structs.replace(
            violation,
            rule=rule.name(),
            sample=batch.names[i],
            where=places.where(batch, i, violation.start),
        )


def _measures(rule: Rule) -> bool:
    """Whether the rule measures distances, so that the samples must be learned as well as counted."""
    return type(rule).measures is not Rule.measures
