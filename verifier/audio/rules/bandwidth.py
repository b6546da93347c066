"""Up to which frequency there is any sound."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from verifier.audio.samples import waves
from verifier.audio.waveform import FRAME
from verifier.data.batch import Batch
from verifier.rule.numeric_range import Grid, NumericRange
from verifier.rule.rule import option

AXES = (Grid("cut-off", "Hz", 0, 10), Grid("roll-off", "Hz", 0, 10))
NONE = Grid("", "", 0, 1)
LOWEST = 3
"""The first bin that counts: a constant offset reaches up to the second."""


class Bandwidth(NumericRange, frozen=True, kw_only=True):
    """The frequencies at which the long-term spectrum of a sample ends, at the sample rate of its file: the cut-off,
    the highest that is less than ``depth`` decibels below the loudest; and the roll-off, below which lie 99 % of the
    power. A violation is one beyond those of the corpus.

    What was made at a lower rate, or went through a codec or a vocoder of few bands, ends where they do, whatever the
    file says. A spectrogram alone does not tell: samples without a wave, and those of silence, have no trial.
    """

    measures_file = True
    hears = "speaker"
    traces: ClassVar[Mapping[str, tuple[str, int]]] = {"cut-off": ("band limit", -1)}

    depth: Annotated[float, option("decibels below the loudest frequency at which sound ends", gt=0, le=200)] = 60

    def axis(self, at: int) -> Grid:
        return AXES[at] if at < len(AXES) else NONE

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        spectra = waves(batch).spectra[:, LOWEST:].astype(np.float64)
        largest = spectra.max(axis=1, keepdims=True)
        loud = (spectra >= largest * 10 ** (-self.depth / 10)) & (largest > 0)
        cut_off = spectra.shape[1] - 1 - loud[:, ::-1].argmax(axis=1)
        power = np.cumsum(spectra, axis=1)
        roll_off = (power >= 0.99 * power[:, -1:]).argmax(axis=1)
        hertz = (np.stack([cut_off, roll_off], axis=1) + LOWEST) * (waves(batch).rates / FRAME)[:, None]
        return np.where(largest > 0, hertz, np.nan)
