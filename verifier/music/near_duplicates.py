"""Diversity: samples of a set that are the same as others of it, exactly or nearly, in any key.

Two samples are *exact* duplicates if the same notes sound at the same steps, all moved by the same number of semitones
or none. They are *near-duplicates* if at least half of the different runs of SHINGLE chords that either has are in both
(Jaccard), whatever their order, key and place: one moved note, or a shift in time, leaves a sample a near-duplicate.
Samples of few chords say nothing: silence, and the rest of a piece after its last full window, are duplicates of none.

Real music repeats itself too. How many duplicates real sets of the same size have is resampled from whole real pieces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verifier.base.hashing import mixed
from verifier.base.statistics import numbered
from verifier.base.text import percent
from verifier.data.batch import Batch
from verifier.judge.calibration import Verdict
from verifier.judge.coverage import (
    LEVEL,
    RESAMPLES,
    Band,
    Expected,
    band_of,
    expected_at,
    joint_lows,
    name_ranks,
    real_sets,
    require_curve,
    sizes_up_to,
    widened,
)
from verifier.judge.sets import SetCheckResult, WithoutIndex, details_of
from verifier.music.features.chord_grams import chords, grams

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

SHINGLE = 3
"""Chords in a shingle."""
FEWEST = 8
"""Different shingles from which on a sample is compared with others."""
MOST = 64
"""Shingles kept of a sample, those of the lowest hashes: all of a window, a sketch of a long piece (Broder, 1997)."""
JACCARD = 0.5
"""Share of the shingles of two samples in common from which on they are near-duplicates."""
BANDS = 16
"""Pairs of minhashes that bring two samples together to be compared: of duplicates at 0.5 one pair in 100 is missed."""
SHOWN_NAMES = 5
"""Names that a result has of the largest cluster."""


@dataclass(frozen=True, eq=False)
class Shingles:
    """What tells duplicates, of n samples: exact (n,) uint64, a hash of the notes in any key; counts (n,) int64, the
    number of shingles; and shingles (counts.sum(),) uint64, those of one sample ascending, one sample after another.
    """

    exact: Words
    counts: Ints
    shingles: Words

    def merge(self, other: "Shingles") -> "Shingles":
        """The shingles of this part of a set, then those of the other."""
        return Shingles(
            np.concatenate([self.exact, other.exact]),
            np.concatenate([self.counts, other.counts]),
            np.concatenate([self.shingles, other.shingles]),
        )

    def take(self, indices: Ints) -> "Shingles":
        """The shingles at ``indices``, in that order."""
        first = np.cumsum(self.counts) - self.counts
        counts = self.counts[indices]
        at = np.repeat(first[indices] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        return Shingles(self.exact[indices], counts, self.shingles[at])

    def compared(self) -> NDArray[np.bool_]:
        """(n,) which samples have enough chords to be compared."""
        return self.counts >= FEWEST


def prints(batch: Batch) -> Shingles:
    """The shingles of every sample of a batch."""
    n = len(batch)
    music = chords(batch)
    sounds = music.shapes != 0
    samples = music.samples[sounds]
    # The lowest pitch of the first chord, to which the others are relative.
    _, first = np.unique(samples, return_index=True)
    base = np.zeros(n, np.int64)
    base[samples[first]] = music.lowest[sounds][first]
    token = music.shapes[sounds] + mixed(
        ((music.lowest[sounds] - base[samples]).astype(np.uint64) << np.uint64(48))
        + (music.starts[sounds].astype(np.uint64) << np.uint64(24))
        + music.steps[sounds].astype(np.uint64)
    )
    exact = np.zeros(n, np.uint64)
    if len(samples):
        # A sum, since each token says where it stands.
        exact[samples[first]] = np.add.reduceat(mixed(token), first)
    found = grams(music, SHINGLE)
    of = music.samples[found.chords]
    order = np.lexsort((found.hashes, of))
    of, hashes = of[order], found.hashes[order]
    new = np.ones(len(of), np.bool_)
    new[1:] = (of[1:] != of[:-1]) | (hashes[1:] != hashes[:-1])
    of, hashes = of[new], hashes[new]
    starts = np.searchsorted(of, np.arange(n + 1))
    kept = np.arange(len(of)) - starts[of] < MOST
    return Shingles(exact, np.minimum(np.diff(starts), MOST).astype(np.int64), hashes[kept])


def exact_clusters(found: Shingles) -> Ints:
    """(n,) the cluster of exact duplicates that each sample is in, from 0; -1 for a sample of too few chords."""
    return _numbered(found.exact, found.compared())


def _numbered(labels: NDArray[np.generic], compared: NDArray[np.bool_]) -> Ints:
    clusters = np.full(len(labels), -1, np.int64)
    clusters[compared] = np.unique(labels[compared], return_inverse=True)[1]
    return clusters


def near_clusters(found: Shingles) -> Ints:
    """(n,) the cluster of near-duplicates that each sample is in, from 0; -1 for a sample of too few chords.

    A cluster is of samples that are near-duplicates directly or through others. Candidates are those that share a pair
    of minhashes (Broder, 1997), each held against its neighbour and the first among these, in an order that depends on
    their content alone: so it takes time linear in n, and the same clusters come out in whatever order samples stand.
    """
    compared = found.compared()
    # Exact duplicates are one sample here: thousands of copies would only be held against each other.
    exact = exact_clusters(found)
    _, members = np.unique(exact[compared], return_index=True)
    distinct = found.take(np.flatnonzero(compared)[members])
    m = len(members)
    if not m:
        return exact
    one, two = np.concatenate([_candidates(distinct, band) for band in range(BANDS)], axis=1)
    # Each pair as one number, which numpy sorts many times as fast as columns.
    pairs = np.stack(np.divmod(np.unique(one * m + two), m))
    twins = pairs[:, _jaccard(distinct, pairs) >= JACCARD]
    if not twins.shape[1]:
        return exact
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(twins.shape[1], np.int8), (twins[0], twins[1])), shape=(m, m))
    _, label = connected_components(graph, directed=False)
    clusters = exact.copy()
    clusters[compared] = np.asarray(label, np.int64)[exact[compared]]
    return _numbered(clusters, compared)


def _candidates(found: Shingles, band: int) -> Ints:
    """(2, p) pairs of samples that may be near-duplicates; each sample has one shingle or more."""
    starts = np.cumsum(found.counts) - found.counts
    salts = mixed(np.array([2 * band + 1, 2 * band + 2], np.uint64))
    one, two = (np.minimum.reduceat(mixed(found.shingles ^ salt), starts) for salt in salts)
    key = mixed(one + mixed(two))
    order = np.lexsort((found.exact, key))
    same = key[order][1:] == key[order][:-1]
    head = np.maximum.accumulate(np.where(np.concatenate([[False], same]), 0, np.arange(len(order))))
    later = np.flatnonzero(same) + 1
    pairs = np.concatenate([[order[later], order[later - 1]], [order[later], order[head[later]]]], axis=1)
    return np.sort(pairs, axis=0)


def _jaccard(found: Shingles, pairs: Ints) -> NDArray[np.float64]:
    """(p,) shingles that both of a pair have over those that either has; of the MOST lowest of the two together, so
    that the sketches of long pieces give an unbiased estimate (Broder, 1997).
    """
    if not pairs.shape[1]:
        return np.zeros(0)
    one, two = (found.take(side) for side in pairs)
    pair = np.concatenate([np.repeat(np.arange(pairs.shape[1]), side.counts) for side in (one, two)])
    shingles = np.concatenate([one.shingles, two.shingles])
    order = np.lexsort((shingles, pair))
    pair, shingles = pair[order], shingles[order]
    again = np.zeros(len(pair), np.bool_)
    again[1:] = (pair[1:] == pair[:-1]) & (shingles[1:] == shingles[:-1])
    distinct = np.cumsum(~again)
    before = distinct[np.searchsorted(pair, np.arange(pairs.shape[1]))] - 1
    lowest = distinct - before[pair] <= MOST
    both = np.bincount(pair[again & lowest], minlength=pairs.shape[1])
    return np.asarray(both / np.bincount(pair[~again & lowest], minlength=pairs.shape[1]))


class TwinCurve(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The share of samples that are duplicates of one of another piece, exact or near, in real sets of each size."""

    sizes: list[int]
    exact: Band
    near: Band

    def __post_init__(self) -> None:
        require_curve(self.sizes, self.exact, self.near)


