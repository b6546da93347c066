"""The course of a training as a picture: how often samples break each rule, against the steps behind them."""

from collections.abc import Sequence
from pathlib import Path

from verifier.base.files import replacing
from verifier.generators.folder import CheckRow
from verifier.report.power_picture import COLOURS, MARKERS


def draw(rows: Sequence[CheckRow], best: int | None, path: Path) -> None:
    """A line for each rule, and its rate in held-out real data as a dashed one; ``best`` is the step that is marked.

    The axis of rates is logarithmic: a rate of 0 is drawn where half a violation would be, with a hollow marker.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(row.rule for row in rows))
    figure = Figure(figsize=(8, 4.5 + 0.12 * len(names)), layout="constrained")
    axis = figure.subplots()
    handles = []
    for at, name in enumerate(names):
        colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
        drawn = [row for row in rows if row.rule == name and row.trials]
        steps = [row.step for row in drawn]
        rates = [max(row.violations, 0.5) / row.trials for row in drawn]
        axis.plot(steps, rates, color=colour, linewidth=1.3)
        for hollow in (False, True):
            some = [i for i, row in enumerate(drawn) if (row.violations == 0) == hollow]
            axis.plot(
                [steps[i] for i in some],
                [rates[i] for i in some],
                color=colour,
                marker=marker,
                markersize=4,
                linestyle="none",
                markerfacecolor="white" if hollow else colour,
            )
        real = next((row.held_out_rate for row in rows if row.rule == name), None)
        if real:
            axis.axhline(real, color=colour, linewidth=1, linestyle=(0, (4, 3)), alpha=0.8)
        handles.append(Line2D([], [], color=colour, marker=marker, markersize=4, label=name))
    handles.append(Line2D([], [], color="0.3", linewidth=1, linestyle=(0, (4, 3)), label="held-out real data"))
    if best is not None:
        axis.axvline(best, color="0.6", linewidth=1, linestyle=":")
        handles.append(Line2D([], [], color="0.6", linewidth=1, linestyle=":", label=f"best, step {best:,}"))
    if any(row.trials for row in rows):
        axis.set_yscale("log")
    axis.set_xlabel("steps of the generator")
    axis.set_ylabel("violations per trial")
    axis.grid(axis="y", alpha=0.3, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8.5)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})
