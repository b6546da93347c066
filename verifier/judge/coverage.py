"""Coverage: how much of what real data uses does a sample set use, next to real sets of the same size.

Violations are the precision of a generator, coverage is its recall. The kinds of a vocabulary rule are its distinct
events, such as the changes of chord; where the rule allows a kind for the sake of another (the same change in another
key), the two are one kind here. A set's *share* is that of the corpus's kinds which occur in it; its *weighted* share
is that of the corpus's occurrences whose kind occurs in it, so that rare kinds weigh little.

Both grow with the number of samples, and are only comparable at the same number: rarefaction (Hurlbert, Ecology 52,
1971; Gotelli and Colwell, Ecology Letters 4, 2001). The reference is had by resampling whole pieces (see ``rarefy``).
"""

import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.judge.calibration import Verdict
from verifier.rule.counted import Events, looked_up
from verifier.rule.rule import Rule, SparseCounts
from verifier.rule.vocabulary import Vocabulary

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SIZES = tuple(digit * 10**power for power in range(7) for digit in (1, 2, 3, 5, 7))
"""Numbers of samples at which a curve is measured, as far as the real data goes."""
RESAMPLES = 2000
"""Random real sets behind a curve."""
LEVEL = 0.01
"""Share of real sets of one size that lie below the limit of any measure of any rule."""
USUAL = 0.8
"""Times as many trials as real samples have from which on samples count as whole."""
SHOWN_UNUSED = 5
"""Unused kinds that a result names, the most frequent of the corpus."""


