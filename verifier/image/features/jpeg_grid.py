"""The grid of blocks that JPEG leaves: steps at every eighth line and column.

At a boundary of two blocks the slope of a line jumps: the difference of the two pixels beside it is held against the
mean of the differences before and after (Minami and Zakhor, "An optimization approach for removing blocking effects in
transform coding", IEEE Trans. CSVT 5, 1995). That blocks tell whether a picture has ever been JPEG, at any offset of
their grid, is from Fan and de Queiroz, "Identification of bitmap compression history", IEEE Trans. Image Processing 12,
2003; they compare differences at the corners of blocks with those inside.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 8
"""Pixels on each side of a block."""
MARGIN = 2
"""Pixels that a jump needs on each side."""
FLOOR = np.sqrt(2 / np.pi * 5 / 12) / 255
"""Mean size of the jump that rounding to 8 bits alone makes: what lies below it no 8-bit picture can tell."""


class JpegGrid(NamedTuple):
    """The grid of blocks of each picture: its strength (n,) in dB at the line and column where it is strongest, (n,)
    each from 0 to 7, and its strength (n,) where the blocks begin at the top left pixel. nan for a picture too small.
    """

    best: NDArray[np.float64]
    line: NDArray[np.int64]
    column: NDArray[np.int64]
    aligned: NDArray[np.float64]


def block_grid(pictures: NDArray[np.float32]) -> JpegGrid:
    """The grid of ``pictures`` (n, height, width), 0 to 1. All 64 offsets are tried: a picture that was cut after it
    was compressed has its blocks elsewhere.

    The strength is the mean jump at the lines and columns of the grid over that where it is largest but for these and
    their neighbours, which a step reaches: a picture that was enlarged, or grown by up-sampling, jumps at every second
    or fourth line too, and has no grid of 8. Lines and columns are looked at apart: 64 offsets cost no more than 16.
    """
    down, across = _jumps(pictures.swapaxes(1, 2)), _jumps(pictures)
    line, column = (jumps.argmax(axis=1) for jumps in (down, across))

    def strength(line: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float64]:
        at, next_to = np.zeros(len(pictures)), np.zeros(len(pictures))
        for jumps, own in ((down, line), (across, column)):
            apart = (np.arange(BLOCK) - own[:, None]) % BLOCK
            at += jumps[apart == 0]
            next_to += np.where(np.isin(apart, (0, 1, BLOCK - 1)), 0, jumps).max(axis=1)
        return np.asarray(20 * np.log10((at + FLOOR) / (next_to + FLOOR)))

    corner = np.zeros_like(line)
    return JpegGrid(strength(line, column), line, column, strength(corner, corner))


def _jumps(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 8) the mean jump before the columns of each remainder by 8; nan where there is none of a remainder."""
    n, _, width = pictures.shape
    slopes = np.diff(pictures, axis=2)
    jumps = np.abs(slopes[:, :, 1:-1] - (slopes[:, :, :-2] + slopes[:, :, 2:]) / 2).mean(axis=1, dtype=np.float64)
    columns = np.arange(MARGIN, width - 1)
    found = np.full((n, BLOCK), np.nan)
    if len(columns) >= BLOCK:
        for remainder in range(BLOCK):
            found[:, remainder] = jumps[:, columns % BLOCK == remainder].mean(axis=1)
    return found
