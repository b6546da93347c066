"""The traces of up-sampling in a sound: lines of its long-term spectrum at the places that a hop decides.

A vocoder that grows its output by strided or transposed convolution, or by repetition, writes a pattern with the period
of its hop: lines at multiples of rate / hop hertz, whatever the content (Pons et al., "Upsampling artifacts in neural
audio synthesis", ICASSP 2021, arXiv:2010.14356). No hop need be told: all are looked for.
"""

import functools
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

OCTAVES = (4, 8, 16, 32, 64, 128, 256)
"""Periods in samples: each stands for the hops from it to the next power of two."""
HOPS = tuple(hop for hop in range(4, 512) if 30**9 % hop == 0)
"""The hops that are looked for: products of strides of 2, 3 and 5, as most vocoders have; more would add chance."""
RUNNING = 33
"""Frequencies over which the running median of a long-term spectrum goes."""
LOWEST = 1 / 16
"""The share of the rate below which no line is counted: there stand the harmonics of voices."""
LEVELS_DB = (-6.0, 20.0)
"""How much one line may count, so that a whistle is no comb."""


def comb_peaks(spectra: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n, octaves) the strongest comb among the hops of each of OCTAVES, in dB, and (n, octaves) the hop that has it.

    ``spectra`` (n, bins) is power from 0 to half the rate. Of a hop h, the mean level of the lines at multiples of
    rate / h over the running median of the level, from LOWEST on.
    """
    n, bins = spectra.shape
    power = spectra.astype(np.float64)
    mean = power.mean(axis=1, keepdims=True)
    # A floor 100 dB below the mean: digital silence above the band of a recording has no lines.
    level = 10 * np.log10(power + 1e-10 * mean + np.finfo(np.float64).tiny)
    excess = np.clip(level - scipy.ndimage.median_filter(level, size=(1, RUNNING), mode="nearest"), *LEVELS_DB)
    strengths = excess @ _combs(bins).T
    peaks, hops = np.empty((n, len(OCTAVES))), np.empty((n, len(OCTAVES)), np.int64)
    of_all = np.array(HOPS)
    for at, octave in enumerate(OCTAVES):
        own = np.flatnonzero((of_all >= octave) & (of_all < 2 * octave))
        best = strengths[:, own].argmax(axis=1)
        peaks[:, at], hops[:, at] = strengths[np.arange(n), own[best]], of_all[own[best]]
    return peaks, hops


@functools.lru_cache(maxsize=4)
def _combs(bins: int) -> NDArray[np.float64]:
    """(hops, bins) the weight of each frequency in the comb of each hop: equal at its lines, 0 elsewhere."""
    frame = 2 * (bins - 1)
    weights = np.zeros((len(HOPS), bins))
    for at, hop in enumerate(HOPS):
        lines = np.rint(np.arange(1, hop // 2 + 1) * frame / hop).astype(np.int64)
        lines = lines[lines >= LOWEST * frame]
        weights[at, lines] = 1 / len(lines)
    return weights
