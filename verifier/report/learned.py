"""What a spec has learned, as a picture: the panels of its rules."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from verifier.errors import InputError, printable
from verifier.files import replacing
from verifier.panels import Bars, Graph, Histograms, Panel
from verifier.rule import Rule
from verifier.spec import Spec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg", ".pdf")

MAX_NODES = 36
"""Nodes of a graph that are drawn, those on its strongest edges."""
MAX_EDGES = 80
"""Edges of a graph that are drawn."""
GRAPH_HEIGHT = 6.0
"""Inches."""
NODE = (1.0, 0.34)
"""Inches that a node may take up."""
MAX_BARS = 16
"""Labels of a panel of bars that are drawn, the first ones."""
MAX_ROWS = 12
"""Histograms of one panel that are drawn, those of the most numbers."""
GAP = 0.35
"""Inches between panels."""
HEAD = 0.55
"""Inches for the title of a panel."""
WIDTH = 8.0
"""Inches of a column."""
COLOURS = ("#4477aa", "#cc3311", "#228833", "#aa3377")
"""Apart for the colour-blind; the first is that of the corpus."""


def require_panels(path: Path, spec: Spec) -> None:
    """Raise InputError if no rule of the spec has anything to draw."""
    if not _panels(spec):
        rules = ", ".join(rule.name() for rule in spec.rules)
        raise InputError(path, f"expected a rule that can be drawn, found {rules}")


def write(path: Path, spec: Spec) -> None:
    """Draw every panel of every rule, in two columns. Raises InputError if there is none."""
    require_panels(path, spec)
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    panels = _panels(spec)
    columns = min(2, len(panels))
    bottoms = [0.75] * columns  # inches from the top that each column has used
    placed = []
    for rule, panel in panels:
        column = int(np.argmin(bottoms))
        placed.append((rule, panel, column, bottoms[column]))
        bottoms[column] += HEAD + _height(panel) + GAP
    width, height = columns * WIDTH + 0.3, max(bottoms)
    figure = plt.figure(figsize=(width, height))
    title = f"{printable(spec.name)}: what was learned, of a corpus of {spec.corpus.pieces:,} pieces"
    figure.text(0.3 / width, 1 - 0.4 / height, title, fontsize=14, weight="bold")
    for rule, panel, column, top in placed:
        left = 0.3 + column * WIDTH
        figure.text(left / width, 1 - (top + 0.2) / height, rule.name(), fontsize=11, weight="bold")
        figure.text(left / width, 1 - (top + 0.4) / height, panel.title, fontsize=9, color="0.35")

        def axes(x: float, y: float, wide: float, tall: float, left: float = left, top: float = top) -> "Axes":
            """Axes at inches from the upper left corner of the panel, below its title."""
            box = ((left + x) / width, 1 - (top + HEAD + y + tall) / height, wide / width, tall / height)
            made: Axes = figure.add_axes(box)
            made.spines[["top", "right"]].set_visible(False)
            return made

        _draw(panel, axes)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, metadata={"Software": None} if path.suffix == ".png" else None)
    plt.close(figure)


def _panels(spec: Spec) -> list[tuple[Rule, Panel]]:
    """The panels in the order of the rules, the tall ones first, so that the columns come out even."""
    found = [(rule, panel) for rule in spec.rules for panel in rule.panels()]
    return sorted(found, key=lambda item: -_height(item[1]))


MakeAxes = Callable[[float, float, float, float], "Axes"]
"""x, y, width and height in inches within a panel -> axes."""


def _height(panel: Panel) -> float:
    """Inches that the panel takes up below its title."""
    if isinstance(panel, Graph):
        return GRAPH_HEIGHT
    if isinstance(panel, Bars):
        return 0.3 * min(len(panel.labels), MAX_BARS) + 0.55
    return _row_height(panel) * min(len(panel.rows), MAX_ROWS) + 0.5


def _row_height(panel: Histograms) -> float:
    return 0.55 if len(panel.rows) > 1 else 1.2


def _draw(panel: Panel, axes: MakeAxes) -> None:
    if isinstance(panel, Graph):
        _draw_graph(panel, axes)
    elif isinstance(panel, Bars):
        _draw_bars(panel, axes)
    else:
        _draw_histograms(panel, axes)


def _draw_histograms(panel: Histograms, axes: MakeAxes) -> None:
    """A strip for each row, with the name of the row before it and its lowest and highest number at its ends.

    Heights are logarithmic: a number that was seen once is allowed like one that was seen a thousand times.
    """
    tall = _row_height(panel)
    most = sorted(panel.rows, key=lambda row: -sum(panel.rows[row].values()))[:MAX_ROWS]
    rows = {row: counts for row, counts in panel.rows.items() if row in most}
    numbers = sorted({number for counts in rows.values() for number in counts})
    low, high = numbers[0], numbers[-1]
    room = max((high - low) * 0.05, 1)
    for at, (row, counts) in enumerate(rows.items()):
        axis = axes(1.3, at * tall, WIDTH - 1.8, tall * 0.86)
        some = sorted(counts)
        axis.bar(some, [counts[number] for number in some], width=0.86, color=COLOURS[0], log=True)
        axis.set_ylim(0.7, 1.3 * max(counts.values()))
        axis.set_xlim(low - room, high + room)
        axis.minorticks_off()
        axis.set_yticks([])
        axis.spines["left"].set_visible(False)
        axis.set_ylabel(row, rotation=0, ha="right", va="center", fontsize=9)
        if panel.names:  # where the axis has names, those of the two ends are worth knowing
            for number, side in ((some[0], "right"), (some[-1], "left")):
                shift = -0.8 if side == "right" else 0.8
                name = panel.names.get(number, str(number))
                axis.text(number + shift, 0.8, name, ha=side, va="bottom", fontsize=8, color="0.25")
        last = at == len(rows) - 1
        ticks = _ticks(panel, low, high)
        axis.set_xticks(ticks, [panel.names.get(tick, str(tick)) for tick in ticks] if last else [], fontsize=8)
        axis.tick_params(axis="x", length=3, color="0.6")
        if last:
            axis.set_xlabel(f"{panel.axis}; heights are logarithmic", fontsize=8.5, color="0.35")


def _ticks(panel: Histograms, low: int, high: int) -> list[int]:
    """Every number, or every 2nd, 4th or 12th, until at most 20 remain; named pitches stand at their octaves."""
    step = next(step for step in (1, 2, 4, 8, 12, 24, 48, 96, 10**6) if (high - low) / step <= 20)
    if panel.names:
        step = max(step, 12)
    return [number for number in range(low, high + 1) if number % step == 0]


def _draw_bars(panel: Bars, axes: MakeAxes) -> None:
    shown = min(len(panel.labels), MAX_BARS)
    axis = axes(3.3, 0, WIDTH - 3.8, 0.3 * shown)
    wide = 0.8 / len(panel.series)
    places = np.arange(shown)
    for at, (name, values) in enumerate(panel.series.items()):
        drawn = list(values)[:shown]
        axis.barh(places + (at - (len(panel.series) - 1) / 2) * wide, drawn, wide, color=COLOURS[at], label=name)
        for place, value in zip(places.tolist(), drawn, strict=True):
            y = place + (at - (len(panel.series) - 1) / 2) * wide
            axis.text(value, y, f" {value:.2g}", va="center", fontsize=6.5, color="0.25")
    axis.set_yticks(places, list(panel.labels)[:shown], fontsize=8)
    axis.set_ylim(shown - 0.4, -0.6)
    axis.tick_params(axis="x", labelsize=8)
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel(panel.axis, fontsize=8.5, color="0.35")
    if len(panel.series) > 1:
        axis.legend(frameon=False, fontsize=8.5, loc="lower right")


def _draw_graph(panel: Graph, axes: MakeAxes) -> None:
    """The strongest edges, as arrows as thick as they are frequent; what follows each other stands together."""
    import networkx

    graph = _strongest(panel)
    axis = axes(0, 0, WIDTH - 0.4, GRAPH_HEIGHT)
    axis.set_axis_off()
    undirected: Any = graph.to_undirected()
    axis.set_xlim(0, WIDTH - 0.4)
    axis.set_ylim(0, GRAPH_HEIGHT)
    layout = networkx.kamada_kawai_layout(undirected, weight=None)
    points = _apart(_filling(np.array(list(layout.values())), WIDTH - 0.4, GRAPH_HEIGHT))
    spread = dict(zip(layout, points.tolist(), strict=True))
    degree = dict(graph.degree(weight="weight"))
    largest = max(degree.values())
    box = {"boxstyle": "round,pad=0.3", "facecolor": "#eef2f7", "edgecolor": COLOURS[0], "linewidth": 0.8}
    texts = {
        node: axis.text(
            x, y, node, ha="center", va="center", fontsize=7 + 3.5 * np.sqrt(degree[node] / largest), bbox=box, zorder=5
        )
        for node, (x, y) in spread.items()
    }
    strongest = max(count for _, _, count in graph.edges(data="weight"))
    for origin, target, count in graph.edges(data="weight"):
        axis.annotate(
            "",
            spread[target],
            spread[origin],
            zorder=6,  # after the boxes, which have a size only once they are drawn: the arrows end at them
            arrowprops={
                "arrowstyle": "-|>",
                "mutation_scale": 8 + 8 * count / strongest,
                "linewidth": 0.5 + 4 * count / strongest,
                "color": COLOURS[0],
                "alpha": 0.35 + 0.5 * count / strongest,
                "connectionstyle": "arc3,rad=0.12",
                "patchA": texts[origin].get_bbox_patch(),
                "patchB": texts[target].get_bbox_patch(),
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )


def _filling(points: NDArray[np.float64], width: float, height: float) -> NDArray[np.float64]:
    """The points (n, 2) turned so that they spread most from left to right, and stretched to a box, in inches."""
    centred = points - points.mean(axis=0)
    _, _, turn = np.linalg.svd(centred, full_matrices=False)
    turned = centred @ turn.T
    low, reach = turned.min(axis=0), np.maximum(np.ptp(turned, axis=0), 1e-9)
    room = np.array([NODE[0] / 2, NODE[1]])
    return np.asarray(room + (turned - low) / reach * (np.array([width, height]) - 2 * room))


def _apart(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points (n, 2) in inches with those whose boxes overlap pushed up or down, half of what is needed each."""
    points = points.copy()
    for _ in range(200):
        x, y = (points[:, None] - points[None]).transpose(2, 0, 1)
        near = (np.abs(x) < NODE[0]) & (np.abs(y) < NODE[1]) & ~np.eye(len(points), dtype=bool)
        if not near.any():
            break
        above = np.where(y == 0, np.sign(np.subtract.outer(np.arange(len(y)), np.arange(len(y)))), np.sign(y))
        points[:, 1] += np.where(near, above * (NODE[1] - np.abs(y)) / 2, 0).sum(axis=1)
    return points


def _strongest(panel: Graph) -> Any:
    """The graph of the strongest edges that hang together with the strongest of all, up to MAX_NODES and MAX_EDGES."""
    import networkx

    graph: Any = networkx.DiGraph()
    edges = sorted(
        ((origin, target, count) for (origin, target), count in panel.edges.items() if origin != target),
        key=lambda edge: (-edge[2], edge[:2]),
    )
    for origin, target, count in edges:
        if len({*graph.nodes, origin, target}) > MAX_NODES or graph.number_of_edges() == MAX_EDGES:
            break
        graph.add_edge(origin, target, weight=count)
    parts = networkx.weakly_connected_components(graph)
    return graph.subgraph(next(part for part in parts if edges[0][0] in part))
