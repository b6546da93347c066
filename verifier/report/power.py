"""What a spec catches of planted faults: as a table in a terminal, and as Markdown."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from verifier.base.text import percent, plural
from verifier.report.terminal import safe
from verifier.rule.fault import fault_named, faults_for
from verifier.verbs.power import Caught, PowerRow, PowerTable, Share, blind_words

WIDTH = 120
"""Columns of a terminal that the table fits into, or into those there are if they are fewer."""


def speaking(table: PowerTable) -> tuple[str, ...]:
    """The rules that catch some fault in more than twice the level of the samples: best in most rows first."""
    heard = [
        name for name in table.rules() if any(row.caught.rules[name].share > 2 * table.alpha for row in table.rows)
    ]

    def rank(name: str) -> tuple[int, float]:
        shares = [row.caught.rules[name].share for row in table.rows]
        return sum(name == _best(table, row.caught) for row in table.rows), sum(shares)

    return tuple(sorted(heard, key=rank, reverse=True))


def _best(table: PowerTable, caught: Caught) -> str | None:
    """The rule that catches most, if that is more than twice the level."""
    best = caught.best()
    return best if caught.rules[best].share > 2 * table.alpha else None


def _to_leave_out(table: PowerTable, silent: Sequence[str]) -> str:
    """What to type to learn without the ``silent`` rules, which no fault moves; nothing where there is none, or not all
    faults of the medium were planted.
    """
    if not silent or {row.fault for row in table.rows} < set(faults_for(table.kind)):
        return ""
    return (
        f"no planted fault moves {', '.join(silent)}: every rule makes the others harder to hear, so unless you know"
        f" what these hear, learn with {' '.join(f'--skip {name}' for name in silent)}"
    )


def title(table: PowerTable) -> str:
    """What was planted in what, and at which level, in a line."""
    how = ", each ranked among other pieces" if table.crossed else ""
    return (
        f"{plural('real sample', table.samples)} of {plural('piece', table.pieces)}{how};"
        f" a sample is caught if p is at most {table.alpha:g}"
    )


def print_power(out: Console, table: PowerTable) -> None:
    """Rows are faults and doses, columns the rules that speak, as many as fit; then what nothing catches.

    The best rule of each row is bold, and what is no better than twice the level is dim.
    """
    out.print(f"[bold]{safe(table.spec)}[/]  {safe(title(table))}", soft_wrap=True)
    heard = speaking(table)
    widths = {name: max(4, *(len(line) for line in _header(name).split("\n"))) for name in heard}
    left = min(WIDTH, out.width) - (len("chords-shuffled") + 1 + len("0.0001") + 1 + len("rules") + 1 + len("AUROC"))
    shown = set()
    for name in heard:
        if left >= widths[name] + 1:
            left -= widths[name] + 1
            shown.add(name)
    columns = [name for name in table.rules() if name in shown]
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    grid.add_column("fault", no_wrap=True, vertical="bottom")
    grid.add_column("dose", justify="right", no_wrap=True)
    for name in columns:
        grid.add_column(_header(name), justify="right", no_wrap=True, min_width=widths[name])
    grid.add_column("all\nrules", justify="right", no_wrap=True)
    grid.add_column("AUROC", justify="right", no_wrap=True)
    grid.add_row("none", "", *_cells(table, table.real, columns), "")
    last = ""
    for row in table.rows:
        if row.fault != last:
            grid.add_row()
        grid.add_row(
            row.fault if row.fault != last else "",
            f"{row.dose:g}",
            *_cells(table, row.caught, columns),
            f"{row.auroc.share:.3f}",
        )
        last = row.fault
    out.print(grid)
    units: dict[str, list[str]] = {}
    for name in dict.fromkeys(row.fault for row in table.rows):
        units.setdefault(fault_named(name, table.kind).unit, []).append(name)
    doses = "; ".join(f"{unit} ({', '.join(names)})" for unit, names in units.items())
    out.print(f"\n[dim]doses: {doses}[/]", soft_wrap=True)
    hidden = [name for name in heard if name not in shown]
    silent = [name for name in table.rules() if name not in heard]
    if hidden:
        out.print(f"[dim]no room for: {', '.join(hidden)}[/]", soft_wrap=True)
    if silent:
        out.print(f"[dim]never caught more than {percent(2 * table.alpha)}: {', '.join(silent)}[/]", soft_wrap=True)
    if line := _to_leave_out(table, silent):
        out.print(safe(line), soft_wrap=True)
    blind = blind_words(table)
    if blind:
        out.print("\n[bold]Blind spots[/]")
        for line in blind:
            out.print(f"  {safe(line)}", soft_wrap=True)


def _header(name: str) -> str:
    return name.replace("-", "-\n")


def _cells(table: PowerTable, caught: Caught, columns: Sequence[str]) -> list[Text]:
    best = _best(table, caught)

    def cell(share: Share, style: str) -> Text:
        return Text(f"{share.share:.0%}", style=style if share.share > 2 * table.alpha else "dim")

    return [
        *(cell(caught.rules[name], "bold green" if name == best else "") for name in columns),
        cell(caught.combined, ""),
    ]


def markdown(table: PowerTable) -> str:
    """The table with every rule that speaks, and the blind spots; "planted" is the share of samples it changed."""
    heard = [name for name in table.rules() if name in speaking(table)]
    lines = [
        f"{title(table)}. In brackets: 95 % interval over pieces.",
        "",
        f"| fault | dose | planted | {' | '.join(heard)} | all rules | AUROC |",
        "|" + "---|" * (len(heard) + 5),
        f"| none | | | {' | '.join(_markdown_cells(table, table.real, heard))} | |",
    ]
    for row in table.rows:
        cells = " | ".join(_markdown_cells(table, row.caught, heard))
        lines.append(f"| {row.fault} | {row.dose:g} {row.unit} | {row.planted:.0%} | {cells} | {_auroc(row)} |")
    return "\n".join([*lines, *_blind_lines(table)]) + "\n"


def summary(table: PowerTable) -> str:
    """One row a fault, as Markdown: the share caught by all rules together at each dose, and the rule that catches most
    over all doses; then the blind spots.
    """
    lines = [
        f"{title(table)}. Of the unedited samples {percent(table.real.combined.share)} are.",
        "",
        "| fault | doses | caught | AUROC | best rule |",
        "|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row.fault for row in table.rows):
        rows = [row for row in table.rows if row.fault == name]
        doses = ", ".join(f"{row.dose:g}" for row in rows)
        caught = ", ".join(f"{row.caught.combined.share:.0%}" for row in rows)
        auroc = ", ".join(f"{row.auroc.share:.2f}" for row in rows)
        heard = speaking(table)
        total = {rule: sum(row.caught.rules[rule].share for row in rows) for rule in heard}
        seen = any(_best(table, row.caught) for row in rows)
        best = max(heard, key=lambda rule: total[rule]) if seen else "none"
        lines.append(
            f"| {fault_named(name, table.kind).words} | {doses} ({rows[0].unit}) | {caught} | {auroc} | {best} |"
        )
    return "\n".join([*lines, *_blind_lines(table)]) + "\n"


def curve_markdown(curve: Mapping[int, PowerTable]) -> str:
    """A learning curve as Markdown: for each number of pieces what all rules together catch, and the AUROC."""
    some = next(iter(curve.values()))
    heads = [f"{fault_named(row.fault, some.kind).words} ({row.dose:g} {row.unit})" for row in some.rows]
    lines = [
        f"| pieces learned | none (false alarms) | {' | '.join(f'{head} | AUROC' for head in heads)} |",
        "|" + "---|" * (2 + 2 * len(heads)),
    ]
    for pieces, table in curve.items():
        cells = " | ".join(f"{_share(row.caught.combined)} | {_auroc(row)}" for row in table.rows)
        lines.append(f"| {pieces} | {_share(table.real.combined)} | {cells} |")
    return "\n".join(lines) + "\n"


def _markdown_cells(table: PowerTable, caught: Caught, rules: Sequence[str]) -> list[str]:
    best = _best(table, caught)
    shares = [f"{caught.rules[name].share:.0%}" for name in rules]
    return [
        *(f"**{share}**" if name == best else share for name, share in zip(rules, shares, strict=True)),
        _share(caught.combined),
    ]


def _share(share: Share) -> str:
    return f"{share.share:.1%} [{share.low:.1%}, {share.high:.1%}]"


def _auroc(row: PowerRow) -> str:
    return f"{row.auroc.share:.3f} [{row.auroc.low:.3f}, {row.auroc.high:.3f}]"


def _blind_lines(table: PowerTable) -> list[str]:
    return ["", "Blind spots:", "", *(f"- {line}" for line in blind_words(table))] if blind_words(table) else []
