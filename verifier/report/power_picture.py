"""What a spec catches of planted faults, as a picture: the share caught against the dose."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verifier.draw.text import plain
from verifier.report.power import speaking
from verifier.rule.fault import fault_named
from verifier.verbs.power import PowerTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
"""Panels side by side in the picture."""
MAX_LINES = 9
"""Rules with a colour of their own in the picture; the others would no longer be told apart."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c510a", "#7570b3", "#66a61e")
MARKERS = "os^Dv<>Ph"


def write(table: PowerTable, path: Path) -> None:
    """A panel for each fault: dose against the share caught, a line for each rule that speaks of it, and for all."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D

    looks: dict[str, dict[str, Any]] = {
        name: {"color": COLOURS[at], "marker": MARKERS[at]} for at, name in enumerate(speaking(table)[:MAX_LINES])
    }
    faults = list(dict.fromkeys(row.fault for row in table.rows))
    columns = min(COLUMNS, len(faults))
    lines = -(-len(faults) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(max(2.9 * columns, 6), 2.3 * lines + 0.9), squeeze=False, layout="constrained"
    )
    for at, axis in enumerate(axes.flat):
        if at < len(faults):
            _draw_fault(axis, table, faults[at], looks)
            axis.tick_params(labelsize=8, labelleft=at % columns == 0)
        else:
            axis.set_axis_off()
    handles = [
        Line2D([], [], color="black", linewidth=3, marker="o", markersize=6, label="all rules together, 95 % interval"),
        *(Line2D([], [], markersize=4, linewidth=1.2, label=name, **look) for name, look in looks.items()),
        Line2D(
            [], [], color="0.45", linewidth=1, linestyle=(0, (4, 3)), label=f"false alarms allowed: {table.alpha:.0%}"
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8.5)
    title = f"{plain(table.spec)}: share of samples caught, by fault and dose"
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    figure.savefig(path, dpi=130, metadata={"Software": None} if path.suffix == ".png" else None)
    plt.close(figure)


def _draw_fault(axis: "Axes", table: PowerTable, name: str, looks: Mapping[str, Mapping[str, Any]]) -> None:
    """The panel of one fault; ``looks`` are the colour and the marker of each rule with a line."""
    from matplotlib.ticker import PercentFormatter

    rows = [row for row in table.rows if row.fault == name]
    fault = fault_named(name, table.kind)
    ticks = list(range(len(rows)))
    axis.axhline(table.alpha, color="0.45", linewidth=1, linestyle=(0, (4, 3)))
    both = [row.caught.combined for row in rows]
    axis.fill_between(ticks, [share.low for share in both], [share.high for share in both], color="0.85", linewidth=0)
    # Under the rules: where one of them reaches as far, both are seen.
    axis.plot(ticks, [share.share for share in both], color="black", linewidth=3, marker="o", markersize=6)
    for rule, look in looks.items():
        shares = [row.caught.rules[rule].share for row in rows]
        # A rule that does not see this fault would only cover those that do.
        if max(shares) > 2 * table.alpha:
            axis.plot(ticks, shares, markersize=4, linewidth=1.2, alpha=0.9, **look)
    axis.set_xticks(ticks, [f"{row.dose:g}" for row in rows])
    axis.set_xlim(-0.25, len(rows) - 0.75)
    axis.set_ylim(-0.03, 1.04)
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.set_yticks([0, 0.5, 1])
    axis.grid(axis="y", alpha=0.3, linewidth=0.6)
    axis.set_title(fault.words, fontsize=9, loc="left")
    axis.set_xlabel(fault.unit, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
