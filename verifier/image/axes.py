"""Arrays of pictures: samples x height x width, with their channels before these or last."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.data.axes import Axes, WrongShapeError, by
from verifier.data.view import View
from verifier.image.view import ImageView


@dataclass(frozen=True, kw_only=True)
class PlaneAxes(Axes):
    """Channels one below the other in the rows of a sample."""

    def unpacked(self, chunk: NDArray[Any], view: View) -> NDArray[Any]:
        return chunk.reshape(-1, view.rows, self.steps)

    def cell(self, row: int, step: int, view: View) -> str:
        assert isinstance(view, ImageView)
        channel = f"channel {row // view.height}, " if view.channels > 1 else ""
        return f"{channel}row {row % view.height}, column {step}"


@dataclass(frozen=True, kw_only=True)
class PixelAxes(PlaneAxes):
    """The channels of a pixel stand together: they come last."""

    def unpacked(self, chunk: NDArray[Any], view: View) -> NDArray[Any]:
        return np.ascontiguousarray(chunk.transpose(0, 3, 1, 2)).reshape(-1, view.rows, self.steps)


def picture_axes(shape: tuple[int, ...], view: ImageView, name: str) -> Axes:
    """What the axes of an array of pictures are: of the size and the channels of the view, which may be left out where
    there is one. Raises WrongShapeError that says what to do.
    """
    size, channels = (view.height, view.width), view.channels
    shapes: dict[tuple[int, ...], type[PlaneAxes]] = {(channels, *size): PlaneAxes, (*size, channels): PixelAxes}
    if channels == 1:
        shapes[size] = PlaneAxes
        if shape[1:] == size:
            return PlaneAxes(samples=shape[0], steps=view.width, stored=size)
    if shape in shapes:
        return shapes[shape](samples=1, steps=view.width, stored=shape, single=True)
    if shape[1:] in shapes:
        return shapes[shape[1:]](samples=shape[0], steps=view.width, stored=shape[1:])
    first, last = by(("samples", channels, *size)), by(("samples", *size, channels))
    wanted = f"{by(('samples', *size))}, {first}" if channels == 1 else first
    raise WrongShapeError(
        name, f"expected {wanted} or {last}, as the view has {view.height} lines of {view.width}, found {by(shape)}"
    )
