"""Two runs held against each other, and two specs: what is new, what is gone, and whether the second run is worse."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct, structs

from verifier.base.errors import InputError
from verifier.judge.calibration import Verdict, holm
from verifier.rule.counted import Events
from verifier.rule.registry import rules_for
from verifier.rule.rule import HeldOut, Rule
from verifier.rule.vocabulary import Vocabulary
from verifier.spec.findings import Finding
from verifier.spec.run import Gate, RuleDiff, RuleResult, Run, RunDiff, SetDiff, SetResult
from verifier.spec.spec import Spec
from verifier.spec.suppressions import Accepted

SHOWN_FINDINGS = 10
"""Findings of each sort in a diff, the first by sample."""
SHOWN_KINDS = 20
"""Kinds in a diff, the most frequent."""


def diff_runs(a: Run, b: Run, names: tuple[str, str] = ("A", "B")) -> RunDiff:
    """What changed from run ``a`` to run ``b``. Raises InputError that names the field in which their specs differ, or
    if no sample set of one has its like in the other.

    Sample sets pair by label, or one against one. Violations that the spec of ``b`` has accepted since are taken off
    ``a``, which counted them.
    """
    place = f"{names[0]} and {names[1]}"
    require_comparable(a.spec, b.spec, place)
    a, notes = _accepting_as(a, b)
    if a.verifier != b.verifier:
        notes.append(f"made by two versions of verify: {a.verifier} and {b.verifier}")
    pairs, unpaired = _paired(a, b)
    if not pairs:
        raise InputError(place, f"no sample set stands in both: {_listed(a.sets)} against {_listed(b.sets)}")
    return RunDiff(
        runs=names,
        spec=str(b.spec.get("name", "")),
        sets=tuple(_diff_set((x, y), a.sets[x], b.sets[y]) for x, y in pairs),
        unpaired=unpaired,
        notes=tuple(notes),
    )


def gate(baseline: Run, run: Run, names: tuple[str, str], margin: float = 0.0, alpha: float = 0.05) -> Gate:
    """Whether any rule's rate grew from the baseline by more than ``margin``, with an error of at most ``alpha`` over
    all rules and sets (Holm), or a set as a whole (coverage, near-duplicates, memorised passages) fails that did not
    fail in the baseline.

    Raises InputError as ``diff_runs`` does, and for a set that only one of the runs has: leaving one out must not pass.
    """
    require_same_sets(baseline.sets, run.sets, f"{names[0]} and {names[1]}")
    found = diff_runs(baseline, run, names)
    baseline = _accepting_as(baseline, run)[0]
    p_values: dict[str, float] = {}
    for at, pair in enumerate(found.sets):
        before, after = baseline.sets[pair.labels[0]].rules, run.sets[pair.labels[1]].rules
        for rule in pair.rules:
            p_value = growth_p_value(before[rule], after[rule], margin)
            if p_value is not None:
                p_values[f"{at} {rule}"] = p_value
    adjusted = holm(p_values)
    sets = tuple(
        structs.replace(
            pair,
            rules={
                name: _decided(rule, adjusted.get(f"{at} {name}"), margin, alpha) for name, rule in pair.rules.items()
            },
        )
        for at, pair in enumerate(found.sets)
    )
    collapsed = tuple(
        f"{name} of {pair.labels[1]}"
        for pair in found.sets
        for name in sorted(_failing_whole(run.sets[pair.labels[1]]) - _failing_whole(baseline.sets[pair.labels[0]]))
    )
    return Gate(
        runs=found.runs,
        spec=found.spec,
        sets=sets,
        unpaired=(),
        notes=(*found.notes, *_no_longer_looked_for(baseline, run, found.sets)),
        margin=margin,
        alpha=alpha,
        collapsed=collapsed,
        regressed=bool(collapsed) or any(rule.verdict == "fail" for pair in sets for rule in pair.rules.values()),
    )


def _failing_whole(result: SetResult) -> set[str]:
    """What of the set as a whole fails: coverage, or a check of its medium."""
    whole = result.whole
    if whole is None:
        return set()
    found = {"coverage"} if any(each.verdict == "fail" for each in whole.coverage.values()) else set()
    return found | {title for title, check in whole.checks.items() if check.verdict == "fail"}


def _no_longer_looked_for(baseline: Run, run: Run, pairs: Sequence[SetDiff]) -> list[str]:
    """What the baseline was held to as a set and the run is not, with why: the gate cannot see it get worse."""
    notes = []
    for pair in pairs:
        before, after = baseline.sets[pair.labels[0]].whole, run.sets[pair.labels[1]].whole
        if before is not None and after is not None:
            notes += [
                f"{pair.labels[1]}: the baseline was held to this, and this run is not: {why}"
                for why in after.skipped_beside(before)
            ]
    return notes


class Step(NamedTuple):
    """A difference of two rates, its standard error between groups, and the degrees of freedom of that."""

    difference: float
    error: float
    freedom: float


def step_between(before: RuleResult, after: RuleResult) -> Step | None:
    """The rate after less the rate before; None without a trial, or with a single group of samples in one of the runs,
    of which nobody knows how much groups differ.

    The variances add up, and the degrees of freedom are those of Welch and Satterthwaite. A violation more on each side
    is added to the error, so that a run without any, whose groups do not differ, does not look certain: under the test
    of ``growth_p_value``, none against k single violations then has about the p-value of the exact conditional test
    (k = 5: .03, exact .03; k = 10: .002, exact .001).
    """
    if before.rate is None or after.rate is None or before.error is None or after.error is None:
        return None
    old = before.error**2 + 1 / before.trials**2
    new = after.error**2 + 1 / after.trials**2
    freedom = (old + new) ** 2 / (old**2 / (before.rate_groups - 1) + new**2 / (after.rate_groups - 1))
    return Step(after.rate - before.rate, math.sqrt(old + new), freedom)


def require_same_sets(a: Collection[str], b: Collection[str], place: str) -> None:
    """Raise InputError unless sample sets of these labels pair without one left over."""
    left = sorted(set(a) ^ set(b))
    if left and not len(a) == len(b) == 1:
        raise InputError(place, f"a gate needs the same sample sets in both; one has no {left[0]}")


def growth_p_value(before: RuleResult, after: RuleResult, margin: float = 0.0) -> float | None:
    """p-value of the hypothesis that the rate did not grow by more than ``margin``; None where there is no
    ``step_between``. One-sided, by Student's t. A run without a violation cannot have grown.
    """
    from scipy.special import stdtr

    step = step_between(before, after)
    if step is None or not after.violations:
        return None if step is None else 1.0
    return float(stdtr(step.freedom, -(step.difference - margin) / step.error))


def difference(before: RuleResult, after: RuleResult) -> tuple[float, tuple[float, float]] | None:
    """The rate after less the rate before, with its 95 % interval; None if one of the runs has no trial.

    By Student's t, as ``growth_p_value``. Where no variance can be measured, for want of violations or of groups, the
    interval is put together from those of the two rates (Zou and Donner, Statistics in Medicine 27, 2008). The runs
    count as independent: of the same samples, the interval is wider than it need be.
    """
    from scipy.special import stdtrit

    if before.rate is None or after.rate is None or before.interval is None or after.interval is None:
        return None
    step = step_between(before, after)
    if step is not None and (before.violations or after.violations):
        half = float(stdtrit(step.freedom, 0.975)) * step.error
        return step.difference, (max(step.difference - half, -1.0), min(step.difference + half, 1.0))
    middle = after.rate - before.rate
    low = middle - math.hypot(after.rate - after.interval[0], before.interval[1] - before.rate)
    high = middle + math.hypot(after.interval[1] - after.rate, before.rate - before.interval[0])
    return middle, (low, high)


def require_comparable(a: Mapping[str, Any], b: Mapping[str, Any], place: str) -> None:
    """Raise InputError that names the first field in which two specs, as records hold them, count differently: of the
    view, the list of rules, the options of a rule, or what a rule has learned. What was accepted may have grown.
    """

    def differs(field: str, old: object, new: object) -> InputError:
        return InputError(
            place, f"runs of different specs cannot be compared; they differ in {field}: {old} against {new}"
        )

    view_a, view_b = a.get("view", {}), b.get("view", {})
    for field in [*view_a, *(field for field in view_b if field not in view_a)]:
        if view_a.get(field) != view_b.get(field):
            raise differs(f"view, {field}", view_a.get(field), view_b.get(field))
    rules_a, rules_b = ({rule["rule"]: rule for rule in spec.get("rules", [])} for spec in (a, b))
    if set(rules_a) != set(rules_b):
        raise differs("rules", _listed(set(rules_a) - set(rules_b)), _listed(set(rules_b) - set(rules_a)))
    known = rules_for(str(view_a.get("kind")))
    common = {"rule", *(field.replace("_", "-") for field in Rule.__struct_fields__)}
    for name, mine in rules_a.items():
        theirs = rules_b[name]
        options = {option.replace("_", "-") for option in known[name].options()} if name in known else set()
        fields = [*mine, *(field for field in theirs if field not in mine)]
        for field in (field for field in fields if field in options):
            if mine.get(field) != theirs.get(field):
                raise differs(f"{name}, option {field}", mine.get(field), theirs.get(field))
        for field in (field for field in fields if field not in options | common):
            if mine.get(field) != theirs.get(field):
                raise differs(*_first_difference(f"{name}, learned {field}", mine.get(field), theirs.get(field)))
    gone = set(_entries(a)) - set(_entries(b))
    if gone:
        entry = min(gone, key=Accepted.identity)
        raise differs("accepted", " ".join(part for part in entry.identity() if part), "none")


def _first_difference(field: str, mine: object, theirs: object) -> tuple[str, object, object]:
    """The first entry in which two learned tables differ, with its path, and its value in both."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in (*mine, *theirs):
            if mine.get(key) != theirs.get(key):
                return _first_difference(f"{field}, {key}", mine.get(key), theirs.get(key))
    old, new = ("none" if value is None or value == {} else value for value in (mine, theirs))
    return field, old, new


