"""How two voices come to a dissonance, and how they leave it."""

import functools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.base.text import times
from verifier.data.batch import Batch
from verifier.music.features.motions import Motions, motions
from verifier.music.features.onsets import beat_phases
from verifier.music.features.passages import first_time
from verifier.music.features.sonorities import INTERVALS
from verifier.music.samples import music, roll_view
from verifier.music.voices import SILENT, voice_name
from verifier.music.words import pitch_name
from verifier.rule.counted import Events, counts_of_names, names_of_counts
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts, option
from verifier.rule.vocabulary import Vocabulary

Ints = NDArray[np.int64]

DISSONANCES = ("m2", "M2", "P4", "TT", "m7", "M7")
MOVES = ("held", "up 1", "up 2", "down 1", "down 2", "leap up", "leap down")
"""What one voice does from one interval to the next: steps of one or two semitones, or more."""
CONSONANCE = -1
_KIND = np.array([DISSONANCES.index(name) if name in DISSONANCES else CONSONANCE for name in INTERVALS])
_FOURTH = DISSONANCES.index("P4")
_WAYS = len(MOVES) ** 2
_ON_BEAT = ", on the beat"


class Dissonances(Vocabulary, frozen=True, kw_only=True):
    """The treatment of dissonances: a violation is one that two voices reach or leave as the corpus never does.

    A dissonance is a second, seventh or tritone of two voices, octaves taken away, or a fourth above the lowest note
    that sounds. Its treatment is what each of the two does into it and out of it: it holds or repeats its note, goes up
    or down by one semitone or by two, or leaps. A suspension is ``m7, held over up 2, then down 1 over held``: the
    upper voice stays while the lower moves under it, and then resolves down by step. A passing note comes and goes by
    step in one direction, a neighbour note returns. The upper voice is the one that sounds higher. A trial is an
    interval of two voices that sound before it and after it, consonant or not, so that more dissonances are more
    violations.

    Which treatments are right is learned. The textbooks (Jeppesen, Counterpoint, 1939; Aldwell and Schachter, Harmony
    and Voice Leading) tell more: whether the dissonance falls on the beat, which ``beat: tell`` adds, and which of the
    two notes belongs to the chord, which is not asked here. Semitones decide: an augmented second is a minor third and
    no dissonance, a diminished fourth a major third.
    """

    beat: Annotated[
        Literal["ignore", "tell"], option("whether a dissonance on a quarter note is another one than off it")
    ] = "ignore"
    treatments: dict[str, Count] = {}
    """interval, upper over lower voice into it, and out of it -> times; ``consonance`` -> times."""

    key_space = 1 + len(DISSONANCES) * _WAYS**2 * 2
    needs = ("voices",)

    def trial_name(self) -> str:
        return "interval"

    def events(self, batch: Batch) -> Events:
        found = _found(batch)
        return Events.single(found.samples, self._keys(found))

    def first_events(self, batch: Batch) -> Events:
        found = _found(batch)
        first = first_time(batch)[found.samples, motions(batch).starts[found.first]]
        return Events.single(found.samples[first], self._keys(found)[first])

    def _keys(self, found: "Found") -> Ints:
        return found.keys + found.on_beat if self.beat == "tell" else found.keys

    def from_yaml(self) -> SparseCounts:
        return counts_of_names(self.treatments, self.key_of)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"treatments": names_of_counts(table, self.key_name)}

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        one = batch.take([i])
        found, every = _found(one), motions(one)
        count = int(music(batch).voices.counts[i])
        every_at = np.arange(len(found.keys))
        lines = _lines(every, found.first, found.then, found.crossed, every_at).transpose(2, 0, 1).tolist()
        for at, key in enumerate(self._keys(found).tolist()):
            first, then = int(found.first[at]), int(found.then[at])
            pair = (int(every.upper[first]), int(every.lower[first]))
            voices = pair[::-1] if found.crossed[at] else pair
            words = ", ".join(
                f"{voice_name(voice, count)} {'-'.join(map(pitch_name, line))}"
                for voice, line in zip(voices, lines[at], strict=True)
            )
            start = int(every.starts[first])
            yield EventLocation(key, start, int(every.starts[then]) - start, (*lines[at][0], *lines[at][1]), words)

    def key_name(self, key: int) -> str:
        return _names()[key]

    def key_of(self, name: str) -> int:
        key = _numbers().get(name)
        if key is None or (self.beat == "ignore" and name.endswith(_ON_BEAT)):
            example = "m7, held over up 2, then down 1 over held"
            raise InputError(self.name(), f"expected an interval such as {example!r}, found {name!r}")
        return key

    def expected_text(self, key: int, table: SparseCounts) -> str:
        allowed = table.where(np.isin(table.keys, self.allowed(table)))
        if key == 0:
            return "the corpus has no consonance"
        kind, beat = divmod(key - 1, 2)
        kinds, beats = np.divmod(allowed.keys - 1, 2)
        alike = allowed.where((kinds // _WAYS == kind // _WAYS) & (beats == beat) & (allowed.keys > 0))
        if not len(alike.keys):
            return "none of the corpus is reached so"
        best = int(alike.counts.argmax())
        way = _way((int(alike.keys[best]) - 1) // 2 % _WAYS)
        return f"reached so, those of the corpus mostly go on {way} ({times(int(alike.counts[best]))})"

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        of_dissonances = table.where(table.keys > 0)
        total, allowed = int(of_dissonances.counts.sum()), self.allowed(table)
        yield (
            f"{total:,} of {int(table.counts.sum()):,} intervals are dissonances, in {len(of_dissonances.keys):,}"
            f" treatments; {int((allowed > 0).sum()):,} allowed"
        )
        for at in np.argsort(-of_dissonances.counts, kind="stable")[:5]:
            yield f"{self.key_name(int(of_dissonances.keys[at]))}  {int(of_dissonances.counts[at]):,}"


class Found(NamedTuple):
    """Every interval of two voices that sound before and after it, in order of sample, time and voices; all (m,).

    first    the motion into it, where it stands in ``motions``; then, the motion out of it
    samples  the sample
    crossed  bool, whether the voice of the smaller number sounds lower: then the other is the upper voice
    keys     0 for a consonance, or 1 and twice the kind of dissonance, the way into it and the way out
    on_beat  bool, whether a dissonance begins on a quarter note
    """

    first: Ints
    then: Ints
    samples: Ints
    crossed: NDArray[np.bool_]
    keys: Ints
    on_beat: NDArray[np.bool_]


def _found(batch: Batch) -> Found:
    return batch.feature("dissonances", _find)


def _find(batch: Batch) -> Found:
    every = motions(batch)
    # An interval lasts from one motion of its two voices to the next; all motions of a pair are brought together.
    width = music(batch).voices.pitches.shape[1]
    pair = (every.upper * width + every.lower).astype(np.uint8)  # at most MAX_VOICES, 16; numpy sorts bytes by radix
    order = np.argsort(pair, kind="stable")
    first, then = order[:-1], order[1:]
    # A rest breaks the line, unless both come back to the pitches that they had.
    follows = (pair[first] == pair[then]) & (every.samples[first] == every.samples[then])
    follows &= (every.upper_to[first] == every.upper_from[then]) & (every.lower_to[first] == every.lower_from[then])
    next_of = np.zeros(len(pair), np.int64)  # a motion is never followed by the first one
    next_of[first[follows]] = then[follows]
    first = np.flatnonzero(next_of)
    then = next_of[first]
    samples = every.samples[first]
    apart = every.upper_to[first] - every.lower_to[first]
    crossed = apart < 0
    kinds = _KIND[np.abs(apart) % 12]
    fourths = np.flatnonzero(kinds == _FOURTH)
    sounding = music(batch).voices.pitches[samples[fourths], :, every.starts[first[fourths]]]
    lowest = np.min(sounding, axis=1, initial=np.iinfo(np.int16).max, where=sounding != SILENT)
    kinds[fourths[_lines(every, first, then, crossed, fourths)[1, 1] != lowest]] = CONSONANCE
    # Few intervals are dissonant: only what these do is looked at.
    at = np.flatnonzero(kinds != CONSONANCE)
    moves = _moves(np.diff(_lines(every, first, then, crossed, at), axis=1))  # (voice, into or out, m)
    into, out = moves[0] * len(MOVES) + moves[1]
    keys = np.zeros(len(first), np.int64)
    keys[at] = 1 + ((kinds[at] * _WAYS + into) * _WAYS + out) * 2
    per_quarter = float(roll_view(batch).steps_per_quarter)
    of, start = samples[at], every.starts[first[at]]
    on_beat = np.zeros(len(first), np.bool_)
    on_beat[at] = (batch.starts[of] + start - beat_phases(batch)[of]) % per_quarter == 0
    return Found(first, then, samples, crossed, keys, on_beat)


def _lines(every: Motions, first: Ints, then: Ints, crossed: NDArray[np.bool_], at: Ints) -> Ints:
    """(2, 3, k) MIDI numbers of the upper voice before, in and after each interval at ``at``, and of the lower one."""
    first, then, crossed = first[at], then[at], crossed[at]
    lines = np.array(
        [
            [every.upper_from[first], every.upper_to[first], every.upper_to[then]],
            [every.lower_from[first], every.lower_to[first], every.lower_to[then]],
        ]
    )
    return np.where(crossed, lines[::-1], lines)


def _moves(semitones: Ints) -> Ints:
    """Where each stands in MOVES."""
    size = np.minimum(np.abs(semitones), 3)
    return np.asarray(np.where(semitones >= 0, np.array([0, 1, 2, 5])[size], np.array([0, 3, 4, 6])[size]))


def _way(way: int) -> str:
    return f"{MOVES[way // len(MOVES)]} over {MOVES[way % len(MOVES)]}"


@functools.cache
def _names() -> list[str]:
    """The name of each key."""
    ways = [_way(way) for way in range(_WAYS)]
    treatments = [f"{name}, {into}, then {out}" for name in DISSONANCES for into in ways for out in ways]
    return ["consonance", *(f"{treatment}{beat}" for treatment in treatments for beat in ("", _ON_BEAT))]


@functools.cache
def _numbers() -> Mapping[str, int]:
    """The key of each name."""
    return {name: key for key, name in enumerate(_names())}
