"""How fast the bands of a sound grow louder and softer."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from verifier.audio.features.mel_spectrogram import by_length, frame_rate
from verifier.audio.features.windows import hann
from verifier.audio.samples import mel_view
from verifier.data.batch import Batch
from verifier.rule.numeric_range import Grid, NumericRange

EDGES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Of the modulation bands, in hertz: octaves."""
FLOOR = -120.0
"""Decibels of a share that is nothing."""


class ModulationSpectrum(NumericRange, frozen=True, kw_only=True):
    """The temporal modulation spectrum: how the changes of level in the mel bands are spread over the octaves of their
    own frequency, from the pace of phrases (below 2 Hz) and syllables (4 Hz) to roughness. A violation is an octave
    with a share of the changes, in decibels, that the corpus does not give it.

    Each band of the spectrogram, less its mean, under a Hann window, gives a power spectrum over the frames (compare
    Dau et al., J. Acoust. Soc. Am. 102, 1997); the powers of all bands are added up. Generators that blur lack the fast
    changes; those that upsample in steps have too many at the rate of a step. An octave that holds no frequency of a
    sample that short, or that slow in frames, is no trial.
    """

    survives = ("band limit", "loudness change", "clipping")

    def axis(self, at: int) -> Grid:
        name = f"{EDGES[at]} to {EDGES[at + 1]} Hz" if at + 1 < len(EDGES) else ""
        return Grid(name, "dB", FLOOR, 0.02)

    def measure(self, batch: Batch) -> NDArray[np.float64]:
        rate = frame_rate(mel_view(batch))
        found = np.full((len(batch), len(EDGES) - 1), np.nan)
        for at, values in by_length(batch):
            length = values.shape[2]
            hertz = np.arange(1, length // 2 + 1) * (rate / length)
            octave = np.searchsorted(EDGES, hertz, side="right") - 1
            inside = octave < len(EDGES) - 1
            if not inside.any():
                continue
            window = hann(length)
            spectrum = scipy.fft.rfft((values - values.mean(axis=2, keepdims=True)) * window)[:, :, 1:]
            power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1, dtype=np.float64)
            total = power.sum(axis=1)
            for k in np.unique(octave[inside]).tolist():
                share = np.divide(
                    power[:, octave == k].sum(axis=1), total, out=np.full(len(at), np.nan), where=total > 0
                )
                found[at, k] = 10 * np.log10(np.maximum(share, 10 ** (FLOOR / 10)))
        return found
