"""Faults of sound, see ``verifier.music.faults``: what a telephone or an editor does to a recording that is made.

Each edits the whole recording, at the rate of its file, and cuts the same windows again: Batches must have been read
with ``sounds`` (see ``audio.waveform``). No wave is rounded to the 16 bits of a file, but where the dose says so.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
import soxr
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.audio.read import with_sounds
from verifier.audio.samples import waves
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.rule.fault import Fault, fault
from verifier.values import faults as of_values

Wave = NDArray[np.float32]
FAULTS: dict[str, Fault] = {}
"""Every fault of sound by the name that it has on the command line."""
MU = 255.0
"""Of the curve of mu-law."""
BITS = 16
"""Of a sample in a usual file."""


@fault(FAULTS, "smoothed", "values smoothed along time", "weight of the mean", doses=(0.01, 0.1, 0.3, 1), largest=1)
def smooth(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Each value is mixed with the mean of itself and of the frames before and after it. Dose: weight of the mean."""
    return batch.with_values(of_values.edited(batch, lambda values, _: of_values.smoothed(values, dose), rng))


@fault(FAULTS, "blurred", "values blurred along pitch and time", "deviation in cells", doses=(0.25, 0.35, 0.5, 1))
def blur(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Values run into neighbouring bands and frames. Dose: standard deviation of the Gaussian, in bands and frames."""
    return batch.with_values(of_values.edited(batch, lambda values, _: of_values.blurred(values, dose), rng))


@fault(
    FAULTS, "band-limited", "a narrower band", "share of the band lost", doses=(0.02, 0.1, 0.25, 0.5, 0.75), largest=1
)
def limit_band(batch: Batch, dose: float, rng: Generator) -> Batch:
    """All above a frequency is taken away, without a slope. Dose: the share of the band that is lost, from the top."""

    def edit(wave: Wave, _: int, __: Generator) -> NDArray[Any]:
        spectrum = scipy.fft.rfft(wave)
        spectrum[np.arange(len(spectrum)) > (1 - dose) * (len(spectrum) - 1)] = 0
        return np.asarray(scipy.fft.irfft(spectrum, len(wave)))

    return _by_recording(batch, edit, rng)


@fault(
    FAULTS,
    "resampled",
    "recordings at a lower rate and back",
    "share of the rate lost",
    doses=(0.05, 0.25, 0.5, 0.75),
    largest=1,
)
def resample(batch: Batch, dose: float, rng: Generator) -> Batch:
    """The recording goes to a lower rate, and back by straight lines between its samples, which leaves images of what
    was below. Dose: the share of the rate that is lost.
    """

    def edit(wave: Wave, rate: int, _: Generator) -> NDArray[Any]:
        lower = max(1, round((1 - dose) * rate))
        few = soxr.resample(wave, rate, lower)
        return np.interp(np.arange(len(wave)) * (lower / rate), np.arange(len(few)), few) if len(few) else wave

    return _by_recording(batch, edit, rng)


@fault(FAULTS, "fewer-bits", "samples of fewer bits", "bits lost", doses=(2, 4, 6, 8, 10), largest=15, whole=True)
def fewer_bits(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Samples are rounded, without dither. Dose: bits lost of the 16 of a file."""
    scale = 2.0 ** (BITS - 1 - int(dose))
    return _by_recording(batch, lambda wave, _, __: np.rint(wave * scale) / scale, rng)


@fault(FAULTS, "hiss", "white noise", "deviation", doses=(0.0001, 0.0003, 0.001, 0.01, 0.1))
def add_hiss(batch: Batch, dose: float, rng: Generator) -> Batch:
    """White noise is added. Dose: its standard deviation, where 1 is full scale."""

    def edit(wave: Wave, _: int, own: Generator) -> NDArray[Any]:
        return wave + np.float32(dose) * own.standard_normal(wave.shape, np.float32)

    return _by_recording(batch, edit, rng)


@fault(FAULTS, "quieter", "softer recordings", "decibels", doses=(3, 6, 12, 24))
def quieten(batch: Batch, dose: float, rng: Generator) -> Batch:
    """The recording is softer. Dose: decibels."""
    return _by_recording(batch, lambda wave, _, __: wave * 10 ** (-dose / 20), rng)


@fault(FAULTS, "louder", "louder recordings", "decibels", doses=(3, 6, 12, 24))
def amplify(batch: Batch, dose: float, rng: Generator) -> Batch:
    """The recording is louder, as far as full scale lets it be. Dose: decibels."""
    return _by_recording(batch, lambda wave, _, __: np.clip(wave * 10 ** (dose / 20), -1, 1), rng)


@fault(FAULTS, "clipped", "peaks cut off", "decibels", doses=(1, 3, 6, 12, 24))
def clip(batch: Batch, dose: float, rng: Generator) -> Batch:
    """What is loudest is cut off. Dose: decibels below the peak of the recording at which that happens."""

    def edit(wave: Wave, _: int, __: Generator) -> NDArray[Any]:
        most = np.abs(wave).max() * 10 ** (-dose / 20)
        return np.clip(wave, -most, most)

    return _by_recording(batch, edit, rng)


def compand(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Samples are rounded to the 8 bits of mu-law, ITU-T G.711: no fault, since it has no dose."""

    def edit(wave: Wave, _: int, __: Generator) -> NDArray[Any]:
        curved = np.log1p(MU * np.abs(np.clip(wave, -1, 1))) / np.log1p(MU)
        return np.asarray(np.sign(wave) * np.expm1(np.rint(curved * 127) / 127 * np.log1p(MU)) / MU)

    return _by_recording(batch, edit, rng)


def _by_recording(batch: Batch, edit: Callable[[Wave, int, Generator], NDArray[Any]], rng: Generator) -> Batch:
    """The windows of the recordings as ``edit`` gives them, from the wave and its rate. What is planted in a recording
    depends on its first window in the batch alone. Raises InputError where recordings were not kept.
    """
    kept = waves(batch).sounds
    seeds = rng.integers(2**63, size=len(batch)).tolist()
    if len(kept) != len(batch):
        raise InputError("--fault", "expected sound files: a fault of sound is planted in the wave, found none kept")
    edited: dict[int, Wave] = {}
    for wave, rate, seed in zip(kept, waves(batch).rates.tolist(), seeds, strict=True):
        if id(wave) not in edited:
            edited[id(wave)] = np.asarray(edit(wave, rate, np.random.default_rng(seed)), np.float32)
    return with_sounds(batch, [edited[id(wave)] for wave in kept])
