"""How neighbouring pixels differ, in cells of two by two: what the last up-sampling of a generator leaves.

It is the residual of Tan et al., "Rethinking the Up-Sampling Operations in CNN-based Generative Network for
Generalizable Deepfake Detection", CVPR 2024, arXiv:2312.10461: each pixel of a cell less the one in its top left
corner, which is the picture less its half-size copy, enlarged again by repetition. They train a network on it; here it
is counted. The cells may begin at even or odd lines and columns. A scene knows neither, so that all four ways have
nearly one histogram, but for the blocks of JPEG and the mosaics of cameras; while pixels that were made two by two
differ less within the cells in which they were made than across them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

OFFSETS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""(line, column) at which the first cell begins."""
DIRECTIONS = (("right", 0, 1), ("below", 1, 0), ("diagonal", 1, 1))
"""Name, and (lines, columns) from the top left pixel of a cell to the one that it is held against."""
EDGES = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192])
"""The smallest difference, in levels of 1/255, of each step of magnitude after the first, which is 0."""
STEPS = 2 * len(EDGES) + 1
"""Signed steps of a difference: the middle one is 0."""
BINS = len(OFFSETS) * len(DIRECTIONS) * STEPS

_MAGNITUDES = np.searchsorted(EDGES, np.arange(256), side="right")
_STEP = np.concatenate([len(EDGES) - _MAGNITUDES[:0:-1], len(EDGES) + _MAGNITUDES]).astype(np.uint8)
"""The step of a difference of -255 to 255 levels."""


def levels(pixels: NDArray[Any]) -> NDArray[np.int16]:
    """The 8-bit level that each value from 0 to 1 rounds to; what lies outside becomes the nearest."""
    return np.asarray(np.rint(np.clip(pixels, 0, 1) * np.float32(255)), np.int16)


def neighbour_differences(pixels: NDArray[Any]) -> NDArray[np.int64]:
    """(n, BINS) how often each step of difference occurs, of ``pixels`` (n, channels, height, width).

    A bin is (offset, direction, step), the last fastest. Every cell that lies in the picture is counted, so that the
    four offsets of a picture of even size have unequally many; a picture of one line or column has none. Integers,
    which add up exactly.
    """
    n, _, height, width = pixels.shape
    found = np.zeros((n, BINS), np.int64)
    if not n:
        return found
    of_all = levels(pixels)
    first = np.arange(n, dtype=np.int64) * STEPS
    at = 0
    for top, left in OFFSETS:
        lines, columns = (height - top) // 2, (width - left) // 2
        origin = of_all[:, :, top : top + 2 * lines : 2, left : left + 2 * columns : 2]
        for _, down, right in DIRECTIONS:
            y, x = top + down, left + right
            other = of_all[:, :, y : y + 2 * lines : 2, x : x + 2 * columns : 2]
            step = _STEP[other - origin + 255].reshape(n, -1)
            keys = (step + first[:, None]).ravel()
            found[:, at : at + STEPS] = np.bincount(keys, minlength=n * STEPS).reshape(n, STEPS)
            at += STEPS
    return found


def parity(differences: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) how far apart the histograms of the four offsets lie, of ``differences`` (n, BINS): Kolmogorov's statistic
    of two samples, sqrt(m / 2) times the largest difference of two cumulative distributions, for the direction and the
    two offsets where it is largest; m is the number of pairs that the smallest has. nan where an offset has no pair.

    It does not ask what the picture shows: only whether even and odd pixels differ from each other alike.
    """
    counts = differences.reshape(-1, len(OFFSETS), len(DIRECTIONS), STEPS)
    totals = counts.sum(axis=3)
    least = totals.min(axis=(1, 2))
    shares = np.cumsum(counts, axis=3) / np.maximum(totals, 1)[..., None]
    apart = shares.max(axis=1) - shares.min(axis=1)
    return np.where(least > 0, apart.max(axis=(1, 2)) * np.sqrt(least / 2), np.nan)


def step_name(step: int) -> str:
    """``0``, ``+4-5``, ``-192-255``: the levels of 1/255 that fall into a step."""
    magnitude = abs(step - len(EDGES))
    if not magnitude:
        return "0"
    low = int(EDGES[magnitude - 1])
    high = int(EDGES[magnitude]) - 1 if magnitude < len(EDGES) else 255
    return ("+" if step > len(EDGES) else "-") + (str(low) if low == high else f"{low}-{high}")


def parity_name(offset: tuple[int, int]) -> str:
    """``even lines, odd columns``: where the cells of an offset begin, lines and columns being counted from 0."""
    line, column = ("odd" if odd else "even" for odd in offset)
    return f"{line} lines, {column} columns"
