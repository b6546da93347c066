"""What is no sound in a recording: silence before and after it, and its mean.

Batches of sounds are filled up to one length, with zeros or with faint noise; a converter adds a constant. No one hears
either.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float32]
BLOCK = 2**18
"""Samples that are given at a time."""
LEAST = 0.1
"""Seconds of silence at an end from which on it is padding."""
FAINT = 0.01
"""A share of the loudest sample, 40 dB below it, that noise before and after the sound stays below."""
OFFSET = 0.01
"""The mean of a recording, of full scale, from which on it is taken away."""


class Unpadded:
    """The blocks of a recording without its mean and without the silence at its two ends.

    Silent is a stretch of one and the same value, 0 or another; and within these, one that stays below ``faint``, a
    share of the loudest sample, so that a gain changes nothing. If ``faint`` is None the ends are left as they are, and
    so are those of a recording that is silent from end to end. ``offset`` is the mean of what is left of steady ends, 0
    if it is next to none; ``before`` and ``after`` are how many samples were left out, once all blocks were read.
    ``read`` gives these, the same each time: they are read twice, and however long a stretch is, it is not held in
    memory.
    """

    def __init__(self, read: Callable[[], Iterable[Wave]], rate: int, faint: float | None) -> None:
        self.least = max(1, round(LEAST * rate))
        self.read = read if faint is None else lambda: _Unsteady(read(), self.least)
        self.before = self.after = 0
        blocks = [(len(block), block.sum(dtype=np.float64), block.min(), block.max()) for block in self.read()]
        self.starts = np.cumsum([0, *(n for n, *_ in blocks)])
        mean = sum(float(total) for _, total, *_ in blocks) / max(int(self.starts[-1]), 1)
        self.offset = mean if abs(mean) > OFFSET else 0.0
        middle = np.float32(self.offset)
        peaks = np.array([max(high - middle, middle - low) for *_, low, high in blocks], np.float32)
        self.faint = float(peaks.max(initial=0)) * (faint or 0.0)
        loud = np.flatnonzero(peaks >= self.faint)
        self.first, self.last = (int(loud[0]), int(loud[-1])) if len(loud) else (0, 0)

    def __iter__(self) -> Iterator[Wave]:
        steady = self.read()
        held: list[Wave] = []  # faint blocks before the sound, unless they are padding
        for number, block in enumerate(steady):
            sound = block - np.float32(self.offset) if self.offset else block
            begin, end = 0, len(sound)
            if number < self.first:
                if self.starts[self.first] < self.least:
                    held.append(sound)
                continue
            if number in (self.first, self.last):
                loud = np.flatnonzero(np.abs(sound) >= self.faint) + self.starts[number]
            if number == self.first:
                if loud[0] >= self.least:
                    self.before, begin = int(loud[0]), int(loud[0] - self.starts[number])
                else:
                    yield from held
            if number == self.last and self.starts[-1] - 1 - loud[-1] >= self.least:
                self.after, end = int(self.starts[-1] - 1 - loud[-1]), int(loud[-1] + 1 - self.starts[number])
            if number <= self.last or not self.after:
                yield sound[begin:end]
        if isinstance(steady, _Unsteady):
            self.before, self.after = self.before + steady.before, self.after + steady.after


class _Unsteady:
    """The blocks of a sound without the stretches of one and the same value at its two ends, if these have ``least``
    samples; ``before`` and ``after`` as above. A sound that is one such stretch from end to end is left as it is.
    """

    def __init__(self, blocks: Iterable[Wave], least: int) -> None:
        self.blocks = blocks
        self.least = least
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
            if ends:
                yield sound[:ends]
        if begun and held >= self.least:
            self.after = held
        else:
            yield from _steady(held, value)


def _steady(samples: int, value: np.float32) -> Iterator[Wave]:
    for at in range(0, samples, BLOCK):
        yield np.full(min(BLOCK, samples - at), value, np.float32)
