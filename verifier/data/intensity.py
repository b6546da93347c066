"""Intensity bins: fine enough to tell an exact level from its neighbour, coarse enough to count in integers.

An intensity lies on the scale from 0 to 1. For each 8-bit level r (0..255, the intensity r / 255) there are three bins:
``3r`` just below the level, ``3r + 1`` exactly on it (the float32 nearest to r / 255), ``3r + 2`` just above it; a
value belongs to the level it rounds to. So ``bin // 3`` is the value after rounding to 8 bit, and one histogram serves
both the raw and the 8-bit view. Bin 0 holds what lies below 0, bin 767 what lies above 1.
"""

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError

BINS = 768
LEVELS = (np.arange(256) / np.float64(255)).astype(np.float32)
_SIDES = ("below", "at", "above")


def intensity_bins(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """The bin of each value, in the shape of ``values``."""
    # float32 arithmetic, as in the compiled loop: a value half-way between two levels must go to the same one in both.
    level = (np.clip(values, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.int64)
    exact = LEVELS[level]
    bins = 3 * level + 1 + (values > exact) - (values < exact)
    return np.asarray(bins, np.int64)


def bin_name(key: int) -> str:
    """``at 0``, ``above 127``, ``below 255``: the name of a bin in levels of 1/255."""
    return f"{_SIDES[key % 3]} {key // 3}"


def bin_of_name(name: str) -> int:
    """The bin of that name. Raises InputError if there is none."""
    side, _, level = name.partition(" ")
    if side not in _SIDES or not (level.isascii() and level.isdigit()) or int(level) > 255:
        raise InputError("", f"expected 'below', 'at' or 'above' and a level from 0 to 255, found {name!r}")
    return 3 * int(level) + _SIDES.index(side)


def bin_positions(keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intensity that stands for each bin: the level itself, or a quarter of a level beside it."""
    return (keys // 3 + (keys % 3 - 1) * 0.25) / 255
