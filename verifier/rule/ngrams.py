"""Rules about how likely an event is after the events before it: n-grams of symbols with Witten-Bell back-off."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.rule.counted import Counted, Events, looked_up
from verifier.rule.rule import RuleCounts, SparseCounts, Violation, replace

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LENGTH_AT = 60
"""The bit of a key from which on the length of its context stands: at most 7 symbols."""
SHRINKAGE = 4
"""Events of average surprise added to each sample's mean: a short sample is not strange for being short."""


Surprising = Callable[[Ints], Floats]
"""(m,) n-grams -> (m,) surprise at the last symbol of each after the others, -log P in nats."""


class Occurrences(NamedTuple):
    """Every event, in order of sample and time; all (m,): the sample, the step, and the n-gram.

    An n-gram is one number: the length of its context, from the bit LENGTH_AT, then the symbols, the newest in the
    lowest bits.
    """

    samples: Ints
    steps: Ints
    keys: Ints


class LikelihoodRule(Counted, frozen=True, kw_only=True):
    """A rule that asks how likely each event is: a violation surprises more than 99 % of held-out real events do.

    The probability is interpolated between contexts of all symbols of the n-gram, one less, and so on down to none and
    to the uniform distribution (method C of Witten and Bell, IEEE Transactions on Information Theory 37, 1991, page
    1089): what a context has not shown gets the share T / (N + T), where N counts what followed it and T the different
    symbols among these. A sample's score is its mean surprise, over its events and four more of the held-out mean.
    Distance of a whole set: ``nats`` an event, the cross-entropy of its events under what was learned.
    """

    limit: float | None = None
    """Largest surprise that an event may have, in nats: set from held-out real samples, lost in a merge."""
    mean: float | None = None
    """Mean surprise of those samples' events."""

    headline = ("nats",)
    bits: ClassVar[int]
    """Bits of a symbol."""

    def occurrences(self, batch: Batch) -> Occurrences:
        """Every event. Uses the options, not what was learned."""
        raise NotImplementedError

    def surprise(self) -> Surprising:
        """The probabilities that the counts give, made ready."""
        raise NotImplementedError

    def kinds(self, keys: Ints) -> Ints:
        """The kind of violation that each n-gram is; ``key_name`` says what it is called."""
        return keys

    def rivals(self, key: int) -> Ints:
        """The symbols with which a message compares the last of an n-gram."""
        raise NotImplementedError

    def key_name(self, key: int) -> str:
        """What a kind of violation is called."""
        raise NotImplementedError

    def symbol_name(self, symbol: int) -> str:
        """What a rival is called."""
        raise NotImplementedError

    def events(self, batch: Batch) -> Events:
        found = self.occurrences(batch)
        return Events.single(found.samples, found.keys)

    def merge(self, other: Self) -> Self:
        merged: Self = replace(super().merge(other), limit=None, mean=None)
        return merged

    def calibrate(self, batch: Batch) -> Self:
        nats = self.surprise()(self.occurrences(batch).keys)
        limit = float(np.ceil(np.quantile(nats, 0.99, method="higher") * 1e6) / 1e6) if len(nats) else None
        calibrated: Self = replace(self, limit=limit, mean=round(float(nats.mean()), 6) if len(nats) else None)
        return calibrated

    def measures(self, observed: Self) -> dict[str, float]:
        table = observed.learned
        if not len(table.keys) or not len(self.learned.keys):
            return {}
        return {"nats": float(np.average(self.surprise()(table.keys), weights=table.counts))}

    def compile(self) -> "LikelihoodChecker":
        return LikelihoodChecker(self, self.surprise())

    def limit_line(self) -> str:
        """The limit in words."""
        if self.limit is None or self.mean is None:
            return "no limit: nothing was held out"
        unit = f"{'an' if self.trial_name()[0] in 'aeiou' else 'a'} {self.trial_name()}"
        return f"{self.mean:.2f} nats {unit} in held-out pieces; {unit} may have {self.limit:.2f}"


class Ngrams(LikelihoodRule, frozen=True, kw_only=True):
    """Surprise at n-grams of symbols that stand for themselves alone."""

    def outcomes(self, keys: Ints) -> Ints:
        """(m,) how many symbols could stand in the place of the last of each n-gram."""
        raise NotImplementedError

    def model(self) -> "WittenBell":
        """The probabilities that the counts give."""
        return WittenBell.of(self.learned, self.bits)

    def nats(self, model: "WittenBell", keys: Ints) -> Floats:
        """(m,) surprise at the last symbol of each n-gram after the others, -log P."""
        distinct, at = np.unique(keys, return_inverse=True)
        return np.asarray(-np.log(model.chances(distinct, 1 / self.outcomes(distinct)))[at])

    def surprise(self) -> Surprising:
        return functools.partial(self.nats, self.model())


