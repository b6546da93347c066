"""Axes: what the axes of an array are, and how its numbers become the values of samples."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.extra import Extra
from verifier.data.view import View

MAX_BELOW = 0.5
"""How far below 0 values may reach where nothing is expected there: what goes from -1 to 1 is on another scale."""

Cuts = Sequence[tuple[int, int]]
"""(start, length) of each sample in an array."""
Chunks = Callable[[], Iterator[NDArray[Any]]]


class WrongShapeError(InputError):
    """A sound array that holds no samples of the view: in a .npz, labels or latents beside the samples."""


@dataclass(frozen=True, kw_only=True)
class Axes:
    """An array of ``samples``, each of ``steps`` columns; ``stored`` is the shape of one as it lies in the array.

    ``single`` says that the array is one sample, with no axis for it. By default an element is a cell: one number from
    0 to 1, or an integer from 0 to 255; a medium may derive others. ``divides`` says that integers are intensities from
    0 to 255, which is known once the content has been seen (``settled``).
    """

    samples: int
    steps: int
    stored: tuple[int, ...]
    single: bool = False
    divides: bool = False

    plain = True
    """Whether an element is a cell: of several arrays in a file, these are meant."""
    integers = (0, 255, "integers from 0 to 255")
    """The least and the largest integer, and these in words."""
    lowest = -MAX_BELOW
    """The least of floating-point numbers."""

    def settled(self, dtype: np.dtype[Any], chunks: Chunks, view: View, name: str) -> Self:
        """These axes, with what only the content tells; ``chunks`` are what is stored. Raises InputError for content
        that another layout or scale explains.
        """
        return replace(self, divides=dtype.kind in "iu")

    def advice(self, low: float, high: float, *, integers: bool) -> str:
        """What to type where values from ``low`` to ``high`` are on no scale that is read; nothing if it is unclear."""
        if integers:
            return "if they go to 65535, save x / 65535" if low >= 0 and high <= 65535 else ""
        if low >= 0:
            return (
                "if they go to 255, save x / 255"
                if 128 <= high <= 255
                else f"if they go to {high:g}, save x / {high:g}"
            )
        if low >= -1.1 and high <= 1.1:
            return "if they go from -1 to 1, save (x + 1) / 2"
        return "if they were normalised, save x * std + mean; else rescale them"

    def unpacked(self, chunk: NDArray[Any], view: View) -> NDArray[Any]:
        """(n, rows, steps) of (n, *stored)."""
        return chunk

    def cell(self, row: int, step: int, view: View) -> str:
        """Where a value stands in its sample, in words."""
        return f"row {row}, step {step}"

    def values(self, chunk: NDArray[Any]) -> NDArray[Any]:
        """(n, rows, steps) bool or float32 of what ``unpacked`` gives."""
        if self.divides:
            # One rounding, of the quotient, whatever the width of the integers.
            return np.asarray(np.divide(chunk, np.float32(255), dtype=np.float32, casting="unsafe"))
        return chunk.astype(np.float32, copy=False)

    def extents(self, chunk: NDArray[Any], view: View) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """(n,) where each sample begins, and where it ends, in steps of what ``unpacked`` gives: what lies before and
        after is padding. None if a sample has no such thing.
        """
        return None

    def noted(self, extra: Extra | None, padding: NDArray[np.int64], steps: int) -> Extra | None:
        """What is known of samples, each of ``steps`` columns, with how many of padding (n,) were left out."""
        return extra

    def samples_of(self, chunk: NDArray[Any], cuts: Cuts, view: View) -> tuple[NDArray[Any], Extra | None]:
        """The values of all windows of what ``unpacked`` gives, and what else it says of them."""
        return cut(self.values(chunk), cuts, 0), None


def from_steps(array: NDArray[Any], first: NDArray[np.int64]) -> NDArray[Any]:
    """(n, ..., steps) with each sample from its ``first`` step (n,) on; what came before comes last."""
    if not first.any():
        return array
    moved = array.copy()
    for step in np.unique(first[first > 0]).tolist():
        moved[first == step] = np.roll(array[first == step], -step, axis=-1)
    return moved


def cut(array: NDArray[Any], cuts: Cuts, fill: object) -> NDArray[Any]:
    """(n, ..., steps) as (n * cuts, ..., longest): all windows of each sample, what is shorter filled up."""
    n, *between, steps = array.shape
    if list(cuts) == [(0, steps)]:
        return array
    longest = max(length for _, length in cuts)
    windowed = np.full((n, len(cuts), *between, longest), fill, array.dtype)
    for i, (start, length) in enumerate(cuts):
        windowed[:, i, ..., :length] = array[..., start : start + length]
    return windowed.reshape(n * len(cuts), *between, longest)


def without_channel(shape: tuple[int, ...], rows: int) -> tuple[int, ...]:
    """(samples, rows, steps) of a shape in which one channel comes first or last, or the samples are left out."""
    if len(shape) == 4 and shape[3] == 1 and (shape[1] == rows or shape[1] != 1):
        return shape[:3]
    if len(shape) == 4 and shape[1] == 1:
        return (shape[0], *shape[2:])
    return (1, *shape) if len(shape) == 2 else shape


def cell_axes(
    shape: tuple[int, ...],
    view: View,
    name: str,
    *,
    words: tuple[str, str] = ("rows", "steps"),
    other: dict[int, str] | None = None,
    kind: type[Axes] = Axes,
) -> Axes:
    """samples x rows x steps, with one channel before or after these, or rows x steps: axes of ``kind``.

    ``words`` are what rows and steps are called; ``other`` what another number of rows would be, for advice. Raises
    WrongShapeError for a shape that is none of these.
    """
    rows = view.rows
    axes = without_channel(shape, rows)
    if len(axes) == 3 and axes[1] == rows:
        return kind(samples=axes[0], steps=axes[2], stored=(rows, axes[2]), single=len(shape) == 2)
    advice = ""
    holds = {rows: words[0]} | (other or {})
    if len(axes) == 3 and axes[2] in holds:
        order = [0, 1, 2, 3][: len(shape)]
        i = shape.index(axes[1], 0 if len(shape) == 2 else 1)
        order[i], order[i + 1] = i + 1, i
        turned = ", ".join(map(str, order))
        advice = f"; if the axis of {axes[2]} holds the {holds[axes[2]]}, save x.transpose({turned})"
    wanted = f"samples x {rows} {words[0]} x {words[1]}, as the view has {rows} {words[0]}"
    raise WrongShapeError(name, f"expected {wanted}, found {by(shape)}{advice}")


def by(shape: tuple[object, ...]) -> str:
    """``100 x 64 x 64``."""
    return " x ".join(map(str, shape)) or "a single number"
