"""Arrays of pictures: samples x height x width, with their channels before these or last."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.axes import MAX_BELOW, Axes, Chunks, WrongShapeError, by
from verifier.data.view import View
from verifier.image.view import ImageView

MARGIN = 0.1
"""How far a generator's values reach beyond 0 and 1; of values on another scale most lie further out."""
SHADES = 64
"""Different multiples of 1/256 from which on values are 8-bit levels that were divided by 256."""


@dataclass(frozen=True, kw_only=True)
class PlaneAxes(Axes):
    """Channels one below the other in the rows of a sample."""

    def settled(self, dtype: np.dtype[Any], chunks: Chunks, view: View, name: str) -> Self:
        """As of any array. Raises InputError for values that were normalised, or divided by 256."""
        first = next(chunks(), None) if dtype.kind == "f" else None
        if first is not None and np.isfinite(first).all():
            _require_levels(first.astype(np.float64), name)
        return super().settled(dtype, chunks, view, name)

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


def _require_levels(values: NDArray[np.float64], name: str) -> None:
    """Raise InputError where most of the values lie off the scale from 0 to 1, or where all are levels of 1/256."""
    low, high = values.min(), values.max()
    outside = np.mean((values < -MARGIN) | (values > 1 + MARGIN))
    if outside > 0.5 and -MAX_BELOW <= low < 0:
        raise InputError(
            name,
            f"expected values on the scale from 0 to 1, found {low:.3g} to {high:.3g}, {outside:.0%} of them off it; if"
            " they were normalised as MNIST is, save x * 0.3081 + 0.1307; as another set, x * std + mean",
        )
    levels = values * 256
    if high < 1 and (levels == np.rint(levels)).all() and len(np.unique(levels)) >= SHADES:
        raise InputError(
            name,
            f"expected levels of 1/255, found multiples of 1/256, up to {high:.3g}: 8-bit levels that were divided by"
            " 256; save x * (256 / 255)",
        )


def picture_axes(shape: tuple[int, ...], dtype: np.dtype[Any], view: ImageView, name: str) -> Axes:
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
    lines = "; ".join(f"if {condition}, save {line}" for condition, line in _lines(shape, dtype, view))
    raise WrongShapeError(
        name,
        f"expected {wanted} or {last}, as the view has {view.height} lines of {view.width}, found {by(shape)}"
        + (f"; {lines}" if lines else ""),
    )


def _lines(shape: tuple[int, ...], dtype: np.dtype[Any], view: ImageView) -> Iterator[tuple[str, str]]:
    """What may be meant by an array of another shape, and what to type then."""
    size, channels = (view.height, view.width), view.channels
    cells = math.prod(size)
    if len(shape) == 2 and shape[1] == channels * cells:
        yield (
            "each row is a picture",
            f"x.reshape(len(x), {', '.join(map(str, (*[channels] * (channels > 1), *size)))})",
        )
    if len(shape) == 2 and channels == 1 and shape[1] == 3 * cells:
        yield "each row is a picture in colour", _grey(f"x.reshape(len(x), 3, {size[0]}, {size[1]})", 1, dtype)
    if len(shape) == 3 and channels == 1:
        rows, columns = ((padded - own) / 2 for padded, own in zip(shape[1:], size, strict=True))
        if 0 < rows <= size[0] / 2 and 0 < columns <= size[1] / 2 and rows % 1 == columns % 1 == 0:
            yield "they were padded", f"x[:, {rows:.0f}:-{rows:.0f}, {columns:.0f}:-{columns:.0f}]"
    if len(shape) == 4 and channels == 1 and shape[1:] == (3, *size):
        yield "they are in colour", _grey("x", 1, dtype)
    if len(shape) == 4 and channels == 1 and shape[1:] in ((*size, 3), (*size, 4)):
        yield "they are in colour", _grey("x[..., :3]" if shape[3] == 4 else "x", 3, dtype)
    if len(shape) == 4 and channels == 3 and shape[1:] == (*size, 4):
        yield "the last channel is transparency", "x[..., :3]"
    if channels == 3 and shape[1:] == size:
        yield "they are grey", "numpy.stack([x, x, x], axis=1)"
    if shape[:-1] in ((*size, channels), *([size] if channels == 1 else [])):
        yield "the last axis is that of the samples", "numpy.moveaxis(x, -1, 0)"
    elif channels == 1 and shape[1:] == size[::-1]:
        yield "the axis of the height comes last", "x.transpose(0, 2, 1)"


def _grey(x: str, axis: int, dtype: np.dtype[Any]) -> str:
    """The luma of what has its colours in that axis, on the scale of ``x``."""
    luma = f"numpy.tensordot({x}, [0.299, 0.587, 0.114], axes=({axis}, 0))"
    return luma if dtype.kind == "f" else f"numpy.rint({luma}).astype({dtype.name!r})"
