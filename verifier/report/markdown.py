"""Markdown for a pull request or a CI job's summary: a verdict line, compact tables, and places in a fold."""

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from verifier.base.errors import printable
from verifier.base.text import percent
from verifier.judge.domain_shift import Domain
from verifier.judge.likeness import Likeness
from verifier.report import audit, evaluation, power
from verifier.report.changes import change_lines, diff_row, exit_line, pair_title, spec_lines
from verifier.report.terminal import skipped_checks
from verifier.rule.rule import HeldOut
from verifier.spec.run import RuleDiff, RuleResult, Run, RunDiff, SetDiff
from verifier.verbs.audit import Audit
from verifier.verbs.diff import SpecDiff
from verifier.verbs.evaluate import ALL, Evaluation
from verifier.verbs.power import PowerTable

PLACES = 12
"""Lines in a fold."""


def write(record: Run | RunDiff | SpecDiff | Evaluation | PowerTable | Audit, path: Path) -> None:
    """Write the summary of a check, with its gate if the run has one, of a diff, or the tables of an evaluation."""
    path.write_text("\n".join(_lines(record)) + "\n", encoding="utf-8")


def _lines(record: Run | RunDiff | SpecDiff | Evaluation | PowerTable | Audit) -> Iterator[str]:
    if isinstance(record, Run):
        return _run(record)
    if isinstance(record, SpecDiff):
        return _spec_diff(record)
    if isinstance(record, Evaluation):
        return _evaluation(record)
    if isinstance(record, Audit):
        return _audit(record)
    return _power(record) if isinstance(record, PowerTable) else _diff(record)


def code(text: object) -> str:
    """``text`` as code, in a table cell too. Nothing in it is Markdown, HTML, a mention or an emoji any more."""
    escaped = html.escape(printable(text))
    return "<code>" + re.sub(r"[\\`*_\[\]|~$:@!]", lambda match: f"&#{ord(match[0])};", escaped) + "</code>"


def _run(run: Run) -> Iterator[str]:
    verdicts = ", ".join(f"{code(label)} **{result.verdict}**" for label, result in run.sets.items())
    yield f"### verify {code(run.spec.get('name', ''))}: {verdicts}"
    if run.gate:
        yield f"\n**{exit_line(run.gate)}** The verdicts above compare with real data; they did not decide.\n"
        yield from (f"{code(note)}\n" for note in run.gate.notes)
        for pair in run.gate.sets:
            yield from _pair(pair)
    results = list(run.sets.values())
    rows = [
        [code(name), _real(rule.held_out), *(_cell(result.rules[name]) for result in results)]
        for name, rule in results[0].rules.items()
    ]
    whole = [
        f"{code(label)}: {code(f'{what} {verdict}: {reason}')}\n"
        for label, result in run.sets.items()
        if result.whole is not None
        for what, verdict, reason in [
            *((f"coverage of {name},", found.verdict, found.reason) for name, found in result.whole.coverage.items()),
            *((f"{title},", check.verdict, check.reason) for title, check in result.whole.checks.items()),
        ]
        if verdict == "fail"
    ]
    yield from _table(["violations per trial", "real, held out", *(code(label) for label in run.sets)], rows)
    yield from whole
    yield from (f"{code(why)}\n" for why in skipped_checks(run))
    for label, result in run.sets.items():
        yield from (f"{code(label)}: {code(trace.words())}\n" for trace in result.processed)
        if isinstance(result.likeness, Likeness):
            yield f"{code(label)}: {code(result.likeness.sentence())}\n"
        if isinstance(result.domain, Domain):
            yield f"{code(label)}: {code(result.domain.words())}\n"
        yield from (f"{code(label)}: {code(confound)}\n" for confound in result.confounds)
        shown = [
            f"{code(name)} {code(place.sample)}, {place.where}: {code(place.observed)} ({code(place.allowed)})"
            for name, rule in result.rules.items()
            if rule.verdict == "fail"
            for place in rule.examples
        ]
        yield from _fold(f"Where {code(label)} breaks it most", shown)
        yield from _fold(f"Unreadable in {code(label)}", [code(problem) for problem in result.unreadable])


