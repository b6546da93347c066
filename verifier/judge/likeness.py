"""Whether a set that breaks rules looks like real samples that were processed.

A check asks of such a set whether a real one, changed as files often are, would look like it: the dose is the one whose
scores lie nearest, and a permutation test says whether they still differ. What a generator left does not look like a
blur because it is smooth, nor like a telephone because it is dull.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verifier.judge.calibration import PERMUTATIONS, Calibration, regrouped, regroupings, studentised
from verifier.judge.conformal import Conformal
from verifier.judge.degraded import Degradation, Degraded, between, mixed, ranks_among, restricted, rounded, spread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHARES = (1.0, 0.75, 0.5, 0.25)
"""Shares of a set that are taken to be degraded: sets are put together of what came by several ways."""
STEPS = 8
"""Doses that are tried from one stored dose to the next: a score is taken to lie on the line between."""
TOLERATED = 0.05
"""By how much the mean rank of scores, 0 to 1, may lie off that of real samples, .5: sets of one kind differ by more
than chance, and no stored dose is quite the one that a set had."""
COMPARED = 1000
"""Most pieces of a set that are compared: the few real ones limit what more would show."""
TOLD_APART = 0.1
"""The same for the discriminant of all rules together, which was fitted to tell the two apart."""
FOLDS = 5
"""Parts of the pieces, each of which is told apart by what the others teach."""
STRANGE = 0.25
"""Most samples of a set that looks like degraded real ones that may be strange among them: of the strangest of five
speakers a tenth is."""
RIDGE = 1.0
"""Samples by which the discriminant is held to say nothing."""
ALL = "all rules together"


class Likeness(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """How a set stands to real samples of which a ``share`` had the degradation, ``name``, that it looks most like, by
    a ``dose`` that ``words`` say: the ``p_value`` that real ones differ as much, the ``rule`` under which they differ
    most, and the share of its samples that are ``strange`` among them at alpha. ``alike`` if the p-value is more than
    alpha, and they are few.
    """

    name: str
    processing: str
    dose: float
    words: str
    p_value: float
    strange: float
    rule: str
    alike: bool
    share: float = 1.0

    def sentence(self) -> str:
        """``looks like real samples after JPEG of quality 90, p = .43``."""
        if self.alike:
            return (
                f"looks like real samples after {self.words}: no more different than by chance, p = {self.p_value:.2g}"
            )
        return (
            f"of real samples after any usual processing, those after {self.words} are nearest, and differ most in"
            f" {self.rule}: p = {self.p_value:.2g}, {self.strange:.0%} of the samples are strange among them;"
            " processing does not explain the set"
        )


def most_like(
    calibration: Calibration,
    degraded: Degraded,
    known: Mapping[str, Degradation],
    scores: Mapping[str, Floats],
    piece: Ints,
    failing: Sequence[str],
    alpha: float,
    processings: Collection[str] = (),
    unheard: Collection[str] = (),
) -> Likeness | None:
    """How a set, by its scores (n,) under each rule, stands to real samples after the degradation that it is nearest
    to, or nearest of those that it looks like; ``piece`` (n,) from 0. Of these ``processings`` alone, if any are named,
    and of none that is ``unheard``. None if no degradation changes all of the ``failing`` rules.
    """
    clean = restricted(calibration, degraded.samples)
    some = _thinned(piece)
    rules = [rule for rule in clean.scores if rule in scores and np.isfinite(scores[rule][some]).any()]
    own = np.stack([rounded(scores[rule][some]) for rule in rules], axis=1)
    nearest = [
        place
        for name in degraded.by
        if not known[name].told and set(failing) <= set(degraded.changed(name))
        if known[name].processing not in unheard and (not processings or known[name].processing in processings)
        for place in _nearest(degraded, clean, rules, name, own, STEPS if known[name].graded else 1)
    ]
    first: Likeness | None = None
    for name, _, dose, share, table, whole in sorted(nearest, key=lambda place: place.gap):
        p_value, at = _difference(clean, table, own, piece[some])
        if share < 1 and p_value > alpha:  # what is smooth by itself must not hide behind the others
            part = _most_degraded(clean.table(rules), whole, own, share)
            p_value, at = _difference(clean, whole, own[part], piece[some][part])
        reference = Conformal(degraded.calibration(calibration, name, dose, share), rules)
        strange = float(np.mean(reference.of_samples(own).combined <= max(alpha, 1 / (len(table) + 1))))
        found = Likeness(
            name=name,
            processing=known[name].processing,
            dose=round(dose, 4),
            words=known[name].words(dose) + (f" of {share:.0%} of them" if share < 1 else ""),
            share=share,
            p_value=round(p_value, 6),
            strange=round(strange, 4),
            rule=ALL if at is None else rules[at],
            alike=p_value > alpha and strange <= STRANGE,
        )
        if found.alike:
            return found
        first = first or found
    return first


def higher_p_values(
    real: Calibration, scores: Mapping[str, Floats], piece: Ints, rules: Sequence[str]
) -> dict[str, float]:
    """p-values, rule by rule, of the hypothesis that a set scores no higher, in mean rank, than the ``real`` samples
    by more than is tolerated; ``scores`` (n,) under each rule, ``piece`` (n,) from 0; 1 where either has no score.
    """
    some = _thinned(piece)
    pairs = [(rounded(scores[rule][some]), real.table([rule])[:, 0]) for rule in rules]
    ranks = np.stack([np.concatenate([ranks_among(known, known), ranks_among(own, known)]) for own, known in pairs], 1)
    v, t = _sums(ranks, _pieces(real, piece[some]))
    found = regrouped(v, t, np.arange(len(v)) >= len(real.samples), TOLERATED)
    return dict(zip(rules, found.tolist(), strict=True))


def _pieces(real: Calibration, tested: Ints) -> Ints:
    """(n,) the piece, from 0, of each of the real samples and then of the tested ones."""
    return np.unique(np.concatenate([real.pieces(), tested + len(real.samples)]), return_inverse=True)[1]


def _sums(ranks: Floats, of: Ints) -> tuple[Floats, Floats]:
    """(pieces, columns) the sums of the ``ranks`` (n, columns) over each piece, and how many there are."""
    v, t = np.zeros((2, int(of.max()) + 1, ranks.shape[1]))
    np.add.at(v, of, np.nan_to_num(ranks))
    np.add.at(t, of, ~np.isnan(ranks))
    return v, t


def _thinned(piece: Ints) -> Ints:
    """The samples of at most COMPARED pieces, evenly chosen."""
    step = math.ceil((int(piece.max(initial=0)) + 1) / COMPARED)
    return np.flatnonzero(piece % step == 0)


class _Nearest(NamedTuple):
    """Of a degradation, a dose and the share that has it: how far the mean ranks of all rules lie from .5, and the
    scores (m, rules) then, of all samples, and if the ``whole`` set had it.
    """

    name: str
    gap: float
    dose: float
    share: float
    table: Floats
    whole: Floats


def _nearest(
    degraded: Degraded, clean: Calibration, rules: Sequence[str], name: str, own: Floats, steps: int
) -> list[_Nearest]:
    """The dose where the gap is least; and of the stored ones, which are no guess, the one where it is; both where all
    of the set has it, and where a part has.
    """
    of_all: dict[tuple[bool, bool], _Nearest] = {}
    at_first = clean.table(rules)
    for low, high, (before, after) in degraded.spans(clean, rules, name):
        for weight in np.linspace(0, 1, steps + 1)[1:].tolist():
            at_dose = between(before, after, weight)
            for share in SHARES:
                table = mixed(at_first, at_dose, share)
                ranks = [_mean_rank(column, real) for column, real in zip(own.T, table.T, strict=True)]
                gap = math.hypot(*(rank - 0.5 for rank in ranks))
                found = _Nearest(name, gap, low + weight * (high - low), share, table, at_dose)
                kind = (weight == 1, share == 1)
                if kind not in of_all or found.gap < of_all[kind].gap:
                    of_all[kind] = found
    return list(of_all.values())


def _mean_rank(own: Floats, real: Floats) -> float:
    ranks = ranks_among(own, real)
    return float(np.nanmean(ranks)) if np.isfinite(ranks).any() else 0.5


def _difference(clean: Calibration, table: Floats, own: Floats, piece: Ints) -> tuple[float, int | None]:
    """The p-value of the hypothesis that the scores ``own`` (n, rules) of a set and those of real samples, ``table``
    (m, rules), lie alike and spread alike, but for what is tolerated; and the rule that differs most.

    The statistic is the largest of the studentised differences of the mean ranks, of scores and of how far these lie
    from the middle, upwards and downwards; its distribution that over random regroupings of the pieces (see
    ``calibration.excess_p_values``; the largest of many: Westfall and Young, Resampling-Based Multiple Testing, 1993).
    One more is that of what a discriminant of all rules says of pieces that it was not fitted to: None if that is it.
    """
    of = _pieces(clean, piece)
    pairs = [(real, each) for each, real in zip(own.T, table.T, strict=True)]
    pairs += [(spread(real, real), spread(each, real)) for real, each in pairs]
    told = _told_apart(np.concatenate([table, own]), of, of >= len(clean.samples))
    pairs.append((told[: len(table)], told[len(table) :]))
    ranks = np.stack(
        [np.concatenate([ranks_among(real, real), ranks_among(each, real)]) for real, each in pairs], axis=1
    )
    v, t = _sums(ranks, of)
    v, t = np.concatenate([v, (t - v)[:, :-1]], axis=1), np.concatenate([t, t[:, :-1]], axis=1)  # upwards, downwards
    is_tested = np.arange(len(v)) >= len(clean.samples)
    less = np.full(v.shape[1], TOLERATED)
    less[ranks.shape[1] - 1] = TOLD_APART
    observed = studentised(v, t, is_tested[None, :], less)[0]
    units = clean.units_of_pieces()
    if units is not None:
        observed = np.minimum(observed, _among_units(v, t, is_tested, units, less))
    as_strange = 1
    for shuffled in regroupings(is_tested, 0):
        as_strange += int((studentised(v, t, shuffled).max(axis=1) >= observed.max() - 1e-9).sum())
    most = int(observed.argmax())
    if most == ranks.shape[1] - 1:  # the discriminant: no rule alone
        return as_strange / (PERMUTATIONS + 1), None
    return as_strange / (PERMUTATIONS + 1), most % ranks.shape[1] % own.shape[1]


def _told_apart(scores: Floats, piece: Ints, is_tested: NDArray[np.bool_]) -> Floats:
    """(n,) how much each sample looks like the tested ones rather than the real ones, by a discriminant that was fitted
    to the other pieces.
    """
    x = _products(scores, scores)
    fold, found = np.random.default_rng(0).permutation(int(piece.max()) + 1)[piece] % FOLDS, np.zeros(len(scores))
    for part in range(FOLDS):
        others = fold != part
        found[~others] = x[~others] @ _discriminant(x, is_tested, others)
    return found


def _most_degraded(clean: Floats, degraded: Floats, own: Floats, share: float) -> Ints:
    """The share of the samples, by their scores (n, rules), that a discriminant of degraded ones against clean ones
    finds most like the former.
    """
    real = np.concatenate([clean, degraded])
    x, is_degraded = _products(real, real), np.arange(len(real)) >= len(clean)
    found = _products(own, real) @ _discriminant(x, is_degraded, np.ones(len(real), np.bool_))
    return np.sort(np.argsort(-found, kind="stable")[: max(1, round(share * len(own)))])


def _products(scores: Floats, among: Floats) -> Floats:
    """(n, features) a one, the normal scores of each rule ``among`` others, their squares and products."""
    from scipy.special import ndtri

    ranks = np.stack([ranks_among(own, real) for own, real in zip(scores.T, among.T, strict=True)], axis=1)
    edge = 0.5 / (len(among) + 1)
    normal = np.nan_to_num(ndtri(np.clip(ranks, edge, 1 - edge)))
    first, second = np.triu_indices(normal.shape[1])
    return np.concatenate([np.ones((len(scores), 1)), normal, normal[:, first] * normal[:, second]], axis=1)


def _discriminant(x: Floats, is_second: NDArray[np.bool_], used: NDArray[np.bool_]) -> Floats:
    """(features,) weights that tell the second part of samples from the first, by least squares over those that are
    ``used``, both parts of one weight.
    """
    weight = np.where(is_second, 0.5 / max(int(is_second.sum()), 1), 0.5 / max(int((~is_second).sum()), 1))
    weighted = x[used] * weight[used, None]
    squares = weighted.T @ x[used] + RIDGE / len(x) * np.eye(x.shape[1])
    return np.asarray(np.linalg.solve(squares, weighted.T @ np.where(is_second[used], 1.0, -1.0)))


def _among_units(v: Floats, t: Floats, is_tested: NDArray[np.bool_], units: Ints, less: Floats) -> Floats:
    """(columns,) by how many standard errors of one more unit the tested pieces lie off the real units, as a quantile
    of the normal distribution: another speaker is no random choice of recordings (``domain_shift.among_units``).
    """
    from scipy.special import ndtri, stdtr

    of_unit = np.zeros((2, int(units.max()) + 1, v.shape[1]))
    for into, values in zip(of_unit, (v, t), strict=True):
        np.add.at(into, units, values[~is_tested])
    means = of_unit[0] / np.maximum(of_unit[1], 1)
    k = len(means)
    own = v[is_tested].sum(axis=0) / np.maximum(t[is_tested].sum(axis=0), 1)
    error = np.maximum(means.std(axis=0, ddof=1), 1e-6) * math.sqrt(1 + 1 / k)
    return np.asarray(-ndtri(np.maximum(stdtr(k - 1, (means.mean(axis=0) + less - own) / error), 1e-12)))
