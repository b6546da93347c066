"""A hash of numbers, the same on every machine and with every version of NumPy."""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


def mixed(words: Words) -> Words:
    """A hash of each word that depends on all of its bits.

    The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
    """
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
