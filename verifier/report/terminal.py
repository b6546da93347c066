"""What a person sees in a terminal."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from verifier.base.errors import printable
from verifier.base.text import percent, plural
from verifier.corpora.manifest import Manifest
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.draw.marks import first_numbers, groups_of, place_of
from verifier.judge.domain_shift import Domain
from verifier.judge.likeness import Likeness
from verifier.rule.rule import HeldOut, Rule, Violation
from verifier.spec.run import RuleResult, Run, SetResult
from verifier.spec.spec import Spec
from verifier.verbs.explain import Explained

LISTED = 20
"""Violations of a sample that are listed where nothing else refers to their numbers."""
OF_A_RULE = 5
"""Of these, those of one rule, where samples stand alone."""

STYLES = {
    "pass": "green",
    "undecided": "yellow",
    "processed": "bold magenta",
    "out of domain": "bold magenta",
    "fail": "bold red",
}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line: a reader that has what it wants (``| head``) is no failure."""
        raise BrokenPipeError


def console(stderr: bool = False) -> Console:
    """A console that prints the same words to a file as to a terminal, wide enough there for a few columns."""
    plain = _Console(stderr=stderr, highlight=False, soft_wrap=False)
    return plain if plain.is_terminal else _Console(stderr=stderr, highlight=False, width=max(plain.width, 160))


def safe(text: object) -> str:
    """``text`` with control characters and markup escaped."""
    return escape(printable(text))


def view_line(spec: Spec) -> str:
    """The view in words."""
    return medium_of(spec.view).describe(spec.view)


