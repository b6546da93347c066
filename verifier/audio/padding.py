"""Digital silence before and after a sound: what fills batches of sounds up to one length, and is no recording."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float32]
BLOCK = 2**18
"""Samples that are given at a time."""
LEAST = 0.1
"""Seconds of one and the same value from which on a stretch is padding: no room is as quiet."""


class Unpadded:
    """The blocks of a sound without the stretches of one and the same value, 0 or another, at its two ends; ``before``
    and ``after`` are how many samples these had, once the blocks were read. A sound that is one such stretch from end
    to end is left as it is. However long a stretch is, none is held in memory.
    """

    def __init__(self, blocks: Iterable[Wave], rate: int) -> None:
        self.blocks = blocks
        self.least = max(1, round(LEAST * rate))
        self.before = self.after = 0

    def __iter__(self) -> Iterator[Wave]:
        # The last samples, that are all alike, their value, and whether sound came before.
        held, value, begun = 0, np.float32(0), False
        for block in self.blocks:
            if not len(block):
                continue
            value = value if held else block[0]
            others = np.flatnonzero(block != value)
            if not len(others):
                held += len(block)
                continue
            held += int(others[0])
            if begun or held < self.least:
                yield from _steady(held, value)
            else:
                self.before = held
            sound, begun = block[others[0] :], True
            last = np.flatnonzero(sound != sound[-1])
            ends = int(last[-1]) + 1 if len(last) else 0
            held, value = len(sound) - ends, sound[-1]
            yield sound[:ends]
        if begun and held >= self.least:
            self.after = held
        else:
            yield from _steady(held, value)


def _steady(samples: int, value: np.float32) -> Iterator[Wave]:
    for at in range(0, samples, BLOCK):
        yield np.full(min(BLOCK, samples - at), value, np.float32)
