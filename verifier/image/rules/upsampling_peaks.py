"""Traces of up-sampling: peaks of the spectrum at multiples of 1 / stride, or of rate / hop."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from verifier.audio.features.comb import comb_peaks
from verifier.data.batch import Batch
from verifier.image.features.pixel_differences import neighbour_differences, parity
from verifier.image.features.planes import luma, planes
from verifier.image.features.upsampling_peaks import OCTAVES, STRIDES, grid_peaks
from verifier.image.view import ImageView
from verifier.rule.events import EventLocation
from verifier.rule.numeric_range import Grid, NumericRange

NUMBERS = len(STRIDES) + len(OCTAVES) + 1
"""Peaks at strides, peaks at hops, and the parity of pictures."""


class UpsamplingPeaks(NumericRange, frozen=True, kw_only=True):
    """By how many dB the spectrum stands out where up-sampling by a stride, or synthesis in hops, leaves replicas of
    it: a violation is a peak higher, or lower, than those of the corpus.

    Of a picture: the residual of its luma at multiples of 1 / stride cycles per pixel, for each stride of 2 to 8 and 16
    that fits in it twice. Of a sound: the lines of its long-term spectrum, at the sample rate of the file, at multiples
    of rate / hop, for the strongest hop in each octave from 4 to 511 samples; a sound that was resampled after it was
    generated has its lines elsewhere. Parity is how far the differences of neighbours depend on whether their lines and
    columns are even or odd (features.neighbours; Tan et al., arXiv:2312.10461). JPEG leaves peaks at stride 8, and a
    demosaiced or enlarged photograph at 2: that is why the corpus says how high they are (features.replicas; Odena et
    al. 2016; Pons et al., arXiv:2010.14356).
    """

    media: ClassVar[tuple[str, ...]] = ("mel-spectrogram", "image")
    survives: ClassVar[tuple[str, ...]] = ("loudness change", "clipping")

    def axis(self, at: int) -> Grid:
        if at < len(STRIDES):
            name = f"stride {STRIDES[at]}"
        elif at < len(STRIDES) + len(OCTAVES):
            octave = OCTAVES[at - len(STRIDES)]
            name = f"hops {octave}-{2 * octave - 1}"
        else:
            return Grid("parity" if at == NUMBERS - 1 else "", "", 0.0, 0.02)
        return Grid(name, "dB", -60.0, 0.02)

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        found = np.full((len(batch), NUMBERS), np.nan)
        if isinstance(batch.view, ImageView):
            found[:, : len(STRIDES)] = grid_peaks(luma(batch))
            differences = batch.feature("neighbour differences", lambda batch: neighbour_differences(planes(batch)))
            found[:, -1] = parity(differences)
            return found
        known = batch.waves.rates > 0
        if known.any():
            found[known, len(STRIDES) : -1] = comb_peaks(batch.waves.spectra[known])[0]
        return found

    def region(self, batch: Batch, i: int, at: int) -> EventLocation:
        if at < len(STRIDES):
            words = f"multiples of {1 / STRIDES[at]:.4g} cycles per pixel"
        elif at == NUMBERS - 1:
            words = "even against odd pixels"
        else:
            _, hops = comb_peaks(batch.waves.spectra[i : i + 1])
            hop = int(hops[0, at - len(STRIDES)])
            words = f"multiples of {batch.waves.rates[i] / hop:,.1f} Hz, hop {hop}"
        return EventLocation(0, 0, int(batch.lengths[i]), (), words)
