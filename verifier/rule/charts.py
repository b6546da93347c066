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


RIBBON = (0.005, 0.05, 0.5, 0.95, 0.995)
"""The quantiles of a ribbon."""


@dataclass(frozen=True, kw_only=True)
class Ribbon:
    """The range of each of some numbers in the corpus: ``quantiles`` has for each label its values at RIBBON, in the
    unit of that label.

    ``rows`` says which row of a sample each is about, where each is about one.
    """

    title: str
    labels: Sequence[str]
    units: Sequence[str]
    quantiles: Sequence[Sequence[float]]
    rows: Sequence[int] | None = None


@dataclass(frozen=True, kw_only=True)
class Values:
    """How values are distributed: ``counts`` of them at the ascending ``positions``, on an axis from 0 to 1.

    ``zoom`` is a part of that axis which is worth a second look, for what happens outside it hides it.
    """

    title: str
    axis: str
    positions: Sequence[float]
    counts: Sequence[int]
    zoom: tuple[float, float]


Panel = Ribbon | Values | Histograms | Bars | Graph
