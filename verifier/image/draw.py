"""Pictures as they are drawn: their pixels and their power spectrum; or characters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text

from verifier.data.batch import Batch
from verifier.draw import cells
from verifier.draw.cells import DPI, LEFT, MakeAxes
from verifier.draw.shades import SHADED, SHADED_LINES, shaded
from verifier.image.features.planes import luma, planes
from verifier.rule.rule import Rule, Violation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 3.6
"""Inches of the longer side of a picture, about: pixels are enlarged by a whole number."""


class PicturePainter:
    """Draws the pixels of a picture and, beside them, its power spectrum."""

    def size(self, batch: Batch, i: int) -> tuple[float, float]:
        view: Any = batch.view
        dots = max(1, round(SIDE * DPI / max(view.height, view.width)))
        return dots * view.width / DPI, dots * view.height / DPI

    def paint(self, axes: MakeAxes, batch: Batch, i: int) -> tuple["Axes", float]:
        wide, _ = self.size(batch, i)
        axis = axes(LEFT, wide)
        _draw_pixels(axis, batch, i)
        _draw_spectrum(axes(LEFT + wide + 0.75, wide), batch, i)
        return axis, LEFT + 2 * wide + 1.0


def write(
    path: Path, rules: Sequence[Rule], batch: Batch, found: Mapping[int, Sequence[Violation]], shown: int
) -> None:
    """Draw the first ``shown`` pictures of ``batch``; see ``draw.cells``."""
    cells.write(path, rules, batch, found, shown, PicturePainter())


def shade_lines(batch: Batch, i: int, violations: Sequence[Violation]) -> list[Text]:
    """Picture i in characters; nothing if it is too large to be recognised so."""
    view: Any = batch.view
    if int(batch.lengths[i]) > SHADED or view.height > 2 * SHADED_LINES:
        return []
    return shaded(batch, i, violations, down=2)


def _draw_pixels(axis: "Axes", batch: Batch, i: int) -> None:
    pixels = planes(batch)[i]
    axis.imshow(
        pixels[0] if len(pixels) == 1 else np.clip(pixels.transpose(1, 2, 0), 0, 1),
        cmap="gray",
        vmin=0,
        vmax=1,
        interpolation="none",
        extent=(0, pixels.shape[2], pixels.shape[1], 0),
    )
    axis.set_xlabel("pixels", fontsize=8, color="0.35")


def _draw_spectrum(axis: "Axes", batch: Batch, i: int) -> None:
    """The power of each spatial frequency, in dB: up-sampling is to be seen there as dots at even distances."""
    picture = luma(batch)[i].astype(np.float64)
    power = np.abs(np.fft.fftshift(np.fft.fft2(picture - picture.mean()))) ** 2
    levels = 10 * np.log10(power + 1e-10)
    axis.imshow(
        levels,
        cmap="magma",
        vmin=max(np.quantile(levels, 0.01), levels.max() - 100),
        interpolation="none",
        extent=(-0.5, 0.5, 0.5, -0.5),
        aspect="auto",
    )
    axis.set_xlabel("power spectrum, cycles/pixel", fontsize=8, color="0.35")