class Band(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A measure of real sets at each size of a curve: its mean, and the limits within which real sets lie."""

    mean: list[float]
    low: list[float]
    high: list[float]


class RarefactionCurve(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The coverage of real sets of n samples, for each n in ``sizes``, which rise."""

    sizes: list[int]
    share: Band
    weighted: Band

    def __post_init__(self) -> None:
        require_curve(self.sizes, self.share, self.weighted)


class Expected(NamedTuple):
    """A measure of real sets of one size."""

    mean: float
    low: float
    high: float


def require_curve(sizes: Sequence[int], *bands: Band) -> None:
    """Raise ValueError unless sizes rise from 1 or more and each band has an entry for each of them."""
    if not sizes or sizes[0] < 1 or any(b <= a for a, b in itertools.pairwise(sizes)):
        raise ValueError("the sizes of a curve are numbers of samples that rise")
    for band in bands:
        if not len(band.mean) == len(band.low) == len(band.high) == len(sizes):
            raise ValueError(f"a curve with {len(sizes)} sizes has as many means, lows and highs")


def expected_at(sizes: Sequence[int], band: Band, n: float) -> Expected:
    """The band at ``n`` samples, linear between sizes: the mean is concave in n, so this is not above it.

    Raises ValueError beyond the largest size: a curve says nothing there.
    """
    if n > sizes[-1]:
        raise ValueError(f"the curve ends at {sizes[-1]} samples; there are {n}")
    return Expected(*(float(np.interp(n, [0, *sizes], [0.0, *values])) for values in (band.mean, band.low, band.high)))


@dataclass(frozen=True, eq=False)
class Classes:
    """The kinds of a rule, those that it holds for the same being one class; c classes.

    keys (m,) int64 ascending, every key that belongs to a class, and classes (m,) int64 the class of each, from 0;
    counts (c,) int64 occurrences in the corpus, and names (c,) int64 the member that the corpus has most often.
    """

    keys: Ints
    classes: Ints
    counts: Ints
    names: Ints

    def of(self, keys: Ints) -> Ints:
        """The class of each key; -1 for none."""
        return looked_up(self.keys, self.classes, keys, missing=-1)


def classes(rule: Vocabulary) -> Classes:
    """The classes of what ``rule`` has learned: two kinds are one if the rule, having seen either, allows the other.

    Only kinds that are trials, and of which the corpus has ``minimum_support`` or more, count.
    """
    table = _trials(rule, rule.learned)
    if type(rule).allowed is Vocabulary.allowed:
        return _orbits(rule, table)
    found: dict[int, int] = {}
    names: list[int] = []
    counts: list[int] = []
    for at in np.argsort(-table.counts, kind="stable").tolist():
        key, count = int(table.keys[at]), int(table.counts[at])
        if key in found:
            counts[found[key]] += count
            continue
        one = SparseCounts(table.keys[at : at + 1], np.array([rule.minimum_support], np.int64))
        closure = rule.allowed(one).tolist()
        if key not in closure:  # seen, but never allowed: no kind that a sample should have
            continue
        for member in closure:
            found.setdefault(member, len(names))
        names.append(key)
        counts.append(count)
    kept = np.array(counts, np.int64) >= rule.minimum_support
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    keys = np.array(sorted(found), np.int64)
    of = number[np.array([found[key] for key in keys.tolist()], np.int64)]
    return Classes(keys[of >= 0], of[of >= 0], np.array(counts, np.int64)[kept], np.array(names, np.int64)[kept])


def _orbits(rule: Vocabulary, table: SparseCounts) -> Classes:
    """The same for a rule whose classes are its orbits."""
    of_class = rule.orbit(table.keys).min(axis=0)
    found = SparseCounts.of(of_class, table.counts)
    enough = found.counts >= rule.minimum_support
    representatives, counts = found.keys[enough], found.counts[enough]
    # The member that the corpus has most often names the class; of equals the one with the lowest key.
    often = np.lexsort((table.keys, -table.counts))
    first = np.unique(of_class[often], return_index=True)[1]
    names = table.keys[often[first]][enough]
    order = np.argsort(-counts, kind="stable")
    members = rule.orbit(representatives[order])
    keys, at = np.unique(members, return_index=True)
    return Classes(keys, at % members.shape[1], counts[order], names[order])


def _trials(rule: Vocabulary, table: SparseCounts) -> SparseCounts:
    tried = rule.only_trials(Events(np.zeros(len(table.keys), np.int64), table.keys, table.counts))
    return SparseCounts(tried.keys, tried.counts)


def _uses(rule: Vocabulary, classes: Classes, batch: Batch) -> Events:
    """Which class occurs in which sample how often."""
    events = rule.trial_events(batch)
    of = classes.of(events.keys)
    return Events(events.samples, of, events.counts).where(of >= 0)


@dataclass(frozen=True, eq=False)
class Used:
    """What a sample set uses of a rule's classes. The uses of the parts of a set merge into that of the whole.

    ``kinds`` are classes and how often they occur. Because a curve ends somewhere, the uses of a random subset of at
    most ``limit`` samples are kept by themselves: those with the lowest hashes of their names, so that the subset is
    the same however the set is cut. ``ranks`` (s,) int64 ascending are these hashes; ``pair_ranks`` and
    ``pair_classes`` (p,) int64 say which of them uses which class.
    """

    samples: int
    kinds: SparseCounts
    limit: int
    ranks: Ints
    pair_ranks: Ints
    pair_classes: Ints

    def merge(self, other: "Used") -> "Used":
        if self.limit != other.limit:
            raise ValueError(f"subsets of {self.limit} and of {other.limit} samples do not merge")
        ranks = np.sort(np.concatenate([self.ranks, other.ranks]))[: self.limit]
        pair_ranks = np.concatenate([self.pair_ranks, other.pair_ranks])
        pair_classes = np.concatenate([self.pair_classes, other.pair_classes])
        kept = pair_ranks <= ranks[-1] if len(ranks) else np.zeros(0, np.bool_)
        # Kinds of nothing merge to themselves only from the left.
        kinds = self.kinds.merge(other.kinds) if len(self.kinds.keys) else other.kinds
        return Used(self.samples + other.samples, kinds, self.limit, ranks, pair_ranks[kept], pair_classes[kept])

    def subset(self) -> Ints:
        """The classes that the kept samples use, ascending."""
        return np.unique(self.pair_classes)


def use(rule: Vocabulary, classes: Classes, batch: Batch, limit: int) -> Used:
    """What the samples of ``batch`` use; ``limit`` is the largest size of the rule's curve."""
    events = _uses(rule, classes, batch)
    all_ranks = batch.feature("name-ranks", lambda it: name_ranks(it.names))  # shared by all rules
    ranks = np.sort(all_ranks)[:limit]
    mine = all_ranks[events.samples]
    kept = mine <= ranks[-1] if len(ranks) else np.zeros(0, np.bool_)
    # Each pair as one number, which numpy sorts many times as fast as columns.
    own, width = np.unique(mine[kept]), max(len(classes.counts), 1)
    rank, of = np.divmod(np.unique(np.searchsorted(own, mine[kept]) * width + events.keys[kept]), width)
    total = np.bincount(events.keys, events.counts, width).astype(np.int64)
    used = np.flatnonzero(total)
    return Used(len(batch), SparseCounts(used, total[used]), limit, ranks, own[rank], of)


def name_ranks(names: Sequence[str], seed: int = 0) -> Ints:
    """A pseudorandom 64-bit number for each name, the same everywhere: the order in which samples join a subset."""
    state = hashlib.blake2b(f"{seed}:".encode(), digest_size=8)
    digests = bytearray()
    for name in names:
        one = state.copy()
        one.update(name.encode("utf-8", "surrogateescape"))
        digests += one.digest()
    return np.frombuffer(bytes(digests), "<i8").astype(np.int64)


class CoverageResult(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The coverage of one rule by a sample set.

    ``kinds`` are those of the corpus, ``used`` those of them that occur. ``share`` and ``weighted`` are of all samples;
    ``compared_share`` and ``compared_weighted`` are of the ``compared`` samples that were held against real sets of as
    many, whose mean and limits are ``real_share`` and ``real_weighted``. ``unused`` are the most frequent kinds of the
    corpus that no sample has, with their occurrences there.
    """

    samples: int
    kinds: int
    used: int
    share: float
    weighted: float
    compared: int
    compared_share: float
    compared_weighted: float
    real_share: Expected
    real_weighted: Expected
    unused: dict[str, int]
    verdict: Verdict
    reason: str


def judge_coverage(
    rule: Vocabulary, classes: Classes, used: Used, curve: RarefactionCurve, trials: int
) -> CoverageResult | None:
    """The coverage of a set and how it stands to real sets of the same size; None if there is nothing to cover, or no
    trial to cover it with.

    The size is that of as many real samples as have as many trials, and at most its own: samples may be shorter than
    real ones, or tell less. A set fails if its share or its weighted share lies below the limit; it is undecided if no
    set of its size could.
    """
    if not len(classes.counts) or not trials:
        return None
    usual = rule.support.trials / max(rule.support.samples, 1)
    density = trials / (used.samples * usual) if usual else 1.0
    density = 1.0 if density >= USUAL else density
    compared = min(used.samples, curve.sizes[-1])
    share, weighted = _shares(classes.counts, used.kinds.keys)
    subset = used.kinds.keys if compared == used.samples else used.subset()
    if compared < min(used.samples, used.limit):
        raise ValueError(f"the subset was kept for a curve that ends at {used.limit}, not {curve.sizes[-1]}")
    compared_share, compared_weighted = _shares(classes.counts, subset)
    real_share = expected_at(curve.sizes, curve.share, compared * density)
    real_weighted = expected_at(curve.sizes, curve.weighted, compared * density)
    verdict: Verdict = "pass"
    size = f"{compared:,} samples" if density == 1 else "their size"
    reason = f"real sets of {size} use at least {real_weighted.low:.1%} by weight"
    if compared_weighted < real_weighted.low:
        verdict = "fail"
        reason = f"{compared:,} samples use {compared_weighted:.1%} by weight; {reason}"
    elif compared_share < real_share.low:
        verdict = "fail"
        reason = (
            f"{compared:,} samples use {compared_share:.1%} of the kinds; real sets of as many at least"
            f" {real_share.low:.1%}"
        )
    elif real_share.low == 0 and real_weighted.low == 0:
        verdict, reason = "undecided", f"real sets of {size} may use next to nothing"
    missing = np.ones(len(classes.counts), np.bool_)
    missing[used.kinds.keys] = False
    most = [at for at in np.argsort(-classes.counts, kind="stable").tolist() if missing[at]][:SHOWN_UNUSED]
    return CoverageResult(
        samples=used.samples,
        kinds=len(classes.counts),
        used=len(used.kinds.keys),
        share=share,
        weighted=weighted,
        compared=compared,
        compared_share=compared_share,
        compared_weighted=compared_weighted,
        real_share=real_share,
        real_weighted=real_weighted,
        unused={rule.key_name(int(classes.names[at])): int(classes.counts[at]) for at in most},
        verdict=verdict,
        reason=reason,
    )


def _shares(counts: Ints, used: Ints) -> tuple[float, float]:
    """Share and weighted share of classes with ``counts`` of which those at ``used`` occur."""
    return len(used) / len(counts), int(counts[used].sum()) / int(counts.sum())


def rarefy(
    rules: Sequence[Rule],
    learned: Batch,
    held_out: Batch,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Mapping[str, RarefactionCurve]:
    """The curve of every vocabulary rule, by name; none if nothing was held out.

    Real sets are drawn from all real pieces, those learned from and those held out: pieces in random order, windows in
    theirs, and the first n of these are the set of n samples. Their coverage is that of a table made from other pieces,
    as many as were learned from, as far as there are: a set never helps to make the table that it is held against. So
    it can be as large as the held-out part, and no larger. Pieces, not windows, are drawn, because the windows of one
    resemble each other; a set whose samples are all of different pieces covers more than the curve says.

    The limits of all rules are set together, on the same sets: at most ``level`` of the real sets of a size are below
    any limit (as in Westfall and Young, Resampling-Based Multiple Testing, 1993), and these are ``widened`` to hold for
    pieces that are not among those drawn from. ``high`` is the same share's upper quantile of one measure alone.
    """
    vocabularies = [rule for rule in rules if isinstance(rule, Vocabulary)]
    if not len(held_out) or not len(learned) or not vocabularies:
        return {}
    sizes = sizes_up_to(len(held_out))
    works = len(set(learned.groups))
    groups = [*learned.groups, *held_out.groups]
    sets = list(real_sets(groups, resamples, seed))
    # (rules, share and weighted share, resamples, sizes)
    values = np.stack([_coverages(rule, learned, held_out, sets, sizes, works) for rule in vocabularies])
    lows = joint_lows(values.reshape(-1, *values.shape[2:]), level).reshape(*values.shape[:2], -1)
    highs = np.quantile(values, 1 - level, axis=2, method="higher")
    means = values.mean(axis=2)
    lows, highs = (widened(limits, means, sizes, len(groups)) for limits in (lows, highs))

    def band(rule: int, measure: int) -> Band:
        return band_of(means[rule, measure], lows[rule, measure], highs[rule, measure])

    return {
        rule.name(): RarefactionCurve(sizes=list(sizes), share=band(at, 0), weighted=band(at, 1))
        for at, rule in enumerate(vocabularies)
    }


def sizes_up_to(largest: int) -> list[int]:
    """The sizes of a curve that ends at ``largest``, 1 or more."""
    return [*(size for size in SIZES if size < largest), largest]


def band_of(mean: Floats, low: Floats, high: Floats) -> Band:
    """A band with five decimals, never narrower than what was measured."""
    return Band(
        mean=[round(value, 5) for value in mean.tolist()],
        low=[max(0.0, math.floor(value * 1e5 + 1e-6) / 1e5) for value in low.tolist()],
        high=[math.ceil(value * 1e5 - 1e-6) / 1e5 for value in high.tolist()],
    )


class RealSet(NamedTuple):
    """A random order of real pieces: the place of each sample in it, (n,), and of the piece of each sample, (n,)."""

    ranks: Ints
    pieces: Ints


def real_sets(groups: Sequence[str], resamples: int, seed: int) -> Iterator[RealSet]:
    """Random orders of whole groups, with the samples of each in their own order."""
    _, first, of = np.unique(np.asarray(groups, dtype=object).astype(str), return_index=True, return_inverse=True)
    rng = np.random.default_rng([seed, len(groups)])
    ranks = np.empty(len(groups), np.int64)
    for _ in range(resamples):
        pieces = rng.permutation(len(first))[of]
        ranks[np.argsort(pieces, kind="stable")] = np.arange(len(groups))
        yield RealSet(ranks.copy(), pieces)


def _coverages(
    rule: Vocabulary, learned: Batch, held_out: Batch, sets: Sequence[RealSet], sizes: Sequence[int], works: int
) -> Floats:
    """(2, resamples, sizes), share and weighted share of each real set at each size."""
    options = rule.set_options()
    whole = type(rule).learn(learned, **options).merge(type(rule).learn(held_out, **options))
    # What one piece alone has too seldom may be frequent enough in all of them.
    found = classes(whole)
    of_learned, of_held_out = (_uses(rule, found, batch) for batch in (learned, held_out))
    samples = np.concatenate([of_learned.samples, of_held_out.samples + len(learned)])
    of = np.concatenate([of_learned.keys, of_held_out.keys])
    counts = np.concatenate([of_learned.counts, of_held_out.counts])
    order = np.argsort(of, kind="stable")
    samples, of, counts = samples[order], of[order], counts[order]
    out = np.zeros((2, len(sets), len(sizes)))
    if not len(of):
        return out
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    for at, (ranks, pieces) in enumerate(sets):
        last = pieces[np.flatnonzero(ranks == sizes[-1] - 1)[0]]
        table = (pieces > last) & (pieces <= last + works)
        corpus = np.add.reduceat(counts * table[samples], starts)
        first = np.minimum.reduceat(ranks[samples], starts)
        weights = np.where(corpus >= rule.minimum_support, corpus, 0)
        if not weights.any():
            continue
        # A class is covered from the size on that lies above its first place.
        from_size = np.searchsorted(sizes, first, side="right")
        for measure, values in enumerate((weights > 0, weights)):
            covered = np.cumsum(np.bincount(from_size, values, len(sizes) + 1)[:-1])
            out[measure, at] = covered / values.sum()
    return out


def widened(limits: Floats, means: Floats, sizes: Sequence[int], samples: int) -> Floats:
    """``limits`` (..., sizes) of sets drawn from ``samples`` real ones, moved away from ``means`` to hold for new sets.

    Sets of n out of N vary by 1/n - 1/N of the variance, since they share pieces; a new set against what is known from
    N varies by 1/n + 1/N (as the prediction interval of a mean does). Kept within 0 and 1.
    """
    drawn = np.minimum(np.asarray(sizes) / samples, 0.99)
    return np.asarray(np.clip(means + (limits - means) * np.sqrt((1 + drawn) / (1 - drawn)), 0, 1))


def joint_lows(values: Floats, level: float) -> Floats:
    """(measures, sizes) limits such that at each size at most ``level`` of the sets are below any of them.

    values (measures, sets, sizes). The limit of each measure is its (k + 1)-th lowest value, k the same for all.
    """
    ordered = np.sort(values, axis=1)
    _, sets, sizes = values.shape
    lows = np.empty((len(values), sizes))
    for size in range(sizes):
        at_most = np.stack(
            [
                np.searchsorted(low[:, size], own[:, size], side="right")
                for low, own in zip(ordered, values, strict=True)
            ]
        )
        # A value is below the (k + 1)-th lowest if at most k values are no larger than it.
        strangest = np.sort(at_most.min(axis=0))
        allowed = math.floor(level * sets)
        k = min(int(strangest[allowed]) - 1, sets - 1) if allowed < sets else sets - 1
        lows[:, size] = ordered[:, max(k, 0), size]
    return lows
