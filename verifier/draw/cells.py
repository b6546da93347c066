"""Samples that are cells, with their violations marked and numbered, beside what the corpus has, as a picture."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from verifier.base.errors import printable
from verifier.base.files import replacing
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.draw.charts import COLOURS, RED, WIDTH, Overlay
from verifier.draw.layout import Drawing, draw, panels_of
from verifier.draw.layout import place as place_drawings
from verifier.draw.marks import Group, cells_of, first_numbers, groups_of, height_of, is_whole, place_of
from verifier.draw.text import plain
from verifier.rule.charts import Panel, Ribbon, Values
from verifier.rule.rule import WHOLE, Rule, Violation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110
LEFT = 1.05
"""Inches before the axes of a sample."""
LINE = 0.165
"""Inches of a line of the list beside a sample."""
TITLE = 70
"""Letters of the name of a sample, the last ones."""
LETTERS = 17
"""Letters of that list in an inch."""
LISTED = 3
"""Violations of a rule in that list."""
SMALLEST = 3.5
"""Size in points of the smallest letters in a cell: they are read in a picture that is enlarged."""
APART = 12
"""Pixels between the middles of numbers one above the other."""
ASIDE = 22
"""Points by which a number stands aside for want of that."""
LABELLED = 100
"""Regions or cells of a rule that have their numbers in the sample; of more only the outlines are drawn, as numbers
would hide it.
"""
OWN = "0.15"
"""Colour of the sample beside the corpus."""
REDS = ("#cc1122", "#ee7733", "#aa3377", "#009988")
"""Colours of the rules that have a place in the sample, in their order: seen on grey, apart for the colour-blind."""
MakeAxes = Callable[[float, float], "Axes"]
"""Inches from the left, and inches across -> axes as tall as a sample."""


class Painter(Protocol):
    """How a medium draws a sample."""

    def size(self, batch: Batch, i: int) -> tuple[float, float]:
        """Inches of sample i, across and down, without its axes."""
        ...

    def paint(self, axes: MakeAxes, batch: Batch, i: int) -> tuple["Axes", float]:
        """Draw sample i, ``LEFT`` inches from the left: its axes, in cells, and where what was drawn ends."""
        ...


def write(
    path: Path,
    rules: Sequence[Rule],
    batch: Batch,
    found: Mapping[int, Sequence[Violation]],
    shown: int,
    painter: Painter,
) -> None:
    """Draw the first ``shown`` samples of ``batch``, one below the other, with a line round what breaks a rule and the
    numbers that the printed list has; and for each rule that is broken what the corpus has, with the sample over it.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    width = 2 * WIDTH + 0.3
    order = list(found)[:shown]
    numbers = first_numbers(batch, found)
    top, blocks = 0.15, []
    for i in order:
        groups = groups_of(found[i], numbers[i])
        tall = max(painter.size(batch, i)[1] + 0.55, LINE * sum(map(_lines, groups)))
        drawings = [drawing for rule in rules for drawing in _drawings(rule, batch, i, groups)]
        drawings.sort(key=lambda drawing: isinstance(drawing.panel, Values))
        placed, bottom = place_drawings(drawings, 2, top + 0.6 + tall + 0.25)
        blocks.append((i, groups, top, placed))
        top = bottom + 0.2
    figure = plt.figure(figsize=(width, top), dpi=DPI)
    for i, groups, start, placed in blocks:
        _draw_sample(figure, batch, i, groups, start, painter)
        draw(figure, placed)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, metadata={"Software": None} if path.suffix == ".png" else None)
    plt.close(figure)


def _drawings(rule: Rule, batch: Batch, i: int, groups: Sequence[Group]) -> list[Drawing]:
    """The panels of one rule, with the same rule learned from sample i alone over them, if the sample breaks it; how
    values are distributed is drawn in any case.
    """
    name, view = rule.name(), batch.view
    own = [violation for group in groups if group.rule == name for violation in group.violations]
    panels = list(panels_of(rule, view))
    if not any(own or isinstance(panel, Values) for panel in panels):
        return []
    alone = type(rule).learn(batch.take([i]), **rule.set_options())
    others = {type(panel): panel for panel in panels_of(alone, view)}
    bare = {type(panel): panel for panel in rule.panels()}
    return [
        Drawing(name, panel, [Overlay(others[type(panel)], OWN, _broken(bare[type(panel)], panel, own))])
        for panel in panels
        if type(panel) in others and (own or isinstance(panel, Values))
    ]


