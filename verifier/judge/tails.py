"""How strange a number is among real ones, in nats: as far as real ones tell."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TAIL = 0.9
"""The share of real samples above which scores are taken to fall off as a generalised Pareto distribution."""
LEAST = 10
"""Real samples that must lie there to say how."""
HEAVIEST = 1.5
"""The largest shape: of still heavier tails a few real samples far off would be all that is told."""
STEEPNESS = np.geomspace(1e-2, 1e4, 49)
"""Trial values of shape over scale, times the mean excess: from an exponential distribution to one without a mean."""


class Tails:
    """Columns of real numbers (m, c) as nats: -log of the share of real samples that have at least as much.

    Beyond the ``TAIL`` quantile the share is that of a generalised Pareto distribution (peaks over threshold: Pickands,
    Annals of Statistics 3, 1975), fitted by maximum likelihood, so that what no real sample reaches is still more or
    less far: where a few real ones lie far beyond the others, far is not strange. With fewer than ``LEAST`` samples
    there, it is the share itself. ``real`` (m, c) are the real samples themselves, each among those of the other
    pieces: ``piece`` (m,) ascends from 0.
    """

    def __init__(self, values: Floats, piece: Ints) -> None:
        self.columns = np.sort(values, axis=0)
        size, columns = values.shape
        finite = np.where(np.isfinite(values), values, np.inf).min(axis=0)
        # With no trial in most samples, the tail is of those that have some; with none in any, there is no tail.
        self.start = np.maximum(np.quantile(values, TAIL, axis=0, method="higher"), finite)
        beyond = values > self.start
        self.beyond = np.where(beyond.sum(axis=0) >= LEAST, beyond.sum(axis=0), 0).astype(np.float64)
        self.shape, self.steepness = np.ones(columns), np.ones(columns)
        others = np.tile(self.beyond, (size, 1))
        shape, steepness = np.ones((size, columns)), np.ones((size, columns))
        for column in np.flatnonzero(self.beyond).tolist():
            rows = np.flatnonzero(beyond[:, column])
            excess = values[rows, column] - self.start[column]
            of, own = np.unique(piece[rows], return_inverse=True)
            shapes, steep, n = _fits(excess, own, len(of))
            self.shape[column], self.steepness[column] = shapes[0], steep[0]
            row = np.searchsorted(of, piece)
            has = np.append(of, -1)[row] == piece
            at = 1 + row[has]
            shape[has, column], steepness[has, column], others[has, column] = shapes[at], steep[at], n[at]
        among = size - np.bincount(piece)[piece]
        own_at_least = np.ones((size, columns), np.int64)
        for own in np.unique(piece[among < size - 1]).tolist():
            at = slice(*np.searchsorted(piece, [own, own + 1]))
            own_at_least[at] = (values[at][None] >= values[at][:, None]).sum(axis=1)
        self.real = self._nats(values, self.at_least(values) - own_at_least, among[:, None], others, shape, steepness)

    def at_least(self, values: Floats) -> Ints:
        """(n, c) how many real samples have at least each of the values (n, c)."""
        return np.stack([_at_least(real, own) for real, own in zip(self.columns.T, values.T, strict=True)], axis=1)

    def nats(self, values: Floats) -> Floats:
        """(n, c) of samples that are not among the real ones."""
        return self._nats(values, self.at_least(values), len(self.columns), self.beyond, self.shape, self.steepness)

    def _nats(
        self, values: Floats, at_least: Ints, among: Ints | int, beyond: Floats, shape: Floats, steepness: Floats
    ) -> Floats:
        """(n, c) of values that ``at_least`` so many of ``among`` real samples have, ``beyond`` so many of which lie in
        the tail.
        """
        ranked = np.log((among + 1) / (at_least + 1))
        in_tail = (values > self.start) & (beyond > 0)
        over = np.where(in_tail, values, 0) - np.where(in_tail, self.start, 0)
        return np.where(in_tail, np.log((among + 1) / (beyond + 1)) + np.log1p(steepness * over) / shape, ranked)


def _fits(excess: Floats, piece: Ints, pieces: int) -> tuple[Floats, Floats, Ints]:
    """(pieces + 1,) shapes, shapes over scales, and the numbers of the ``excess`` (n,), all above 0, that these were
    fitted to: all of them, then those of all pieces but one; ``piece`` (n,) is that of each.

    Given shape over scale the likeliest shape is a mean of logarithms, so that one number is left to try (Grimshaw,
    Technometrics 35, 1993).
    """
    trials = STEEPNESS / excess.mean()
    logs = np.log1p(trials * excess[:, None])
    sums = np.zeros((pieces + 1, len(trials)))
    np.subtract.at(sums, 1 + piece, logs)
    sums += logs.sum(axis=0)
    n = len(excess) - np.concatenate([[0], np.bincount(piece, minlength=pieces)])
    shapes = sums / np.maximum(n, 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = np.where((shapes <= HEAVIEST) & (n > 0)[:, None], -(np.log(shapes / trials) + shapes), -np.inf)
    best = likelihood.argmax(axis=1)
    return np.where(n > 0, shapes[np.arange(pieces + 1), best], 1.0), trials[best], n


def _at_least(ascending: Floats, values: Floats) -> Ints:
    return np.asarray(len(ascending) - np.searchsorted(ascending, values, side="left"))
