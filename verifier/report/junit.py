"""JUnit XML, for the test report of a CI system: a test suite for each sample set, a test case for each rule.

There is no standard. What is written is what junit-10.xsd of the Jenkins xUnit plugin allows and GitLab and the usual
GitHub actions read: they show a case by ``classname`` (the sample set) and ``name`` (the rule), a failure by its
``message`` and text. Properties stand at the suite, where every reader allows them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from verifier.base.errors import printable
from verifier.judge.calibration import Verdict
from verifier.rule.rule import Violation
from verifier.spec.run import RuleDiff, RuleResult, Run, RunDiff, SetResult

ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for, not even escaped (section 2.2)."""


@dataclass(frozen=True)
class Case:
    """One rule in one sample set: its verdict, the reason, lines that say more, and numbers by name."""

    name: str
    verdict: Verdict
    reason: str
    lines: Sequence[str] = ()
    numbers: Mapping[str, float | int | None] = field(default_factory=dict)


def write(record: Run | RunDiff, path: Path) -> None:
    """Write the report of a check, of a gate if the run has one, or of a diff, in which nothing fails."""
    if isinstance(record, Run) and record.gate is None:
        name = str(record.spec.get("name", ""))
        suites = {label: list(_cases(result)) for label, result in record.sets.items()}
    else:
        diff = record.gate if isinstance(record, Run) else record
        assert diff is not None
        name = diff.spec
        suites = {pair.labels[1]: [_changed(rule, of) for rule, of in pair.rules.items()] for pair in diff.sets}
    root = ElementTree.Element("testsuites", _counts(name, [case for cases in suites.values() for case in cases]))
    root.attrib.pop("skipped")  # the schema knows it at a suite only
    for label, cases in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", _counts(label, cases))
        properties = ElementTree.SubElement(suite, "properties")
        for case in cases:
            for number, value in case.numbers.items():
                attributes = {"name": f"{case.name}.{number}", "value": "" if value is None else repr(value)}
                ElementTree.SubElement(properties, "property", attributes)
            _append(suite, label, case)
        if not len(properties):
            suite.remove(properties)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def text(value: object) -> str:
    """``value`` with every character escaped that XML or a terminal has no place for; newlines too."""
    return ILLEGAL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), printable(value))


def _append(suite: ElementTree.Element, label: str, case: Case) -> None:
    element = ElementTree.SubElement(
        suite, "testcase", {"classname": text(label), "name": text(case.name), "time": "0"}
    )
    body = "\n".join(text(line) for line in (case.reason, *case.lines) if line)
    if case.verdict == "fail":
        ElementTree.SubElement(element, "failure", {"type": "rule", "message": text(case.reason)}).text = body
    elif case.verdict == "undecided":
        ElementTree.SubElement(element, "skipped", {"message": text(case.reason)})
    elif body:
        ElementTree.SubElement(element, "system-out").text = body


def _counts(name: str, cases: Sequence[Case]) -> dict[str, str]:
    return {
        "name": text(name),
        "tests": str(len(cases)),
        "failures": str(sum(case.verdict == "fail" for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.verdict == "undecided" for case in cases)),
        "time": "0",
    }


def _cases(result: SetResult) -> Iterator[Case]:
    for name, rule in result.rules.items():
        yield Case(name, rule.verdict, rule.reason, list(_places(rule.examples)), _numbers(rule))
    if result.whole is not None:
        for name, coverage in result.whole.coverage.items():
            yield Case(f"coverage of {name}", coverage.verdict, coverage.reason)
        for title, check in result.whole.checks.items():
            yield Case(title, check.verdict, check.reason)
        for skipped in result.whole.skipped:
            title, _, why = skipped.partition(": ")
            yield Case(title, "undecided", why)


def _places(violations: Iterable[Violation]) -> Iterator[str]:
    for violation in violations:
        yield f"{violation.sample}, {violation.where}: {violation.observed} ({violation.allowed})"


def _numbers(rule: RuleResult) -> dict[str, float | int | None]:
    low, high = rule.interval or (None, None)
    return {
        "violations": rule.violations,
        "trials": rule.trials,
        "suppressed": rule.suppressed,
        "rate": rule.rate,
        "rate-low": low,
        "rate-high": high,
        "real-rate": rule.held_out.rate if rule.held_out else None,
    }


def _changed(name: str, rule: RuleDiff) -> Case:
    low, high = rule.interval or (None, None)
    numbers = {
        "rate-before": rule.rates[0],
        "rate": rule.rates[1],
        "difference": rule.difference,
        "difference-low": low,
        "difference-high": high,
        "introduced": rule.introduced,
        "resolved": rule.resolved,
        "unchanged": rule.unchanged,
        "suppressed": rule.suppressed[1],
    }
    verdict: Verdict = rule.verdict or ("undecided" if rule.difference is None else "pass")
    reason = rule.reason or ("one of the runs gave it no trial" if rule.difference is None else "")
    lines = [f"new kind: {kind} ({count})" for kind, count in rule.new_kinds.items()]
    lines += [f"introduced: {found.sample}, {found.place}: {found.observed}" for found in rule.introduced_examples]
    return Case(name, verdict, reason, lines, numbers)