def _broken(bare: Panel, panel: Panel, violations: Sequence[Violation]) -> list[str]:
    """The labels in ``panel`` of the numbers that are violations, whose text begins with their name in ``bare``."""
    if not isinstance(bare, Ribbon) or not isinstance(panel, Ribbon):
        return []
    return [
        label
        for name, label in zip(bare.labels, panel.labels, strict=True)
        if any(violation.observed.startswith(f"{name} ") for violation in violations)
    ]


def _draw_sample(figure: "Figure", batch: Batch, i: int, groups: Sequence[Group], top: float, painter: Painter) -> None:
    """Title, sample and list."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    width, height = figure.get_size_inches()
    count = sum(len(group.violations) for group in groups)
    name, place = printable(batch.names[i]), medium_of(batch.view).place(batch, i, 0)
    name = name if len(name) <= TITLE else f"...{name[-TITLE:]}"
    text = f"{name}{f', from {place}' if place else ''}: {count:,} violation{'s' * (count != 1)}"
    text += f" of {len(groups)} rules" if len(groups) > 1 else ""
    figure.text(0.3 / width, 1 - (top + 0.3) / height, plain(text), fontsize=13, weight="bold")
    figure.legend(
        handles=[
            Patch(color=COLOURS[0], alpha=0.5, label="corpus"),
            Line2D([], [], color=OWN, marker="D", ms=4, label="this sample"),
            Line2D([], [], color=RED, marker="o", ms=5, lw=0, label="breaks the rule"),
        ],
        loc="upper right",
        bbox_to_anchor=(1 - 0.3 / width, 1 - (top + 0.1) / height),
        ncols=3,
        frameon=False,
        fontsize=9,
    )
    _, tall = painter.size(batch, i)

    def axes(x: float, across: float) -> "Axes":
        box = (x / width, 1 - (top + 0.6 + tall) / height, across / width, tall / height)
        made: Axes = figure.add_axes(box)
        made.tick_params(labelsize=7)
        return made

    axis, right = painter.paint(axes, batch, i)
    placed = [group for group in groups if not all(is_whole(batch, i, found) for found in group.violations)]
    colours = {group.rule: REDS[at % len(REDS)] for at, group in enumerate(placed)}
    for group in placed:
        _outline(axis, batch, i, group, colours[group.rule])
    _draw_list(figure, batch, i, groups, colours, right, top + 0.6)


class Region(NamedTuple):
    """Cells that hang together, (rows, steps), with the numbers of the violations that are about them."""

    cells: NDArray[np.bool_]
    numbers: list[int]


def regions(batch: Batch, i: int, group: Group) -> list[Region]:
    """What the violations of a rule are about in sample i, in the order of their numbers; nothing for those that are
    about all of it.
    """
    cells = np.zeros((height_of(batch), int(batch.lengths[i])), np.bool_)
    places = {number: cells_of(batch, i, violation) for number, violation in enumerate(group.violations, group.first)}
    for place in places.values():
        cells[place] = True
    parts, count = scipy.ndimage.label(cells)
    numbers: list[list[int]] = [[] for _ in range(count)]
    for number, place in places.items():
        for part in np.unique(parts[place]).tolist():
            numbers[part - 1].append(number)
    found = [Region(parts == part, own) for part, own in enumerate(numbers, 1)]
    return sorted(found, key=lambda region: region.numbers)


def spans(numbers: Sequence[int]) -> str:
    """``1-3, 7``; at most three spans."""
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    runs = [run.tolist() for run in np.split(np.array(numbers), cuts)]
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:3]]
    return ", ".join(texts) + (" ..." if len(runs) > 3 else "")


def _outline(axis: "Axes", batch: Batch, i: int, group: Group, colour: str) -> None:
    """A line round each region, and its numbers at its right; or a number in each cell, if the violations are single
    cells and these are large enough. Where there are too many to tell apart, lines alone.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.patheffects import withStroke

    found = regions(batch, i, group)
    cells = np.logical_or.reduce([region.cells for region in found])
    axis.add_collection(LineCollection(_edges(cells), colors=colour, linewidths=1, capstyle="round"))
    box = axis.get_window_extent()
    points = 72 / DPI * min(box.height / cells.shape[0], box.width / cells.shape[1])
    size = 0.9 * points / (0.65 * len(group.numbers.rpartition("-")[2]))  # of a letter that lets the number into a cell
    single = all(len(one.rows) == one.steps == 1 for one in group.violations)
    if single and size >= SMALLEST and len(group.violations) <= LABELLED:
        outline = [withStroke(linewidth=0.8, foreground="white")]
        style: dict[str, Any] = {"ha": "center", "va": "center_baseline", "color": colour, "path_effects": outline}
        for number, one in enumerate(group.violations, group.first):
            row = one.rows[0] % cells.shape[0]
            axis.text(one.start + 0.5, row + 0.5, str(number), fontsize=min(size, 7), **style)
    elif not single and len(found) <= LABELLED:
        taken: dict[
            tuple[int, int], float
        ] = {}  # where a column of numbers ends: of those at a step, some points aside
        for region, numbers in found:
            rows, steps = np.nonzero(region)
            step, row = int(steps.max()) + 1, (rows.min() + rows.max() + 1) / 2
            aside = next(
                aside
                for aside in itertools.count(3, ASIDE)
                if aside > 3 * ASIDE
                or abs(row - taken.get((step, aside), np.inf)) * box.height / cells.shape[0] > APART
            )
            taken[step, aside] = row
            axis.annotate(
                spans(numbers),
                (step, row),
                (aside, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color=colour,
                path_effects=[withStroke(linewidth=1.5, foreground="white")],
                annotation_clip=False,
            )


def _edges(cells: NDArray[np.bool_]) -> list[Any]:
    """The lines between cells (rows, steps) that are marked and cells that are not, as pairs of points (step, row)."""
    padded = np.pad(cells, 1)
    rows, steps = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    level = [((step, row), (step + 1, row)) for row, step in zip(rows.tolist(), steps.tolist(), strict=True)]
    rows, steps = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    return level + [((step, row), (step, row + 1)) for row, step in zip(rows.tolist(), steps.tolist(), strict=True)]


def _lines(group: Group) -> float:
    """Lines that the group takes in the list beside a sample."""
    return 1.6 + min(len(group.violations), LISTED) + (len(group.violations) > LISTED)


def _draw_list(
    figure: "Figure",
    batch: Batch,
    i: int,
    groups: Sequence[Group],
    colours: Mapping[str, str],
    left: float,
    top: float,
) -> None:
    """Each rule that is broken with its numbers, in its colour if it has a place, and the first of its violations."""
    width, height = figure.get_size_inches()
    room = int((width - left - 0.2) * LETTERS)

    def put(text: str, line: float, **style: Any) -> None:
        text = text if len(text) <= room else f"{text[: room - 3]}..."
        figure.text(left / width, 1 - (top + LINE * (line + 0.7)) / height, plain(text), **style)

    line = 0.0
    for group in groups:
        put(f"{group.numbers}  {group.rule}", line, fontsize=9.5, weight="bold", color=colours.get(group.rule, "0.1"))
        for at, violation in enumerate(group.violations[:LISTED], 1):
            place = place_of(batch, i, violation)
            place = "" if is_whole(batch, i, violation) and place in ("throughout", WHOLE) else f"{place}: "
            text = f"{place}{printable(violation.observed)}  ({printable(violation.allowed)})"
            put(text, line + at, fontsize=7.5, color="0.25")
        if len(group.violations) > LISTED:
            put(f"and {len(group.violations) - LISTED:,} more", line + LISTED + 1, fontsize=7.5, color="0.45")
        line += _lines(group)
