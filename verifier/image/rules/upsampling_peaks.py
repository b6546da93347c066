"""Traces of up-sampling in a picture: peaks of its spectrum at multiples of 1 / stride."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.image.features.pixel_differences import neighbour_differences, parity
from verifier.image.features.planes import luma, planes
from verifier.image.features.upsampling_peaks import STRIDES, grid_peaks
from verifier.rule.events import EventLocation
from verifier.rule.numeric_range import Grid, NumericRange


class UpsamplingPeaks(NumericRange, frozen=True, kw_only=True):
    """By how many dB the spectrum stands out where up-sampling by a stride leaves replicas of it: a violation is a peak
    higher, or lower, than those of the corpus.

    It is the residual of the luma at multiples of 1 / stride cycles per pixel, for each stride of 2 to 8 and 16 that
    fits in it twice. Parity is how far the differences of neighbours depend on whether their lines and columns are even
    or odd (pixel_differences; Tan et al., arXiv:2312.10461). JPEG leaves peaks at stride 8, and a demosaiced or
    enlarged photograph at 2: that is why the corpus says how high they are (Odena et al. 2016).
    """

    survives: ClassVar[tuple[str, ...]] = ("loudness change", "clipping")

    def axis(self, at: int) -> Grid:
        if at < len(STRIDES):
            return Grid(f"stride {STRIDES[at]}", "dB", -60.0, 0.02)
        return Grid("parity" if at == len(STRIDES) else "", "", 0.0, 0.02)

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        differences = batch.feature("neighbour differences", lambda batch: neighbour_differences(planes(batch)))
        return np.concatenate([grid_peaks(luma(batch)), parity(differences)[:, None]], axis=1)

    def region(self, batch: Batch, i: int, at: int) -> EventLocation:
        words = "even against odd pixels"
        if at < len(STRIDES):
            words = f"multiples of {1 / STRIDES[at]:.4g} cycles per pixel"
        return EventLocation(0, 0, int(batch.lengths[i]), (), words)
