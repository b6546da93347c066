"""Where the centre of gravity of the spectrum lies, and how it moves."""

import numpy as np
from numpy.typing import NDArray

from verifier.audio.features.frame_moments import column_moments
from verifier.audio.features.mel_spectrogram import mel_frequencies
from verifier.audio.samples import mel_view
from verifier.data.batch import Batch
from verifier.rule.numeric_range import Grid, NumericRange

AXES = (
    Grid("mean", "Hz", 0, 5),
    Grid("standard deviation", "Hz", 0, 5),
    Grid("skewness", "", -40.96, 0.01),
    Grid("kurtosis", "", -3, 0.02),
)
NONE = Grid("", "", 0, 1)


class SpectralCentroid(NumericRange, frozen=True, kw_only=True):
    """The first four moments, over the frames of a sample, of the spectral centroid: the mean frequency of a frame. A
    violation is a moment beyond those of the corpus.

    Each band counts at its centre, with its value in the spectrogram as its weight: that is the feature of Valle, Cai
    and Doshi (TequilaGAN, arXiv:1807.04919), who found generated samples noisier in its moments; here in hertz, with
    the square root of the variance, and the kurtosis in excess of a normal distribution's. Silent frames are left out.
    """

    hears = "speaker"
    survives = ("clipping",)

    def axis(self, at: int) -> Grid:
        return AXES[at] if at < len(AXES) else NONE

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        found = column_moments(batch.values, batch.lengths, mel_frequencies(mel_view(batch))[1:-1]).centroids
        found[:, 1] = np.sqrt(found[:, 1])
        return found