def _entries(spec: Mapping[str, Any]) -> list[Accepted]:
    return [
        structs.replace(msgspec.convert(entry, Accepted), reason="-")  # a reason that reads better accepts no more
        for entry in spec.get("accepted", [])
    ]


def _accepting_as(a: Run, b: Run) -> tuple[Run, list[str]]:
    """Run ``a`` less the violations that only the spec of ``b`` accepts, and what must be said about that."""
    added = sorted(set(_entries(b.spec)) - set(_entries(a.spec)), key=Accepted.identity)
    if not added:
        return a, []
    notes = []
    sets = {}
    for label, result in a.sets.items():
        rules = dict(result.rules)
        for name in sorted({entry.rule for entry in added} & set(rules)):
            findings = rules[name].findings
            if findings is None or not findings.complete:
                notes.append(
                    f"{label}: the first run does not list all violations of {name}; those accepted since count"
                )
            else:
                rules[name] = _without(rules[name], [entry for entry in added if entry.rule == name])
        sets[label] = structs.replace(result, rules=rules)
    notes.insert(0, f"accepted since the first run, and taken off it: {_listed(entry.rule for entry in added)}")
    return structs.replace(a, sets=sets), notes


def _without(result: RuleResult, entries: Sequence[Accepted]) -> RuleResult:
    """A result less the findings that the entries accept. Its error stays, which errs on the side of caution."""
    assert result.findings is not None
    kept = tuple(
        found
        for found in result.findings.listed
        if not any(entry.covers(found.sample, found.place, found.observed) for entry in entries)
    )
    taken = result.violations - len(kept)
    if not taken or result.rate is None or result.interval is None:
        return result
    share = taken / result.trials
    low, high = result.interval
    return structs.replace(
        result,
        violations=len(kept),
        suppressed=result.suppressed + taken,
        rate=len(kept) / result.trials,
        interval=(max(low - share, 0.0), high - share),
        findings=structs.replace(result.findings, listed=kept),
    )