class Level(NamedTuple):
    """What followed contexts of one length: n-grams and how often each, contexts with N and T; keys ascend."""

    grams: Ints
    counts: Ints
    contexts: Ints
    totals: Ints
    types: Ints


@dataclass(frozen=True, eq=False)
class WittenBell:
    """Witten-Bell probabilities of n-grams of symbols of ``bits`` bits; ``levels`` by length of context, from 0."""

    levels: tuple[Level, ...]
    bits: int

    @classmethod
    def of(cls, table: SparseCounts, bits: int) -> Self:
        """``table`` has each event once, under its whole context; shorter contexts are sums over longer ones."""
        levels = []
        lengths = table.keys >> LENGTH_AT
        for length in range(int(lengths.max(initial=0)) + 1):
            kept = lengths >= length
            grams = SparseCounts.of(newest(table.keys[kept], length, bits), table.counts[kept])
            contexts, at = np.unique(grams.keys >> bits, return_inverse=True)
            totals = np.bincount(at, grams.counts, len(contexts)).astype(np.int64)
            levels.append(Level(grams.keys, grams.counts, contexts, totals, np.bincount(at, minlength=len(contexts))))
        return cls(tuple(levels), bits)

    def chances(self, keys: Ints, uniform: Floats) -> Floats:
        """(m,) probability of the last symbol of each n-gram after the others; ``uniform`` (m,) where all ends."""
        chances = uniform.copy()
        for length, level in enumerate(self.levels):
            grams = newest(keys, length, self.bits)
            contexts = grams >> self.bits
            totals, types = (
                looked_up(level.contexts, level.totals, contexts),
                looked_up(level.contexts, level.types, contexts),
            )
            seen = (keys >> LENGTH_AT >= length) & (totals > 0)
            counts = looked_up(level.grams, level.counts, grams[seen])
            chances[seen] = (counts + types[seen] * chances[seen]) / (totals[seen] + types[seen])
        return chances


def newest(keys: Ints, length: int, bits: int) -> Ints:
    """The last symbol of each n-gram and the ``length`` before it."""
    return keys & ((1 << bits * (length + 1)) - 1)


def after_others(samples: Ints, symbols: Ints, order: int, bits: int) -> Ints:
    """(m,) the n-gram of each symbol of ``bits`` bits with as many of the ``order`` before it as its sample has."""
    keys, lengths = symbols.copy(), np.zeros(len(symbols), np.int64)
    for back in range(1, order + 1):
        has = np.flatnonzero(samples[back:] == samples[:-back]) + back
        keys[has] |= symbols[has - back] << bits * back
        lengths[has] += 1
    return keys | lengths << LENGTH_AT


@dataclass(frozen=True, eq=False)
class LikelihoodChecker:
    """Counts and locates the events that surprise more than the rule's limit; the score is the mean surprise."""

    rule: LikelihoodRule
    nats: Surprising

    def count(self, batch: Batch) -> RuleCounts:
        found = self.rule.occurrences(batch)
        nats = self.nats(found.keys)
        broken = nats > self._limit()
        trials = np.bincount(found.samples, minlength=len(batch)).astype(np.int64)
        added = 0 if self.rule.mean is None else SHRINKAGE
        with np.errstate(invalid="ignore"):
            means = (np.bincount(found.samples, nats, len(batch)) + added * (self.rule.mean or 0.0)) / (trials + added)
        return RuleCounts(
            violations=np.bincount(found.samples[broken], minlength=len(batch)).astype(np.int64),
            trials=trials,
            scores=np.where(trials > 0, means, np.nan),
            kinds=SparseCounts.of(self.rule.kinds(found.keys[broken]), np.ones(int(broken.sum()), np.int64)),
        )

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        found = self.rule.occurrences(batch.take([i]))
        nats = self.nats(found.keys)
        for at in np.flatnonzero(nats > self._limit()).tolist():
            key, step = int(found.keys[at]), int(found.steps[at])
            kind = int(self.rule.kinds(found.keys[at : at + 1])[0])
            yield Violation(
                start=step,
                steps=1,
                pitches=medium_of(batch.view).sounding(batch, i, step),
                observed=self.type_name(kind),
                allowed=self._expected_text(key, float(nats[at])),
            )

    def type_name(self, key: int) -> str:
        return self.rule.key_name(key)

    def _expected_text(self, key: int, nats: float) -> str:
        rivals = self.rule.rivals(key)
        after = self.nats((key >> self.rule.bits << self.rule.bits) + rivals)
        best = int(after.argmin())
        return (
            f"{nats:.1f} nats, where 99 % of held-out {self.rule.trial_name()}s have at most {self.rule.limit:.1f};"
            f" likeliest: {self.rule.symbol_name(int(rivals[best]))}, {after[best]:.1f}"
        )

    def _limit(self) -> float:
        return np.inf if self.rule.limit is None else self.rule.limit
