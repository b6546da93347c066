"""Window functions. Written out: scipy.signal has them too, but importing it takes longer than most commands."""

import numpy as np
from numpy.typing import NDArray


def hann(length: int) -> NDArray[np.float32]:
    """(length,) the periodic Hann window, as ``scipy.signal.get_window("hann", length)`` gives it."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)
