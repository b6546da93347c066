"""Placements: where in the quarter the notes of each voice begin, and how long those are that begin there."""

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.base.text import times
from verifier.data.batch import Batch
from verifier.music.features.onsets import beat_phases
from verifier.music.features.passages import first_time
from verifier.music.features.voice_notes import VoiceNotes, in_time
from verifier.music.samples import roll_view
from verifier.music.voices import voice_name
from verifier.music.words import pitch_name
from verifier.rule.counted import Events, looked_up
from verifier.rule.events import EventLocation, KeyChecker, KeySet
from verifier.rule.rule import Count, RuleCounts, SparseCounts
from verifier.rule.vocabulary import Vocabulary

TICKS = 48
"""Ticks in a quarter, in which times are kept, whatever the view."""
GRIDS = tuple(grid for grid in range(1, TICKS + 1) if TICKS % grid == 0)
"""Numbers of equal parts in which ticks can divide a quarter."""
LONGEST = 16 * TICKS
"""Ticks of the longest note; longer ones count as this."""
SPAN = 1 << 10
"""Keys of one position: the durations."""
WHOLES = np.array([1, 1, LONGEST // TICKS - 1])
"""Numbers of whole quarters in a duration that are one for what is not in the corpus: none, one, and more."""
SHOWN = 4
"""Durations in a message, the most frequent."""

_QUARTERS = [str(Fraction(ticks, TICKS)) for ticks in range(LONGEST + 1)]
_TICKS = {text: ticks for ticks, text in enumerate(_QUARTERS)}


class PlacementRule(Vocabulary, frozen=True, kw_only=True):
    """A rule whose events are notes of voices, by where in the quarter they begin and how long they are.

    A trial is a note of a voice whose beginning and end both lie in the sample: not one that a cut goes through, nor
    one that ends where a sample does but its piece does not. Durations and positions are in quarter notes; the quarter
    begins where most notes of the sample do (``features.onsets.beat_phases``). A duration of more than 16 quarters
    counts as 16. Neither the voice nor the bar plays a part: with them, placements are seen too seldom. Times are
    rounded to the finest 1, 1/2, 1/3 ... 1/48 of a quarter that the view has a step for: to twelfths where it has 14.4
    steps a quarter, on which no sixteenth falls.

    A sample's score is the log-likelihood ratio between about one misplaced note in it and none: the sum over its
    notes of log(1 + u / (n p)), where n is the number of notes, p the probability of the placement (see ``odds``) and u
    that of any placement on the grid of the corpus, were all as likely. So the rarest note decides: it need not be one
    that the corpus lacks.
    """

    notes: dict[str, dict[str, Count]] = {}
    """quarters from a quarter note to the beginning of the note, such as 1/4 -> quarters that it lasts -> notes."""

    key_space = TICKS * SPAN

    def find(self, batch: Batch) -> VoiceNotes:
        """What is placed, in order of sample, voice and time. Uses no option: it is looked at once a batch."""
        raise NotImplementedError

    def placed(self, batch: Batch) -> tuple[VoiceNotes, NDArray[np.int64]]:
        """The trials, in order of sample, voice and time, and the key of each."""
        return batch.feature(self.name(), lambda it: _keyed(it, self.find(it)))

    def trial_name(self) -> str:
        return "note"

    def events(self, batch: Batch) -> Events:
        found, keys = self.placed(batch)
        return Events.single(found.samples, keys)

    def from_yaml(self) -> SparseCounts:
        entries = [
            (_key(position, duration), count)
            for position, durations in self.notes.items()
            for duration, count in durations.items()
        ]
        keys, counts = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, counts)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        notes: dict[str, dict[str, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            notes.setdefault(_QUARTERS[key // SPAN], {})[_QUARTERS[key % SPAN]] = count
        return {"notes": notes}

    def compile(self) -> "PlacementChecker":
        table = self.learned
        return PlacementChecker(self, table, KeySet.of(self.allowed(table), self.key_space))

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found, keys = self.placed(batch)
        for at in in_time(found, i):
            start, pitch = int(found.starts[at]), int(found.pitches[at])
            words = f"{voice_name(int(found.voices[at]), int(found.counts[at]))} {pitch_name(pitch)}"
            yield EventLocation(int(keys[at]), start, int(found.stops[at]) - start, (pitch,), words)

    def key_name(self, key: int) -> str:
        position, duration = divmod(key, SPAN)
        more = " or more" * (duration == LONGEST)
        return f"{_QUARTERS[duration]}{more} quarter{'s' * (duration != TICKS)} long {_in_words(position)}"

    def key_of(self, name: str) -> int:
        match = re.fullmatch(r"(\S+)(?: or more)? quarters? long (?:(\S+) after a quarter|on a quarter)", name)
        if not match:
            raise InputError(self.name(), f"expected a note such as '3/4 quarters long on a quarter', found {name!r}")
        return _key(match[2] or "0", match[1])

    def expected_text(self, key: int, table: SparseCounts) -> str:
        own = int(table.counts[table.keys == key].sum())
        seen = f"{times(own)} in the corpus" if own else "not in the corpus"
        there = table.where(table.keys // SPAN == key // SPAN)
        if not len(there.keys):
            return f"{seen}: none begins there"
        often = np.argsort(-there.counts, kind="stable")[:SHOWN]
        return f"{seen}; most often there: {', '.join(_QUARTERS[at] for at in (there.keys[often] % SPAN).tolist())}"

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        total = max(int(table.counts.sum()), 1)
        for position in np.unique(table.keys // SPAN).tolist():
            there = table.where(table.keys // SPAN == position)
            often = np.argsort(-there.counts, kind="stable")[:SHOWN]
            durations = ", ".join(f"{_QUARTERS[there.keys[at] % SPAN]} ({there.counts[at]:,})" for at in often.tolist())
            yield f"{_in_words(position)}: {there.counts.sum() / total:.1%} of the notes; quarters: {durations}"


@dataclass(frozen=True, eq=False)
class PlacementChecker(KeyChecker):
    """Counts and locates the placements that are not allowed, and scores a sample by how rare all of its own are."""

    rule: PlacementRule

    def count(self, batch: Batch) -> RuleCounts:
        counts = super().count(batch)
        found, keys = self.rule.placed(batch)
        own = looked_up(self.table.keys, self.table.counts, keys)
        # What a person accepted as no violation is not strange either.
        accepted = (own < self.rule.minimum_support) & self.allowed.contains(keys)
        heard = first_time(batch)[found.samples, found.starts] & ~accepted
        terms = np.where(~heard, 0.0, np.log1p(self.odds[keys] / counts.trials[found.samples]))
        scores = np.bincount(found.samples, terms, len(batch)).astype(np.float64)
        return dataclasses.replace(counts, scores=np.where(counts.trials > 0, scores, np.nan))

    @cached_property
    def odds(self) -> NDArray[np.float64]:
        """(key_space,) u / p of every placement, as long as these lie on the grid of the corpus.

        p is the share of the placement in the corpus, which leaves to those that it lacks as much as it has kinds
        (Witten and Bell, IEEE Transactions on Information Theory 37, 1991). That is given to them by how often a note
        begins there, and how often one that does ends at this part of a quarter and lasts as many whole quarters:
        none, one, or more. So a note of nine quarters on a quarter is less strange than one of 5/4.
        """
        return _odds(self.table, self.rule.key_space)


def _odds(table: SparseCounts, key_space: int) -> NDArray[np.float64]:
    start, duration = np.divmod(np.arange(key_space), SPAN)
    end, wholes = (start + duration) % TICKS, np.minimum(duration // TICKS, len(WHOLES) - 1)
    steps = TICKS // int(np.gcd.reduce(np.concatenate([start[table.keys], duration[table.keys], [TICKS]])))
    own = np.zeros(key_space, np.int64)
    own[table.keys] = table.counts
    begun = _shares(_table(start, np.zeros_like(start), own, 1).T, np.full(TICKS, 1 / steps))[0]
    ended = _shares(_table(start, end, own, TICKS), np.full(TICKS, 1 / steps))
    lasted = _shares(_table(start, wholes, own, len(WHOLES)), WHOLES / WHOLES.sum())
    backoff = begun[start] * ended[start, end] * lasted[start, wholes] / WHOLES[wholes]
    total, kinds = own.sum(), len(table.keys)
    likely = (own + max(kinds, 1) * backoff) / max(total + kinds, 1)
    return np.asarray(1 / (steps * steps * WHOLES.sum()) / likely)


def _table(rows: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.int64], width: int) -> Any:
    """(TICKS, width) sums of weights."""
    return np.bincount(rows * width + columns, weights, TICKS * width).reshape(TICKS, width)


def _shares(counts: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(rows, columns) counts as shares of their row, with as many of the ``prior`` (columns,) as a row has kinds."""
    kinds = np.maximum((counts > 0).sum(axis=1, keepdims=True), 1)
    return np.asarray((counts + kinds * prior) / (counts.sum(axis=1, keepdims=True) + kinds))


def _in_words(position: int) -> str:
    return f"{_QUARTERS[position]} after a quarter" if position else "on a quarter"


def _key(position: str, duration: str) -> int:
    """The key of a placement in quarters. Raises InputError for what no note can have."""
    place = "note-placement"
    if _TICKS.get(position, TICKS) >= TICKS:
        raise InputError(place, f"expected a part of a quarter such as '0' or '3/4', found {position!r}")
    if not _TICKS.get(duration):
        raise InputError(place, f"expected a duration of at most 16 quarters such as '1' or '3/2', found {duration!r}")
    return _TICKS[position] * SPAN + _TICKS[duration]


def _keyed(batch: Batch, found: VoiceNotes) -> tuple[VoiceNotes, NDArray[np.int64]]:
    """Those of ``found`` whose beginning and end lie in their sample, and the key of each."""
    begun = (found.starts > 0) | batch.begins[found.samples]
    ended = (found.stops < batch.lengths[found.samples]) | batch.ends[found.samples]
    at = np.flatnonzero(begun & ended)
    found = VoiceNotes(*(column[at] for column in found))
    per_quarter = float(roll_view(batch).steps_per_quarter)
    # Rounded to a finer grid, steps that miss it would hit now one point of it and now the next.
    grid = max(grid for grid in GRIDS if grid <= max(per_quarter, 1))

    def ticks(steps: NDArray[np.int64]) -> NDArray[np.int64]:
        quarters = ((batch.starts - beat_phases(batch))[found.samples] + steps) / per_quarter
        # The last addend: a half must go up in spite of the rounding errors before it.
        return np.floor(quarters * grid + 0.5 + 1e-6).astype(np.int64) * (TICKS // grid)

    starts = ticks(found.starts)
    durations = np.clip(ticks(found.stops) - starts, TICKS // grid, LONGEST)
    return found, starts % TICKS * SPAN + durations
