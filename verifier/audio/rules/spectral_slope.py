"""How fast the centre of gravity of the spectrum rises and falls."""

import numpy as np
from numpy.typing import NDArray

from verifier.audio.features.frame_moments import column_moments
from verifier.audio.features.mel_spectrogram import frame_rate, mel_frequencies
from verifier.audio.samples import mel_view
from verifier.data.batch import Batch
from verifier.rule.numeric_range import Grid, NumericRange

AXES = (
    Grid("mean", "Hz/s", -40_960, 10),
    Grid("standard deviation", "Hz/s", 0, 10),
    Grid("skewness", "", -40.96, 0.01),
    Grid("kurtosis", "", -3, 0.02),
)
NONE = Grid("", "", 0, 1)


class SpectralSlope(NumericRange, frozen=True, kw_only=True):
    """The first four moments, over a sample, of the slope of the spectral centroid: by how many hertz a second the mean
    frequency of a frame rises. A violation is a moment beyond those of the corpus.

    A slope is that of the line of least squares through the centroids of 7 frames (Valle, Cai and Doshi, TequilaGAN,
    arXiv:1807.04919), of which none may be silent; frames overlap from one to the next by 6. Centroids are those of
    spectral-centroid, and moments likewise.
    """

    survives = ("clipping",)

    def axis(self, at: int) -> Grid:
        return AXES[at] if at < len(AXES) else NONE

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        view = mel_view(batch)
        found = column_moments(batch.values, batch.lengths, mel_frequencies(view)[1:-1]).slopes
        found[:, 1] = np.sqrt(found[:, 1])
        found[:, :2] *= frame_rate(view)
        return found
