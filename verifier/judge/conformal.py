"""p-values of samples and pieces: ranks among the real ones of a spec, over all of its rules together."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.judge.calibration import DECIMALS, Calibration
from verifier.judge.tails import Tails

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOUD = 4
"""The power of the nats of a sample that are added up over rules: one that speaks is not buried by many that mumble."""
LEANING = 3
"""The same of a piece, where what many rules say in every sample is no accident."""
MOST = 100.0
"""The score, in nats, from which on more is not more evidence."""
HEARD = 15.0
"""Nats of a rule over a piece up to which what it usually goes with is told from what it does not."""
RIDGE = 0.3
"""How much of each rule is held to go with no other."""


class PValues(NamedTuple):
    """p-values of n samples: under each rule (n, rules), and of all rules together (n,); which rule spoke (n,); and how
    strange each is (n,), in nats: what the combined p-values are the ranks of; with the nats of each rule (n, rules),
    and its evidence (n, rules).
    """

    rules: Floats
    combined: Floats
    spoke: Ints
    strangeness: Floats
    nats: Floats
    evidence: Floats


class OfPieces(NamedTuple):
    """p-values of k pieces, (k,), and which rule spoke in each (k,)."""

    p: Floats
    spoke: Ints


class Conformal:
    """The real samples of a spec, made ready to rank others among.

    Larger scores are stranger; a nan, no trial, is the least strange. Under one rule a sample has
    p = (1 + real scores that are at least as large) / (m + 1).

    All rules together: a sample has two sums. One is that of the fourth powers of its nats, -log of its p under each
    rule (see ``Tails``): there every rule can be as loud as any other. The other is that of the squares of its scores,
    most of which are nats, each up to ``MOST``: the *evidence*, where a rule of which a single violation says much has
    a loud voice. Each sum is turned into nats in its turn, the larger of the two is how strange the sample is, and its
    rank among the same of the real samples is the combined p-value: near uniform for real samples, however the rules
    depend on each other (see Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). The p of a real
    sample counts the samples of other pieces alone, as that of a tested sample does; so the two are treated alike up to
    one piece more or less.

    A piece of several samples is asked two questions. Is there a *place* that no real piece has: its strangest sample.
    Does it *lean* away as a whole: of each rule, the mean evidence over its samples, and what is left of the mean nats
    if those of the others are known, as nats among real pieces, of which the cubes are added up. The largest of the
    three is ranked among real pieces. Of a longer real piece as many samples count, a stretch.
    """

    def __init__(self, calibration: Calibration, rules: Sequence[str]) -> None:
        scores, piece = _comparable(calibration.table(rules)), calibration.pieces()
        self.size = len(scores)
        self.scale = Tails(scores, piece)
        self.sums = Tails(_sums(scores, self.scale.real), piece)
        self.strangeness = Tails(self.sums.real.max(axis=1, keepdims=True), piece)
        self.samples = np.array(calibration.samples, np.int64)
        self.evidence = _evidence(scores)

    def of_samples(self, scores: Floats) -> PValues:
        """p-values of samples by their scores (n, rules), in the order of the rules given."""
        scores = _comparable(scores)
        nats = self.scale.nats(scores)
        sums = self.sums.nats(_sums(scores, nats))
        strangeness = sums.max(axis=1)
        combined = (1 + self.strangeness.at_least(strangeness[:, None])[:, 0]) / (self.size + 1)
        by_evidence = sums[:, 1] > sums[:, 0]
        spoke = np.where(by_evidence, scores.argmax(axis=1), nats.argmax(axis=1))
        p_values = (1 + self.scale.at_least(scores)) / (self.size + 1)
        return PValues(p_values, combined, spoke, strangeness, nats, _evidence(scores))

    def of_pieces(self, found: PValues, pieces: Ints) -> OfPieces:
        """Those of pieces from those of their samples; ``pieces`` (n,) is the piece of each, from 0 to k - 1."""
        order = np.argsort(pieces, kind="stable")
        sizes = np.bincount(pieces)
        starts = np.cumsum(sizes) - sizes
        local = self.strangeness.nats(found.strangeness[:, None])[:, 0][order]
        nats, evidence, spoke = found.nats[order], found.evidence[order], found.spoke[order]
        p, who = np.ones(len(sizes)), np.zeros(len(sizes), np.int64)
        longest = int(self.samples.max())
        for size in np.unique(np.minimum(sizes, longest)).tolist():
            stretches = self._stretches(size)
            for of_size in np.unique(sizes[np.minimum(sizes, longest) == size]).tolist():
                which = np.flatnonzero(sizes == of_size)
                rows = starts[which, None] + np.arange(of_size)
                strangest = rows[np.arange(len(which)), local[rows].argmax(axis=1)]
                means = (nats[rows].mean(axis=1), evidence[rows].mean(axis=1))
                p[which], leans = stretches.p_values(local[strangest] - np.log(of_size), *means)
                who[which] = np.where(leans >= 0, leans, spoke[strangest])
        return OfPieces(p, who)

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

    def p_values(self, place: Floats, nats: Floats, evidence: Floats) -> tuple[Floats, Ints]:
        """(n,) of pieces, and (n,) the rule by which each leans away, or -1 if its strangest place is stranger."""
        much = self.evidence.nats(evidence)
        rest = self.rest.nats(self._rest(self.nats.nats(nats)))
        sums = self.sums.nats(self._sums(place, much, rest))
        strangeness = sums.max(axis=1)
        at_least = len(self.strangeness) - np.searchsorted(self.strangeness, strangeness, side="left")
        by = sums.argmax(axis=1)
        leans = np.where(by == 1, much.argmax(axis=1), rest.argmax(axis=1))
        return (1 + at_least) / (len(self.strangeness) + 1), np.where(by == 0, -1, leans)

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


def _sums(scores: Floats, nats: Floats) -> Floats:
    """(n, 2) of nats and of scores (n, rules)."""
    return np.stack([(nats**LOUD).sum(axis=1), (_evidence(scores) ** 2).sum(axis=1)], axis=1)


def _evidence(scores: Floats) -> Floats:
    """(n, rules) scores as nats."""
    return np.clip(scores, 0, MOST)


def _comparable(scores: Floats) -> Floats:
    """Scores as a spec file holds them, so that equal ones stay equal, with "no trial" as the least strange."""
    return np.where(np.isnan(scores), -np.inf, np.round(scores, DECIMALS))
