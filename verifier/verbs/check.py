"""Checking samples against a spec: count everything, keep the worst samples to look at, judge each rule."""

import dataclasses
import functools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

import verifier
from verifier.base import statistics
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.data.storage import StorageProfile
from verifier.data.view import require_same_view
from verifier.judge.calibration import (
    Conformal,
    PieceCounts,
    Verdict,
    excess_p_values,
    holm,
    require_level,
    tolerated,
)
from verifier.judge.domain_shift import Domain, among_units, domain_of, explains
from verifier.judge.empty_samples import EmptySamples, RealEmpty
from verifier.judge.post_processing import set_aside, signs_of
from verifier.judge.sets import LEVEL, SetChecker, SetTally, SetWide
from verifier.judge.storage import relative_length, said_first, storage_of, unjudged
from verifier.rule.distribution import Distribution
from verifier.rule.rule import WHOLE, Checker, HeldOut, Mapper, Rule, SparseCounts, Violation, merge_all
from verifier.spec.findings import MAX_FINDINGS, Findings, find
from verifier.spec.run import Flag, RuleResult, Run, SetResult, SetVerdict
from verifier.spec.spec import Spec, document
from verifier.spec.suppressions import AcceptingChecker
from verifier.verbs.flags import Empty, flags, ranked_by