def _paired(a: Run, b: Run) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    if len(a.sets) == len(b.sets) == 1:
        return [(next(iter(a.sets)), next(iter(b.sets)))], ()
    unpaired = [label for label in (*a.sets, *b.sets) if not (label in a.sets and label in b.sets)]
    return [(label, label) for label in b.sets if label in a.sets], tuple(unpaired)


def _diff_set(labels: tuple[str, str], a: SetResult, b: SetResult) -> SetDiff:
    return SetDiff(
        labels=labels,
        samples=(a.samples, b.samples),
        rules={name: _diff_rule(a.rules[name], rule) for name, rule in b.rules.items() if name in a.rules},
    )


def _diff_rule(a: RuleResult, b: RuleResult) -> RuleDiff:
    found = difference(a, b)
    step, interval = found or (None, None)
    note, introduced, resolved, unchanged = _matched(a, b)
    # A kind is new only if the first run has the whole list of its kinds.
    old = a.all_kinds if a.all_kinds is not None and len(a.all_kinds) == a.distinct else None
    new_kinds = {} if old is None else {kind: n for kind, n in (b.all_kinds or {}).items() if kind not in old}
    return RuleDiff(
        unit=b.unit,
        rates=(a.rate, b.rate),
        difference=step,
        interval=interval,
        change=None if interval is None else "worse" if interval[0] > 0 else "better" if interval[1] < 0 else "same",
        violations=(a.violations, b.violations),
        suppressed=(a.suppressed, b.suppressed),
        new_kinds=dict(list(new_kinds.items())[:SHOWN_KINDS]),
        new_kinds_total=len(new_kinds),
        introduced=None if introduced is None else len(introduced),
        resolved=None if resolved is None else len(resolved),
        unchanged=unchanged,
        note=note,
        introduced_examples=tuple((introduced or [])[:SHOWN_FINDINGS]),
        resolved_examples=tuple((resolved or [])[:SHOWN_FINDINGS]),
    )


