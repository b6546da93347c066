"""Which way pictures grow brighter, and where: a histogram of the directions of their gradients.

As in Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005, but signed, of pixels rather
than weights, and over the same thirds of every picture: what a picture that was turned, mirrored or transposed does not
share with upright ones.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

DIRECTIONS = ("right", "below right", "below", "below left", "left", "above left", "above", "above right")
"""Where it grows brighter."""
CELLS = tuple(f"{line} {column}" for line, column in product(("top", "middle", "bottom"), ("left", "centre", "right")))
"""Thirds of the lines and of the columns."""
LEAST = 16 / 255
"""Difference of the two neighbours of a pixel from which on it has a direction: less is noise."""


def gradient_directions(pictures: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n, cells * directions) how many pixels of ``pictures`` (n, height, width), 0 to 1, grow brighter in each
    direction in each cell, the direction last. A pixel at the edge has none.
    """
    n, height, width = pictures.shape
    found = np.zeros((n, len(CELLS) * len(DIRECTIONS)), np.int64)
    if min(height, width) < 3 or not n:
        return found
    across = pictures[:, 1:-1, 2:] - pictures[:, 1:-1, :-2]
    down = pictures[:, 2:, 1:-1] - pictures[:, :-2, 1:-1]
    eighth = np.floor(np.arctan2(down, across) * (len(DIRECTIONS) / (2 * np.pi)) + 0.5).astype(np.int64)
    line, column = (np.arange(1, size - 1) * 3 // size for size in (height, width))
    keys = (3 * line[:, None] + column) * len(DIRECTIONS) + eighth % len(DIRECTIONS)
    steep = np.hypot(across, down) >= LEAST
    for into, own, strong in zip(found, keys, steep, strict=True):
        into[:] = np.bincount(own[strong], minlength=found.shape[1])
    return found
