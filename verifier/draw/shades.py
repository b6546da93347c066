"""A sample in characters of five shades."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from verifier.data.batch import Batch
from verifier.draw.marks import cells_of, height_of
from verifier.rule.rule import Violation

SHADES = " ░▒▓█"
SHADED, SHADED_LINES = 100, 32
"""Most characters across, and most lines, of a sample in shades."""


def shaded(batch: Batch, i: int, violations: Sequence[Violation], *, down: int, upwards: bool = False) -> list[Text]:
    """Sample i in characters of five shades, each the mean of a few cells, ``down`` of them one above the other; what
    breaks a rule is red. ``upwards``, row 0 is below, and the largest value is white.
    """
    length, height = int(batch.lengths[i]), height_of(batch)
    values = batch.values[i, :, :length].astype(np.float64).reshape(-1, height, length).mean(axis=0)
    marked = np.zeros(values.shape, np.bool_)
    for violation in violations:
        marked[cells_of(batch, i, violation)] = True
    if upwards:
        values, marked = values[::-1] / max(values.max(initial=0), 1e-9), marked[::-1]
    # A character is twice as tall as it is wide.
    across = -(-length // SHADED)
    rows, steps = np.arange(0, height, down), np.arange(0, length, across)

    def pooled(cells: NDArray[Any]) -> NDArray[np.float64]:
        sums = np.add.reduceat(np.add.reduceat(cells.astype(np.float64), rows, axis=0), steps, axis=1)
        sizes = np.diff(rows, append=height)[:, None] * np.diff(steps, append=length)
        return np.asarray(sums / sizes)

    shades = np.clip(pooled(values) * len(SHADES), 0, len(SHADES) - 1).astype(np.int64)
    red = pooled(marked) >= 0.5
    lines = []
    for shade, own in zip(shades.tolist(), red.tolist(), strict=True):
        line = Text("  ")
        for level, is_red in zip(shade, own, strict=True):
            line.append(SHADES[level], style="bold red" if is_red else "")
        lines.append(line)
    return lines
