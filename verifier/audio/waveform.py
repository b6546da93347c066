"""Waves: what a mel spectrogram does not say of the sounds in a Batch, measured at the sample rate of the file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from verifier.audio.features.windows import hann

FRAME = 4096
"""Samples in a frame of the long-term spectrum, under a Hann window; frames overlap by half."""
BINS = FRAME // 2 + 1
HANN = hann(FRAME) / (FRAME / 4)
"""The window, so that the power of a full-scale sine is 1."""


@dataclass(frozen=True, eq=False)
class Waves:
    """Measures of n sounds, each over the stretch that its sample was made from, before any resampling.

    rates    (n,) int64, samples a second; 0 where nothing is known of the wave
    spectra  (n, 2049) float32, mean power over the frames at each frequency from 0 to half the rate, where that of a
             full-scale sine is 1; nothing where the wave is unknown: all rows are then 0
    frames   (n,) int64, frames that the spectrum is the mean of
    samples  (n,) int64, samples of the wave
    clipped  (n,) int64, of these, samples in a run of three or more that share the largest magnitude of the wave
    zeros    (n,) int64, samples that are exactly 0
    values   (n,) int64, different values that the samples have: of 8 bits, or of mu-law, at most 256
    peaks    (n,) float32, largest magnitude; 1 is full scale
    levels   (n,) float32, root mean square
    before   (n,) int64, samples of silence before the sound that the sample was cut from, which were left out
    padding  (n,) int64, of these and those after the sound, the ones that stood beside the sample itself
    offsets  (n,) float32, the mean of the recording, which was taken away; 0 where it was next to none
    sounds   n waves (samples,) float32 of the whole recordings that the samples are windows of, one object a recording;
             none unless they were asked for: only faults are planted in them
    """

    features: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    rates: NDArray[np.int64]
    spectra: NDArray[np.float32]
    frames: NDArray[np.int64]
    samples: NDArray[np.int64]
    clipped: NDArray[np.int64]
    zeros: NDArray[np.int64]
    values: NDArray[np.int64]
    peaks: NDArray[np.float32]
    levels: NDArray[np.float32]
    before: NDArray[np.int64]
    padding: NDArray[np.int64]
    offsets: NDArray[np.float32]
    sounds: tuple[NDArray[np.float32], ...] = ()

    def __len__(self) -> int:
        return len(self.rates)

    def take(self, at: NDArray[np.int64]) -> Self:
        known = self.rates[at].any()
        if not known:
            return self.none(len(at))
        sounds = tuple(self.sounds[i] for i in at) if self.sounds else ()
        return type(self)(**{name: getattr(self, name)[at] for name in MEASURES}, sounds=sounds)

    def after_edit(self, steps: int) -> Self:
        """Nothing: no wave is behind an edited spectrogram."""
        return self.none(len(self))

    def differs(self, other: Any, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """By the spectra."""
        return np.asarray((other.spectra != self.spectra).any(axis=1))

    @classmethod
    def none(cls, n: int, steps: int = 0) -> Self:
        """n samples of whose waves nothing is known."""
        return cls(
            rates=np.zeros(n, np.int64),
            # A view of one row of zeros: nothing is stored for what is not known.
            spectra=np.broadcast_to(np.zeros(BINS, np.float32), (n, BINS)),
            frames=np.zeros(n, np.int64),
            samples=np.zeros(n, np.int64),
            clipped=np.zeros(n, np.int64),
            zeros=np.zeros(n, np.int64),
            values=np.zeros(n, np.int64),
            peaks=np.zeros(n, np.float32),
            levels=np.zeros(n, np.float32),
            before=np.zeros(n, np.int64),
            padding=np.zeros(n, np.int64),
            offsets=np.zeros(n, np.float32),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Any], steps: int = 0) -> Self:
        """All sounds of ``parts``."""
        n = sum(map(len, parts))
        if all(not part.rates.any() for part in parts):
            return cls.none(n)
        sounds = tuple(sound for part in parts for sound in part.sounds)
        return cls(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in MEASURES},
            sounds=sounds if len(sounds) == n else (),
        )


MEASURES = tuple(field.name for field in fields(Waves) if field.name != "sounds")
"""The fields that are arrays of n."""


def measure(waves: Sequence[NDArray[np.float32]], rate: int) -> Waves:
    """The measures of waves (samples,) of one rate. What is left after the last whole frame of one is in no spectrum; a
    wave that is shorter than a frame is filled up with zeros.
    """
    import scipy.fft

    n = len(waves)
    found = replace(
        Waves.none(n),
        rates=np.full(n, rate, np.int64),
        spectra=np.zeros((n, BINS), np.float32),
        samples=np.array([len(wave) for wave in waves], np.int64),
    )
    for i, wave in enumerate(waves):
        if not len(wave):
            continue
        filled = wave if len(wave) >= FRAME else np.concatenate([wave, np.zeros(FRAME - len(wave), np.float32)])
        frames = np.lib.stride_tricks.sliding_window_view(filled, FRAME)[:: FRAME // 2]
        power = np.zeros(BINS)
        for at in range(0, len(frames), 64):  # few at a time: a long wave has no array of all of its frames
            spectrum = scipy.fft.rfft(frames[at : at + 64] * HANN)
            power += (spectrum.real**2 + spectrum.imag**2).sum(axis=0, dtype=np.float64)
        found.spectra[i] = power / len(frames)
        found.frames[i] = len(frames)
        found.peaks[i] = peak = np.abs(wave).max()
        found.levels[i] = np.sqrt(np.mean(np.square(wave), dtype=np.float64))
        found.zeros[i] = len(wave) - np.count_nonzero(wave)
        found.values[i] = len(np.unique(wave))
        if peak:
            found.clipped[i] = _flat(wave, peak)
    return found


def _flat(wave: NDArray[np.float32], peak: np.float32) -> int:
    """Samples in runs of three or more that are all ``peak``, or all its negative."""
    count = 0
    for level in (peak, -peak):
        at = np.flatnonzero(wave == level)
        ends = np.flatnonzero(np.diff(at, append=-1) != 1)
        runs = np.diff(ends, prepend=-1)
        count += int(runs[runs >= 3].sum())
    return count
