"""What most rules share: a table of how often each key occurred, and three ways to check against it.

A *vocabulary* asks of each event whether the corpus has it; a *habit* asks whether it is a breach by definition, and
learns how often real pieces commit it; a *distribution* asks how far the whole table lies from the corpus's. A rule
says what its events are, how a table is written in the YAML, and what a key is called.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from verifier import statistics
from verifier.batch import Batch
from verifier.errors import InputError
from verifier.rule import Count, Counts, Kinds, Rule, Violation, merge_support, option, replace, support_of


class Events(NamedTuple):
    """Which key occurred in which sample how often; all (m,) int64, in order of sample."""

    samples: NDArray[np.int64]
    keys: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def single(cls, samples: NDArray[np.int64], keys: NDArray[np.int64]) -> Self:
        """Events that occur once each."""
        return cls(samples, keys, np.ones(len(keys), np.int64))

    @classmethod
    def of_histograms(cls, histograms: NDArray[Any]) -> Self:
        """One histogram a sample, (n, keys), as events."""
        flat = np.flatnonzero(histograms)
        samples, keys = np.divmod(flat, histograms.shape[1])
        return cls(samples, keys, histograms.ravel()[flat].astype(np.int64))

    def where(self, mask: NDArray[np.bool_]) -> "Events":
        return Events(self.samples[mask], self.keys[mask], self.counts[mask])


class Place(NamedTuple):
    """Where one event stands in a sample: its key, first step, steps, MIDI pitches, in words what its voices do or
    which frequencies are meant, and its rows where they are no pitches.
    """

    key: int
    start: int
    steps: int
    pitches: tuple[int, ...]
    words: str = ""
    rows: tuple[int, ...] = ()


class Counted(Rule, frozen=True, kw_only=True, dict=True):
    """A rule that is a table of counts."""

    def histograms(self, batch: Batch) -> NDArray[Any] | None:
        """(n, keys) how often each key occurs in each sample, for a rule whose keys are few; None for any other."""
        return None

    def events(self, batch: Batch) -> Events:
        """Every event of every sample. Uses the options, not what was learned. A rule defines this or histograms."""
        found = self.histograms(batch)
        if found is None:
            raise NotImplementedError
        return Events.of_histograms(found)

    def table(self) -> Kinds:
        """What was learned, as keys and counts. Raises InputError for a key that cannot be."""
        raise NotImplementedError

    @functools.cached_property
    def learned(self) -> Kinds:
        """``table()``, made once: names are parsed, which takes longer than counting does."""
        return self.table()

    def record(self, table: Kinds) -> dict[str, Any]:
        """The fields that hold ``table``: the inverse of ``table()``."""
        raise NotImplementedError

    def tried(self, events: Events) -> Events:
        """The events that are trials; a rule may learn more than it checks."""
        return events

    def trials(self, batch: Batch) -> Events:
        """The events of every sample that are trials."""
        return self.tried(self.events(batch))

    def validate(self) -> None:
        _ = self.learned

    @classmethod
    def learn(cls, batch: Batch, **options: Any) -> Self:
        rule = cls.with_options(**options)
        found = rule.histograms(batch)
        if found is not None:
            table = _column_sums(found)
            return rule._with(table, support=support_of(batch, int(table.counts.sum())))
        events = rule.events(batch)
        support = support_of(batch, int(rule.tried(events).counts.sum()))
        return rule._with(Kinds.of(events.keys, events.counts), support=support)

    def merge(self, other: Self) -> Self:
        self.require_same_options(other)
        return self._with(
            self.learned.merge(other.learned), support=merge_support(self, other), held_out=None, forecast=None
        )

    def _with(self, table: Kinds, **changes: Any) -> Self:
        changed: Self = replace(self, **self.record(table), **changes)
        return changed


class Keyed(Counted, frozen=True, kw_only=True):
    """A rule that judges each event by its key alone: a violation is an event with a key that is not allowed."""

    key_space: ClassVar[int]
    """Keys lie in 0..key_space - 1."""

    def allowed(self, table: Kinds) -> NDArray[np.int64]:
        """The keys that are no violations where ``table`` is what was learned, ascending."""
        raise NotImplementedError

    def places(self, batch: Batch, i: int) -> Iterator[Place]:
        """Every event of sample i that is a trial, with its place, in order of time."""
        raise NotImplementedError

    def key_name(self, key: int) -> str:
        """What an event is called."""
        raise NotImplementedError

    def key_of(self, name: str) -> int:
        """The inverse of ``key_name``. Raises InputError for what is no name of an event."""
        for key in range(self.key_space):
            if self.key_name(key) == name:
                return key
        raise InputError(self.name(), f"expected an event such as {self.key_name(1)!r}, found {name!r}")

    def allowance(self, key: int, table: Kinds) -> str:
        """What the corpus has in place of ``key``, for a message; ``table`` is what was learned."""
        raise NotImplementedError

    def compile(self) -> "KeyChecker":
        table = self.learned
        return KeyChecker(self, table, KeySet.of(self.allowed(table), self.key_space))

    def leave_one_out(self, pieces: Sequence[Self]) -> float | None:
        """See Rule. Exact: the table of the others is the table of all less the piece's own."""
        if len(pieces) < 2:
            return None
        total = self.learned
        violations = trials = 0
        for piece in pieces:
            own = piece.learned
            others = total.counts.copy()
            others[np.searchsorted(total.keys, own.keys)] -= own.counts
            allowed = self.allowed(Kinds(total.keys[others > 0], others[others > 0]))
            tried = self.tried(Events(np.zeros(len(own.keys), np.int64), own.keys, own.counts))
            trials += int(tried.counts.sum())
            violations += int(tried.counts[~np.isin(tried.keys, allowed)].sum())
        return violations / trials if trials else None


