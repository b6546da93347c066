"""Tables for a spreadsheet or a data frame: CSV, a row for each thing that was measured, all of its numbers in full.

Names are UTF-8, with control characters escaped, so that a row is a line. A text that a spreadsheet would take for a
formula, as it begins with ``=``, ``+``, ``-`` or ``@``, has ``'`` before it. What there is none of is left empty.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from verifier.base.errors import printable
from verifier.spec.run import RuleDiff, RuleResult, Run, RunDiff, SetResult
from verifier.verbs.audit import TOGETHER, Audit
from verifier.verbs.diff import RuleChange, SpecDiff
from verifier.verbs.evaluate import ALL, Discrimination, Evaluation
from verifier.verbs.power import Caught, PowerTable, Share

Row = Mapping[str, object]
CHANGE = ("rule", "change", "name", "before", "after")
"""Columns of a diff of specs."""


def write(record: Run | RunDiff | SpecDiff | Evaluation | PowerTable | Audit, path: Path) -> None:
    """Write the table of a record. Columns stand in the order in which rows first have them."""
    rows = list(_rows(record))
    columns = list(
        dict.fromkeys([*(CHANGE if isinstance(record, SpecDiff) else ()), *(name for row in rows for name in row)])
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([cell(name) for name in columns])
        table.writerows([cell(row.get(name)) for name in columns] for row in rows)


def cell(value: object) -> str:
    """A number in full, or a text that nothing takes for anything else.

    >>> cell(0.1 + 0.2), cell(None), cell("=1+1"), cell(-1)
    ('0.30000000000000004', '', "'=1+1", '-1')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = printable(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _rows(record: Run | RunDiff | SpecDiff | Evaluation | PowerTable | Audit) -> Iterator[Row]:
    if isinstance(record, Run):
        return _run(record)
    if isinstance(record, SpecDiff):
        return _spec_diff(record)
    if isinstance(record, Evaluation):
        return _evaluation(record)
    if isinstance(record, Audit):
        return _audit(record)
    return _power(record) if isinstance(record, PowerTable) else _diff(record)


def _run(run: Run) -> Iterator[Row]:
    """A row for each sample set and rule; with what the gate says of it, if the run has one."""
    gated = {pair.labels[1]: pair.rules for pair in run.gate.sets} if run.gate else {}
    for label, result in run.sets.items():
        for name, rule in result.rules.items():
            row = {"set": label, "samples": result.samples, "groups": result.groups, "set-verdict": result.verdict}
            row |= {"rule": name, **_rule(rule), **_coverage(result, name)}
            if run.gate:
                row |= _changed(gated[label][name]) if name in gated.get(label, {}) else {}
            yield row


def _rule(rule: RuleResult) -> dict[str, object]:
    held = rule.held_out
    return {
        "unit": rule.unit,
        "violations": rule.violations,
        "trials": rule.trials,
        "rate": rule.rate,
        **_ends("rate", rule.interval),
        "rate-error": rule.error,
        "rate-groups": rule.rate_groups,
        "distinct": rule.distinct,
        "suppressed": rule.suppressed,
        "real-violations": held.violations if held else None,
        "real-trials": held.trials if held else None,
        "real-rate": held.rate if held else None,
        "real-upper": held.upper if held else None,
        "ratio": rule.ratio,
        "breaking": rule.breaking,
        **_ends("breaking-share", rule.breaking_interval),
        "p-value": rule.p_value,
        "verdict": rule.verdict,
        "reason": rule.reason,
        "set-aside": rule.set_aside,
        **{f"measure-{name}": value for name, value in rule.measures.items()},
    }


def _coverage(result: SetResult, name: str) -> dict[str, object]:
    found = result.whole.coverage.get(name) if result.whole else None
    if found is None:
        return {}
    return {
        "coverage": found.compared_share,
        "coverage-real-low": found.real_share.low,
        "coverage-weighted": found.compared_weighted,
        "coverage-weighted-real-low": found.real_weighted.low,
        "coverage-verdict": found.verdict,
    }


def _diff(diff: RunDiff) -> Iterator[Row]:
    """A row for each pair of sample sets and rule."""
    for pair in diff.sets:
        for name, rule in pair.rules.items():
            yield {
                "before": pair.labels[0],
                "after": pair.labels[1],
                "samples-before": pair.samples[0],
                "samples-after": pair.samples[1],
                "rule": name,
                "unit": rule.unit,
                "violations-before": rule.violations[0],
                "violations-after": rule.violations[1],
                "suppressed-before": rule.suppressed[0],
                "suppressed-after": rule.suppressed[1],
                **_changed(rule),
            }


def _changed(rule: RuleDiff) -> dict[str, object]:
    return {
        "rate-before": rule.rates[0],
        "rate-after": rule.rates[1],
        "difference": rule.difference,
        **_ends("difference", rule.interval),
        "change": rule.change,
        "new-kinds": rule.new_kinds_total,
        "introduced": rule.introduced,
        "resolved": rule.resolved,
        "unchanged": rule.unchanged,
        "gate-p-value": rule.p_value,
        "gate-verdict": rule.verdict,
        "gate-reason": rule.reason,
        "note": rule.note,
    }


def _spec_diff(diff: SpecDiff) -> Iterator[Row]:
    """A row for each thing that changed: of a rule, or of the view, then without a rule. Kinds that are allowed now, or
    no longer, have their count in the corpus of the spec that allows them.
    """
    for field, (old, new) in diff.view.items():
        yield _change("", "view", field, old, new)
    for name in diff.added:
        yield _change(name, "added")
    for name in diff.removed:
        yield _change(name, "removed")
    for name, change in diff.rules.items():
        yield from _rule_change(name, change)
    for what, entries in (("accepted", diff.accepted), ("no longer accepted", diff.no_longer_accepted)):
        for entry in entries:
            shown = entry.kind if entry.kind is not None else f"{entry.sample} {entry.place or ''}".rstrip()
            yield _change(entry.rule, what, shown)


def _rule_change(name: str, change: RuleChange) -> Iterator[Row]:
    for option, (old, new) in change.options.items():
        yield _change(name, "option", option, old, new)
    for kind, count in change.allowed.items():
        yield _change(name, "allowed", kind, None, count)
    for kind, count in change.forbidden.items():
        yield _change(name, "no longer allowed", kind, count, None)
    for what, total, shown in (
        ("allowed", change.allowed_total, change.allowed),
        ("no longer allowed", change.forbidden_total, change.forbidden),
    ):
        if total > len(shown):
            yield _change(name, f"{what}, further kinds", "", None, total - len(shown))
    if change.learned:
        yield _change(name, "learned")
        for measure, distance in change.distances.items():
            yield _change(name, "distance", measure, None, distance)
    before, after = change.held_out
    if before != after:
        yield _change(name, "real rate", "", before.rate if before else None, after.rate if after else None)


def _change(rule: str, change: str, name: str = "", before: Any = None, after: Any = None) -> Row:
    return dict(zip(CHANGE, (rule, change, name, before, after), strict=True))


def _evaluation(found: Evaluation) -> Iterator[Row]:
    """A row for each generator and rule."""
    for name, generator in found.generators.items():
        for rule, told in generator.by_sample.items():
            yield {
                "generator": name,
                "samples": generator.samples,
                "groups": generator.groups,
                "real": found.real,
                "real-samples": found.real_samples,
                "rule": rule,
                **_told("", told),
                **(_told("sets-", generator.by_set[rule]) if generator.by_set else {}),
            }


def _told(of: str, told: Discrimination) -> dict[str, object]:
    return {
        f"{of}auroc": told.auroc,
        **_ends(f"{of}auroc", told.interval),
        f"{of}average-precision": told.average_precision,
        f"{of}tpr": told.tpr,
    }


def _audit(found: Audit, equalised: bool = False) -> Iterator[Row]:
    """A row for each generated set and property, then one for all together; then the same of equalised samples."""
    for name, audited in found.generated.items():
        together = {TOGETHER: audited.together} if audited.together else {}
        for key, told in {**audited.properties, **together}.items():
            yield {
                "generated": name,
                "equalised": equalised,
                "real": found.real,
                "property": key,
                "real-samples": told.real,
                "generated-samples": told.generated,
                "auroc": told.auroc,
                **_ends("auroc", told.interval),
                "how": told.how,
                "tells": told.tells,
                "of-content": told.of_content,
                "finding": told.finding,
            }
    if found.equalised:
        yield from _audit(found.equalised.audit, True)


def _power(table: PowerTable) -> Iterator[Row]:
    """A row for each fault, dose and rule, with the share of samples that the rule catches; the fault ``none`` is of
    samples as they are.
    """
    yield from _caught({"fault": "none", "dose": None, "unit": "", "planted": None}, table.real, None)
    for row in table.rows:
        head = {"fault": row.fault, "dose": row.dose, "unit": row.unit, "planted": row.planted}
        yield from _caught(head, row.caught, row.auroc)


def _caught(head: Row, caught: Caught, auroc: Share | None) -> Iterator[Row]:
    for rule, share in {**caught.rules, ALL: caught.combined}.items():
        of_all = auroc if rule == ALL else None
        yield {
            **head,
            "rule": rule,
            "caught": share.share,
            **_ends("caught", (share.low, share.high)),
            "auroc": of_all.share if of_all else None,
            **_ends("auroc", (of_all.low, of_all.high) if of_all else None),
        }


def _ends(name: str, interval: tuple[float, float] | None) -> dict[str, object]:
    low, high = interval or (None, None)
    return {f"{name}-low": low, f"{name}-high": high}
