"""Pictures whose pixels are in memory, as pieces of a corpus."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.intensity import LEVELS
from verifier.image.view import ImageView


@dataclass(frozen=True, eq=False)
class PixelPiece:
    """A grey picture: ``pixels`` (height, width) uint8."""

    kind: ClassVar[str] = "image"
    """The medium that it is a piece of."""

    name: str
    group: str
    pixels: NDArray[np.uint8]

    def content(self) -> bytes:
        """The sha256 of size and pixels."""
        shape = np.array(self.pixels.shape, "<i8").tobytes()
        return hashlib.sha256(shape + np.ascontiguousarray(self.pixels).tobytes()).digest()


def batch_of_pixels(pieces: Sequence[PixelPiece], view: ImageView) -> Batch:
    """The pictures, each a sample. Raises InputError for a view of another size, of tiles or of colours."""
    if view.cut == "tiles" or view.channels != 1:
        raise InputError(pieces[0].name, "expected a view of whole grey pictures, found tiles or channels")
    for piece in pieces:
        height, width = piece.pixels.shape
        if (height, width) != (view.height, view.width):
            raise InputError(
                piece.name, f"expected a picture of {view.width} x {view.height} pixels, found {width} x {height}"
            )
    return Batch.of(
        view,
        LEVELS[np.stack([piece.pixels for piece in pieces])],
        names=[piece.name for piece in pieces],
        groups=[piece.group for piece in pieces],
    )
