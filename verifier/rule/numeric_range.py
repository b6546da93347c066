"""What rules about numbers share: each sample has a vector of named numbers, each held to the range the corpus keeps.

The corpus is kept as a histogram of each number on a fixed grid: integer counts, which add up exactly. A rule says what
its numbers are, and on which grid they are counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.rule.charts import RIBBON, Panel, Ribbon
from verifier.rule.counted import Events
from verifier.rule.events import EventLocation, EventRule, KeyChecker, KeySet
from verifier.rule.rule import Count, RuleCounts, SparseCounts, option

BINS = 8192
"""Steps of every grid: what lies beyond the last counts as the last."""
MOST = 1024
"""Most numbers a sample may have under one rule."""
POWER = 3
"""Of the sum in which the surprises of a sample's numbers join: one that speaks is not buried by many that mumble, and
many that are all a little strange together still count."""
LEAST = 10
"""Samples that must lie in a tail to say how fast it falls off."""


class Grid(NamedTuple):
    """The grid of one number: its name, which is its key in the file, its unit, what bin 0 is, and the step."""

    name: str
    unit: str
    origin: float
    step: float

    def bins(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """(m,) the nearest bin of each value; the first or the last for what lies outside."""
        nearest = np.floor((values - self.origin) / self.step + 0.5)
        return np.asarray(np.clip(nearest, 0, BINS - 1), np.int64)

    def value(self, bin_: int) -> float:
        """The middle of a bin, in the unit."""
        return self.origin + bin_ * self.step

    def text(self, bin_: int) -> str:
        """The middle of a bin, as it is written: as many decimals as tell it from its neighbours."""
        decimals = max(0, int(np.ceil(-np.log10(self.step))))
        return f"{self.value(bin_):,.{decimals}f}{' ' + self.unit if self.unit else ''}"


def ranges_of(table: SparseCounts, bins: int, tail: float) -> dict[int, tuple[int, int]]:
    """Of each number in a table whose keys are a number times ``bins`` and its bin: the lowest and the highest key such
    that at most ``tail`` of the samples lie below the one, and at most as many above the other.
    """
    found: dict[int, tuple[int, int]] = {}
    of_number = table.keys // bins
    for at in np.unique(of_number).tolist():
        own = table.where(of_number == at)
        strange = int(tail * own.counts.sum())
        upwards, downwards = np.cumsum(own.counts), np.cumsum(own.counts[::-1])[::-1]
        low, high = own.keys[np.argmax(upwards > strange)], own.keys[np.flatnonzero(downwards > strange)[-1]]
        found[at] = int(low), int(high)
    return found


class NumericRange(EventRule, frozen=True, kw_only=True):
    """Named numbers of each sample, each held to the range that the corpus keeps: a violation is a number among the
    strangest of the corpus, below its ``tail`` quantile or above its 1 - ``tail`` quantile.

    A trial is one number of one sample, where it is defined. The range comes from the corpus it was learned from, so
    that held-out samples say how often real ones leave it: about 2 ``tail``.

    The surprise at a number is -log of its two-sided mid-rank among the corpus's, in nats; beyond the strangest tenth
    on either side the share falls off exponentially, by the mean excess of those there, so that what no real sample
    reaches is still more or less far. A sample's score is the cube root of the sum of the cubes of its surprises.
    """

    tail: Annotated[float, option("share of the corpus on each side that counts as strange", ge=0, lt=0.5)] = 0.005
    values: dict[str, dict[int, Count]] = {}
    """number -> bin of its grid -> samples."""

    key_space = MOST * BINS
    traces: ClassVar[Mapping[str, tuple[str, int]]] = {}
    """Numbers that betray a processing: name -> the processing; 1 if it makes more of it, -1 if less, 0 if either."""
    of_rows: ClassVar[bool] = False
    """Whether number k is about row k of a sample."""

    def axis(self, at: int) -> Grid:
        """The grid of number ``at`` (0 to MOST - 1), whatever the view. Uses the options, not what was learned."""
        raise NotImplementedError

    def index(self, name: str) -> int:
        """The inverse of ``axis(at).name``. Raises InputError for what is no name of a number."""
        for at in range(MOST):
            found = self.axis(at).name
            if found == name:
                return at
            if not found:
                break
        raise InputError(self.name(), f"expected one of its numbers such as {self.axis(0).name!r}, found {name!r}")

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        """(n, numbers) every number of every sample; nan where it is not defined."""
        raise NotImplementedError

    def region(self, batch: Batch, i: int, at: int) -> EventLocation:
        """Where number ``at`` of sample i is to be seen; its key is put in by the caller. By default everywhere."""
        return EventLocation(0, 0, int(batch.lengths[i]), ())

    def trial_name(self) -> str:
        return "number"

    def events(self, batch: Batch) -> Events:
        key = f"profile {self.name()} {sorted(self.set_options().items(), key=str)}"
        return batch.feature(key, self._events)

    def _events(self, batch: Batch) -> Events:
        measured = self.measure(batch) if len(batch) else np.zeros((0, 0))
        keys = np.zeros(measured.shape, np.int64)
        defined = ~np.isnan(measured)
        for at in range(measured.shape[1]):
            some = defined[:, at]
            keys[some, at] = at * BINS + self.axis(at).bins(measured[some, at])
        return Events.single(np.nonzero(defined)[0], keys[defined])

    def from_yaml(self) -> SparseCounts:
        entries = []
        for name, counts in self.values.items():
            at = self.index(name)
            for bin_, count in counts.items():
                if not 0 <= bin_ < BINS:
                    raise InputError(f"values, {name}", f"expected a step from 0 to {BINS - 1}, found {bin_}")
                entries.append((at * BINS + bin_, count))
        keys, samples = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, samples)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        found: dict[str, dict[int, int]] = {}
        of_number = table.keys // BINS
        for at in np.unique(of_number).tolist():
            own = table.where(of_number == at)
            found[self.axis(at).name] = dict(zip((own.keys % BINS).tolist(), own.counts.tolist(), strict=True))
        return {"values": found}

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        ranges = [np.arange(low, high + 1) for low, high in self.ranges(table).values()]
        return np.concatenate([np.zeros(0, np.int64), *ranges])

    def ranges(self, table: SparseCounts) -> dict[int, tuple[int, int]]:
        """Of each number with values, the lowest and the highest key such that at most ``tail`` of the corpus lie below
        the one, and at most as many above the other.
        """
        return ranges_of(table, BINS, self.tail)

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        for key in self._events(batch.take([i])).keys.tolist():
            yield self.region(batch, i, key // BINS)._replace(key=key)

    def key_name(self, key: int) -> str:
        axis = self.axis(key // BINS)
        return f"{axis.name} {axis.text(key % BINS)}"

    def key_of(self, name: str) -> int:
        for at in range(MOST):
            axis = self.axis(at)
            if not axis.name:
                break
            if name.startswith(f"{axis.name} "):
                value = name.removeprefix(f"{axis.name} ").removesuffix(axis.unit).strip().replace(",", "")
                try:
                    return at * BINS + int(axis.bins(np.array([float(value)]))[0])
                except ValueError:
                    continue
        raise InputError(self.name(), f"expected a number and its value such as {self.key_name(0)!r}, found {name!r}")

    def expected_text(self, key: int, table: SparseCounts) -> str:
        ranges, at = self.ranges(table), key // BINS
        if at not in ranges:
            return "the corpus has no sample in which it is defined"
        low, high = (self.axis(at).text(end % BINS) for end in ranges[at])
        return f"at least {100 * (1 - 2 * self.tail):.4g} % of the corpus have {low} to {high}"

    def compile(self) -> "NumericRangeChecker":
        table = self.learned
        return NumericRangeChecker(self, table, KeySet.of(self.allowed(table), self.key_space))

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        for at, (low, high) in self.ranges(table).items():
            axis = self.axis(at)
            yield f"{axis.name}: {axis.text(low % BINS)} to {axis.text(high % BINS)}"

    def panels(self) -> Iterator[Panel]:
        table = self.from_yaml()
        of_number = table.keys // BINS
        numbers, quantiles = np.unique(of_number).tolist(), []
        for at in numbers:
            own = table.where(of_number == at)
            share = np.cumsum(own.counts) / own.counts.sum()
            axis = self.axis(at)
            quantiles.append([axis.value(int(own.keys[np.searchsorted(share, q)]) % BINS) for q in RIBBON])
        if numbers:
            axes = [self.axis(at) for at in numbers]
            yield Ribbon(
                title="the median of the corpus, 90 % and 99 % of its samples",
                labels=[axis.name for axis in axes],
                units=[axis.unit for axis in axes],
                quantiles=quantiles,
                rows=numbers if self.of_rows else None,
            )


@dataclass(frozen=True, eq=False)
class NumericRangeChecker(KeyChecker):
    """Counts as any rule of keys does; the score of a sample joins the surprises at its numbers."""

    def count(self, batch: Batch) -> RuleCounts:
        counts = super().count(batch)
        events = self.rule.events(batch)
        cubes = np.bincount(events.samples, weights=self.surprise(events.keys) ** POWER, minlength=len(batch))
        return replace(counts, scores=np.where(counts.trials > 0, cubes ** (1 / POWER), np.nan))

    def surprise(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m,) -log of the two-sided mid-rank of each number among the corpus's, in nats, with its tails extended;
        half of a tie counts as below, and one more sample as half below. What the corpus has no value of says nothing.
        """
        found = np.zeros(len(keys))
        of_number, of_table = keys // BINS, self.table.keys // BINS
        for at in np.unique(of_number).tolist():
            mine = of_number == at
            own = self.table.where(of_table == at)
            if len(own.keys):
                found[mine] = _surprise(keys[mine] % BINS, own.keys % BINS, own.counts)
        return found


def _surprise(bins: NDArray[np.int64], table: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(m,) the surprise at each bin among the samples ``counts`` (k,) at the bins ``table`` (k,), ascending."""
    total = int(counts.sum())
    before = np.concatenate([[0], np.cumsum(counts)])
    below = before[np.searchsorted(table, bins)]
    up_to = before[np.searchsorted(table, bins, side="right")]
    rank = ((below + up_to) / 2 + 0.5) / (total + 1)
    surprise = -np.log(2 * np.minimum(rank, 1 - rank))
    for side in (1, -1):
        values, own = (table * side)[::side], counts[::side]
        # The strangest tenth on this side, and by how much it lies beyond its start.
        start = values[np.searchsorted(np.cumsum(own), 0.9 * total)]
        excess = np.where(values > start, values - start, 0)
        beyond = int(own[values > start].sum())
        if beyond < LEAST:
            continue
        mean = float((excess * own).sum()) / beyond
        over = bins * side - start
        tail = np.log((total + 1) / (2 * (beyond + 1))) + over / mean
        surprise = np.where(over > 0, np.maximum(surprise, tail), surprise)
    return np.asarray(np.maximum(surprise, 0))
