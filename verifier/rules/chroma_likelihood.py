"""How likely each change of chord is after the chords before it: counts of chord n-grams with Witten-Bell back-off."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from verifier.batch import Batch
from verifier.counted import Counted, Events
from verifier.errors import InputError
from verifier.features.chroma import CODES, chord_code, chord_name
from verifier.features.durations import sounding_pitches
from verifier.features.roll import scan
from verifier.features.stretches import stretches
from verifier.rule import Count, Counts, Kinds, Violation, option, replace

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LONGEST = 3
"""Chords in the longest context: with the target, four codes of 12 bits, beside which the length has room in 64."""
LENGTH_AT = 12 * (LONGEST + 1)
SHRINKAGE = 4
"""Changes of average surprise added to each sample's mean: a short sample is not strange for being short."""


class ChromaLikelihood(Counted, frozen=True, kw_only=True):
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
    limit: float | None = None
    """Largest surprise that a change may have, in nats: set from held-out real samples, lost in a merge."""
    mean: float | None = None
    """Mean surprise of those samples' changes."""
    changes: dict[str, dict[str, Count]] = {}
    """chords before, oldest first -> chord -> changes; fewer than ``order`` where the sample has no more."""

    headline = ("nats",)

    def unit(self) -> str:
        return "change"

    def events(self, batch: Batch) -> Events:
        found = chord_changes(batch, self.order)
        return Events.single(found.samples, self._class_of(found.keys))

    def table(self) -> Kinds:
        entries = [
            (self._key(context, target), count)
            for context, targets in self.changes.items()
            for target, count in targets.items()
        ]
        keys, counts = np.array(entries, np.int64).reshape(-1, 2).T
        return Kinds.of(self._class_of(keys), counts)

    def record(self, table: Kinds) -> dict[str, Any]:
        found: dict[str, dict[str, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            *context, target = (chord_name(code) for code in chords_of(key))
            found.setdefault(" | ".join(context), {})[target] = count
        return {"changes": found}

    def merge(self, other: Self) -> Self:
        merged: Self = replace(super().merge(other), limit=None, mean=None)
        return merged

    def calibrate(self, batch: Batch) -> Self:
        nats = self.model().nats(chord_changes(batch, self.order).keys)
        if not len(nats):
            return replace(self, limit=None, mean=None)  # type: ignore[no-any-return]
        limit = np.ceil(np.quantile(nats, 0.99, method="higher") * 1e6) / 1e6
        calibrated: Self = replace(self, limit=float(limit), mean=round(float(nats.mean()), 6))
        return calibrated

    def measures(self, observed: Self) -> dict[str, float]:
        table = observed.table()
        if not len(table.keys) or not self.changes:
            return {}
        return {"nats": float(np.average(self.model().nats(table.keys), weights=table.counts))}

    def compile(self) -> "LikelihoodChecker":
        return LikelihoodChecker(self, self.model())

    def model(self) -> "Model":
        """The probabilities that the counts give."""
        return Model.of(self.table(), self.order, self._keys_of_a_class())

    def summary(self) -> Iterator[str]:
        table = self.table()
        yield f"{len(table.keys):,} chord n-grams of up to {self.order + 1} chords (invariance: {self.invariance})"
        if len(table.keys):
            nats = float(np.average(self.model().nats(table.keys), weights=table.counts))
            yield f"{nats:.2f} nats a change in the corpus it was learned from"
        if self.limit is None or self.mean is None:
            yield "no limit: nothing was held out"
        else:
            yield f"{self.mean:.2f} nats a change in held-out pieces; a change may have {self.limit:.2f}"

    def _keys_of_a_class(self) -> int:
        return 12 if self.invariance == "transposition" else 1

    def _class_of(self, keys: Ints) -> Ints:
        """The n-gram that stands for all those counted together with it."""
        lengths = keys >> LENGTH_AT << LENGTH_AT
        return lengths | lowest_transposition(keys - lengths, self._keys_of_a_class())[0]

    def _key(self, context: str, target: str) -> int:
        codes = [chord_code(name) for name in (*context.split(" | "), target)]
        if len(codes) > self.order + 1:
            raise InputError("changes", f"expected contexts of at most {self.order} chords, found {context!r}")
        if codes[-1] == codes[-2]:
            raise InputError("changes", f"expected a change after {context!r}, found {target!r} again")
        key = len(codes) - 1
        for code in [0] * (LONGEST + 1 - len(codes)) + codes:
            key = key << 12 | code
        return key


class Changes(NamedTuple):
    """Every change of chord, in order of sample and time; all (m,): the sample, the step, and the n-gram.

    An n-gram is one number: the length of its context, from bit 48, then the chords, the newest in the lowest 12 bits.
    """

    samples: Ints
    steps: Ints
    keys: Ints


def chord_changes(batch: Batch, order: int) -> Changes:
    """Every change of every sample, after as many of the ``order`` chords before it as the sample has."""
    found = stretches(scan(batch).codes, batch.lengths)
    keys = found.values.copy()
    lengths = np.zeros(len(keys), np.int64)
    for back in range(1, order + 1):
        has = np.zeros(len(keys), np.bool_)
        has[back:] = found.samples[back:] == found.samples[:-back]
        keys[has] |= np.roll(found.values, back)[has] << (12 * back)
        lengths += has
    changed = lengths > 0
    return Changes(found.samples[changed], found.starts[changed], (keys | lengths << LENGTH_AT)[changed])


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
class Level:
    """What followed contexts of one length: n-grams and how often each, contexts with N and T; keys ascend."""

    grams: Ints
    counts: Ints
    contexts: Ints
    totals: Ints
    types: Ints


@dataclass(frozen=True, eq=False)
class Model:
    """Witten-Bell probabilities of n-grams. ``keys`` is 12 if each stands for its transpositions, or else 1."""

    levels: tuple[Level, ...]
    keys: int

    @classmethod
    def of(cls, table: Kinds, order: int, keys: int) -> Self:
        """``table`` has each change once, under its whole context; shorter contexts are sums over longer ones."""
        levels = []
        for length in range(order + 1):
            long_enough = table.keys >> LENGTH_AT >= length
            kinds = Kinds.of(
                lowest_transposition(_newest(table.keys[long_enough], length), keys)[0], table.counts[long_enough]
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
            grams = _newest(distinct[long_enough], length)
            contexts = _contexts(grams, self.keys)[0]
            totals, types = (_at(level.contexts, values, contexts) for values in (level.totals, level.types))
            seen = totals > 0
            where, grams, totals, types = long_enough[seen], grams[seen], totals[seen], types[seen]
            counts = _at(level.grams, level.counts, lowest_transposition(grams, self.keys)[0])
            chance[where] = (counts + types * chance[where]) / (totals + types)
        return np.asarray(-np.log(chance)[at])

    def after(self, key: int) -> Floats:
        """(4096,) surprise at each chord in the place of the last of an n-gram."""
        return self.nats((key & ~(CODES - 1)) + np.arange(CODES))


def _newest(keys: Ints, length: int) -> Ints:
    """The last chord of each n-gram and the ``length`` before it."""
    return keys & ((1 << 12 * (length + 1)) - 1)


def _contexts(grams: Ints, keys: int) -> tuple[Ints, Ints]:
    """The context of each n-gram, and how many transpositions leave it as it is."""
    return lowest_transposition(grams >> 12, keys)


def _at(keys: Ints, values: Ints, wanted: Ints) -> Ints:
    """The value of each wanted key, 0 if it is not there; ``keys`` ascend."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


@dataclass(frozen=True, eq=False)
class LikelihoodChecker:
    """Counts and locates the changes that surprise more than the rule's limit; the score is the mean surprise."""

    rule: ChromaLikelihood
    likelihood: Model

    def count(self, batch: Batch) -> Counts:
        found = chord_changes(batch, self.rule.order)
        nats = self.likelihood.nats(found.keys)
        broken = nats > self._limit()
        trials = np.bincount(found.samples, minlength=len(batch))
        return Counts(
            violations=np.bincount(found.samples[broken], minlength=len(batch)).astype(np.int64),
            trials=trials.astype(np.int64),
            scores=self._means(np.bincount(found.samples, nats, len(batch)).astype(np.float64), trials),
            kinds=Kinds.of(found.keys[broken] & ((1 << 24) - 1), np.ones(int(broken.sum()), np.int64)),
        )

    def scores(self, batch: Batch) -> Floats:
        """(n,) mean surprise of each sample in nats a change, shrunk to the held-out mean; nan without a change."""
        return self.count(batch).scores

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        found = chord_changes(batch.take([i]), self.rule.order)
        nats = self.likelihood.nats(found.keys)
        for at in np.flatnonzero(nats > self._limit()):
            key, step = int(found.keys[at]), int(found.steps[at])
            yield Violation(
                start=step,
                steps=1,
                pitches=sounding_pitches(batch, i, step),
                observed=self.kind_name(key & ((1 << 24) - 1)),
                allowed=self._allowance(key, float(nats[at])),
            )

    def kind_name(self, key: int) -> str:
        return f"{chord_name(key >> 12)} -> {chord_name(key & (CODES - 1))}"

    def _allowance(self, key: int, nats: float) -> str:
        after = self.likelihood.after(key)
        after[key >> 12 & (CODES - 1)] = np.inf
        likeliest = int(after.argmin())
        return (
            f"{nats:.1f} nats, where 99 % of held-out changes have at most {self.rule.limit:.1f};"
            f" likeliest: {chord_name(likeliest)}, {after[likeliest]:.1f}"
        )

    def _limit(self) -> float:
        return np.inf if self.rule.limit is None else self.rule.limit

    def _means(self, sums: Floats, trials: Ints) -> Floats:
        added = 0 if self.rule.mean is None else SHRINKAGE
        with np.errstate(invalid="ignore"):
            means = (sums + added * (self.rule.mean or 0.0)) / (trials + added)
        return np.where(trials > 0, means, np.nan)
