"""Where notes begin: how likely it is that so many begin together on a step of the quarter, or of the bar."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features.onsets import beat_phases, true_onset_counts
from verifier.music.features.scalars import bar_steps
from verifier.music.samples import music, roll_view
from verifier.rule.ngrams import LENGTH_AT, Ints, Ngrams, Occurrences
from verifier.rule.rule import Count, SparseCounts, option

BITS = 24
MOST = 16
"""Pitches that begin together; more count as this."""


class OnsetPositions(Ngrams, frozen=True, kw_only=True):
    """Where in the quarter, or in the bar, how many pitches begin together, by the surprise at each such onset in nats.
    A violation is an onset that surprises more than 99 % of held-out real ones do: four voices at once on a sixteenth.

    The position counts from the first full bar of the piece, on a pickup backwards. A tensor of generated samples says
    neither where its bars begin nor how long they are. Within the quarter, which is the default, a sample of unknown
    position is taken to begin on a quarter, as windows of whole quarters do; within the bar, where each meter is
    learned by itself, it gives no trial. What sounds as a cut begins may have begun before, and is no onset.

    Probabilities are counts with Witten-Bell back-off, of a meter to all meters; a sample's score is its mean surprise
    (verifier.surprise).
    """

    within: Annotated[
        Literal["quarter", "bar"], option("what an onset has its position in; samples of unknown bars need 'quarter'")
    ] = "quarter"
    onsets: dict[int, dict[int, dict[int, Count]]] = {}
    """steps of the quarter or bar -> step in it, from 0 -> pitches that begin -> times."""

    bits = BITS

    def trial_name(self) -> str:
        return "onset"

    def occurrences(self, batch: Batch) -> Occurrences:
        counts = true_onset_counts(batch)
        samples, steps = np.nonzero(counts)
        per_quarter = float(roll_view(batch).steps_per_quarter)
        if self.within == "bar":
            known = (batch.begins | (batch.starts > 0))[samples]  # a cut at the very start of a piece was never made
            samples, steps = samples[known], steps[known]
            periods = bar_steps(batch)[samples]
            starts = np.rint(music(batch).pickups * per_quarter).astype(np.int64)
        else:
            periods = np.full(len(samples), max(round(per_quarter), 1))
            starts = beat_phases(batch)
        positions = (batch.starts[samples] + steps - starts[samples]) % periods
        symbols = positions * MOST + np.minimum(counts[samples, steps], MOST) - 1
        return Occurrences(samples, steps, symbols | periods << BITS | 1 << LENGTH_AT)

    def outcomes(self, keys: Ints) -> Ints:
        return (keys >> BITS & ((1 << BITS) - 1)) * MOST

    def rivals(self, key: int) -> Ints:
        period, _, together = _split(key)
        return np.arange(period) * MOST + together - 1

    def from_yaml(self) -> SparseCounts:
        entries = [
            (_key(period, position, together), count)
            for period, positions in self.onsets.items()
            for position, found in positions.items()
            for together, count in found.items()
        ]
        keys, counts = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, counts)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        found: dict[int, dict[int, dict[int, int]]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            period, position, together = _split(key)
            found.setdefault(period, {}).setdefault(position, {})[together] = count
        return {"onsets": found}

    def key_name(self, key: int) -> str:
        period, position, together = _split(key)
        pitches = f"{together}{' or more' * (together == MOST)} pitch{'es begin' if together > 1 else ' begins'}"
        return f"{pitches} on step {position + 1} of the {period} of a {self.within}"

    def symbol_name(self, symbol: int) -> str:
        return f"on step {symbol // MOST + 1}"

    def summary(self) -> Iterator[str]:
        for period, positions in self.onsets.items():
            total = max(sum(sum(found.values()) for found in positions.values()), 1)
            shares = ", ".join(
                f"{position + 1} ({sum(found.values()) / total:.1%})" for position, found in positions.items()
            )
            yield f"onsets on the {period} steps of a {self.within}: {shares}"
        yield self.limit_line()


def _key(period: int, position: int, together: int) -> int:
    if not 1 <= period <= 1 << 20:
        raise InputError("onsets", f"expected a quarter or bar of 1 to {1 << 20} steps, found {period}")
    if not 0 <= position < period:
        raise InputError("onsets", f"expected steps 0 to {period - 1} of {period}, found {position}")
    if not 1 <= together <= MOST:
        raise InputError("onsets", f"expected 1 to {MOST} pitches that begin, found {together}")
    return position * MOST + together - 1 | period << BITS | 1 << LENGTH_AT


def _split(key: int) -> tuple[int, int, int]:
    """Period, position and number of pitches of a key."""
    symbol = key & ((1 << BITS) - 1)
    return key >> BITS & ((1 << BITS) - 1), symbol // MOST, symbol % MOST + 1
