"""The range in which named numbers of a sample lie: pitch entropy, polyphony, note density, and so on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from msgspec import field
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features.scalars import BINS, SCALARS, Name, scalar
from verifier.rule.counted import Events
from verifier.rule.events import EventLocation, EventRule, KeyChecker, KeySet
from verifier.rule.numeric_range import ranges_of
from verifier.rule.rule import Count, RuleCounts, SparseCounts, option

NAMES: tuple[Name, ...] = tuple(SCALARS)
"""The key of an event is the place of its feature here, times BINS, and its bin."""
DEFAULT: tuple[Name, ...] = (
    "pitch_range",
    "n_pitches_used",
    "pitch_class_entropy",
    "scale_consistency",
    "polyphony",
    "note_density",
    "duration_entropy",
)


class FeatureRange(EventRule, frozen=True, kw_only=True):
    """Named numbers of each sample, each held to the range that the corpus keeps: a violation is a number among the
    strangest of the corpus, below its ``tail`` quantile or above its 1 - ``tail`` quantile.

    The numbers are those that evaluations of symbolic music report (muspy, mgeval; ``music.features.scalars``
    defines each), counted on a fixed grid. A trial is one number of one sample, where it is defined, and none of a
    sample shorter than three quarters of a window: most of these numbers grow with length. The range comes from the
    corpus it was learned from, so that held-out pieces say how often real music leaves it: at most about 2 ``tail``.

    A sample's score is the surprise at its strangest number, -log of the two-sided mid-rank among the corpus's, in
    nats.
    """

    features: Annotated[list[Name], option(f"which numbers: {', '.join(NAMES)}", min_length=1)] = field(
        default_factory=lambda: list(DEFAULT)
    )
    tail: Annotated[float, option("share of the corpus on each side that counts as strange", ge=0, lt=0.5)] = 0.005
    values: dict[Name, dict[int, Count]] = {}
    """feature -> value, in steps of its grid -> samples."""

    key_space = len(NAMES) * BINS

    def trial_name(self) -> str:
        return "number"

    def events(self, batch: Batch) -> Events:
        samples, keys = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        long_enough = 4 * batch.lengths >= 3 * (batch.view.window or 0)
        for name in self._chosen():
            values = scalar(batch, name)
            defined = np.flatnonzero(~np.isnan(values) & long_enough)
            samples.append(defined)
            keys.append(NAMES.index(name) * BINS + SCALARS[name].bins(values[defined]))
        of_all, keys_of_all = np.concatenate(samples), np.concatenate(keys)
        order = np.argsort(of_all, kind="stable")
        return Events.single(of_all[order], keys_of_all[order])

    def from_yaml(self) -> SparseCounts:
        entries = []
        for name, counts in self.values.items():
            if name not in self.features:
                raise InputError("values", f"expected one of the features {', '.join(self.features)}, found {name!r}")
            for bin_, count in counts.items():
                if not 0 <= bin_ < BINS:
                    raise InputError("values", f"expected a value from 0 to {BINS - 1} steps, found {bin_}")
                entries.append((NAMES.index(name) * BINS + bin_, count))
        keys, samples = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, samples)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        found: dict[Name, dict[int, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            found.setdefault(NAMES[key // BINS], {})[key % BINS] = count
        return {"values": found}

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        ranges = [np.arange(low, high + 1) for low, high in ranges_of(table, BINS, self.tail).values()]
        return np.concatenate([np.zeros(0, np.int64), *ranges])

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        for key in self.events(batch.take([i])).keys.tolist():
            yield EventLocation(key, 0, int(batch.lengths[i]), ())

    def key_name(self, key: int) -> str:
        name, text = _text(key)
        return f"{name} {text}"

    def key_of(self, name: str) -> int:
        feature, _, value = name.partition(" ")
        for known in NAMES:
            if feature == known:
                for bin_ in range(BINS):
                    if SCALARS[known].text(bin_) == value:
                        return NAMES.index(known) * BINS + bin_
        raise InputError(self.name(), f"expected a feature and its value such as 'polyphony 3.8', found {name!r}")

    def expected_text(self, key: int, table: SparseCounts) -> str:
        ranges, feature = ranges_of(table, BINS, self.tail), key // BINS
        if feature not in ranges:
            return "the corpus has no sample in which it is defined"
        low, high = (_text(end)[1] for end in ranges[feature])
        share = f"at least {100 * (1 - 2 * self.tail):.4g} % of the corpus"
        return f"{share} have {low} to {high} {SCALARS[NAMES[feature]].unit}"

    def compile(self) -> "FeatureRangeChecker":
        table = self.learned
        return FeatureRangeChecker(self, table, KeySet.of(self.allowed(table), self.key_space))

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        for feature, (low, high) in ranges_of(table, BINS, self.tail).items():
            bottom, top = _text(low)[1], _text(high)[1]
            yield f"{NAMES[feature]}: {bottom} to {top} {SCALARS[NAMES[feature]].unit}"

    def _chosen(self) -> list[Name]:
        return sorted(set(self.features), key=NAMES.index)


@dataclass(frozen=True, eq=False)
class FeatureRangeChecker(KeyChecker):
    """Counts as any rule of keys does; the score of a sample is the surprise at its strangest number."""

    def count(self, batch: Batch) -> RuleCounts:
        counts = super().count(batch)
        events = self.rule.events(batch)
        scores = np.full(len(batch), -np.inf)
        np.maximum.at(scores, events.samples, self.surprise(events.keys))
        return replace(counts, scores=np.where(counts.trials > 0, scores, np.nan))

    def surprise(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m,) -log of the two-sided mid-rank of each number among the corpus's, where half of a tie counts as below,
        and one more sample as half below: a number beyond all n of the corpus gets log((n + 1) / 1).
        """
        samples = np.concatenate([[0], np.cumsum(self.table.counts)])

        def below(ends: NDArray[np.int64]) -> NDArray[np.int64]:
            """Numbers of the table whose key is less."""
            return np.asarray(samples[np.searchsorted(self.table.keys, ends)])

        first = keys // BINS * BINS
        start = below(first)
        total = below(first + BINS) - start
        middle = (below(keys) + below(keys + 1)) / 2 - start
        rank = (middle + 0.5) / (total + 1)
        return np.asarray(-np.log(2 * np.minimum(rank, 1 - rank)))


def _text(key: int) -> tuple[Name, str]:
    """The feature of a key, and its value as it is written."""
    name = NAMES[key // BINS]
    return name, SCALARS[name].text(key % BINS)
