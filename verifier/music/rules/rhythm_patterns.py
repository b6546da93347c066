"""Which rhythms the top line has: how likely each interval between its notes is after the intervals before it."""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from verifier.base.errors import InputError
from verifier.base.text import times
from verifier.data.batch import Batch
from verifier.music.features.onsets import top_moves
from verifier.rule.ngrams import LENGTH_AT, Ints, Ngrams, Occurrences, after_others
from verifier.rule.rule import Count, SparseCounts, option

BITS = 6
LONGEST = (1 << BITS) - 1
"""Steps of the longest interval; longer ones count as this."""
FIRST = "first"
"""Stands for no interval before."""


class RhythmPatterns(Ngrams, frozen=True, kw_only=True):
    """The rhythm of the top line, by the surprise at each interval in nats: a violation is an interval between two of
    its notes that surprises more, after the ``order`` intervals before it, than 99 % of held-out real ones do.

    The top line is the highest sounding pitch, in a file with voices as in a tensor; it has a note where that pitch
    begins or becomes another. A repeated pitch with no gap on the grid is one note, and a rest belongs to the interval
    of the note before it. Intervals are in steps, those of more than 63 count as 63. Where a sample begins, an interval
    has fewer before it. Position in the bar plays no part, so that it may be unknown.

    Probabilities are counts of n-grams with Witten-Bell back-off; a sample's score is its mean surprise
    (verifier.surprise).
    """

    order: Annotated[int, option("intervals of context, at most", ge=1, le=7)] = 4
    intervals: dict[str, dict[int, Count]] = {}
    """intervals before, oldest first -> interval -> times; fewer than ``order`` where a sample begins."""

    bits = BITS

    def trial_name(self) -> str:
        return "interval"

    def occurrences(self, batch: Batch) -> Occurrences:
        samples, steps = np.nonzero(top_moves(batch))
        follows = samples[1:] == samples[:-1]
        intervals = np.minimum(np.diff(steps)[follows], LONGEST)
        samples, steps = samples[1:][follows], steps[1:][follows]
        return Occurrences(samples, steps, after_others(samples, intervals, self.order, BITS))

    def outcomes(self, keys: Ints) -> Ints:
        return np.full(len(keys), LONGEST)

    def rivals(self, key: int) -> Ints:
        return np.arange(1, LONGEST + 1)

    def from_yaml(self) -> SparseCounts:
        entries = [
            (self._key(context, interval), count)
            for context, found in self.intervals.items()
            for interval, count in found.items()
        ]
        keys, counts = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, counts)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        found: dict[str, dict[int, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            *context, newest = _intervals(key)
            found.setdefault(" ".join(map(str, context)) or FIRST, {})[newest] = count
        return {"intervals": found}

    def key_name(self, key: int) -> str:
        *context, newest = _intervals(key)
        before = f" after {' '.join(map(str, context))}" if context else " first"
        return f"an interval of {self.symbol_name(newest)}{before}"

    def symbol_name(self, symbol: int) -> str:
        return f"{symbol} step{'s' * (symbol != 1)}"

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        yield f"{len(table.keys):,} rhythms of up to {self.order + 1} intervals of the top line"
        often = np.argsort(-table.counts, kind="stable")[:3].tolist()
        for at in often:
            yield f"{' '.join(map(str, _intervals(int(table.keys[at]))))} steps ({times(int(table.counts[at]))})"
        yield self.limit_line()

    def _key(self, context: str, newest: int) -> int:
        written = [] if context == FIRST else context.split(" ")
        if len(written) > self.order or not all(part.isascii() and part.isdigit() for part in written):
            expected = f"expected {FIRST!r} or at most {self.order} intervals such as '4 2 2'"
            raise InputError("intervals", f"{expected}, found {context!r}")
        intervals = [*map(int, written), newest]
        key = len(written)
        for interval in intervals:
            if not 1 <= interval <= LONGEST:
                raise InputError("intervals", f"expected intervals of 1 to {LONGEST} steps, found {interval}")
        for interval in intervals:
            key = key << BITS | interval
        return (key & ((1 << BITS * len(intervals)) - 1)) | len(written) << LENGTH_AT


def _intervals(key: int) -> list[int]:
    """The intervals of an n-gram, oldest first."""
    return [key >> (BITS * back) & LONGEST for back in range(key >> LENGTH_AT, -1, -1)]
