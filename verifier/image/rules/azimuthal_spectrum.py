"""The power of a picture at each spatial frequency, whatever its direction."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.image.features.azimuthal import azimuthal_average, decibels, ring_frequencies
from verifier.image.features.planes import luma
from verifier.rule.numeric_range import Grid, NumericRange
from verifier.rule.rule import option

WIDTH = 1 / 64
"""Cycles per pixel in a band."""
BANDS = 47
"""Bands up to the corner of the spectrum, at 0.707 cycles per pixel, which a small picture rounds up."""


class AzimuthalSpectrum(NumericRange, frozen=True, kw_only=True):
    """The power spectrum of a picture's luma, averaged over all directions: a violation is a spatial frequency with
    more, or less, power than in the corpus.

    Networks that grow pictures by up-convolution have too much or too little at the high frequencies (Durall, Keuper
    and Keuper, arXiv:2003.01826). A number is the power in a band of 1/64 cycle per pixel, in dB; a small picture has
    no number in some. It is relative to the variance of the picture, so that contrast is no fault, unless
    ``relative-to: one``. The power that rounding to 8 bit adds is added
    to all.
    """

    relative_to: Annotated[
        Literal["variance", "one"], option("what a power is given in dB of: the variance of the picture, or 1")
    ] = "variance"

    traces: ClassVar[Mapping[str, tuple[str, int]]] = {
        "0.500 cycles/pixel": ("blur", -1),
        "0.703 cycles/pixel": ("blur", -1),
    }

    def axis(self, at: int) -> Grid:
        name = f"{at * WIDTH:.3f} cycles/pixel" if at < BANDS else ""
        return Grid(name, "dB", -120.0, 0.05)

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        pictures = luma(batch)
        rings = batch.feature("azimuthal average", lambda _: azimuthal_average(pictures))
        bands = np.floor(ring_frequencies(*pictures.shape[1:]) / WIDTH + 0.5).astype(np.int64)
        found = np.full((len(batch), BANDS), np.nan)
        for band in np.unique(bands[1:]).tolist():  # ring 0 is the mean, which is no texture
            found[:, band] = decibels(rings[:, 1:][:, bands[1:] == band].mean(axis=1))
        if self.relative_to == "variance":
            found -= decibels(pictures.var(axis=(1, 2), dtype=np.float64))[:, None]
        return found
