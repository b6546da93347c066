"""Charts of what a rule has learned, drawn one by one: see ``rule.charts`` for what they hold."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.rule.charts import RIBBON, Bars, Graph, Histograms, Panel, Ribbon, Values

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NODES = 36
"""Nodes of a graph that are drawn, those on its strongest edges."""
MAX_EDGES = 80
"""Edges of a graph that are drawn."""
NODE = (1.0, 0.34)
"""Inches that a node may take up."""
VALUE_BINS = 32
"""Bars of a histogram of values from 0 to 1: eight levels of 1/255 each."""
GRAPH_HEIGHT = 6.0
"""Inches."""
MAX_BARS = 16
"""Labels of a panel of bars that are drawn, the first ones."""
MAX_ROWS = 12
"""Histograms of one panel that are drawn, those of the most numbers."""
RIBBON_HEIGHT = 2.7
"""Inches."""
STRIP = 0.42
"""Inches of a number of a ribbon that has a strip of its own."""
FEW = 12
"""Numbers of a ribbon from which on they are one line; fewer have strips."""
VALUES_HEIGHT = 3.3
"""Inches."""
WIDTH = 8.0
"""Inches of a column."""
COLOURS = ("#4477aa", "#cc3311", "#228833", "#aa3377")
"""Apart for the colour-blind; the first is that of the corpus."""
RED = "#cc1122"
"""Of what breaks a rule."""
MIDDLE = RIBBON.index(0.5)

MakeAxes = Callable[[float, float, float, float], "Axes"]
"""x, y, width and height in inches within a panel -> axes."""


class Overlay(NamedTuple):
    """What is drawn over a panel of the corpus: the same panel of the same rule, learned from other samples.

    ``broken`` are the labels of a ribbon at which they break the rule.
    """

    panel: Panel
    colour: str
    broken: Collection[str] = ()


def height_of(panel: Panel) -> float:
    """Inches that the panel takes up below its title."""
    if isinstance(panel, Graph):
        return GRAPH_HEIGHT
    if isinstance(panel, Bars):
        return 0.3 * min(len(panel.labels), MAX_BARS) + 0.55
    if isinstance(panel, Ribbon):
        return RIBBON_HEIGHT if is_curve(panel) else STRIP * len(panel.labels) + 0.1
    if isinstance(panel, Values):
        return VALUES_HEIGHT
    return row_height(panel) * min(len(panel.rows), MAX_ROWS) + 0.5


def row_height(panel: Histograms) -> float:
    """Inches of one histogram."""
    return 0.55 if len(panel.rows) > 1 else 1.2


def is_curve(panel: Ribbon) -> bool:
    """Whether the numbers are alike, and enough to be read as a line."""
    return len(panel.labels) >= FEW and len(set(panel.units)) == 1


def draw_chart(panel: Panel, axes: MakeAxes, overlays: Sequence[Overlay]) -> None:
    """Draw a panel with what lies over it."""
    if isinstance(panel, Graph):
        _draw_graph(panel, axes)
    elif isinstance(panel, Bars):
        _draw_bars(panel, axes)
    elif isinstance(panel, Ribbon) and is_curve(panel):
        _draw_curve(panel, axes, overlays)
    elif isinstance(panel, Ribbon):
        _draw_strips(panel, axes, overlays)
    elif isinstance(panel, Values):
        _draw_values(panel, axes, overlays)
    else:
        _draw_histograms(panel, axes)


def _draw_curve(panel: Ribbon, axes: MakeAxes, overlays: Sequence[Overlay]) -> None:
    """The middle of the corpus as a line, its 90 % and its 99 % as ribbons round it."""
    axis = axes(0.75, 0.0, WIDTH - 1.3, RIBBON_HEIGHT - 0.75)
    before, names, after = _factored(panel.labels)
    at = np.arange(len(panel.labels), dtype=np.float64)
    if panel.rows is None and all(map(_is_number, names)):
        at = np.array(names, np.float64)
    else:
        ticks = np.unique(np.linspace(0, len(at) - 1, 9).round().astype(int))
        axis.set_xticks(ticks, [names[i] for i in ticks])
    low, some_low, middle, some_high, high = np.array(panel.quantiles, np.float64).T
    axis.fill_between(at, low, high, color=COLOURS[0], alpha=0.2, lw=0)
    axis.fill_between(at, some_low, some_high, color=COLOURS[0], alpha=0.35, lw=0)
    axis.plot(at, middle, color=COLOURS[0])
    for overlay in overlays:
        own = _quantiles(overlay.panel)
        line = np.array([own[label][MIDDLE] if label in own else np.nan for label in panel.labels])
        axis.plot(at, line, color=overlay.colour, lw=1.2)
        some = [i for i, label in enumerate(panel.labels) if label in overlay.broken]
        axis.plot(at[some], line[some], "o", color=RED, ms=4, clip_on=False)
    axis.set_xlim(at[0], at[-1])
    axis.set_xlabel(f"{before} {after}".strip(), fontsize=8.5, color="0.35")
    axis.set_ylabel(panel.units[0], fontsize=8.5, color="0.35")
    axis.tick_params(labelsize=7)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _quantiles(panel: Panel) -> Mapping[str, Sequence[float]]:
    """Label -> its values at RIBBON."""
    assert isinstance(panel, Ribbon)
    return dict(zip(panel.labels, panel.quantiles, strict=True))


def _factored(labels: Sequence[str]) -> tuple[str, list[str], str]:
    """The words with which all labels begin, what is each one's own, and the words with which all end."""
    words = [label.split() for label in labels]
    before, after = (_shared([own[::way] for own in words]) for way in (1, -1))
    own = [" ".join(found[before : len(found) - after]) for found in words]
    return " ".join(words[0][:before]), own, " ".join(words[0][len(words[0]) - after :])


