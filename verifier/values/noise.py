"""Noise with the mean of real samples."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.medium import Baseline


def bernoulli(batch: Batch, rng: Generator) -> Batch:
    """Each cell is 1 by chance, else 0: with the mean value of the whole batch."""
    return coins(batch, mean(batch), rng)


def coins(batch: Batch, share: float, rng: Generator) -> Batch:
    """Each cell is 1 with the chance ``share``, else 0."""
    inside = np.broadcast_to(batch.inside()[:, None, :], batch.values.shape)
    return batch.with_values((rng.random(batch.values.shape, np.float32) < share) & inside)


def exponential(batch: Batch, rng: Generator) -> Batch:
    """Each cell is an exponential variable with the mean intensity of the whole batch, clipped to 1: float32.

    Noise of Valle et al. (arXiv:1807.04919). Intensities of the batch outside of 0..1 count as 0 and 1. Clipping takes
    the share e^(-1/mean) off the mean of the noise.
    """
    values: NDArray[np.float32] = rng.standard_exponential(batch.values.shape, np.float32)
    values *= np.float32(mean(batch))
    np.minimum(values, 1, out=values)
    values *= batch.inside()[:, None, :]
    return batch.with_values(values)


def mean(batch: Batch) -> float:
    """The mean of all values, those outside of 0..1 as 0 and 1."""
    inside = np.broadcast_to(batch.inside()[:, None, :], batch.values.shape)
    return float(np.clip(batch.values, 0, 1).mean(where=inside, dtype=np.float64)) if inside.any() else 0.0


BASELINES: dict[str, Baseline] = {"bernoulli": Baseline(bernoulli, 3), "exponential": Baseline(exponential, 7)}
"""Each by the name that it has on the command line."""
