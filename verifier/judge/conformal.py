"""p-values of samples and pieces: ranks among the real ones of a spec, over all of its rules together."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from verifier.judge.calibration import DECIMALS, Calibration
from verifier.judge.tails import Tails

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOUD = 3
"""The power of the evidence that is added up over rules: one that speaks is not buried by many that mumble."""
LEANING = 3
"""The same of a piece, where what many rules say in every sample is no accident."""
LEVELS = (0.1, 0.05, 0.02, 0.01)
"""Shares of real samples at whose score it is asked what a score is worth."""
FEWEST = 4
"""Real samples that such a share must have at least."""
BELIEVED = 3.0
"""Times the nats that real samples bear out are believed of a score that claims more."""
MOST = 100.0
"""The score, in nats, from which on more is not more evidence."""
HEARD = 15.0
"""Nats of a rule over a piece up to which what it usually goes with is told from what it does not."""
RIDGE = 0.3
"""How much of each rule is held to go with no other."""


class PValues(NamedTuple):
    """p-values of n samples: under each rule (n, rules), and of all rules together (n,); which rule spoke (n,), and its
    share of what all said (n,); and how strange each is (n,): what the combined p-values are the ranks of; with
    the nats of each rule (n, rules), and its evidence (n, rules).
    """

    rules: Floats
    combined: Floats
    spoke: Ints
    share: Floats
    strangeness: Floats
    nats: Floats
    evidence: Floats


class OfPieces(NamedTuple):
    """p-values of k pieces, (k,), and which rule spoke in each (k,), with its share of what all said (k,)."""

    p: Floats
    spoke: Ints
    share: Floats


class Loudest(NamedTuple):
    """Which rule says most of each of n samples, and its share of what all say: what would be lost without it."""

    rule: Ints
    share: Floats

    @classmethod
    def of(cls, said: Floats) -> Self:
        """``said`` (n, rules) is what each rule adds to the sum."""
        rule = said.argmax(axis=1)
        return cls(rule, said[np.arange(len(said)), rule] / np.maximum(said.sum(axis=1), 1e-300))


class Conformal:
    """The real samples of a spec, made ready to rank others among.

    Larger scores are stranger; a nan, no trial, is the least strange. Under one rule a sample has
    p = (1 + real scores that are at least as large) / (m + 1).

    All rules together: most scores are nats, logs of likelihood ratios. Ranks throw away what these say beyond the
    largest real one, and the ratios themselves are not modest: of honest ones no share p of real samples has more than
    1 / p. The *evidence* of a rule is the mean of both: of its nats, -log of its p (see ``Tails``), and of its score,
    which is made larger where it is less than real samples bear out at any of ``LEVELS``, as of a distance, and smaller
    where it is more than ``BELIEVED`` times that; never more than ``MOST``. How strange a sample is, is the sum of the
    cubes of its evidence, and the rank of that among the same of the real samples is the combined p-value: near uniform
    for real samples, however the rules depend on each other (see Vovk, Gammerman and Shafer, Algorithmic Learning in a
    Random World, 2005). The p of a real sample counts the samples of other pieces alone, as that of a tested sample
    does; so the two are treated alike up to one piece more or less.

    A piece of several samples is asked two questions. Is there a *place* that no real piece has: its strangest sample.
    Does it *lean* away as a whole: of each rule, the mean evidence over its samples, and what is left of the mean nats
    if those of the others are known, as nats among real pieces, of which the cubes are added up. The largest of the
    three is ranked among real pieces. Of a longer real piece as many samples count, a stretch.
    """

    def __init__(self, calibration: Calibration, rules: Sequence[str]) -> None:
        scores, piece = _comparable(calibration.table(rules)), calibration.pieces()
        self.size = len(scores)
        self.scale = Tails(scores, piece)
        self.worth = _worth(scores)
        self.evidence = self._evidence(scores, self.scale.real)
        self.strangeness = Tails((self.evidence**LOUD).sum(axis=1, keepdims=True), piece)
        self.samples = np.array(calibration.samples, np.int64)

    def of_samples(self, scores: Floats) -> PValues:
        """p-values of samples by their scores (n, rules), in the order of the rules given."""
        scores = _comparable(scores)
        nats = self.scale.nats(scores)
        evidence = self._evidence(scores, nats)
        said = evidence**LOUD
        strangeness = said.sum(axis=1)
        combined = (1 + self.strangeness.at_least(strangeness[:, None])[:, 0]) / (self.size + 1)
        p_values = (1 + self.scale.at_least(scores)) / (self.size + 1)
        return PValues(p_values, combined, *Loudest.of(said), strangeness, nats, evidence)

    def _evidence(self, scores: Floats, nats: Floats) -> Floats:
        """(n, rules) of scores, and of these as nats."""
        claimed = np.clip(np.where(np.isfinite(scores), scores, 0) * self.worth, 0, MOST)
        return np.asarray((nats + claimed) / 2)

    def of_pieces(self, found: PValues, pieces: Ints) -> OfPieces:
        """Those of pieces from those of their samples; ``pieces`` (n,) is the piece of each, from 0 to k - 1."""
        order = np.argsort(pieces, kind="stable")
        sizes = np.bincount(pieces)
        starts = np.cumsum(sizes) - sizes
        local = self.strangeness.nats(found.strangeness[:, None])[:, 0][order]
        nats, evidence, spoke, share = (
            column[order] for column in (found.nats, found.evidence, found.spoke, found.share)
        )
        of_pieces = OfPieces(np.ones(len(sizes)), np.zeros(len(sizes), np.int64), np.zeros(len(sizes)))
        longest = int(self.samples.max())
        for size in np.unique(np.minimum(sizes, longest)).tolist():
            stretches = self._stretches(size)
            for of_size in np.unique(sizes[np.minimum(sizes, longest) == size]).tolist():
                which = np.flatnonzero(sizes == of_size)
                rows = starts[which, None] + np.arange(of_size)
                strangest = rows[np.arange(len(which)), local[rows].argmax(axis=1)]
                means = (nats[rows].mean(axis=1), evidence[rows].mean(axis=1))
                place = Loudest(spoke[strangest], share[strangest])
                found_of = stretches.p_values(local[strangest] - np.log(of_size), place, *means)
                for column, values in zip(of_pieces, found_of, strict=True):
                    column[which] = values
        return of_pieces

    def _stretches(self, size: int) -> "_Stretches":
        """A stretch of so many samples, or all that there are, of each real piece; of one that has several, another in
        each.
        """
        own = np.minimum(size, self.samples)
        number = np.arange(len(own))
        first = np.cumsum(self.samples) - self.samples + number % (self.samples // own) * own
        starts = np.cumsum(own) - own
        chosen = np.repeat(first - starts, own) + np.arange(own.sum())
        place = np.maximum.reduceat(self.strangeness.real[chosen, 0], starts) - np.log(own)
        nats, evidence = (
            np.add.reduceat(table[chosen], starts, axis=0) / own[:, None] for table in (self.scale.real, self.evidence)
        )
        return _Stretches(place, nats, evidence, size > 1)


class _Stretches:
    """Stretches of real pieces: how strange the strangest ``place`` (k,) of each is, and the mean ``nats`` and
    ``evidence`` of each rule (k, rules), which take part if they ``lean``.
    """

    def __init__(self, place: Floats, nats: Floats, evidence: Floats, lean: bool) -> None:
        self.lean = lean
        number = np.arange(len(place))
        self.nats, self.evidence = Tails(nats, number), Tails(evidence, number)
        heard = _heard(self.nats.real)
        self.middle, self.spread = heard.mean(axis=0), heard.std(axis=0) + 1e-9
        normal = (heard - self.middle) / self.spread
        rules = heard.shape[1]
        # Few pieces do not say what goes with what.
        known = normal.T @ normal / len(normal) + (RIDGE + rules / len(normal)) * np.eye(rules)
        self.apart = np.linalg.inv(known)
        self.rest = Tails(self._rest_among_others(normal), number)
        self.sums = Tails(self._sums(place, self.evidence.real, self.rest.real), number)
        self.strangeness = np.sort(self.sums.real.max(axis=1))

    def p_values(self, place: Floats, there: Loudest, nats: Floats, evidence: Floats) -> OfPieces:
        """Those of n pieces whose strangest place has this strangeness (n,), and in it this rule the loudest."""
        much = self.evidence.nats(evidence)
        rest = self.rest.nats(self._rest(self.nats.nats(nats)))
        sums = self.sums.nats(self._sums(place, much, rest))
        strangeness = sums.max(axis=1)
        at_least = len(self.strangeness) - np.searchsorted(self.strangeness, strangeness, side="left")
        by = sums.argmax(axis=1)
        loudest = zip(there, Loudest.of(much**LEANING), Loudest.of(rest**LEANING), strict=True)
        who, share = (np.choose(by, columns) for columns in loudest)
        return OfPieces((1 + at_least) / (len(self.strangeness) + 1), who, share)

    def _rest(self, nats: Floats) -> Floats:
        """(n, rules) what is left of each rule if all others are known, in regression on these."""
        return np.asarray((_heard(nats) - self.middle) / self.spread @ self.apart / np.diag(self.apart))

    def _rest_among_others(self, normal: Floats) -> Floats:
        """(k, rules) the same of the real pieces, each among the others alone (Sherman and Morrison, 1950)."""
        told = normal @ self.apart
        left = 1 - (told * normal).sum(axis=1, keepdims=True) / len(normal)
        return np.asarray(told / left / (np.diag(self.apart) + told**2 / (len(normal) * left)))

    def _sums(self, place: Floats, much: Floats, rest: Floats) -> Floats:
        if not self.lean:
            return place[:, None]
        return np.stack([place, (much**LEANING).sum(axis=1), (rest**LEANING).sum(axis=1)], axis=1)


def _heard(nats: Floats) -> Floats:
    """Nats, of which few are many, on a scale where they are more even."""
    return np.sqrt(np.minimum(nats, HEARD))


def _worth(scores: Floats) -> Floats:
    """(rules,) nats that a score of 1 is worth, by the scores of real samples (m, rules)."""
    most = np.sort(np.where(np.isfinite(scores), scores, 0), axis=0)[::-1]
    worth = np.full(scores.shape[1], np.inf)
    for level in LEVELS:
        at = min(max(math.ceil(level * len(most)), FEWEST), len(most))
        nats = math.log((len(most) + 1) / at)
        worth = np.minimum(worth, np.where(most[at - 1] > 0, nats / np.maximum(most[at - 1], 1e-9), np.inf))
    worth = np.where(np.isfinite(worth), worth, 1)
    return np.where(worth < 1, np.minimum(BELIEVED * worth, 1), worth)


def _comparable(scores: Floats) -> Floats:
    """Scores as a spec file holds them, so that equal ones stay equal, with "no trial" as the least strange."""
    return np.where(np.isnan(scores), -np.inf, np.round(scores, DECIMALS))