def _real(held_out: HeldOut | None) -> str:
    return f"{percent(held_out.rate)} up to {percent(held_out.upper)}" if held_out else "no record"


def _cell(rule: RuleResult) -> str:
    if rule.rate is None:
        return f"no trial, {rule.verdict}"
    verdict = f"**{rule.verdict}**" if rule.verdict == "fail" else rule.verdict
    accepted = f", {rule.suppressed:,} accepted" if rule.suppressed else ""
    return f"{percent(rule.rate)} ({rule.violations:,} of {rule.trials:,}{accepted}) {verdict}"


def _diff(diff: RunDiff) -> Iterator[str]:
    yield f"### verify diff {code(diff.runs[0])} {code(diff.runs[1])}"
    for note in diff.notes:
        yield f"\n{code(note)}"
    yield ""
    for pair in diff.sets:
        yield from _pair(pair)
    if diff.unpaired:
        yield f"In one run only: {', '.join(code(label) for label in diff.unpaired)}"


def _pair(pair: SetDiff) -> Iterator[str]:
    yield code(pair_title(pair))
    yield from _table(*_pair_table(pair))
    yield from _fold("New kinds and findings", [code(line) for line in change_lines(pair, PLACES)])
    yield ""


def _pair_table(pair: SetDiff) -> tuple[list[str], list[list[str]]]:
    gated = any(rule.verdict for rule in pair.rules.values())
    header = ["rule", "before", "after", "difference, points", "findings", "new kinds", *["gate"] * gated]
    return header, [[code(name), *_cells(rule, gated)] for name, rule in pair.rules.items()]


def _cells(rule: RuleDiff, gated: bool) -> list[str]:
    *cells, verdict = diff_row(rule)
    return [*cells, *([f"**{verdict}**" if rule.verdict == "fail" else verdict] if gated else [])]


def _spec_diff(diff: SpecDiff) -> Iterator[str]:
    yield f"### verify diff {code(diff.specs[0])} {code(diff.specs[1])}\n"
    for heading, lines in spec_lines(diff):
        yield f"- {code(heading)}"
        for line in lines:
            yield f"  - {code(line)}"


def _evaluation(found: Evaluation) -> Iterator[str]:
    yield f"Spec {code(found.spec)}, against {code(found.real)}: {evaluation.sizes(found)}"
    for name, generator in found.generators.items():
        yield from (f"\n{code(name)}: {code(line)}" for line in evaluation.before(generator))
        yield from _table(
            [f"{code(name)}: {evaluation.size(generator)}", *evaluation.columns(found, generator)],
            [
                [f"**{rule}**" if rule == ALL else code(rule), *evaluation.cells(told, of_sets)]
                for rule, told, of_sets in evaluation.rows(generator)
            ],
        )


def _audit(found: Audit, after: str = "") -> Iterator[str]:
    for name, audited in found.generated.items():
        yield f"### verify audit {code(name)}{after}: {code(audit.verdict(audited))}\n"
        yield f"Against {code(found.real)}: {audit.sizes(found, audited)}"
        if audited.telling:
            rows = [
                [code(each.words), audit.area(each), code("; ".join([each.finding, *audit.also(audited, each)]))]
                for each in audited.telling
            ]
            yield from _table(["property", "AUROC, 95 % interval", "what tells"], rows)
        yield ""
        yield from (f"- {code(line)}" for line in audit.remarks(audited))
    if found.equalised:
        yield f"\nEqualised in {code(found.equalised.folder)}: {'; '.join(found.equalised.words)}\n"
        yield from _audit(found.equalised.audit, ", equalised")


def _power(table: PowerTable) -> Iterator[str]:
    yield f"### verify power {code(table.spec)}\n"
    yield power.markdown(table).rstrip("\n")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _fold(summary: str, lines: Sequence[str]) -> Iterator[str]:
    if not lines:
        return
    yield f"<details><summary>{summary}</summary>\n"
    for line in lines[:PLACES]:
        yield f"- {line}"
    if len(lines) > PLACES:
        yield f"- and {len(lines) - PLACES:,} more"
    yield "\n</details>"
