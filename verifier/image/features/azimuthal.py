"""The power spectrum of pictures over the radius: 2-D Fourier transform, squared, averaged over circles.

It is the azimuthal integration of Durall, Keuper and Keuper, "Watch your Up-Convolution: CNN Based Generative Deep
Neural Networks are Failing to Reproduce Spectral Distributions", CVPR 2020, arXiv:2003.01826, equation 3. Two ways:

exact    as the paper defines it. Power |F|^2 / (height width), so that noise of variance v has v in every ring. Ring k
         holds the frequencies whose distance from 0 is nearest to k / side cycles per pixel, where side is the shorter
         edge of the picture. There are rings up to the corner (beyond side / 2 they are arcs): what up-sampling leaves
         is strongest there.
durall   what the authors' code computes (Experiments_Faces-HQ of their repository), so that published features can be
         compared. It differs: it averages 20 ln |F + 1e-8| of pixels from 0 to 255, not power; in pictures of even
         size the centre lies half a pixel off, at (side - 1) / 2, where the frequency 0 is at side / 2; radii are
         rounded down, not to the nearest; and the first ring, which has the mean in it, and the last are left out.
         A 1024 x 1024 picture has 722 rings. Where a transform is exactly 0, both report the noise of rounding.
"""

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import scipy.fft
import scipy.sparse
from numpy.typing import NDArray

Mode = Literal["exact", "durall"]
AT_ONCE = 2**16
"""Pixels that are transformed together: what stays in a processor's cache, measured."""
THREADED = 2**20
"""Pixels from which on threads share the work: each part is the same to the last bit, whoever does it."""
FLOOR = (1 / 255) ** 2 / 12
"""The power that rounding to 8 bit adds at every frequency: what lies below it no 8-bit picture can tell."""
EPSILON = 1e-8
"""What the published code adds to the transform before the logarithm."""


def azimuthal_average(pictures: NDArray[Any], mode: Mode = "exact") -> NDArray[np.float64]:
    """(n, rings) the radial spectrum of ``pictures`` (n, height, width), from 0 to 1, in the way that ``mode`` says.

    The exact way transforms in single precision, whose error lies four decades below FLOOR; the published way takes
    logarithms of what may be nothing, in double precision.
    """
    threads = min(os.cpu_count() or 1, len(pictures)) if pictures.size >= THREADED else 1
    if threads == 1:
        return _averages(pictures, mode)
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(functools.partial(_averages, mode=mode), np.array_split(pictures, threads))
        return np.concatenate(list(parts))


def _averages(pictures: NDArray[Any], mode: Mode) -> NDArray[np.float64]:
    n, height, width = pictures.shape
    rings = _rings(height, width, mode)
    found = np.empty((n, rings.shape[0]))
    at_once = max(1, AT_ONCE // (height * width))
    for at in range(0, n, at_once):
        part = pictures[at : at + at_once].astype(np.float32 if mode == "exact" else np.float64)
        if mode == "durall":
            part = part * 255
        spectra = scipy.fft.rfft2(part, overwrite_x=True)
        if mode == "durall":
            spectra.real += EPSILON
        power = np.square(spectra.real)
        power += np.square(spectra.imag)
        if mode == "durall":
            # A logarithm needs no more than single precision, in which it is several times faster.
            with np.errstate(divide="ignore"):  # a transform of exactly -1e-8 is -inf, as published
                power = np.log(power.astype(np.float32))
        # One row a frequency: a sparse product then runs over all pictures at once.
        across = np.ascontiguousarray(power.reshape(len(part), -1).T, np.float64)
        found[at : at + at_once] = (rings @ across).T
    return found


def ring_frequencies(height: int, width: int) -> NDArray[np.float64]:
    """(rings,) the middle of each ring of the exact way, in cycles per pixel; the edge of the band is 0.5."""
    return np.arange(_rings(height, width, "exact").shape[0]) / min(height, width)


def decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """10 log10 of power of the exact way, where FLOOR is added first."""
    return np.asarray(10 * np.log10(power + FLOOR))


@functools.lru_cache(maxsize=16)
def _rings(height: int, width: int, mode: Mode) -> Any:
    """(rings, height * (width // 2 + 1)) sparse: what each frequency of scipy's rfft2 weighs in each ring.

    A real picture's spectrum is the same at a frequency and its opposite, so that a frequency that the half transform
    leaves out stands in the place of the other; its radius is its own, since the published centre is not symmetric.
    """
    across, down = np.meshgrid(np.fft.fftfreq(width, 1 / width), np.fft.fftfreq(height, 1 / height))
    if mode == "exact":
        side = min(height, width)
        radius = np.rint(side * np.hypot(across / width, down / height)).astype(np.int64)
        scale = 1 / (height * width)
    else:
        # Where fftshift puts them, from the centre that the code takes.
        x, y = across + width // 2 - (width - 1) / 2, down + height // 2 - (height - 1) / 2
        radius = np.hypot(x, y).astype(np.int64)
        scale = 10.0  # 20 ln |F| is 10 ln |F|^2
    half = width // 2 + 1
    row, column = np.divmod(np.arange(height * width), width)
    mirrored = column >= half
    stored = np.where(mirrored, -row % height, row) * half + np.where(mirrored, -column % width, column)
    of_all = np.bincount(radius.ravel())
    weights = scale / of_all[radius.ravel()]
    matrix = scipy.sparse.csr_array((weights, (radius.ravel(), stored)), shape=(len(of_all), height * half))
    matrix.sum_duplicates()
    return matrix if mode == "exact" else matrix[1:-1]
