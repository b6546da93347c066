"""The 8 x 8 grid that JPEG leaves in a picture."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.image.features.jpeg_grid import JpegGrid, block_grid
from verifier.image.features.planes import luma
from verifier.rule.events import EventLocation
from verifier.rule.numeric_range import Grid, NumericRange

AXES = (Grid("best 8 x 8 grid", "dB", -60.0, 0.02), Grid("8 x 8 grid from the corner", "dB", -60.0, 0.02))
NONE = Grid("", "", 0, 1)


class Blockiness(NumericRange, frozen=True, kw_only=True):
    """How far lines and columns jump at every eighth pixel, next to the farthest elsewhere: in dB, for the strongest of
    the 64 offsets that the grid can have, and for blocks that begin in the top left corner. A violation is a grid
    stronger, or weaker, than those of the corpus.

    JPEG cuts a picture into blocks of 8 x 8 pixels and rounds each by itself (features.blocks; Fan and de Queiroz,
    IEEE Trans. Image Processing 12, 2003). A grid says nothing of who made a picture, but that rules about exact values
    now speak of the file. What was enlarged jumps at other periods too, and has no grid of its own. A picture of less
    than 11 pixels on one side has no trial.
    """

    # Blocks that begin in the corner are too easily met by what was grown by repetition of 4 pixels.
    traces: ClassVar[Mapping[str, tuple[str, int]]] = {"best 8 x 8 grid": ("JPEG", 1)}

    def axis(self, at: int) -> Grid:
        return AXES[at] if at < len(AXES) else NONE

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        grid = self._grid(batch)
        return np.stack([grid.best, grid.aligned], axis=1)

    def region(self, batch: Batch, i: int, at: int) -> EventLocation:
        if at == 1:
            return super().region(batch, i, at)
        grid = self._grid(batch)
        words = f"blocks from line {grid.line[i]} and column {grid.column[i]}"
        return EventLocation(0, 0, int(batch.lengths[i]), (), words)

    def _grid(self, batch: Batch) -> JpegGrid:
        return batch.feature("block grid", lambda batch: block_grid(luma(batch)))
