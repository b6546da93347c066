"""What a spec catches of planted faults: as a table in a terminal, as Markdown, as JSON, and as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from verifier.base.errors import InputError
from verifier.base.files import replacing, require_writable
from verifier.base.text import percent, plural
from verifier.report.terminal import safe
from verifier.rule.fault import fault_named
from verifier.verbs.power import Caught, PowerRow, PowerTable, Share, blind_words

WIDTH = 120
"""Columns of a terminal that the table fits into, or into those there are if they are fewer."""
PICTURES = (".png", ".svg", ".pdf")


def require_formats(paths: Sequence[Path]) -> None:
    """Raise InputError, before the long work, for a file that could not be written after it."""
    for path in paths:
        if path.suffix not in (".json", ".md", *PICTURES):
            expected = ", ".join((".json", ".md", *PICTURES))
            raise InputError(path, f"expected a file with a suffix of {expected}, found {path.suffix!r}")
        require_writable(path)


def write(table: PowerTable, path: Path) -> None:
    """Write the table in the format that the suffix of ``path`` names, whole or not at all."""
    if path.suffix in PICTURES:
        draw(table, path)
        return
    with replacing(path) as temporary:
        if path.suffix == ".json":
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(table), indent=2) + b"\n")
        else:
            temporary.write_text(markdown(table), encoding="utf-8")


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


COLUMNS = 4
"""Panels side by side in the picture."""
MAX_LINES = 9
"""Rules with a colour of their own in the picture; the others would no longer be told apart."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c510a", "#7570b3", "#66a61e")
MARKERS = "os^Dv<>Ph"


def draw(table: PowerTable, path: Path) -> None:
    """A panel for each fault: dose against the share caught, a line for each rule that speaks of it, and for all."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D
    from matplotlib.ticker import PercentFormatter

    heard = speaking(table)[:MAX_LINES]
    looks = {name: {"color": COLOURS[at], "marker": MARKERS[at]} for at, name in enumerate(heard)}
    faults = list(dict.fromkeys(row.fault for row in table.rows))
    columns = min(COLUMNS, len(faults))
    lines = -(-len(faults) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(max(2.9 * columns, 6), 2.3 * lines + 0.9), squeeze=False, layout="constrained"
    )
    for at, axis in enumerate(axes.flat):
        if at >= len(faults):
            axis.set_axis_off()
            continue
        rows = [row for row in table.rows if row.fault == faults[at]]
        fault = fault_named(faults[at], table.kind)
        ticks = list(range(len(rows)))
        axis.axhline(table.alpha, color="0.45", linewidth=1, linestyle=(0, (4, 3)))
        both = [row.caught.combined for row in rows]
        axis.fill_between(
            ticks, [share.low for share in both], [share.high for share in both], color="0.85", linewidth=0
        )
        # Under the rules: where one of them reaches as far, both are seen.
        axis.plot(ticks, [share.share for share in both], color="black", linewidth=3, marker="o", markersize=6)
        for name in heard:
            shares = [row.caught.rules[name].share for row in rows]
            # A rule that does not see this fault would only cover those that do.
            if max(shares) > 2 * table.alpha:
                axis.plot(ticks, shares, markersize=4, linewidth=1.2, alpha=0.9, **looks[name])
        axis.set_xticks(ticks, [f"{row.dose:g}" for row in rows])
        axis.set_xlim(-0.25, len(rows) - 0.75)
        axis.set_ylim(-0.03, 1.04)
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        axis.set_yticks([0, 0.5, 1])
        axis.tick_params(labelsize=8, labelleft=at % columns == 0)
        axis.grid(axis="y", alpha=0.3, linewidth=0.6)
        axis.set_title(fault.words, fontsize=9, loc="left")
        axis.set_xlabel(fault.unit, fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    handles = [
        Line2D([], [], color="black", linewidth=3, marker="o", markersize=6, label="all rules together, 95 % interval"),
        *(Line2D([], [], markersize=4, linewidth=1.2, label=name, **looks[name]) for name in heard),  # type: ignore[arg-type]
        Line2D(
            [], [], color="0.45", linewidth=1, linestyle=(0, (4, 3)), label=f"false alarms allowed: {table.alpha:.0%}"
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8.5)
    figure.suptitle(f"{table.spec}: share of samples caught, by fault and dose", fontsize=11, x=0.01, ha="left")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130, metadata={"Software": None} if path.suffix == ".png" else None)
    plt.close(figure)