class Vocabulary(Keyed, frozen=True, kw_only=True):
    """A rule that allows what the corpus has, at least ``minimum-support`` times. A violation is any other event."""

    minimum_support: Annotated[int, option("times an event must occur in the corpus to be allowed", ge=1)] = 1

    def orbit(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """(k, m) for each of m keys, all that the rule takes for the same event: its transpositions, say."""
        return keys[None, :]

    def allowed(self, table: Kinds) -> NDArray[np.int64]:
        """The keys that ``table`` allows: those that, with all the rule takes for the same, have support enough."""
        classes = Kinds.of(self.orbit(table.keys).min(axis=0), table.counts)
        return np.unique(self.orbit(classes.keys[classes.counts >= self.minimum_support]))


class Habit(Keyed, frozen=True, kw_only=True):
    """A rule whose breach is defined, not learned: real pieces commit it too, and what is learned is how often.

    Nothing that a corpus has makes a breach allowed. A sample is held against the rate at which held-out real pieces
    commit it, as with any rule; so a rule of the textbook that composers do not keep accuses nobody. Keys are few, and
    stand in the file by name; the key of an event does not depend on options, so that these can be edited there.
    """

    counts: dict[str, Count] = {}
    """name of an event -> how often it occurs."""

    def breaking(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(m,) whether each key is a breach. Uses the options, not what was learned."""
        raise NotImplementedError

    def allowed(self, table: Kinds) -> NDArray[np.int64]:
        return np.flatnonzero(~self.breaking(np.arange(self.key_space)))

    def table(self) -> Kinds:
        keys = {self.key_name(key): key for key in range(self.key_space)}
        for name in self.counts:
            if name not in keys:
                raise InputError(self.name(), f"expected an event such as {self.key_name(1)!r}, found {name!r}")
        return kinds_of_names(self.counts, keys.__getitem__)

    def record(self, table: Kinds) -> dict[str, Any]:
        return {"counts": names_of_kinds(table, self.key_name)}

    def allowance(self, key: int, table: Kinds) -> str:
        """How often real pieces commit this very breach: ``1 in 800 motions of real pieces``."""
        total, own = int(table.counts.sum()), int(table.counts[table.keys == key].sum())
        if own:
            return f"1 in {round(total / own):,} {self.unit()}s of real pieces"
        return f"none in {total:,} {self.unit()}{'s' * (total != 1)} of real pieces"

    def leave_one_out(self, pieces: Sequence[Self]) -> float | None:
        """See Rule. What the others teach does not change what a breach is."""
        if len(pieces) < 2:
            return None
        table = self.learned
        trials, violations = int(table.counts.sum()), int(table.counts[self.breaking(table.keys)].sum())
        return violations / trials if trials else None

    def summary(self) -> Iterator[str]:
        table = self.learned
        total, broken = int(table.counts.sum()), table.where(self.breaking(table.keys))
        yield f"{total:,} {self.unit()}{'s' * (total != 1)}, {int(broken.counts.sum()):,} of them breaches"
        for at in np.argsort(-broken.counts, kind="stable").tolist():
            key = int(broken.keys[at])
            yield f"{self.key_name(key)}: {int(broken.counts[at]):,} ({self.allowance(key, table)})"


@dataclass(frozen=True, eq=False)
class KeySet:
    """A set of keys as one bit each: 2 MB for the 2^24 transitions, which stays in a processor's cache."""

    bits: NDArray[np.uint8]

    @classmethod
    def of(cls, keys: NDArray[np.int64], space: int) -> Self:
        bits = np.zeros(-(-space // 8), np.uint8)
        np.bitwise_or.at(bits, keys >> 3, np.uint8(1) << (keys & 7).astype(np.uint8))
        return cls(bits)

    def contains(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each key is in the set."""
        return np.asarray(self.bits[keys >> 3] >> (keys & 7).astype(np.uint8) & 1, np.bool_)


@dataclass(frozen=True, eq=False)
class KeyChecker:
    """Counts and locates the events whose keys a rule does not allow.

    The score of a sample is the surprise at its number of violations, in nats: -log of the chance of as many or more
    among as many trials, at the rate of held-out real data. One violation in a short sample is then not a high rate.
    """

    rule: Keyed
    table: Kinds
    allowed: KeySet

    def count(self, batch: Batch) -> Counts:
        found = self.rule.histograms(batch)
        if found is not None:
            total = _column_sums(found)
            kinds = total.where(~self.allowed.contains(total.keys))
            trials = found.sum(axis=1, dtype=np.int64)
            violations = found[:, kinds.keys].sum(axis=1, dtype=np.int64)
        else:
            events = self.rule.trials(batch)
            broken = events.where(~self.allowed.contains(events.keys))
            violations, trials = _per_sample(broken, len(batch)), _per_sample(events, len(batch))
            kinds = Kinds.of(broken.keys, broken.counts)
        real = self.rule.held_out
        rate = (real.violations + 0.5) / (real.trials + 1) if real else 0.5 / (self.rule.support.trials + 1)
        surprise = statistics.binomial_surprise(violations, trials, rate)
        return Counts(
            violations=violations,
            trials=trials,
            scores=np.where(trials > 0, surprise, np.nan),
            kinds=kinds,
        )

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        for key, start, steps, pitches, words, rows in self.rule.places(batch, i):
            if not self.allowed.contains(np.array([key]))[0]:
                yield Violation(
                    start=start,
                    steps=steps,
                    pitches=pitches,
                    observed=self.rule.key_name(key),
                    allowed=self.rule.allowance(key, self.table),
                    where=words,
                    rows=rows,
                )

    def kind_name(self, key: int) -> str:
        return self.rule.key_name(key)


SET_GROUPS = 200
"""Held-out groups from which on real sets are drawn: fewer would be much the same set again and again."""
SMALLEST_SET = 16
SETS_DRAWN = 200
SET_QUANTILE = 0.9


class Distribution(Counted, frozen=True, kw_only=True):
    """A rule about a whole histogram. A trial is a sample; it is violated if the sample's own histogram lies farther
    from the corpus's than 99 % of held-out real samples do. The distances of the whole set stand beside the count.

    A single sample's distance is Kolmogorov's statistic, sqrt(m) times the largest difference of the two cumulative
    distributions, where m is the number of events in the sample: so that a short sample is not far for being short.

    A set is far if its histogram, that of all of its samples, lies farther from the corpus's than those of real sets of
    as many groups: sets of held-out groups, drawn at random, say how far these lie.
    """

    limit: float | None = None
    """Largest statistic that a sample may have: set from held-out real samples."""
    sets: dict[int, tuple[float, float]] = {}
    """Groups in a set -> the distance that nine of ten real sets of that size keep, and by how much the others
    exceed it on average. Empty if fewer than SET_GROUPS groups were held out."""

    def unit(self) -> str:
        return "sample"

    def positions(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """Where each key lies on the axis of the quantity, in its unit."""
        raise NotImplementedError

    def coarsened(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The keys under which single samples are held against the corpus."""
        return keys

    @classmethod
    def learn(cls, batch: Batch, **options: Any) -> Self:
        rule = super().learn(batch, **options)
        events = rule.events(batch)
        filled: Self = replace(rule, support=support_of(batch, len(np.unique(events.samples))))
        return filled

    def merge(self, other: Self) -> Self:
        merged: Self = replace(super().merge(other), limit=None, sets={})
        return merged

    def calibrate(self, batch: Batch) -> Self:
        distances = self.distances(batch)
        distances = distances[~np.isnan(distances)]
        limit = float(np.ceil(np.quantile(distances, 0.99, method="higher") * 1e6) / 1e6) if len(distances) else None
        calibrated: Self = replace(self, limit=limit, sets=self._real_sets(batch))
        return calibrated

    def _real_sets(self, batch: Batch) -> dict[int, tuple[float, float]]:
        """See ``sets``; drawn by one seed, so that the same samples always say the same."""
        labels, of = statistics.numbered(batch.groups)
        if len(labels) < SET_GROUPS:
            return {}
        keys, tables, corpus = self._histograms(batch)
        if not len(keys):
            return {}
        by_group = np.zeros((len(labels), len(keys)))
        np.add.at(by_group, of, tables)
        rng = np.random.default_rng(0)
        found = {}
        size = SMALLEST_SET
        while 2 * size <= len(labels):
            drawn = (by_group[rng.choice(len(labels), size, replace=False)].sum(axis=0) for _ in range(SETS_DRAWN))
            distances = np.sort([statistics.ks_distance(table, corpus) for table in drawn])
            start = float(np.quantile(distances, SET_QUANTILE))
            found[size] = round(start, 6), round(max(float((distances[distances > start] - start).mean()), 1e-6), 6)
            size *= 4
        return found

    def set_p_value(self, observed: Kinds, groups: int) -> float | None:
        """The chance that a real set of so many groups lies as far from the corpus as one with the table ``observed``;
        1 if it lies within what nine of ten do, and as much again: two real sets differ by more than chance, as those
        who wrote the digits of one file and of another do. None if the rule was not calibrated on sets, or for a set
        that is too small. A set larger than those drawn is held to the largest.
        """
        if not self.sets or groups < min(self.sets) or not len(observed.keys):
            return None
        learned = Kinds.of(self.coarsened(self.learned.keys), self.learned.counts)
        _, corpus, table = aligned(learned, Kinds.of(self.coarsened(observed.keys), observed.counts))
        sizes = np.log(sorted(self.sets))
        tails = np.log([self.sets[size] for size in sorted(self.sets)])
        start, excess = np.exp([np.interp(np.log(groups), sizes, tails[:, at]) for at in (0, 1)])
        beyond = statistics.ks_distance(table, corpus) - 2 * start
        return 1.0 if beyond <= 0 else float((1 - SET_QUANTILE) * np.exp(-beyond / excess))

    def measures(self, observed: Self) -> dict[str, float]:
        return self.distances_between(self.learned, observed.learned)

    def distances_between(self, learned: Kinds, observed: Kinds) -> dict[str, float]:
        """ks, jsd (nats) and wasserstein (in the unit of the axis) between two tables; none if one is empty."""
        if not len(learned.keys) or not len(observed.keys):
            return {}
        keys, p, q = aligned(learned, observed)
        return {
            "ks": statistics.ks_distance(p, q),
            "jsd": statistics.jensen_shannon(p, q),
            "wasserstein": statistics.wasserstein(self.positions(keys), p, q),
        }

    def distances(self, batch: Batch) -> NDArray[np.float64]:
        """(n,) Kolmogorov's statistic of each sample against the corpus; nan for a sample with no events."""
        keys, tables, corpus = self._histograms(batch)
        if not len(keys):
            return np.full(len(batch), np.nan)
        cumulated = np.cumsum(tables, axis=1)
        with np.errstate(invalid="ignore"):  # a sample with no events is 0 / 0: nan, as documented
            shares = cumulated / cumulated[:, -1:]
        differences: NDArray[np.float64] = np.abs(shares - np.cumsum(corpus) / corpus.sum()).max(axis=1)
        return differences * np.sqrt(cumulated[:, -1])

    def _histograms(self, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """keys (k,), the counts of each sample (n, k) and of the corpus (k,) under them; no keys if one is empty."""
        table, events = self.learned, self.events(batch)
        learned = Kinds.of(self.coarsened(table.keys), table.counts)
        if not len(learned.keys) or not len(events.keys):
            return np.zeros(0, np.int64), np.zeros((len(batch), 0)), np.zeros(0)
        own = self.coarsened(events.keys)
        keys = np.union1d(learned.keys, own)
        at = events.samples * len(keys) + np.searchsorted(keys, own)
        tables = np.bincount(at, weights=events.counts, minlength=len(batch) * len(keys)).reshape(len(batch), len(keys))
        corpus = np.zeros(len(keys))
        corpus[np.searchsorted(keys, learned.keys)] = learned.counts
        return np.asarray(keys, np.int64), np.asarray(tables, np.float64), corpus

    def limit_line(self) -> str:
        """The limit in words."""
        return "no limit: nothing was held out" if self.limit is None else f"a sample may be {self.limit:.3f} away"

    def compile(self) -> "DistributionChecker":
        return DistributionChecker(self)


@dataclass(frozen=True, eq=False)
class DistributionChecker:
    """Counts the samples that lie farther from the corpus than the rule's limit; the distance is the score."""

    rule: Distribution

    def count(self, batch: Batch) -> Counts:
        distances = self.rule.distances(batch)
        tried = ~np.isnan(distances)
        limit = np.inf if self.rule.limit is None else self.rule.limit
        broken = (tried & (distances > limit)).astype(np.int64)
        return Counts(violations=broken, trials=tried.astype(np.int64), scores=distances, kinds=Kinds.none())

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        one = batch.take([i])
        distance = self.rule.distances(one)[0]
        if self.rule.limit is not None and distance > self.rule.limit:
            yield Violation(
                start=0,
                steps=int(batch.lengths[i]),
                pitches=(),
                observed=f"a distance of {distance:.3f} from the corpus (Kolmogorov)",
                allowed=f"at most {self.rule.limit:.3f}, which 99 % of held-out real samples keep",
            )

    def kind_name(self, key: int) -> str:
        raise KeyError(key)  # a distribution has no kinds of violation


def looked_up(
    keys: NDArray[np.int64], values: NDArray[np.int64], wanted: NDArray[np.int64], missing: int = 0
) -> NDArray[np.int64]:
    """The value of each wanted key (of any shape), ``missing`` if it is not there; ``keys`` ascend."""
    if not len(keys):
        return np.full(wanted.shape, missing, np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], missing)


def aligned(a: Kinds, b: Kinds) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The union of the keys, and the counts of both tables at each."""
    keys = np.union1d(a.keys, b.keys)
    p, q = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    p[np.searchsorted(keys, a.keys)] = a.counts
    q[np.searchsorted(keys, b.keys)] = b.counts
    return keys, p, q


def kinds_of_map(counts: dict[int, int], space: int, place: str) -> Kinds:
    """A map from a YAML file as a table. Raises InputError for a key outside 0..space - 1."""
    for key in counts:
        if not 0 <= key < space:
            raise InputError(place, f"expected a key from 0 to {space - 1}, found {key}")
    keys = np.array(sorted(counts), np.int64)
    return Kinds.of(keys, np.array([counts[int(key)] for key in keys], np.int64))


def map_of_kinds(table: Kinds) -> dict[int, int]:
    """The inverse of ``kinds_of_map``, ascending."""
    return {int(key): int(count) for key, count in zip(table.keys, table.counts, strict=True)}


def kinds_of_names(counts: dict[str, int], parse: Callable[[str], int]) -> Kinds:
    """A map from names to counts as a table; ``parse`` gives the key of a name, or raises InputError."""
    keys = np.array([parse(name) for name in counts], np.int64)
    return Kinds.of(keys, np.array(list(counts.values()), np.int64))


def names_of_kinds(table: Kinds, name: Callable[[int], str]) -> dict[str, int]:
    """The inverse of ``kinds_of_names``, by ascending key."""
    return {name(key): count for key, count in map_of_kinds(table).items()}


def _column_sums(histograms: NDArray[Any]) -> Kinds:
    """What all samples have together."""
    sums = histograms.sum(axis=0, dtype=np.int64)
    keys = np.flatnonzero(sums)
    return Kinds(keys, sums[keys])


def _per_sample(events: Events, n: int) -> NDArray[np.int64]:
    return np.bincount(events.samples, weights=events.counts, minlength=n).astype(np.int64)