def _matched(a: RuleResult, b: RuleResult) -> tuple[str, list[Finding] | None, list[Finding] | None, int | None]:
    """Why findings are not matched, or "", then those introduced, those resolved, and how many are unchanged.

    A finding is the same if sample and place are, whatever was observed there; several in one place count one by one.
    """
    if a.findings is None or b.findings is None:
        return "a run does not list its findings", None, None, None
    if not a.findings.complete or not b.findings.complete:
        return "too many findings to list them all", None, None, None
    introduced = _beyond(b.findings.listed, a.findings.listed)
    resolved = _beyond(a.findings.listed, b.findings.listed)
    return "", introduced, resolved, len(b.findings.listed) - len(introduced)


def _beyond(some: Sequence[Finding], others: Sequence[Finding]) -> list[Finding]:
    """Those of ``some`` that ``others`` do not have."""
    left = Counter((found.sample, found.place) for found in others)
    beyond = []
    for found in some:
        if left[found.sample, found.place]:
            left[found.sample, found.place] -= 1
        else:
            beyond.append(found)
    return beyond


def _decided(rule: RuleDiff, p_value: float | None, margin: float, alpha: float) -> RuleDiff:
    verdict, reason = _verdict(rule, p_value, margin, alpha)
    return structs.replace(rule, p_value=p_value, verdict=verdict, reason=reason)


def _verdict(rule: RuleDiff, p_value: float | None, margin: float, alpha: float) -> tuple[Verdict, str]:
    if rule.difference is None:
        return "undecided", "one of the runs gave it no trial"
    if p_value is None:
        return "undecided", "one of the runs is a single group of samples: nobody knows how much groups differ"
    old, new = rule.rates
    grew = f"{new:.2%} of trials against {old:.2%} in the baseline: p = {p_value:.2g}"
    if p_value <= alpha:
        return "fail", grew + (f" for a growth beyond {margin:.2%}" if margin else "")
    return "pass", grew


