"""What changed between two runs or two specs, in words and as a table in a terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from verifier.base.text import percent, plural
from verifier.report.terminal import STYLES, safe
from verifier.spec.run import Gate, RuleDiff, RunDiff, SetDiff
from verifier.spec.suppressions import Accepted
from verifier.verbs.diff import RuleChange, SpecDiff

SHOWN = 5
"""Kinds and findings in a terminal, of each rule."""
CHANGES = {"worse": "red", "better": "green", "same": "", None: "yellow"}


def exit_line(gate: Gate) -> str:
    """What the gate decided, by what, and the exit code."""
    rules = sum(len(pair.rules) for pair in gate.sets)
    beyond = f" by more than {points(gate.margin)[1:]} points" if gate.margin else ""
    level = f"alpha {gate.alpha:g} over {plural('rule', rules)}"
    failed = [name for pair in gate.sets for name, rule in pair.rules.items() if rule.verdict == "fail"]
    failed += gate.collapsed
    if failed:
        return f"Gate failed, exit code 1: worse than the baseline{beyond} in {', '.join(failed)} ({level})."
    undecided = [name for pair in gate.sets for name, rule in pair.rules.items() if rule.verdict == "undecided"]
    left = f"; undecided, and no reason to fail: {', '.join(undecided)}" if undecided else ""
    return f"Gate passed, exit code 0: no rule is shown to be worse than the baseline{beyond} ({level}){left}."


def points(step: float) -> str:
    """A difference of rates in percentage points, signed: ``+1.2``, ``-0.03``, ``0``."""
    value = 100 * step
    return "0" if value == 0 else f"{value:+.1f}" if abs(value) >= 1 else f"{value:+.2g}"


def pair_title(pair: SetDiff) -> str:
    """The labels of a pair of sample sets and their sizes."""
    before, after = pair.labels
    label = before if before == after else f"{before} -> {after}"
    if pair.samples[0] == pair.samples[1]:
        return f"{label}, {plural('sample', pair.samples[0])} each"
    return f"{label}, {pair.samples[0]:,} -> {plural('sample', pair.samples[1])}"


def diff_row(rule: RuleDiff) -> list[str]:
    """Rate before, rate after, difference with its interval, findings, new kinds, and what the gate says."""
    rates = ["no trial" if rate is None else percent(rate) for rate in rule.rates]
    step = "" if rule.difference is None else points(rule.difference)
    if rule.interval is not None:
        step += f" [{points(rule.interval[0])}, {points(rule.interval[1])}]"
    verdict: str = rule.verdict or ""
    if rule.p_value is not None:
        verdict = f"p = {rule.p_value:.2g} {verdict}"
    return [*rates, step, _findings(rule), f"{rule.new_kinds_total:,}" if rule.new_kinds_total else "", verdict]


def _findings(rule: RuleDiff) -> str:
    accepted = f", {rule.suppressed[1]:,} accepted" if rule.suppressed[1] else ""
    if rule.introduced is None:
        return (f"{rule.violations[0]:,} -> {rule.violations[1]:,}" if rule.note else "") + accepted
    return f"+{rule.introduced:,} -{rule.resolved:,} ={rule.unchanged:,}" + accepted


def change_lines(pair: SetDiff, shown: int = SHOWN) -> Iterator[str]:
    """New kinds of violation, findings introduced, and what could not be compared, of each rule."""
    for name, rule in pair.rules.items():
        for kind, count in list(rule.new_kinds.items())[:shown]:
            yield f"{name}: new kind {kind} ({count:,})"
        if rule.new_kinds_total > shown:
            yield f"{name}: and {rule.new_kinds_total - min(shown, len(rule.new_kinds)):,} more new kinds"
        for found in rule.introduced_examples[:shown]:
            yield f"{name}: introduced in {found.sample} at {found.place}: {found.observed}"
        for found in rule.resolved_examples[:shown]:
            yield f"{name}: resolved in {found.sample} at {found.place}: {found.observed}"
        if rule.note:
            yield f"{name}: findings are not compared, {rule.note}"


def print_diff(out: Console, diff: RunDiff, places: int = 2) -> None:
    """A table for each pair of sample sets, then ``places`` lines of each sort for each rule."""
    out.print(
        f"[bold]{safe(diff.runs[0])}[/] -> [bold]{safe(diff.runs[1])}[/]  under {safe(diff.spec)}", soft_wrap=True
    )
    for note in diff.notes:
        out.print(f"[yellow]note[/] {safe(note)}", soft_wrap=True)
    for pair in diff.sets:
        out.print(f"\n{safe(pair_title(pair))}", soft_wrap=True)
        out.print(_table(pair))
        for line in change_lines(pair, places):
            out.print(f"  [dim]{safe(line)}[/]", soft_wrap=True)
    if diff.unpaired:
        out.print(f"[yellow]in one run only[/] {safe(', '.join(diff.unpaired))}", soft_wrap=True)


def print_gate(out: Console, gate: Gate, places: int = 2) -> None:
    """The comparison with the baseline, and which of the two judgements decided the exit code."""
    out.print()
    print_diff(out, gate, places)
    style = STYLES["fail" if gate.regressed else "pass"]
    out.print(f"\n[{style}]{safe(exit_line(gate))}[/]", soft_wrap=True)
    out.print("[dim]The verdict further up compares with real data; with --baseline it does not decide.[/]")


def _table(pair: SetDiff) -> Table:
    gated = any(rule.verdict for rule in pair.rules.values())
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("", "before", "after", "difference, points", "findings", "new kinds", *["gate"] * gated):
        table.add_column(column, no_wrap=True)
    for name, rule in pair.rules.items():
        before, after, step, findings, kinds, verdict = diff_row(rule)
        cells = [Text(name), Text(before), Text(after), Text(step, style=CHANGES[rule.change])]
        cells += [Text(findings, style="dim"), Text(kinds)]
        if gated:
            cells.append(Text(verdict, style=STYLES[rule.verdict] if rule.verdict else ""))
        table.add_row(*cells)
    return table


def spec_lines(diff: SpecDiff, shown: int = SHOWN) -> Iterator[tuple[str, list[str]]]:
    """What changed, as headings with lines under them; none if nothing did."""
    if diff.view:
        lines = [f"{field}: {old} -> {new}" for field, (old, new) in diff.view.items()]
        yield "view", [*lines, "what was learned under two views is not compared"]
    for name in diff.added:
        yield f"{name}: added", []
    for name in diff.removed:
        yield f"{name}: removed", []
    for name, change in diff.rules.items():
        lines = list(_change_lines(change, shown))
        if lines:
            yield name, lines
    for heading, entries in (("accepted", diff.accepted), ("no longer accepted", diff.no_longer_accepted)):
        if entries:
            yield heading, [accepted_line(entry) for entry in entries]


def accepted_line(entry: Accepted) -> str:
    """An accepted kind or sample, with its reason."""
    what = entry.kind if entry.kind is not None else f"in {entry.sample}"
    place = f" at {entry.place}" if entry.place is not None else ""
    return f"{entry.rule}: {what}{place} ({entry.reason})"


def _change_lines(change: RuleChange, shown: int) -> Iterator[str]:
    for option, (old, new) in change.options.items():
        yield f"option {option}: {old} -> {new}"
    for words, kinds, total in (
        ("allowed now", change.allowed, change.allowed_total),
        ("no longer allowed", change.forbidden, change.forbidden_total),
    ):
        if total:
            examples = ", ".join(f"{kind} ({count:,})" for kind, count in list(kinds.items())[:shown])
            yield f"{total:,} {words}: {examples}{', ...' if total > shown else ''}"
    if change.learned and change.distances:
        yield "learned: " + ", ".join(f"{name} {value:.4f}" for name, value in change.distances.items())
    elif change.learned and not (change.allowed_total or change.forbidden_total):
        yield "learned other counts"
    rates = [f"{percent(held.rate)} up to {percent(held.upper)}" if held else "no record" for held in change.held_out]
    if rates[0] != rates[1]:
        yield f"real, held out: {rates[0]} -> {rates[1]}"


def print_spec_diff(out: Console, diff: SpecDiff) -> None:
    """What changed from one spec to the other."""
    out.print(f"[bold]{safe(diff.specs[0])}[/] -> [bold]{safe(diff.specs[1])}[/]", soft_wrap=True)
    found = list(spec_lines(diff))
    for heading, lines in found:
        out.print(f"\n[bold]{safe(heading)}[/]")
        for line in lines:
            out.print(f"  {safe(line)}", soft_wrap=True)
    if not found:
        out.print("no difference")