def twin_curve(
    learned: Batch, held_out: Batch, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> TwinCurve | None:
    """The curve of real sets of whole pieces, learned or held out, drawn without replacement; None for no sample.

    It ends at half of the real samples, beyond which one set would be much like another. At most ``level`` of the real
    sets of a size are above either limit, which is then ``widened`` to hold for pieces that are not among these; and it
    is never less than what the number of their pairs leaves open (``_unseen``), as few pieces may have no twin at all.
    """
    found = prints(learned).merge(prints(held_out))
    groups = [*learned.groups, *held_out.groups]
    if not groups:
        return None
    sizes = sizes_up_to(max(1, len(groups) // 2))
    sets = list(real_sets(groups, resamples, seed))
    piece = np.concatenate([_pieces(learned), -1 - _pieces(held_out)])
    # One by way of a sample that is not in the set is counted too: if anything, real sets get more of them.
    of_both = (exact_clusters(found), near_clusters(found))
    values = np.stack(
        [np.stack([_shares_of_order(clusters, piece, one.ranks, sizes) for one in sets]) for clusters in of_both]
    )
    highs = -joint_lows(-values, level)
    lows = np.quantile(values, level, axis=1, method="lower")
    means = values.mean(axis=1)
    lows, highs = (widened(limits, means, sizes, len(groups)) for limits in (lows, highs))
    highs = np.maximum(highs, [_unseen(clusters, piece, sizes, level / 2) for clusters in of_both])
    exact, near = (band_of(means[at], lows[at], highs[at]) for at in range(2))
    return TwinCurve(sizes=list(sizes), exact=exact, near=near)


def _unseen(clusters: Ints, piece: Ints, sizes: Sequence[int], level: float) -> NDArray[np.float64]:
    """(sizes,) the largest share of twins that a set of each size has with a probability of more than ``level``, if its
    pairs of pieces give twins as often as those of the real ``piece`` (n,): of all twins, so many are among its pairs
    by chance (the exact test of two Poisson rates: Przyborowski and Wilenski, Biometrika 31, 1940).
    """
    from scipy.stats import binom

    known, pieces = _duplicates(clusters, piece)[0], len(np.unique(piece))
    of_set = np.asarray(sizes) * pieces / len(piece)
    among = np.maximum(of_set * (of_set - 1), 0)
    share = among / np.maximum(among + pieces * (pieces - 1), 1)
    twins = np.arange(1, max(sizes) + 1)[:, None]
    most = np.count_nonzero(binom.sf(twins - 1, twins + known, share) > level, axis=0)
    return np.asarray(np.minimum(most / np.asarray(sizes), 1))


def _pieces(batch: Batch) -> Ints:
    """(n,) the piece of each sample, from 0: those of one group that start one after the other. Two settings of one
    work are two pieces, as they are for who has their files.
    """
    _, group = numbered(batch.groups)
    new = (np.diff(group, prepend=-1) != 0) | (np.diff(batch.starts, prepend=-1) <= 0)
    return np.asarray(np.cumsum(new) - 1, np.int64)


def _shares_of_order(clusters: Ints, piece: Ints, ranks: Ints, sizes: Sequence[int]) -> NDArray[np.float64]:
    """(sizes,) the share of compared samples of which another piece had a duplicate before them, among the first
    samples of an order in which those of a piece follow each other.
    """
    order = np.argsort(ranks)
    clusters, piece = clusters[order], piece[order]
    compared = clusters >= 0
    _, first, of = np.unique(clusters, return_index=True, return_inverse=True)
    is_twin = compared & (piece != piece[first][of])
    at = np.asarray(sizes) - 1
    some = np.cumsum(compared)[at]
    return np.asarray(np.cumsum(is_twin)[at] / np.maximum(some, 1))


class DiversityResult(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The duplicates in a sample set: of ``compared`` samples that have chords enough, ``exact`` and ``near`` are
    duplicates beyond those of the one piece that has most of them; the shares are of the compared ones.

    ``held_against`` samples, all or a random subset as large as the curve of real sets goes, were judged: their shares
    are ``judged_exact`` and ``judged_near``, those of real sets of as many, with limits, ``real_exact`` and
    ``real_near``. ``largest`` is the number of samples in the largest cluster of near-duplicates, ``names`` are some.
    """

    samples: int
    compared: int
    exact: int
    exact_share: float
    near: int
    near_share: float
    held_against: int
    judged_exact: float
    judged_near: float
    real_exact: Expected
    real_near: Expected
    largest: int
    names: tuple[str, ...]
    verdict: Verdict
    reason: str


def judge_diversity(
    found: Shingles, names: Sequence[str], groups: Sequence[str], curve: TwinCurve
) -> DiversityResult | None:
    """The duplicates in a set with these shingles, names and groups (n), and how many real sets have; None for no
    sample. A piece that repeats itself is none: repeats may be written out.

    It fails if a share is above its limit. It is undecided if fewer than two of the samples could be compared.
    """
    n = len(names)
    if not n:
        return None
    exact, near = exact_clusters(found), near_clusters(found)
    compared = int((exact >= 0).sum())
    judged = min(n, curve.sizes[-1])
    _, piece = numbered(groups)
    shares = [_duplicates(exact, piece), _duplicates(near, piece)]
    subset = shares
    if judged < n:
        chosen = np.sort(np.lexsort((np.arange(n), name_ranks(names)))[:judged])
        subset = [
            _duplicates(clusters, piece[chosen]) for clusters in (exact[chosen], near_clusters(found.take(chosen)))
        ]
    real_exact, real_near = (_expected_at(curve.sizes, band, judged) for band in (curve.exact, curve.near))
    largest = _largest(near, names)
    verdict: Verdict = "pass"
    reason = f"real sets of {judged:,} samples have near-duplicates in up to {real_near.high:.1%}"
    if subset[0][1] > real_exact.high:
        verdict = "fail"
        reason = (
            f"{subset[0][1]:.1%} of {judged:,} samples repeat another; in real sets of as many up to"
            f" {real_exact.high:.1%}"
        )
    elif subset[1][1] > real_near.high:
        verdict = "fail"
        reason = (
            f"{subset[1][1]:.1%} of {judged:,} samples nearly repeat another; in real sets of as many up to"
            f" {real_near.high:.1%}"
        )
    elif compared < 2:
        verdict, reason = "undecided", f"{compared} of {n:,} samples have chords enough to be compared"
    return DiversityResult(
        samples=n,
        compared=compared,
        exact=shares[0][0],
        exact_share=shares[0][1],
        near=shares[1][0],
        near_share=shares[1][1],
        held_against=judged,
        judged_exact=subset[0][1],
        judged_near=subset[1][1],
        real_exact=real_exact,
        real_near=real_near,
        largest=len(largest),
        names=tuple(largest[:SHOWN_NAMES]),
        verdict=verdict,
        reason=reason,
    )


def _largest(clusters: Ints, names: Sequence[str]) -> list[str]:
    """The names of the samples in the largest cluster, sorted; of equal ones in that with the first name."""
    compared = np.flatnonzero(clusters >= 0)
    if not len(compared):
        return []
    sizes = np.bincount(clusters[compared])
    members = compared[sizes[clusters[compared]] == sizes.max()].tolist()
    first = min(members, key=lambda i: names[i])
    return sorted(names[i] for i in np.flatnonzero(clusters == clusters[first]).tolist())


def _expected_at(sizes: Sequence[int], band: Band, n: int) -> Expected:
    """The band at ``n`` samples, its limit the higher one of the sizes on either side: a share of few samples moves in
    steps, and may lie above a line between two sizes.
    """
    above = int(np.searchsorted(sizes, n))
    return expected_at(sizes, band, n)._replace(high=max(band.high[max(above - 1, 0) : above + 1]))


def _duplicates(clusters: Ints, piece: Ints) -> tuple[int, float]:
    """How many compared samples are duplicates beyond those of the one piece that has most of a cluster, and what share
    that is.
    """
    compared = int((clusters >= 0).sum())
    pairs, sizes = np.unique(np.stack([clusters, piece])[:, clusters >= 0], axis=1, return_counts=True)
    _, first = np.unique(pairs[0], return_index=True)
    twins = compared - int(np.maximum.reduceat(sizes, first).sum()) if compared else 0
    return twins, twins / compared if compared else 0.0


class NearDuplicates(WithoutIndex):
    """Whether a set repeats itself more than real sets of its size do: a set check."""

    key = "diversity"
    title = "near-duplicates"
    reference = TwinCurve

    def result(self, details: Mapping[str, Any]) -> SetCheckResult:
        return _worded(msgspec.convert(details, DiversityResult))

    def calibrate(self, learned: Batch, held_out: Batch, index: None) -> TwinCurve | None:
        return twin_curve(learned, held_out)

    def ready(self, reference: TwinCurve | None, index: str | None) -> "ReadyNearDuplicates | str":
        if reference is None:
            return "the spec was learned without samples to say how much real sets repeat"
        return ReadyNearDuplicates(reference)


@dataclass(frozen=True, eq=False)
class ReadyNearDuplicates:
    """The check with the curve of real sets."""

    curve: TwinCurve
    softens: ClassVar[bool] = True

    def tally(self, batch: Batch) -> Shingles:
        return prints(batch)

    def judge(self, tally: Shingles, names: Sequence[str], groups: Sequence[str]) -> SetCheckResult | None:
        found = judge_diversity(tally, names, groups, self.curve)
        return _worded(found) if found else None


def _worded(found: DiversityResult) -> SetCheckResult:
    return SetCheckResult(
        verdict=found.verdict,
        reason=found.reason,
        cell=f"{percent(found.judged_near)} (real up to {percent(found.real_near.high)})",
        worst=f"repeats itself: {found.largest:,} alike, such as {', '.join(found.names[:3])}",
        details=details_of(found),
    )
