"""The fourth answer: samples of another domain than the corpus, of which its rules cannot say who made them.

Rules learned from some speakers find another one strange. How far a set lies from the corpus is measured by the rules
that hear who speaks, and where; what is usual is said by the real speakers, each scored by rules that were learned
without it. A set beyond all of them is another speaker, another language, another telephone: or a generator that never
learned these. A rule cannot tell, and so this is no detection.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.judge.calibration import Calibration, PieceCounts
from verifier.rule.rule import Rule

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXCESS = 10
"""Times as often as held-out real samples that real ones of another domain may break any other rule. Where telephone
speech is learned from one speaker, the four others break modulation-spectrum up to six times as often; noise does so
fifty times as often (benchmarks/speech.py)."""
LEVEL = 0.975
"""A further real unit stays below the limit with this probability, were distances of units normal."""
UNITS = 3
"""Fewest units that say how far apart units are."""
PIECES = 19
"""Fewest pieces to draw sets from, where there are no such units."""
SETS = 200


class Domain(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """How far a sample set lies from the domain of the corpus: the mean surprise of the rules that hear the
    speaker, where 1 is the mean of real units; with its 95 % ``interval`` over groups, null for a single group.

    ``real`` are the least and the most of ``count`` real ones, each held out when the rules that scored it were
    learned: ``units`` such as speakers or, where the corpus has none, random ``sets`` of as many pieces. ``limit`` is
    what a further real one keeps; ``outside``, that the whole interval lies beyond it.
    """

    distance: float
    interval: tuple[float, float] | None
    real: tuple[float, float]
    count: int
    of: Literal["units", "sets"]
    limit: float
    outside: bool

    def words(self) -> str:
        """``out of domain: 2.3 against 0.8 to 1.4 of the 5 units that were held out in turn``."""
        units = (
            f"{self.count} units that were held out in turn" if self.of == "units" else "random sets of held-out pieces"
        )
        against = f"{self.distance:.2g} against {self.real[0]:.2g} to {self.real[1]:.2g} of the {units}"
        if not self.outside:
            return f"distance from the domain of the corpus: {against}"
        return f"out of domain: {against}; what differs may be who speaks, or through what, rather than what made it"


def domain_of(
    calibration: Calibration, rules: Sequence[Rule], scores: Mapping[str, Floats], piece: Ints
) -> Domain | None:
    """The domain of a set by its scores (n,) under each rule; piece (n,) from 0. None if no rule of the spec hears it,
    if the set gave these no trial, or if too little real data was held out.
    """
    names = [rule.name() for rule in rules if rule.hears == "speaker"]
    if not names:
        return None
    real, of = calibration.table(names), calibration.pieces()
    units = calibration.units_of_pieces()
    has_units = units is not None and units.max() + 1 >= UNITS
    unit = units[of] if has_units and units is not None else of
    if not has_units and len(calibration.samples) < PIECES:
        return None
    usual = np.nanmean(_means(real, unit), axis=0)  # each unit weighs the same, however much of it there is
    heard = np.isfinite(usual) & (usual > 0)
    if not heard.any():
        return None
    surprise = _relative(real[:, heard], usual[heard])
    own = _relative(np.stack([scores[name] for name in names], axis=1)[:, heard], usual[heard])
    if np.isnan(own).all():
        return None
    distance, half, groups = _mean(own, piece)
    reals = (
        _means(surprise[:, None], unit)[:, 0]
        if has_units
        else _drawn(surprise, of, min(groups, len(calibration.samples)))
    )
    reals = reals[~np.isnan(reals)]
    limit = max(float(reals.max()), _prediction(reals))
    return Domain(
        distance=round(distance, 4),
        interval=None if math.isnan(half) else (round(distance - half, 4), round(distance + half, 4)),
        real=(round(float(reals.min()), 4), round(float(reals.max()), 4)),
        count=len(reals),
        of="units" if has_units else "sets",
        limit=round(limit, 4),
        outside=bool(distance - half > limit),
    )


def explains(domain: Domain | None, failing: Sequence[tuple[Rule, float | None]]) -> bool:
    """True if domain shift alone can explain every failing rule, given with the ratio of its rate to that of held-out
    real samples: it hears the speaker or loudness, or is broken little more often than real samples of another domain
    would. What a generator did must not hide behind another speaker.
    """
    return (
        domain is not None
        and domain.outside
        and all(rule.hears is not None or (ratio is not None and ratio < EXCESS) for rule, ratio in failing)
    )


def among_units(
    calibration: Calibration, tested: Mapping[str, PieceCounts], p_values: Mapping[str, float]
) -> dict[str, float]:
    """p-values of a set by rule, none smaller than that of one more unit among the real ones; as they are, for a corpus
    without units.

    Real units differ by more than their pieces do: another speaker is no random choice of recordings. The rates of k
    units, their square roots taken, are held to be normal; that of one more then is Student's t of k - 1 degrees of
    freedom, and of four speakers a rule must be broken many times as often to say anything.
    """
    from scipy.special import stdtr

    units = calibration.units_of_pieces()
    if units is None:
        return dict(p_values)
    found = dict(p_values)
    for name, counts in tested.items():
        real = calibration.counts[name]
        violations, trials = (np.bincount(units, weights=of) for of in (real.violations, real.trials))
        roots = np.sqrt(violations[trials > 0] / trials[trials > 0])
        k = len(roots)
        if k < 2 or not sum(counts.trials):
            continue
        own = math.sqrt(sum(counts.violations) / sum(counts.trials))
        spread = float(roots.std(ddof=1)) * math.sqrt(1 + 1 / k)
        if spread:
            found[name] = max(found[name], float(stdtr(k - 1, (float(roots.mean()) - own) / spread)))
    return found


def _relative(scores: Floats, usual: Floats) -> Floats:
    """(n,) the mean of scores (n, rules), each in units of what is usual (rules,); nan without a trial."""
    trials = ~np.isnan(scores)
    sums = np.where(trials, scores / usual, 0).sum(axis=1)
    found = np.divide(sums, trials.sum(axis=1), out=np.full(len(scores), np.nan), where=trials.any(axis=1))
    return np.asarray(found)


def _means(values: Floats, unit: Ints) -> Floats:
    """(units, columns) the mean of values (n, columns) in each unit, from 0; nan without a value."""
    count = int(unit.max(initial=-1)) + 1
    sums, trials = np.zeros((count, values.shape[1])), np.zeros((count, values.shape[1]))
    np.add.at(sums, unit, np.nan_to_num(values))
    np.add.at(trials, unit, ~np.isnan(values))
    return np.asarray(np.divide(sums, trials, out=np.full(sums.shape, np.nan), where=trials > 0))


def _mean(values: Floats, piece: Ints) -> tuple[float, float, int]:
    """The mean of values (n,), half of its 95 % interval over pieces, nan for a single one, and the pieces."""
    from scipy.special import stdtrit

    some = ~np.isnan(values)
    _, of = statistics.numbered(piece[some])
    sums, sizes = np.bincount(of, weights=values[some]), np.bincount(of)
    groups, mean = len(sizes), float(sums.sum() / sizes.sum())
    if groups < 2:
        return mean, math.nan, groups
    error = math.sqrt(groups / (groups - 1) * float(((sums - mean * sizes) ** 2).sum())) / float(sizes.sum())
    return mean, float(stdtrit(groups - 1, 0.975)) * error, groups


def _drawn(values: Floats, piece: Ints, size: int) -> Floats:
    """(SETS,) the mean of values (n,) in sets of so many pieces, drawn with replacement, always the same ones."""
    some = ~np.isnan(values)
    sums = np.bincount(piece[some], weights=values[some], minlength=int(piece.max()) + 1)
    sizes = np.bincount(piece[some], minlength=len(sums))
    tried = np.flatnonzero(sizes)
    at = tried[np.random.default_rng(0).integers(len(tried), size=(SETS, size))]
    return np.asarray(sums[at].sum(axis=1) / sizes[at].sum(axis=1))


def _prediction(values: Floats) -> float:
    """What one more value of a normal distribution keeps with probability LEVEL; ``values`` (k,) are drawn from it."""
    from scipy.special import stdtrit

    k = len(values)
    return float(values.mean() + stdtrit(k - 1, LEVEL) * values.std(ddof=1) * math.sqrt(1 + 1 / k))
