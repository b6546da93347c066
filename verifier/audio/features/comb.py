"""Lines at the multiples of a hop in a long-term spectrum."""

from typing import Any

import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray

from verifier.image.features.upsampling_peaks import HOPS, LEVELS_DB, OCTAVES, RUNNING, _combs


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