KEPT_SAMPLES = 3
"""Samples kept for each rule, those that break it most, so that places can be shown."""
SHOWN_PLACES = 3
"""Places shown of each of them."""
ALPHA = 0.05
"""The error that a user allows: the chance that real samples fail a spec, and the share of them that is flagged."""
SHOWN_KINDS = 10
"""Kinds of violation in a record, the most frequent."""


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
    """Counts of every rule over the samples of a set. Tallies of parts of a set merge into the tally of the whole."""

    names: tuple[str, ...]
    groups: tuple[str, ...]
    facts: StorageProfile
    rules: Mapping[str, RuleTally]
    whole: SetTally | None

    def merge(self, other: "Tally") -> "Tally":
        return Tally(
            self.names + other.names,
            self.groups + other.groups,
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
    return Tally(tuple(batch.names), tuple(batch.groups), storage_of(batch), rules, whole)


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


def judge(
    spec: Spec,
    tally: Tally,
    unreadable: Sequence[InputError] = (),
    alpha: float = ALPHA,
    checkers: Checkers | None = None,
) -> SetResult:
    """The result of a sample set. It fails if any rule fails or the set as a whole does, which it wrongly does for real
    samples with a probability of at most ``alpha`` in all; it passes if all rules pass and the whole does not fail.

    Raises InputError for an alpha that the calibration of the spec is too small for.
    """
    names = [rule.name() for rule in spec.rules]
    checkers = checkers or Checkers.of(spec)
    unknown = medium_of(spec.view).unknown(spec.facts, tally.facts)
    lacking = unjudged(spec.rules, unknown)
    silent = {name: rule.silent() if name in lacking else rule for name, rule in tally.rules.items()}
    tally = dataclasses.replace(tally, rules=silent)
    labels, piece = statistics.numbered(tally.groups)
    whole = None
    of_rules = alpha  # what is left of alpha for the rules
    if checkers.whole and tally.whole:
        trials = {name: int(rule.trials.sum()) for name, rule in tally.rules.items()}
        length = relative_length(spec.facts, tally.facts) if spec.facts else 1.0
        whole = checkers.whole.judge(tally.whole, tally.names, tally.groups, alpha, trials, length)
        of_rules = alpha - LEVEL if alpha >= 2 * LEVEL else alpha
    processed = signs_of(spec.rules, {name: tally.rules[name].kinds for name in names}, len(tally.names))
    lost = set_aside(spec.rules, processed)
    found = _against_real(spec, tally, labels, piece, alpha, lost) if spec.calibration is not None else _Against()
    rules = {
        rule.name(): _judge_rule(
            rule,
            checkers.rules[rule.name()],
            tally.rules[rule.name()],
            piece,
            found.p_values.get(rule.name()),
            of_rules,
            lost.get(rule.name(), ""),
            rule.name() in found.as_sets,
            lacking.get(rule.name(), ""),
        )
        for rule in spec.rules
    }
    return SetResult(
        samples=len(tally.names),
        groups=len(labels),
        verdict=_set_verdict(spec, rules, whole, found.domain),
        flagged=found.flagged,
        flagged_groups=found.flagged_groups,
        confounds=said_first(spec.facts, tally.facts, medium_of(spec.view), lacking),
        unreadable=tuple(str(error) for error in unreadable),
        whole=whole,
        rules=rules,
        processed=processed,
        domain=found.domain or msgspec.UNSET,
    )


class _Against(NamedTuple):
    """A set held against what held-out real data scored: the p-value of each rule, adjusted for all of them (Holm); the
    rules whose p-value is that of the set as a whole; the flagged samples and groups; and the domain of the set.
    """

    p_values: Mapping[str, float] = {}
    as_sets: Collection[str] = ()
    flagged: tuple[Flag, ...] | None = None
    flagged_groups: tuple[Flag, ...] | None = None
    domain: Domain | None = None


def _against_real(
    spec: Spec,
    tally: Tally,
    labels: NDArray[np.str_],
    piece: NDArray[np.int64],
    alpha: float,
    lost: Mapping[str, str],
) -> _Against:
    """See _Against; ``lost`` are the rules that are set aside. Raises InputError for an alpha that is too small."""
    assert spec.calibration is not None
    names = [rule.name() for rule in spec.rules]
    require_level(alpha, len(spec.calibration.samples), "pieces")
    tested = {name: PieceCounts.of(tally.rules[name].violations, tally.rules[name].trials, piece) for name in names}
    p_values = excess_p_values(spec.calibration.counts, tested)
    as_sets = set()
    for name, of_set in _of_sets(spec, tally, len(labels)).items():  # two ways to fail
        if of_set < p_values[name]:
            as_sets.add(name)
        p_values[name] = min(1.0, 2 * min(of_set, p_values[name]))
    scores = {name: tally.rules[name].scores for name in names}
    # A rule that could not run says nothing: real samples must not be held to it either.
    speaking = [name for name in names if tally.rules[name].trials.any()] or names
    # Nor one that the processing alone would break, as long as others are left.
    speaking = [name for name in speaking if name not in lost] or speaking
    ranked = ranked_by(
        Conformal(spec.calibration, speaking), {name: scores[name] for name in speaking}, _empty(spec, tally)
    )
    flagged, flagged_groups = flags(ranked, tally.names, labels, piece, alpha)
    return _Against(
        p_values=holm(among_units(spec.calibration, tested, p_values)),
        as_sets=as_sets,
        flagged=flagged,
        flagged_groups=flagged_groups,
        domain=domain_of(spec.calibration, spec.rules, scores, piece),
    )


def _empty(spec: Spec, tally: Tally) -> Empty | None:
    """Which samples are empty, and how strange that is; None if the spec was learned without a count of real ones."""
    real = spec.whole.checks.get(EmptySamples.key) if spec.whole else None
    found = tally.whole.checks.get(EmptySamples.title) if tally.whole else None
    return Empty(found.values, real.p_value()) if isinstance(real, RealEmpty) and found is not None else None


def _of_sets(spec: Spec, tally: Tally, groups: int) -> dict[str, float]:
    """p-values of the set as a whole under the rules about distributions that were calibrated on real sets."""
    if spec.calibration is None or spec.calibration.units:  # with units, all of the real sets are of the held-out ones
        return {}
    found = {}
    for rule in spec.rules:
        observed = tally.rules[rule.name()].observed
        if isinstance(rule, Distribution) and isinstance(observed, Distribution):
            p_value = rule.set_p_value(observed.from_yaml(), groups)
            if p_value is not None:
                found[rule.name()] = p_value
    return found


def _set_verdict(
    spec: Spec, rules: Mapping[str, RuleResult], whole: SetWide | None, domain: Domain | None
) -> SetVerdict:
    """That of a sample set, from its rules, those that were set aside apart, from the set as a whole and its domain."""
    counted = {result.verdict for result in rules.values() if not result.set_aside and not result.unjudged}
    failing = [(rule, rules[rule.name()].ratio) for rule in spec.rules if rules[rule.name()].verdict == "fail"]
    if whole is not None and "fail" in whole.verdicts():
        return "fail"
    if "fail" in counted:
        return "out of domain" if explains(domain, failing) else "fail"
    if failing:
        return "processed"
    return "pass" if counted == {"pass"} else "undecided"


def _judge_rule(
    rule: Rule,
    checker: Checker,
    tally: RuleTally,
    groups: NDArray[np.int64],
    p_value: float | None,
    alpha: float,
    lost: str,
    as_set: bool,
    lacks: str,
) -> RuleResult:
    """The result of one rule: its rate and interval, and how they stand to held-out real data."""
    interval = statistics.rate_interval(tally.violations, tally.trials, groups)
    share = statistics.breaking_interval(tally.violations, tally.trials, groups)
    held_out = rule.held_out
    verdict, reason = _verdict(interval, held_out, p_value, alpha, len(tally.trials))
    if verdict == "fail" and as_set:
        reason = f"the set as a whole lies farther from the corpus than real sets of its size: p = {p_value:.2g}"
    if lacks:
        reason = f"not judged: {lacks}"
    most = np.argsort(-tally.kinds.counts, kind="stable")[:SHOWN_KINDS]
    return RuleResult(
        unit=rule.trial_name(),
        violations=int(tally.violations.sum()),
        distinct=len(tally.kinds.keys),
        trials=int(tally.trials.sum()),
        rate=interval.rate if interval else None,
        interval=(interval.low, interval.high) if interval else None,
        held_out=held_out,
        ratio=interval.rate / held_out.rate if interval and held_out and held_out.rate else None,
        breaking=int((tally.violations > 0).sum()),
        breaking_interval=(share.low, share.high) if share else None,
        p_value=p_value,
        measures=rule.measures(tally.observed) if tally.observed else {},
        verdict=verdict,
        reason=reason + (f"; set aside, as real samples break it after {lost}" if lost else ""),
        set_aside=lost,
        unjudged=lacks,
        kinds={checker.type_name(int(tally.kinds.keys[at])): int(tally.kinds.counts[at]) for at in most},
        examples=tuple(
            violation for _, batch in tally.worst for violation in locate(rule, checker, batch, 0, limit=SHOWN_PLACES)
        ),
        **tally.compared(checker, groups),
    )


def _verdict(
    rate: statistics.Interval | None, held_out: HeldOut | None, p_value: float | None, alpha: float, samples: int
) -> tuple[Verdict, str]:
    """Fail if real data would hardly break the rule as often, pass if the rate lies clearly within what real data may
    reach, else undecided, with the number of samples that would decide if the rate stayed what it is.
    """
    if rate is None:
        return "undecided", "the samples gave it no trial"
    if held_out is None or p_value is None:
        return "undecided", "the spec has no held-out record to compare with"
    if p_value <= alpha:
        return "fail", f"{rate.rate:.2%} of trials against {held_out.rate:.2%} in real data: p = {p_value:.2g}"
    limit = held_out.upper + float(tolerated(np.array([held_out.rate]))[0])
    if rate.high <= limit:
        return "pass", f"the rate is at most {rate.high:.2%}; real data may reach {limit:.2%}"
    # The width of an interval shrinks with the root of the number of samples.
    outer, gap = (rate.high, limit - rate.rate) if rate.rate <= limit else (rate.low, rate.rate - limit)
    reason = f"the rate may be {rate.low:.2%} to {rate.high:.2%}; real data may reach {limit:.2%}"
    if gap > 0:
        needed = math.ceil(samples * ((outer - rate.rate) / gap) ** 2)
        reason += f"; about {needed:,} samples would decide"
    return "undecided", reason


def run_record(spec: Spec, sets: Mapping[str, SetResult], alpha: float = ALPHA) -> Run:
    """The record of a run, with the whole spec in it."""
    return Run(
        verifier=verifier.__version__,
        alpha=alpha,
        spec=msgspec.to_builtins(document(spec), str_keys=True),
        sets=dict(sets),
    )


def locate(rule: Rule, checker: Checker, batch: Batch, i: int, limit: int | None = None) -> Iterator[Violation]:
    """The violations of sample i with rule, sample and place stamped on them; the first ``limit`` of them."""
    medium = medium_of(batch.view)
    for count, violation in enumerate(checker.locate(batch, i)):
        if count == limit:
            return
        yield msgspec.structs.replace(
            violation,
            rule=rule.name(),
            sample=batch.names[i],
            where=", ".join(filter(None, [medium.place(batch, i, violation.start), violation.where])) or WHOLE,
        )
