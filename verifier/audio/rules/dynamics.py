"""How loud and how even a sound is: its peak, its level, clipping and silence."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from verifier.audio.features.mel_spectrogram import by_length, mel_frequencies
from verifier.audio.samples import mel_view, waves
from verifier.data.batch import Batch
from verifier.rule.numeric_range import Grid, NumericRange

AXES = (
    Grid("clipped samples", "%", 0, 0.0125),
    Grid("samples of exactly 0", "%", 0, 0.0125),
    Grid("peak", "dB", -120, 0.02),
    Grid("level", "dB", -120, 0.02),
    Grid("silent frames", "%", 0, 0.0125),
    Grid("range", "dB", 0, 0.02),
)
NONE = Grid("", "", 0, 1)
QUIET = 1e-5
"""A frame of less than this share of the power of the loudest is silent: 50 dB below it."""
FLOOR = 1e-12
"""Shares of power below this count as this: 120 dB."""
MOST = 60.0
"""Logarithms of power are cut off here, far above any sound: a generator that went astray must not overflow."""


class Dynamics(NumericRange, frozen=True, kw_only=True):
    """How loud and how even a sample is. A violation is one of these numbers beyond those of the corpus.

    Of the wave at the rate of its file, if there is one: the share of samples that are clipped (three or more in a row
    at the largest magnitude), the share that is exactly 0, the peak and the root mean square in decibels of full scale.
    Of the spectrogram: the share of frames that are silent (50 dB below the loudest of the sample), and the range, the
    decibels between the 5 % softest and the 5 % loudest frames. Silence throughout has only the first two.
    """

    measures_file = True
    hears = "loudness"
    survives = ("band limit",)
    traces: ClassVar[Mapping[str, tuple[str, int]]] = {
        "clipped samples": ("clipping", 1),
        "peak": ("loudness change", 0),
        "level": ("loudness change", 0),
    }

    def axis(self, at: int) -> Grid:
        return AXES[at] if at < len(AXES) else NONE

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        own = waves(batch)
        found = np.full((len(batch), len(AXES)), np.nan)
        known = own.samples > 0
        found[known, 0] = 100 * own.clipped[known] / own.samples[known]
        found[known, 1] = 100 * own.zeros[known] / own.samples[known]
        sounds = known & (own.levels > 0)
        found[sounds, 2] = 20 * np.log10(own.peaks[sounds].astype(np.float64))
        found[sounds, 3] = 20 * np.log10(own.levels[sounds].astype(np.float64))
        view = mel_view(batch)
        edges = mel_frequencies(view)
        widths = (edges[2:] - edges[:-2]).astype(np.float32)  # the filters have area 1: power is what is above them
        for at, values in by_length(batch):
            power = np.einsum("nbt,b->nt", np.exp(np.minimum(values * np.float32(view.full_scale), MOST)) - 1, widths)
            loudest = power.max(axis=1, initial=0)
            some = np.flatnonzero(loudest > 0)
            share = power[some].astype(np.float64) / loudest[some, None]
            found[at[some], 4] = 100 * np.mean(share < QUIET, axis=1)
            soft, loud = np.quantile(10 * np.log10(np.maximum(share, FLOOR)), [0.05, 0.95], axis=1)
            found[at[some], 5] = loud - soft
        return found
