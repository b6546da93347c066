"""Noise with the mean of real samples."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.view import PianoRollView


def bernoulli(batch: Batch, rng: Generator) -> Batch:
    """Each cell is 1 by chance, else 0: with the share of sounding cells of the whole batch, or, where values are no
    notes, with their mean.
    """
    inside = np.broadcast_to(batch.inside()[:, None, :], batch.values.shape)
    cells = int(np.count_nonzero(inside))
    if isinstance(batch.view, PianoRollView):
        density = np.count_nonzero(batch.sounding()) / cells if cells else 0.0
    else:
        density = _mean(batch, inside)
    return batch.with_values((rng.random(batch.values.shape, np.float32) < density) & inside)


def exponential(batch: Batch, rng: Generator) -> Batch:
    """Each cell is an exponential variable with the mean intensity of the whole batch, clipped to 1: float32.

    Noise of Valle et al. (arXiv:1807.04919). Intensities of the batch outside of 0..1 count as 0 and 1. Clipping takes
    the share e^(-1/mean) off the mean of the noise.
    """
    inside = np.broadcast_to(batch.inside()[:, None, :], batch.values.shape)
    mean = _mean(batch, inside)
    values = rng.standard_exponential(batch.values.shape, np.float32)
    values *= np.float32(mean)
    np.minimum(values, 1, out=values)
    values *= inside
    return batch.with_values(values)


def _mean(batch: Batch, inside: NDArray[np.bool_]) -> float:
    return float(np.clip(batch.values, 0, 1).mean(where=inside, dtype=np.float64)) if inside.any() else 0.0
