"""Panels in columns, each under the heading of its rule."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from verifier.data.medium import medium_of
from verifier.data.view import View
from verifier.draw.charts import WIDTH, Overlay, draw_chart, height_of
from verifier.rule.charts import Panel, Ribbon
from verifier.rule.rule import Rule

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAP = 0.35
"""Inches between panels."""
HEAD = 0.55
"""Inches for the title of a panel."""


def panels_of(rule: Rule, view: View) -> Iterator[Panel]:
    """The panels of a rule, in which rows are called as the medium calls them."""
    names = medium_of(view).row_names(view)
    for panel in rule.panels():
        if isinstance(panel, Ribbon) and panel.rows is not None and names is not None:
            yield dataclasses.replace(panel, labels=[names[row] for row in panel.rows])
        else:
            yield panel


class Drawing(NamedTuple):
    """A panel, with what is drawn over it, under a heading."""

    heading: str
    panel: Panel
    overlays: Sequence[Overlay]


class Placed(NamedTuple):
    """A drawing whose heading begins ``left`` and ``top`` inches from the upper left corner of the figure."""

    drawing: Drawing
    left: float
    top: float


def place(drawings: Sequence[Drawing], columns: int, top: float) -> tuple[list[Placed], float]:
    """Drawings in columns that end as evenly as may be, and where the longest ends; ``top`` is where they begin."""
    bottoms = [top] * columns
    placed = []
    for drawing in drawings:
        column = int(np.argmin(bottoms))
        placed.append(Placed(drawing, 0.3 + column * WIDTH, bottoms[column]))
        bottoms[column] += HEAD + height_of(drawing.panel) + GAP
    return placed, max(bottoms)


def draw(figure: "Figure", placed: Sequence[Placed]) -> None:
    """Draw what was placed."""
    width, height = figure.get_size_inches()
    for drawing, left, top in placed:
        figure.text(left / width, 1 - (top + 0.2) / height, drawing.heading, fontsize=11, weight="bold")
        figure.text(left / width, 1 - (top + 0.4) / height, drawing.panel.title, fontsize=9, color="0.35")

        def axes(x: float, y: float, wide: float, tall: float, left: float = left, top: float = top) -> "Axes":
            """Axes at inches from the upper left corner of the panel, below its title."""
            box = ((left + x) / width, 1 - (top + HEAD + y + tall) / height, wide / width, tall / height)
            made: Axes = figure.add_axes(box)
            made.spines[["top", "right"]].set_visible(False)
            return made

        draw_chart(drawing.panel, axes, drawing.overlays)
