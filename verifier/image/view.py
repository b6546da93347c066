"""The view of pictures: pixels."""

from typing import Annotated, Literal

from msgspec import Meta

from verifier.data.view import View
from verifier.image.extra import Backed

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")
IMAGE_SUFFIXES = (*PICTURE_SUFFIXES, ".idx", ".ubyte", ".idx3-ubyte", ".gz", ".bin")
"""Suffixes of the files that are read, in lower case: .gz of IDX alone, .bin of CIFAR."""


class ImageView(View, frozen=True, kw_only=True, tag="image"):
    """Pictures: rows are lines from the top, columns are pixels from the left. Values lie between 0, black, and 1.

    A sample has ``channels`` planes, one below the other in the rows. Nothing is ever resized: a picture has the size
    of the view, or is cut into tiles of that size.
    """

    extra = Backed

    height: Annotated[int, Meta(ge=2, le=8192)] = 28
    """Lines of a sample."""
    width: Annotated[int, Meta(ge=2, le=8192)] = 28
    """Pixels in a line."""
    channels: Literal[1, 3] = 1
    """1 is grey (a coloured picture becomes its luma, ITU-R 601-2), 3 is red, green and blue."""
    cut: Literal["none", "tiles"] = "none"
    """Whether a larger picture is refused or cut into tiles, side by side from the top left; rests are dropped."""
    tiles: Annotated[int, Meta(ge=1)] | None = None
    """Most tiles of one picture, spread evenly over it; null takes all."""

    @property
    def rows(self) -> int:
        """Rows of a sample."""
        return self.channels * self.height

    @property
    def window(self) -> int:
        """Columns of a sample."""
        return self.width
