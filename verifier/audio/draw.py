"""Sounds as they are drawn: the spectrogram in seconds and hertz; or characters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from verifier.audio.features.mel_spectrogram import mel_frequencies
from verifier.audio.samples import mel_view
from verifier.data.batch import Batch
from verifier.draw import cells
from verifier.draw.cells import LEFT, MakeAxes
from verifier.draw.shades import SHADED_LINES, shaded
from verifier.rule.rule import Rule, Violation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRAME = 0.07
"""Inches of a frame of a spectrogram, where it is no longer than ``WIDEST``."""
NARROWEST, WIDEST = 4.5, 7.5
"""Inches of a spectrogram."""
TALL = 3.2
"""Inches of a spectrogram from its lowest band to its highest."""


class SoundPainter:
    """Draws the spectrogram of a sound."""

    def size(self, batch: Batch, i: int) -> tuple[float, float]:
        return float(np.clip(FRAME * int(batch.lengths[i]), NARROWEST, WIDEST)), TALL

    def paint(self, axes: MakeAxes, batch: Batch, i: int) -> tuple["Axes", float]:
        wide, _ = self.size(batch, i)
        axis = axes(LEFT, wide)
        _draw_spectrogram(axis, batch, i)
        return axis, LEFT + wide + 0.9


def write(
    path: Path, rules: Sequence[Rule], batch: Batch, found: Mapping[int, Sequence[Violation]], shown: int
) -> None:
    """Draw the first ``shown`` sounds of ``batch``; see ``draw.cells``."""
    cells.write(path, rules, batch, found, shown, SoundPainter())


def shade_lines(batch: Batch, i: int, violations: Sequence[Violation]) -> list[Text]:
    """Spectrogram i in characters, low frequencies below."""
    return shaded(batch, i, violations, down=-(-batch.view.rows // SHADED_LINES), upwards=True)


def _draw_spectrogram(axis: "Axes", batch: Batch, i: int) -> None:
    view = mel_view(batch)
    length = int(batch.lengths[i])
    values = batch.values[i, :, :length].astype(np.float32)
    axis.imshow(
        values,
        cmap="Greys",
        vmin=0,
        vmax=max(float(values.max(initial=0)), 1e-3),
        origin="lower",
        aspect="auto",
        interpolation="none",
        extent=(0, length, 0, view.bands),
    )
    seconds = view.hop_length / view.sample_rate
    start = int(batch.starts[i]) * seconds
    step = next(step for step in SECONDS if length * seconds / step <= 10)
    ticks = np.arange(np.ceil(start / step), (start + length * seconds) / step) * step
    axis.set_xticks((ticks - start) / seconds, [f"{tick:.4g}" for tick in ticks])
    axis.set_xlabel("seconds", fontsize=8, color="0.35")
    centres = mel_frequencies(view)[1:-1]
    bands = np.unique(np.linspace(0, view.bands - 1, 8).round().astype(int))
    axis.set_yticks(bands + 0.5, [f"{centres[band]:,.0f}" for band in bands])
    axis.set_ylabel("Hz", fontsize=8, color="0.35")


SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 3600, 10**6)
"""Distances of the ticks of a time axis."""
