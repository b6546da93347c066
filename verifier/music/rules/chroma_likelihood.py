"""How likely each change of chord is after the chords before it: counts of chord n-grams with Witten-Bell back-off."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features.chroma import CODES, chord_code, chord_name
from verifier.music.features.roll import scan
from verifier.music.features.runs import stretches
from verifier.rule.counted import Events, looked_up
from verifier.rule.ngrams import LENGTH_AT, Level, LikelihoodRule, Occurrences, Surprising, after_others, newest
from verifier.rule.rule import Count, SparseCounts, option

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LONGEST = 3
"""Chords in the longest context: with the target, four codes of 12 bits."""
BITS = 12
"""Of a chord."""


class ChromaLikelihood(LikelihoodRule, frozen=True, kw_only=True):
    """The surprise at each change of chord, in nats: a violation surprises more than 99 % of held-out real changes do.

    A chord is the set of pitch classes of a maximal stretch of steps. Its probability is interpolated between contexts
    of ``order`` chords, one chord less, and so on down to no context and to the uniform distribution over all 4096 sets
    (method C of Witten and Bell, IEEE Transactions on Information Theory 37, 1991, page 1089, in the interpolated form
    of Chen and Goodman, 1996): what a context has not shown gets the share T / (N + T), where N counts what followed it
    and T the different chords among these. Unlike there, every n-gram stands for itself in all twelve keys unless
    ``invariance: none``, and the impossible change from a chord to itself keeps its small share.

    A sample's score is its mean surprise, over its changes and four more of the held-out mean.
    Distance of a whole set: ``nats`` per change, the cross-entropy of its changes under what was learned.
    """

    order: Annotated[int, option("chords of context, at most", ge=1, le=LONGEST)] = 2
    invariance: Annotated[
        Literal["none", "transposition"],
        option("whether the same chords in another key are counted as the same"),
    ] = "transposition"
    changes: dict[str, dict[str, Count]] = {}
    """chords before, oldest first -> chord -> changes; fewer than ``order`` where the sample has no more."""

    bits = BITS

    def trial_name(self) -> str:
        return "change"

    def occurrences(self, batch: Batch) -> Occurrences:
        return chord_changes(batch, self.order)

    def events(self, batch: Batch) -> Events:
        found = self.occurrences(batch)
        return Events.single(found.samples, self._class_of(found.keys))

    def from_yaml(self) -> SparseCounts:
        entries = [
            (self._key(context, before, chord_code(target)), count)
            for context, targets in self.changes.items()
            for before in [[chord_code(name) for name in context.split(" | ")]]
            for target, count in targets.items()
        ]
        keys, counts = np.array(entries, np.int64).reshape(-1, 2).T
        return SparseCounts.of(self._class_of(keys), counts)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        found: dict[str, dict[str, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            *context, target = (chord_name(code) for code in chords_of(key))
            found.setdefault(" | ".join(context), {})[target] = count
        return {"changes": found}

    def surprise(self) -> Surprising:
        return self.model().nats

    def kinds(self, keys: Ints) -> Ints:
        """The change alone, without the chords before it."""
        return keys & ((1 << 2 * BITS) - 1)

    def rivals(self, key: int) -> Ints:
        """Every chord but the one before it, from which there is no change to itself."""
        return np.delete(np.arange(CODES), key >> BITS & (CODES - 1))

    def key_name(self, key: int) -> str:
        return f"{chord_name(key >> BITS)} -> {chord_name(key & (CODES - 1))}"

    def symbol_name(self, symbol: int) -> str:
        return chord_name(symbol)

    def model(self) -> "WittenBell":
        """The probabilities that the counts give."""
        return WittenBell.of(self.learned, self.order, self._keys_of_a_class())

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        yield f"{len(table.keys):,} chord n-grams of up to {self.order + 1} chords (invariance: {self.invariance})"
        if len(table.keys):
            nats = float(np.average(self.model().nats(table.keys), weights=table.counts))
            yield f"{nats:.2f} nats a change in the corpus it was learned from"
        yield self.limit_line()

    def _keys_of_a_class(self) -> int:
        return 12 if self.invariance == "transposition" else 1

    def _class_of(self, keys: Ints) -> Ints:
        """The n-gram that stands for all those counted together with it."""
        lengths = keys >> LENGTH_AT << LENGTH_AT
        return lengths | lowest_transposition(keys - lengths, self._keys_of_a_class())[0]

    def _key(self, context: str, before: list[int], target: int) -> int:
        """The n-gram of ``target`` after the chords ``before``, which ``context`` names."""
        if len(before) > self.order:
            raise InputError("changes", f"expected contexts of at most {self.order} chords, found {context!r}")
        if target == before[-1]:
            raise InputError("changes", f"expected a change after {context!r}, found {chord_name(target)!r} again")
        key = 0
        for code in (*before, target):
            key = key << BITS | code
        return key | len(before) << LENGTH_AT


def chord_changes(batch: Batch, order: int) -> Occurrences:
    """Every change of every sample, after as many of the ``order`` chords before it as the sample has."""
    found = stretches(scan(batch).codes, batch.lengths)
    keys = after_others(found.samples, found.values, order, BITS)
    changed = keys >> LENGTH_AT > 0
    return Occurrences(found.samples[changed], found.starts[changed], keys[changed])


def chords_of(key: int) -> list[int]:
    """The chords of an n-gram, oldest first."""
    return [key >> (12 * back) & (CODES - 1) for back in range(key >> LENGTH_AT, -1, -1)]


def lowest_transposition(chords: Ints, keys: int = 12) -> tuple[Ints, Ints]:
    """Of each sequence of up to four chords the lowest number among its transpositions, and how many of the twelve
    leave the sequence as it is: 1, or more for the diminished seventh, the augmented triad, silence. If ``keys`` is 1,
    not 12, the sequence itself.
    """
    lowest, symmetry = chords.copy(), np.ones(len(chords), np.int64)
    for semitones in range(1, keys):
        stays, wraps = _each((1 << 12 - semitones) - 1), _each((1 << semitones) - 1)
        moved = (chords & stays) << semitones | (chords >> 12 - semitones) & wraps
        np.minimum(lowest, moved, out=lowest)
        symmetry += moved == chords
    return lowest, symmetry


def _each(mask: int) -> int:
    """The mask in each of the four places of a chord."""
    return sum(mask << 12 * place for place in range(LONGEST + 1))


@dataclass(frozen=True, eq=False)
class WittenBell:
    """Witten-Bell probabilities of n-grams. ``keys`` is 12 if each stands for its transpositions, or else 1."""

    levels: tuple[Level, ...]
    keys: int

    @classmethod
    def of(cls, table: SparseCounts, order: int, keys: int) -> Self:
        """``table`` has each change once, under its whole context; shorter contexts are sums over longer ones."""
        levels = []
        for length in range(order + 1):
            long_enough = table.keys >> LENGTH_AT >= length
            kinds = SparseCounts.of(
                lowest_transposition(newest(table.keys[long_enough], length, BITS), keys)[0], table.counts[long_enough]
            )
            # In all twelve keys, an n-gram that k transpositions leave alone occurs k times as often in each of 12 / k.
            own = lowest_transposition(kinds.keys, keys)[1]
            contexts, of_context = _contexts(kinds.keys, keys)
            followers = of_context // own
            distinct, at = np.unique(contexts, return_inverse=True)
            totals, types = np.zeros(len(distinct), np.int64), np.zeros(len(distinct), np.int64)
            np.add.at(totals, at, kinds.counts * of_context)
            np.add.at(types, at, followers)
            levels.append(Level(kinds.keys, kinds.counts * own, distinct, totals, types))
        return cls(tuple(levels), keys)

    def nats(self, keys: Ints) -> Floats:
        """(m,) surprise at the last chord of each n-gram after the others, -log P."""
        distinct, at = np.unique(keys, return_inverse=True)
        chance = np.full(len(distinct), 1 / CODES)
        for length, level in enumerate(self.levels):
            long_enough = np.flatnonzero(distinct >> LENGTH_AT >= length)
            grams = newest(distinct[long_enough], length, BITS)
            contexts = _contexts(grams, self.keys)[0]
            totals, types = (looked_up(level.contexts, values, contexts) for values in (level.totals, level.types))
            seen = totals > 0
            where, grams, totals, types = long_enough[seen], grams[seen], totals[seen], types[seen]
            counts = looked_up(level.grams, level.counts, lowest_transposition(grams, self.keys)[0])
            chance[where] = (counts + types * chance[where]) / (totals + types)
        return np.asarray(-np.log(chance)[at])


def _contexts(grams: Ints, keys: int) -> tuple[Ints, Ints]:
    """The context of each n-gram, and how many transpositions leave it as it is."""
    return lowest_transposition(grams >> 12, keys)
