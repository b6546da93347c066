"""The shape of the spectrum: how loud each band is, next to the others."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from verifier.audio.features.mel_spectrogram import mel_frequencies
from verifier.audio.samples import mel_view
from verifier.data.batch import Batch
from verifier.rule.events import EventLocation
from verifier.rule.numeric_range import Grid, NumericRange
from verifier.rule.rule import option

BANDS = 512
"""As many as a view may have."""


class SpectralEnvelope(NumericRange, frozen=True, kw_only=True):
    """The level of each mel band over a sample, in decibels above the median of all bands: the colour of a sound,
    whatever its loudness. A violation is a band that is louder or softer than the corpus ever has it.

    A level is the mean over the frames of 10 log10(1 + compression M), where M is the power in the band. Vocoders and
    codecs leave too little, or too much of one level, in the highest bands. A sample of silence has no trial.

    Bands centred below ``lowest`` are left out, though they count for the median. Of five speakers one has 10 to 20 dB
    more there than the others: what he has is no other voice, but hum and rumble that nobody filtered out. 300 Hz is
    where the band of a telephone begins (ITU-T G.712).
    """

    hears = "speaker"
    survives = ("loudness change", "clipping")
    of_rows = True

    lowest: Annotated[float, option("hertz; bands centred below are left out", ge=0)] = 300

    def axis(self, at: int) -> Grid:
        return Grid(f"band {at}" if at < BANDS else "", "dB", -81.92, 0.02)

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        view = mel_view(batch)
        sums = np.einsum("nbt,nt->nb", batch.values, batch.inside().astype(np.float32), dtype=np.float64)
        levels = sums / np.maximum(batch.lengths, 1)[:, None] * (view.full_scale * 10 / np.log(10))
        levels[~(levels > 0).any(axis=1)] = np.nan
        found = levels - np.median(levels, axis=1, keepdims=True)
        found[:, mel_frequencies(view)[1:-1] < self.lowest] = np.nan
        return np.asarray(found)

    def region(self, batch: Batch, i: int, at: int) -> EventLocation:
        low, _, high = mel_frequencies(mel_view(batch))[at : at + 3]
        return EventLocation(0, 0, int(batch.lengths[i]), (), f"{low:,.0f} to {high:,.0f} Hz", (at,))