def _shared(words: Sequence[Sequence[str]]) -> int:
    """How many words all begin with, while each keeps one of its own."""
    count = 0
    while all(len(own) > count + 1 and own[count] == words[0][count] for own in words):
        count += 1
    return count


def _draw_strips(panel: Ribbon, axes: MakeAxes, overlays: Sequence[Overlay]) -> None:
    """A strip for each number, on a scale of its own: they have units of their own, or lie far apart. Of other samples
    the median, and 90 % of them; of one alone its number, in figures too.
    """
    axis = axes(2.0, 0, WIDTH - 4.0, STRIP * len(panel.labels))
    others = [(overlay, _quantiles(overlay.panel)) for overlay in overlays]
    for row, (label, unit, quantiles) in enumerate(zip(panel.labels, panel.units, panel.quantiles, strict=True)):
        here = [(overlay, found[label]) for overlay, found in others if label in found]
        values = [*quantiles, *(value for _, own in here for value in own[1:-1])]
        least, reach = min(values), max(values) - min(values)

        def at(value: float, least: float = least, reach: float = reach) -> float:
            return (value - least) / reach if reach else 0.5

        low, some_low, middle, some_high, high = map(at, quantiles)
        axis.barh(row, high - low, 0.34, low, color=COLOURS[0], alpha=0.2, lw=0)
        axis.barh(row, some_high - some_low, 0.34, some_low, color=COLOURS[0], alpha=0.35, lw=0)
        axis.plot([middle, middle], [row - 0.24, row + 0.24], color=COLOURS[0], lw=2)
        ends = dict.fromkeys([_number(quantiles[0]), _number(quantiles[-1])])
        text = f"{' to '.join(ends)} {unit}"
        axis.text(1.04, row, text, ha="left", va="center", fontsize=7.5, color="0.35")
        axis.text(-0.05, row, label, ha="right", va="center", fontsize=9)
        for number, (overlay, (_, some_low, middle, some_high, _)) in enumerate(here):
            broken = label in overlay.broken
            shade = RED if broken else overlay.colour
            y = row + 0.3 * ((number + 0.5) / len(here) - 0.5)
            axis.plot([at(some_low), at(some_high)], [y, y], color=shade, lw=1.5)
            axis.plot(at(middle), y, "o" if broken else "D", color=shade, ms=6 if broken else 4, zorder=4)
            if some_low == some_high and len(here) == 1:
                axis.text(at(middle), row - 0.24, _number(middle), ha="center", va="bottom", fontsize=7, color=shade)
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(len(panel.labels) - 0.5, -0.6)
    axis.set_axis_off()


def _number(value: float) -> str:
    """As many digits as a person reads: ``7,120``, ``-0.31``."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _draw_values(panel: Values, axes: MakeAxes, overlays: Sequence[Overlay]) -> None:
    """Histogram and cumulative distribution, each over all values and over the part that is worth a second look."""
    tall, wide = VALUES_HEIGHT / 2 - 0.45, (WIDTH - 2.0) / 2
    edges = np.linspace(-0.5 / 255, 255.5 / 255, VALUE_BINS + 1)
    for column, (low, high) in enumerate([(float(edges[0]), float(edges[-1])), panel.zoom]):
        bars = axes(0.75 + column * (wide + 0.7), 0, wide, tall)
        steps = axes(0.75 + column * (wide + 0.7), tall + 0.5, wide, tall)
        reach = []  # the cumulated shares at both ends of what is shown
        for found, colour in [(panel, COLOURS[0]), *((overlay.panel, overlay.colour) for overlay in overlays)]:
            assert isinstance(found, Values)
            positions, shares = np.array(found.positions), 100 * np.array(found.counts) / max(sum(found.counts), 1)
            own = edges if column == 0 else edges[(edges >= low) & (edges <= high)]
            heights = np.histogram(positions, own, weights=shares)[0]
            bars.stairs(heights, own, color=colour, fill=found is panel, alpha=0.35 if found is panel else 1, lw=1.3)
            below = np.concatenate([[0], np.cumsum(shares), [100]])
            steps.step([-1, *positions, 2], below, where="post", color=colour, lw=1.3)
            reach += below[np.searchsorted(positions, [low, high])].tolist()
        if column:
            room = max(0.06 * (max(reach) - min(reach)), 0.5)
            steps.set_ylim(max(min(reach) - room, 0), min(max(reach) + room, 100.5))
        else:
            bars.set_yscale("log")
            steps.set_ylim(0, 100.5)
        for axis, words in ((bars, "% of values"), (steps, "% at most")):
            axis.set_xlim(low, high)
            axis.tick_params(labelsize=7)
            axis.set_ylabel(words if column == 0 else "", fontsize=8, color="0.35")
        steps.set_xlabel(panel.axis if column == 0 else f"{panel.axis}, {low:g} to {high:g}", fontsize=8, color="0.35")


def _draw_histograms(panel: Histograms, axes: MakeAxes) -> None:
    """A strip for each row, with the name of the row before it and its lowest and highest number at its ends.

    Heights are logarithmic: a number that was seen once is allowed like one that was seen a thousand times.
    """
    tall = row_height(panel)
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