def print_run(out: Console, spec: Spec, run: Run, verbose: bool = False) -> None:
    """The table of rules by sample sets, then places to look at; with intervals and more places if ``verbose``."""
    out.print(f"[bold]{safe(spec.name)}[/]  {view_line(spec)}")
    out.print(f"[dim]learned from {safe(spec.corpus.source)}[/]", soft_wrap=True)
    if spec.calibration is None:
        out.print(
            "[yellow]note[/] the spec has no calibration on held-out pieces: rates, but no verdicts", soft_wrap=True
        )
    for skipped in skipped_checks(run):
        out.print(f"[yellow]note[/] {safe(skipped)}", soft_wrap=True)
    for label, result in run.sets.items():
        for trace in result.processed:
            out.print(f"[magenta]processed[/] {safe(label)} {safe(trace.words())}", soft_wrap=True)
        if isinstance(result.likeness, Likeness):
            out.print(f"[magenta]processed[/] {safe(label)} {safe(result.likeness.sentence())}", soft_wrap=True)
        if isinstance(result.domain, Domain):
            style = STYLES["out of domain"] if result.domain.outside else "dim"
            out.print(f"[{style}]domain[/] {safe(label)}: {safe(result.domain.words())}", soft_wrap=True)
        for confound in result.confounds:
            out.print(f"[yellow]note[/] {safe(label)}: {safe(confound)}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("violations per", no_wrap=True)
    table.add_column("real, held out", no_wrap=True)
    for label in run.sets:
        table.add_column(safe(label), overflow="fold")
    table.add_row("", "", *(Text(_size(result), style="dim") for result in run.sets.values()), end_section=True)
    for rule in spec.rules:
        results = [result.rules[rule.name()] for result in run.sets.values()]
        held = rule.held_out
        table.add_row(Text(rule.name()), _reference(held), *(_rate(result, verbose) for result in results))
        table.add_row(
            Text(f"  {rule.trial_name()}", style="dim"),
            Text(f"{held.violations:,} of {held.trials:,}" if held else "", style="dim"),
            *(Text(_counts(result), style="dim") for result in results),
        )
        for measure in rule.headline:
            table.add_row(
                Text(f"  {measure}", style="dim"),
                _measure(held.measures if held else {}, measure),
                *(_measure(result.measures, measure) for result in results),
            )
    _add_whole(table, list(run.sets.values()))
    if spec.calibration is not None:
        table.add_row(
            f"flagged at {run.alpha:.2g}",
            Text(f"{percent(run.alpha)} of samples", style="dim"),
            *(Text(_flagged(result)) for result in run.sets.values()),
        )
    table.add_section()
    verdicts = (Text(result.verdict, style=STYLES[result.verdict]) for result in run.sets.values())
    table.add_row(Text("verdict", style="bold"), "", *verdicts)
    out.print(table)
    for label, result in run.sets.items():
        _print_places(out, label, result, 3 if verbose else 1)
        _print_whole(out, label, result)
        for problem in result.unreadable:
            out.print(f"[yellow]unreadable[/] {safe(problem)}", soft_wrap=True)


def skipped_checks(run: Run) -> list[str]:
    """What no set was looked through for, and why: it depends on the spec, not on the sets, and is said once."""
    return list(dict.fromkeys(why for result in run.sets.values() if result.whole for why in result.whole.skipped))


def _size(result: SetResult) -> str:
    pieces = f", {plural('piece', result.groups)}" if result.groups != result.samples else ""
    return plural("sample", result.samples) + pieces


def _add_whole(table: Table, results: Sequence[SetResult]) -> None:
    """Rows for what the sets cover of the corpus, repeat of themselves and copy; each names the limit of real sets."""
    if not any(result.whole for result in results):
        return

    def row(title: str, cells: Iterable[tuple[str, str] | None]) -> None:
        marked = (Text(cell[0], style=STYLES[cell[1]]) if cell else Text("") for cell in cells)
        table.add_row(Text(title), Text("sets of that size", style="dim"), *marked)

    row("coverage", (_coverage(result) for result in results))
    for title in dict.fromkeys(title for result in results if result.whole for title in result.whole.checks):
        row(title, (_check(result, title) for result in results))


def _coverage(result: SetResult) -> tuple[str, str] | None:
    """The rule whose coverage fails, or else the one with the most to cover."""
    if not result.whole or not result.whole.coverage:
        return None
    name, found = min(
        result.whole.coverage.items(),
        key=lambda item: (item[1].verdict != "fail", -item[1].kinds),
    )
    share, real = found.compared_share, found.real_share.low
    if found.compared_weighted < found.real_weighted.low:  # by weight: what fails is what is shown
        share, real = found.compared_weighted, found.real_weighted.low
    return f"{percent(share)} of {name} (real {percent(real)}) {found.verdict}", found.verdict


def _check(result: SetResult, title: str) -> tuple[str, str] | None:
    found = result.whole.checks.get(title) if result.whole else None
    return (f"{found.cell} {found.verdict}", found.verdict) if found else None


def _flagged(result: SetResult) -> str:
    flagged, groups = result.flagged or (), result.flagged_groups or ()
    text = f"{percent(len(flagged) / result.samples)} of samples"
    return text + (f", {percent(len(groups) / result.groups)} of pieces" if result.groups != result.samples else "")


def _reference(held_out: HeldOut | None) -> Text:
    if held_out is None:
        return Text("no record", style="yellow")
    return Text(percent(held_out.rate)).append(f" up to {percent(held_out.upper)}", style="dim")


def _rate(result: RuleResult, verbose: bool) -> Text:
    if result.rate is None or result.interval is None:
        return Text("no trial", style=STYLES[result.verdict])
    text = Text(percent(result.rate), style="dim" if result.set_aside else STYLES[result.verdict])
    if verbose:
        text.append(f" [{percent(result.interval[0])}, {percent(result.interval[1])}]", style="dim")
    if result.ratio:
        text.append(f" x{result.ratio:,.0f}" if result.ratio >= 100 else f" x{result.ratio:.2g}")
    return text.append(" set aside" if result.set_aside else f" {result.verdict}")


def _counts(result: RuleResult) -> str:
    distinct = f", {result.distinct:,} distinct" if result.distinct else ""
    accepted = f", {result.suppressed:,} accepted" if result.suppressed else ""
    return f"{result.violations:,} of {result.trials:,}{distinct}{accepted}"


def _measure(measures: Mapping[str, float], name: str) -> Text:
    return Text(f"{measures[name]:.4f}" if name in measures else "", style="dim")


def _print_places(out: Console, label: str, result: SetResult, places: int) -> None:
    failing = {name: rule for name, rule in result.rules.items() if rule.verdict == "fail" and rule.examples}
    if not failing or not places:
        return
    out.print(f"\n[bold]{safe(label)}[/] breaks it most in")
    for name, rule in failing.items():
        for violation in rule.examples[:places]:
            out.print(f"  [red]{name}[/]  {violation_line(violation)}", soft_wrap=True)


def _print_whole(out: Console, label: str, result: SetResult) -> None:
    """The worst that each check of the set found, if the set fails by it."""
    for check in result.whole.checks.values() if result.whole else ():
        if check.verdict == "fail" and check.worst:
            out.print(f"\n[bold]{safe(label)}[/] {safe(check.worst)}", soft_wrap=True)


def violation_line(violation: Violation) -> str:
    """Sample, place, what was observed and what was allowed, as markup."""
    return (
        f"{safe(violation.sample)}, {safe(violation.where)}: [bold]{safe(violation.observed)}[/]"
        f" [dim]({safe(violation.allowed)})[/]"
    )


def print_spec(out: Console, spec: Spec) -> None:
    """What was learned."""
    corpus = spec.corpus
    out.print(f"[bold]{safe(spec.name)}[/]  {view_line(spec)}")
    out.print(
        f"[dim]from {safe(corpus.source)}: {corpus.pieces:,} pieces, {corpus.groups:,} after joining duplicates;"
        f" {corpus.split.hold_out:.0%} of these held out (seed {corpus.split.seed})"
        + (f"; learned from {corpus.sampling.windows:,} windows" if corpus.sampling else "")
        + "[/]"
    )
    for rule in spec.rules:
        support, held = rule.support, rule.held_out
        out.print(f"\n[bold]{rule.name()}[/]  {_options(rule)}")
        line = f"learned from {plural(rule.trial_name(), support.trials)} in {plural('piece', support.pieces)}"
        if held:
            line += f"; unseen real data breaks it in {percent(held.rate)} (up to {percent(held.upper)})"
        if rule.forecast is not None:
            line += f", forecast {percent(rule.forecast)}"
        out.print(f"  [dim]{line}[/]", soft_wrap=True)
        for line in rule.summary():
            out.print(f"  {safe(line)}", soft_wrap=True)


def _options(rule: Rule) -> str:
    return (
        "[dim]"
        + ", ".join(f"{name.replace('_', '-')}: {safe(value)}" for name, value in rule.set_options().items())
        + "[/]"
    )


def print_rules(out: Console, rules: Mapping[str, type[Rule]]) -> None:
    """Every rule with the first line of its manual and its options."""
    for name, rule in rules.items():
        out.print(f"[bold]{name}[/]  {safe(_first_sentence(rule))}", soft_wrap=True)
        for option, (_, meta) in rule.options().items():
            default = rule.__struct_defaults__[rule.__struct_fields__.index(option)]
            out.print(
                f"  [cyan]{option.replace('_', '-')}[/] = {safe(default)}  [dim]{safe(meta.description)}[/]",
                soft_wrap=True,
            )


def _first_sentence(rule: type[Rule]) -> str:
    return " ".join((rule.__doc__ or "").split("\n\n")[0].split())


def print_corpora(out: Console, manifests: Iterable[Manifest], parts: Callable[[str], Sequence[str]]) -> None:
    """What can be learned from, and which sample sets each gives: ``parts`` of a corpus by its name."""
    for manifest in manifests:
        out.print(f"[bold]{safe(manifest.name)}[/]  {safe(manifest.title)}")
        out.print(
            f"  {manifest.pieces:,} pieces in {manifest.groups:,} groups;"
            f" {safe(manifest.source.package)} {safe(manifest.source.version)}",
            soft_wrap=True,
        )
        out.print(f"  [dim]{safe(' '.join(manifest.licence.split()))}[/]", soft_wrap=True)
        out.print(
            "  as a sample set: " + ", ".join(f"{manifest.name}:{part}" for part in parts(manifest.name)),
            soft_wrap=True,
        )
    out.print("[dim]A folder of your own files is a corpus too: verify learn FOLDER -o spec.yaml[/]")


def print_explanation(out: Console, spec: Spec, explained: Explained, shown: int, listed: int | None = LISTED) -> None:
    """The violations of each sample, drawn in characters; ``shown`` samples at most, and ``listed`` violations of each
    (all if None). Their numbers are those of pictures and annotated copies.

    Where samples stand alone, and a rule may find every cell, ``listed`` counts the violations of each rule.
    """
    batch, found = explained.batch, explained.found
    medium = medium_of(batch.view)
    together = medium.whole_pieces
    order = sorted((i for i in found if found[i]), key=lambda i: (-len(found[i]), i)) if together else list(found)
    order = [i for i in order if found[i]][:shown]
    out.print(
        f"{plural('violation', explained.violations)} in {explained.broken:,} of {plural('sample', explained.samples)}"
        f" under {safe(spec.name)}"
    )
    numbers = first_numbers(batch, found)
    for i in sorted(order):
        place = medium.place(batch, i, 0)
        place = f"  from {safe(place)}" if place else ""
        out.print(f"\n[bold]{safe(batch.names[i])}[/]{place}: {plural('violation', len(found[i]))}")
        for line in medium.lines(batch, i, found[i]):
            out.print(line)
        digits = len(str(numbers[i] + len(found[i]) - 1))
        if together:
            _print_violations(out, batch, i, found[i], numbers[i], digits, listed)
            continue
        for group in groups_of(found[i], numbers[i]):
            _print_violations(
                out, batch, i, group.violations, group.first, digits, OF_A_RULE if listed else LISTED, group.rule
            )
    if explained.broken > len(order):
        out.print(f"\n[dim]{explained.broken - len(order):,} more samples break it; --limit shows more of them[/]")


def _print_violations(
    out: Console,
    batch: Batch,
    i: int,
    violations: Sequence[Violation],
    first: int,
    digits: int,
    listed: int | None,
    rule: str = "",
) -> None:
    """Those of sample i, one a line, with their numbers from ``first`` on; ``rule`` if they are all of one."""
    for number, violation in enumerate(violations[:listed], first):
        out.print(
            f"  {number:>{digits}}  {safe(place_of(batch, i, violation))}  [red]{violation.rule}[/]"
            f"  [bold]{safe(violation.observed)}[/] [dim]({safe(violation.allowed)})[/]",
            soft_wrap=True,
        )
    if listed is None or len(violations) <= listed:
        return
    more = len(violations) - listed
    if rule:
        last = first + len(violations) - 1
        out.print(f"  [dim]{first + listed:>{digits}} to {last}: {more:,} more of {rule}[/]")
    else:
        out.print(f"  [dim]and {more} more; with -o all are listed[/]")
