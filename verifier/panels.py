"""Panels: what a rule has learned, as data that a report draws without knowing the rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Histograms:
    """How often each number occurs, a histogram for each of some ``rows``: row -> number -> times.

    ``axis`` says what the numbers are, with their unit; ``names`` what some of them are called there.
    """

    title: str
    axis: str
    rows: Mapping[str, Mapping[int, int]]
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Some things with a value in each of a few ``series``, each as long as ``labels``; ``axis`` says of what."""

    title: str
    axis: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What follows what: (from, to) -> times, in any order."""

    title: str
    edges: Mapping[tuple[str, str], int]


Panel = Histograms | Bars | Graph
