"""Checking samples against a spec: what its rules counted is judged, rule by rule and as a whole."""

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

import verifier
from verifier.base import statistics
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.judge.calibration import (
    Calibration,
    PieceCounts,
    Verdict,
    excess_p_values,
    holm,
    require_level,
    tolerated,
)
from verifier.judge.conformal import Conformal
from verifier.judge.degraded import Degraded
from verifier.judge.domain_shift import Domain, among_units, domain_of, explains
from verifier.judge.empty_samples import EmptySamples, RealEmpty
from verifier.judge.likeness import Likeness, higher_p_values, most_like
from verifier.judge.post_processing import set_aside, signs_of, unheard
from verifier.judge.sets import SetWide
from verifier.judge.storage import said_first, unjudged
from verifier.rule.distribution import Distribution
from verifier.rule.rule import WHOLE, Checker, HeldOut, Rule, Violation
from verifier.spec.run import Flag, RuleResult, Run, SetResult, SetVerdict
from verifier.spec.spec import Spec, document
from verifier.verbs.flags import Empty, flags, ranked_by
from verifier.verbs.tallies import Checkers, RuleTally, Tally

SHOWN_PLACES = 3
"""Places shown of each of them."""
ALPHA = 0.05
"""The error that a user allows: the chance that real samples fail a spec, and the share of them that is flagged."""
SHOWN_KINDS = 10
"""Kinds of violation in a record, the most frequent."""


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
    checkers = checkers or Checkers.of(spec)
    unknown = medium_of(spec.view).unknown(spec.facts, tally.facts)
    lacking = unjudged(spec.rules, unknown)
    silent = {name: rule.silent() if name in lacking else rule for name, rule in tally.rules.items()}
    tally = dataclasses.replace(tally, rules=silent)
    labels, piece = statistics.numbered(tally.groups)
    trials = {name: int(rule.trials.sum()) for name, rule in tally.rules.items()}
    whole = None
    of_rules = alpha  # what is left of alpha for the rules
    if checkers.whole and tally.whole:
        less = tally.facts.holds_less(spec.facts) if spec.facts else ""
        whole = checkers.whole.judge(tally.whole, tally.names, tally.groups, alpha, trials, less)
        of_rules = alpha - checkers.whole.share_of(alpha)
    processed = signs_of(spec.rules, {name: rule.kinds for name, rule in tally.rules.items()}, len(tally.names))
    # A spec without degraded real samples can only say which rules do not survive what the traces name.
    lost = {} if spec.degraded else set_aside(spec.rules, processed)
    heard = _Heard([sign.processing for sign in processed], unheard(spec.rules, trials))
    found = _against_real(spec, tally, labels, piece, alpha, of_rules, lost, heard) if spec.calibration else _Against()
    rules = {
        rule.name(): _judge_rule(
            rule,
            checkers.rules[rule.name()],
            tally.rules[rule.name()],
            piece,
            found.p_values.get(rule.name()),
            of_rules,
            found.lost.get(rule.name(), ""),
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
        confounds=said_first(spec.facts, tally.facts, medium_of(spec.view), lacking, found.among, len(unreadable)),
        unreadable=tuple(str(error) for error in unreadable),
        whole=whole,
        rules=rules,
        processed=processed,
        domain=found.domain or msgspec.UNSET,
        likeness=found.likeness or msgspec.UNSET,
    )


class _Heard(NamedTuple):
    """Processings that left a trace in a set, and those of which no rule can tell there."""

    traced: Collection[str]
    unheard: Collection[str]


class _Against(NamedTuple):
    """A set held against what held-out real data scored: the p-value of each rule, adjusted for all of them (Holm); the
    rules whose p-value is that of the set as a whole; the flagged samples and groups; the domain of the set; the
    degraded real samples that it is like; the rules that are set aside, each with the processing that breaks it; and
    the degradation of the real samples that it is ranked ``among``, where facts of the set tell that.
    """

    p_values: Mapping[str, float] = {}
    as_sets: Collection[str] = ()
    flagged: tuple[Flag, ...] | None = None
    flagged_groups: tuple[Flag, ...] | None = None
    domain: Domain | None = None
    likeness: Likeness | None = None
    lost: Mapping[str, str] = {}
    among: str = ""


def _against_real(
    spec: Spec,
    tally: Tally,
    labels: NDArray[np.str_],
    piece: NDArray[np.int64],
    alpha: float,
    of_rules: float,
    lost: Mapping[str, str],
    heard: _Heard,
) -> _Against:
    """See _Against; ``lost`` are rules that a trace sets aside. Raises InputError for an alpha that is too small."""
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
    p_values = holm(among_units(spec.calibration, tested, p_values))
    scores = {name: tally.rules[name].scores for name in names}
    found = _Reference({0: spec.calibration}, np.zeros(len(labels), np.int64))
    if spec.degraded is not None:
        found = _degraded(spec, spec.degraded, tally, found, scores, piece, alpha, of_rules, p_values, heard)
    flagged, flagged_groups = _flagged(spec, found, tally, labels, piece, alpha, {} if found.like else lost)
    return _Against(
        p_values=found.p_values or p_values,
        as_sets=as_sets,
        flagged=flagged,
        flagged_groups=flagged_groups,
        domain=domain_of(spec.calibration, spec.rules, scores, piece),
        likeness=found.like,
        lost=lost if found.like is None else found.lost,
        among=found.words,
    )


class _Reference(NamedTuple):
    """The real samples that pieces are ranked among: ``calibrations`` by number, and the number ``of`` each piece (k,).
    What was done to them, in ``words``, where the set tells that; else the degraded ones that a failing set is
    ``like``, with the rules that are ``lost`` if it looks like them; and the p-values of the rules, where these change.
    """

    calibrations: Mapping[int, Calibration]
    of: NDArray[np.int64]
    words: str = ""
    like: Likeness | None = None
    lost: Mapping[str, str] = {}
    p_values: Mapping[str, float] = {}


def _degraded(
    spec: Spec,
    degraded: Degraded,
    tally: Tally,
    found: _Reference,
    scores: Mapping[str, NDArray[np.float64]],
    piece: NDArray[np.int64],
    alpha: float,
    of_rules: float,
    p_values: Mapping[str, float],
    heard: _Heard,
) -> _Reference:
    """The real samples as a set may have come: as its own facts tell, or as those are which it looks like; those that
    are ``found`` already if neither. ``scores`` (n,) are those of the set under each rule.
    """
    assert spec.calibration is not None
    medium = medium_of(spec.view)
    known = medium.degradations()
    told = medium.degraded(spec.facts, tally.facts) if spec.facts else None
    if told and told[0] in degraded.by:
        name, dose = told
        reference = degraded.calibration(spec.calibration, name, dose)
        failing = [rule for rule in degraded.changed(name) if p_values[rule] <= of_rules]
        higher = higher_p_values(reference, scores, piece, failing) if failing else {}
        p_values = {rule: max(p_value, higher.get(rule, 0.0)) for rule, p_value in p_values.items()}
        doses = medium.degraded_pieces(spec.facts, tally.lengths, piece)
        calibrations, of = {}, np.rint(10 * doses).astype(np.int64)
        for number in np.unique(of).tolist():
            own = float(doses[of == number].mean())
            calibrations[number] = degraded.calibration(spec.calibration, name, own) if number else spec.calibration
        found = _Reference(calibrations, of, known[name].words(dose), p_values=p_values)
    if failing := [name for name, p_value in p_values.items() if p_value <= of_rules]:
        like = most_like(spec.calibration, degraded, known, scores, piece, failing, alpha, unheard=heard.unheard)
        if like is not None and like.alike:
            calibration = degraded.calibration(spec.calibration, like.name, like.dose, like.share)
            lost = dict.fromkeys(degraded.changed(like.name), like.words)
            found = found._replace(calibrations={0: calibration}, of=np.zeros_like(found.of), lost=lost)
        return found._replace(like=like)
    if heard.traced and not found.words:
        # Some of what breaks no rule as a set was processed all the same.
        near = most_like(spec.calibration, degraded, known, scores, piece, (), alpha, heard.traced, heard.unheard)
        if near is not None and near.alike:
            calibration = degraded.calibration(spec.calibration, near.name, near.dose, near.share)
            return found._replace(calibrations={0: calibration}, words=near.words)
    return found


def _flagged(
    spec: Spec,
    reference: _Reference,
    tally: Tally,
    labels: NDArray[np.str_],
    piece: NDArray[np.int64],
    alpha: float,
    lost: Collection[str],
) -> tuple[tuple[Flag, ...], tuple[Flag, ...]]:
    """The samples and the groups that are strange among the real ones of ``reference``, by the rules that are not
    ``lost``.
    """
    # A rule that could not run says nothing: real samples must not be held to it either.
    speaking = [name for name, counts in tally.rules.items() if counts.trials.any()] or list(tally.rules)
    # Nor one that the processing alone would break, as long as others are left.
    speaking = [name for name in speaking if name not in lost] or speaking
    scores = {name: tally.rules[name].scores for name in speaking}
    ready = {number: Conformal(each, speaking) for number, each in reference.calibrations.items()}
    return flags(ranked_by(ready, reference.of, scores, _empty(spec, tally), piece), tally.names, labels, alpha)


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
