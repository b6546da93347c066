"""The traces of up-sampling in a picture: replicas of the spectrum at the places that a stride decides.

A generator that grows its output by strided or transposed convolution, or by repetition, writes a pattern with the
period of the stride: lines in the spectrum at multiples of 1 / stride cycles per pixel, whatever the content (Odena,
Dumoulin and Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016). No stride need be told: all are looked
for.
"""

import functools
import math

import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray

from verifier.image.features.azimuthal import FLOOR

STRIDES = (2, 3, 4, 5, 6, 7, 8, 16)
"""Periods in pixels."""
NEAR = 2
"""Frequencies on each side that a peak of a picture is held against."""


def grid_peaks(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, strides) by how many dB the residual of ``pictures`` (n, height, width) stands out at each of STRIDES.

    The residual is the picture less its median over 3 x 3 pixels. Of a stride s, the frequencies (i / s, j / s) in
    lowest terms are held, as mean power, against the medians of their neighbours; the power that 8 bits cannot tell is
    added to both. The picture is cut to a multiple of s, so that they are frequencies of the transform. nan where it
    has not two periods.
    """
    n, height, width = pictures.shape
    residual = pictures - scipy.ndimage.median_filter(pictures, size=(1, 3, 3), mode="nearest")
    found = np.full((n, len(STRIDES)), np.nan)
    powers: dict[tuple[int, int], NDArray[np.float32]] = {}
    for at, stride in enumerate(STRIDES):
        size = height // stride * stride, width // stride * stride
        if min(size) < 2 * stride or not n:
            continue
        if size not in powers:
            transform = scipy.fft.rfft2(residual[:, : size[0], : size[1]])
            powers[size] = np.square(transform.real) + np.square(transform.imag)
        peaks, around = _lattice(stride, *size)
        power = powers[size].reshape(n, -1)
        floor = FLOOR * size[0] * size[1]
        level = np.median(power[:, around], axis=-1)
        found[:, at] = 10 * np.log10(
            (power[:, peaks] + floor).mean(1, dtype=float) / (level + floor).mean(1, dtype=float)
        )
    return found


@functools.lru_cache(maxsize=64)
def _lattice(stride: int, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places, in a flattened half transform, of the peaks (k,) of a stride and of the neighbours (k, m) of each."""
    pairs = [(i, j) for i in range(stride) for j in range(stride // 2 + 1) if math.gcd(i, j, stride) == 1]
    row, column = np.array(pairs).T * np.array([[height], [width]]) // stride
    shifts = [(a, b) for a in range(-NEAR, NEAR + 1) for b in range(-NEAR, NEAR + 1) if a or b]
    down, right = np.array(shifts).T
    rows, columns = (row[:, None] + down) % height, (column[:, None] + right) % width
    # The half that is left out is the mirror image of the other.
    mirrored = columns > width // 2
    rows, columns = np.where(mirrored, -rows % height, rows), np.where(mirrored, width - columns, columns)
    half = width // 2 + 1
    return row * half + column, rows * half + columns