class RuleChange(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What became of one rule from one spec to another.

    ``options`` are old and new values of those that differ; ``learned`` says whether anything else does. ``allowed``
    and ``forbidden`` are kinds that only the second spec allows, and only the first, with how often the corpus of that
    spec has them; the most frequent of ``allowed_total`` and ``forbidden_total``. ``distances`` are those between the
    two learned distributions. All of these are empty if the specs have two views.
    """

    options: dict[str, tuple[Any, Any]]
    learned: bool
    allowed: dict[str, int]
    allowed_total: int
    forbidden: dict[str, int]
    forbidden_total: int
    distances: dict[str, float]
    held_out: tuple[HeldOut | None, HeldOut | None]


class SpecDiff(Struct, frozen=True, kw_only=True, rename="kebab"):
    """Two specs held against each other. ``view`` are old and new values of the fields that differ."""

    specs: tuple[str, str]
    view: dict[str, tuple[Any, Any]]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    accepted: tuple[Accepted, ...]
    no_longer_accepted: tuple[Accepted, ...]
    rules: dict[str, RuleChange]

    def __repr__(self) -> str:
        changed = [name for name, change in self.rules.items() if change.learned or change.options]
        return (
            f"SpecDiff({' against '.join(self.specs)}: {len(self.added)} rules added, {len(self.removed)} removed,"
            f" {len(changed)} changed)"
        )


def diff_specs(a: Spec, b: Spec, names: tuple[str, str] = ("A", "B")) -> SpecDiff:
    """What changed from spec ``a`` to spec ``b``. What was learned under two views is not compared."""
    view = {
        field.replace("_", "-"): (getattr(a.view, field), getattr(b.view, field))
        for field in a.view.__struct_fields__
        if getattr(a.view, field) != getattr(b.view, field)
    }
    before, after = ({rule.name(): rule for rule in spec.rules} for spec in (a, b))
    return SpecDiff(
        specs=names,
        view=view,
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        accepted=tuple(entry for entry in b.accepted if entry not in a.accepted),
        no_longer_accepted=tuple(entry for entry in a.accepted if entry not in b.accepted),
        rules={name: _changed(rule, after[name], not view) for name, rule in before.items() if name in after},
    )


def _changed(a: Rule, b: Rule, same_view: bool) -> RuleChange:
    options = {
        name.replace("_", "-"): (value, b.set_options()[name])
        for name, value in a.set_options().items()
        if value != b.set_options()[name]
    }
    bare = [structs.replace(rule, support=Rule().support, held_out=None, forecast=None) for rule in (a, b)]
    bare[1] = structs.replace(bare[1], **a.set_options())
    comparable = same_view and isinstance(a, Vocabulary) and isinstance(b, Vocabulary)
    allowed, allowed_total = _only_in(b, a) if comparable else ({}, 0)
    forbidden, forbidden_total = _only_in(a, b) if comparable else ({}, 0)
    return RuleChange(
        options=options,
        learned=bare[0] != bare[1],
        allowed=allowed,
        allowed_total=allowed_total,
        forbidden=forbidden,
        forbidden_total=forbidden_total,
        distances=a.measures(b) if same_view and not comparable else {},
        held_out=(a.held_out, b.held_out),
    )


def _only_in(rule: Any, other: Any) -> tuple[dict[str, int], int]:
    """The kinds that only ``rule`` allows, most frequent in its corpus first, and their number."""
    table = rule.from_yaml()
    keys = np.setdiff1d(rule.allowed(table), other.allowed(other.from_yaml()))
    keys = rule.only_trials(Events.single(np.zeros(len(keys), np.int64), keys)).keys
    counts = dict(zip(table.keys.tolist(), table.counts.tolist(), strict=True))
    most = sorted(keys.tolist(), key=lambda key: (-counts.get(key, 0), key))[:SHOWN_KINDS]
    return {rule.key_name(key): counts.get(key, 0) for key in most}, len(keys)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"
