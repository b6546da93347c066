"""Traces of up-sampling in a sound: lines of its spectrum at multiples of rate / hop."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from verifier.audio.features.comb import OCTAVES, comb_peaks
from verifier.audio.samples import waves
from verifier.data.batch import Batch
from verifier.rule.events import EventLocation
from verifier.rule.numeric_range import Grid, NumericRange


class UpsamplingPeaks(NumericRange, frozen=True, kw_only=True):
    """By how many dB the spectrum stands out where synthesis in hops leaves replicas of it: a violation is a peak
    higher, or lower, than those of the corpus.

    They are the lines of the long-term spectrum, at the sample rate of the file, at multiples of rate / hop, for the
    strongest hop in each octave from 4 to 511 samples; a sound that was resampled after it was generated has its lines
    elsewhere (Pons et al., arXiv:2010.14356).
    """

    measures_file = True
    survives: ClassVar[tuple[str, ...]] = ("loudness change", "clipping")

    def axis(self, at: int) -> Grid:
        name = f"hops {OCTAVES[at]}-{2 * OCTAVES[at] - 1}" if at < len(OCTAVES) else ""
        return Grid(name, "dB", -60.0, 0.02)

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        found = np.full((len(batch), len(OCTAVES)), np.nan)
        known = waves(batch).rates > 0
        if known.any():
            found[known] = comb_peaks(waves(batch).spectra[known])[0]
        return found

    def region(self, batch: Batch, i: int, at: int) -> EventLocation:
        _, hops = comb_peaks(waves(batch).spectra[i : i + 1])
        hop = int(hops[0, at])
        words = f"multiples of {waves(batch).rates[i] / hop:,.1f} Hz, hop {hop}"
        return EventLocation(0, 0, int(batch.lengths[i]), (), words)
