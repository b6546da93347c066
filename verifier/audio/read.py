"""Sound files and waves -> Batches of mel spectrograms.

A file is read as a stream: memory does not grow with its length. What is heard is the mean of the channels. Its mel
spectrogram is made at the rate of the view; what ``Waves`` says of a sample is measured on the same stretch before
resampling. Silence before and after the sound is left out, unless the view keeps it: windows are cut from where the
sound begins. A mean is taken away (see ``padding``).
"""

import itertools
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr
from msgspec import structs
from numpy.typing import NDArray

from verifier.audio.features.mel_spectrogram import MelStream, Wave, frames_of
from verifier.audio.padding import FAINT, Unpadded
from verifier.audio.samples import mel_view, waves
from verifier.audio.view import AUDIO_SUFFIXES, MelView
from verifier.audio.waveform import Waves, measure
from verifier.base.errors import InputError, printable
from verifier.base.files import open_regular
from verifier.data.batch import Batch
from verifier.data.tensor import CHUNK_CELLS, MAX_MAGNITUDE

BLOCK = 2**18
"""Numbers that are read from a file at a time."""
RATES = range(1000, 768_001)
"""Samples a second that a file may have."""
MAX_CHANNELS = 32
MAX_HOURS = 100
"""Longest file; a longer one is a broken header."""
MAX_WHOLE_FRAMES = 360_000
"""Most frames of a recording that is kept whole: an hour of a hundred a second."""
MAX_WHOLE_SAMPLES = 2**28
"""Most samples of such a recording, which then lie in memory: an hour and a half at 48 kHz."""
_LENGTHS = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_LENGTH = 2**31 - 1
"""Lengths from here on are what a program writes into a WAV that it could not go back to."""


class _Sample(NamedTuple):
    """A window of a recording, or the whole: mel (bands, frames), from frame ``start`` on."""

    start: int
    mel: NDArray[np.float32]
    ends: bool
    waves: Waves


def read_audio(path: Path, view: MelView, *, name: str, keep_source: bool = False) -> Iterator[Batch]:
    """All windows of a sound file, in order, at most CHUNK_CELLS cells a Batch; of one that is silent throughout, the
    first. With ``keep_source`` the recording is read whole and kept in the Waves.

    A window is called ``name@start``, in frames, a whole recording ``name``; the group is ``name``. Raises InputError
    for a file that is no sound, is cut off, holds what is no number, or is longer than a recording may be.
    """
    with open_regular(path, name) as file:
        if not os.fstat(file.fileno()).st_size:
            raise InputError(name, "expected a sound file, found an empty file")
        try:
            with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
                _require_sane(sound, view, name)
                rate = sound.samplerate

            def read() -> Iterator[Wave]:
                # Opened anew: after going back in an MP3 its decoder rounds otherwise.
                file.seek(0)
                with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
                    yield from _blocks(sound, name)

            samples = _samples(read, rate, view, keep_source)
            at_once = max(1, CHUNK_CELLS // (view.bands * (view.window or CHUNK_CELLS)))
            while some := list(itertools.islice(samples, at_once)):
                yield _batch([(name, name, sample) for sample in some], view)
        except soundfile.LibsndfileError as error:
            found = printable(error.error_string).strip().rstrip(".")
            raise InputError(name, f"expected a sound file ({' '.join(AUDIO_SUFFIXES)}), found: {found}") from error


def batch_of_waves(
    waves: Sequence[Wave],
    rates: Sequence[int],
    view: MelView,
    names: Sequence[str],
    groups: Sequence[str],
    *,
    keep_source: bool = False,
) -> Batch:
    """All windows of waves (samples,) in memory, each with its rate, name and group, cut and named as files are. With
    ``keep_source`` the waves are kept.

    Raises InputError for a wave of no samples, one of what is no number, and one longer than a recording may be.
    """
    found = []
    for wave, rate, name, group in zip(waves, rates, names, groups, strict=True):
        _require_length(len(wave), rate, view, name)
        _require_sound(wave, 0, name)
        samples = _samples(_in_memory(wave), rate, view, keep_source)
        found += [(name, group, sample) for sample in samples]
    return _batch(found, view)


def batch_of_pair(pair: Any, view: MelView, name: str) -> Batch:
    """All windows of a pair (wave, rate): (samples,) or (samples, channels), from -1 to 1 or integers of 16 or 32 bits,
    and samples a second. Raises InputError for what is no such pair.
    """
    if len(pair) != 2 or not isinstance(pair[1], int | np.integer):
        raise InputError(name, "expected a pair (wave, samples a second), found another tuple")
    wave = np.asarray(pair[0].numpy(force=True) if hasattr(pair[0], "cpu") else pair[0])
    if wave.ndim not in (1, 2) or wave.dtype.kind not in "if":
        raise InputError(name, f"expected a wave (samples,) or (samples, channels), found {wave.shape} {wave.dtype}")
    if int(pair[1]) not in RATES:
        raise InputError(name, f"expected {RATES[0]:,} to {RATES[-1]:,} samples a second, found {pair[1]:,}")
    if wave.dtype.kind == "i":
        wave = wave / np.float32(-float(np.iinfo(wave.dtype).min))
    if wave.ndim == 2:
        if not 1 <= wave.shape[1] <= MAX_CHANNELS:
            raise InputError(name, f"expected 1 to {MAX_CHANNELS} channels, which come last, found {wave.shape[1]}")
        wave = wave.mean(axis=1)
    return batch_of_waves([wave.astype(np.float32)], [int(pair[1])], view, [name], [name])


def with_sounds(batch: Batch, sounds: Sequence[Wave]) -> Batch:
    """The same windows of other recordings: ``sounds`` has that of each sample, as long as it was and at its rate, one
    object a recording. A window is given though all of it became silence.
    """
    view = mel_view(batch)
    whole = structs.replace(view, remainder="keep", silence_db=None)
    values = np.zeros(batch.values.shape, np.float32)
    found = [Waves.none(1)] * len(batch)
    for recording in {id(sound): sound for sound in sounds}.values():
        own = [i for i, sound in enumerate(sounds) if sound is recording]
        at_start = {int(batch.starts[i]): i for i in own}
        rate = int(waves(batch).rates[own[0]])
        sound = Unpadded(_in_memory(recording), rate, None)
        for sample in _windows(sound, rate, whole):
            if (i := at_start.get(sample.start)) is not None:
                values[i, :, : sample.mel.shape[1]] = sample.mel
                known = waves(batch).take(np.array([i]))
                mean = np.array([sound.offset], np.float32)
                found[i] = replace(
                    sample.waves, before=known.before, padding=known.padding, offsets=mean, sounds=(recording,)
                )
    return batch.with_values(values, Waves.concatenate(found))


def _batch(samples: Sequence[tuple[str, str, _Sample]], view: MelView) -> Batch:
    """Of (name, group, sample)."""
    lengths = np.array([sample.mel.shape[1] for _, _, sample in samples], np.int64)
    starts = np.array([sample.start for _, _, sample in samples], np.int64)
    ends = np.array([sample.ends for _, _, sample in samples], np.bool_)
    width = view.window or int(lengths.max(initial=1))
    values = np.zeros((len(samples), view.bands, width), np.float32)
    for into, (_, _, sample) in zip(values, samples, strict=True):
        into[:, : sample.mel.shape[1]] = sample.mel
    names = [name if not sample.start and sample.ends else f"{name}@{sample.start}" for name, _, sample in samples]
    batch = Batch.of(view, values, lengths=lengths, names=names, groups=[group for _, group, _ in samples])
    extra = Waves.concatenate([sample.waves for _, _, sample in samples])
    return replace(batch, starts=starts, begins=starts == 0, ends=ends, extra=extra)


def _in_memory(wave: Wave) -> Callable[[], Iterable[Wave]]:
    """What reads a wave that is there."""
    whole = wave.astype(np.float32)
    return lambda: [whole]


def _samples(read: Callable[[], Iterable[Wave]], rate: int, view: MelView, keep_source: bool) -> Iterator[_Sample]:
    """The samples of a recording of which ``read`` gives the blocks, without its mean and the silence at its ends; with
    ``keep_source``, each keeps what is left of the recording.
    """
    sound = Unpadded(read, rate, None if view.silence_db is None else max(view.quietest, FAINT))
    whole = np.concatenate([np.zeros(0, np.float32), *sound]) if keep_source else None
    windows = itertools.chain(_windows(sound if whole is None else [whole], rate, view), [None])
    sample, first = next(windows), True
    while sample is not None:
        following = next(windows)
        # What comes after the sound is known at its end alone: the last sample that is kept has it.
        padding = sound.before * first + sound.after * (following is None)
        found = replace(
            sample.waves,
            before=np.array([sound.before]),
            padding=np.array([padding]),
            offsets=np.array([sound.offset], np.float32),
            sounds=sample.waves.sounds if whole is None else (whole,),
        )
        yield sample._replace(waves=found)
        sample, first = following, False


def _windows(blocks: Iterable[Wave], rate: int, view: MelView) -> Iterator[_Sample]:
    """All windows of a recording that comes in blocks; if all are silent, the first."""
    window = view.window or MAX_WHOLE_FRAMES
    stream = MelStream(view)
    resampler = None if rate == view.sample_rate else soxr.ResampleStream(rate, view.sample_rate, 1, dtype="float32")
    mel = np.zeros((view.bands, 0), np.float32)
    wave = np.zeros(0, np.float32)
    frame, sample = 0, 0  # of the recording, the first in mel and the first in wave
    silent: _Sample | None = None  # the first window, as long as all are
    for block in itertools.chain(blocks, [None]):
        last = block is None
        new = np.zeros(0, np.float32) if block is None else block
        wave = np.concatenate([wave, new])
        if resampler is not None:
            new = resampler.resample_chunk(new, last=last)
        mel = np.concatenate([mel, *stream.push(new), *(stream.finish() if last else ())], axis=1)
        # A window waits for the frame after it: without one, the recording ends there.
        while mel.shape[1] > window or (last and mel.shape[1]):
            length = min(window, mel.shape[1])
            ends = last and length == mel.shape[1]
            beyond = round((frame + length) * view.hop_length * rate / view.sample_rate) - sample
            stretch = wave if ends else wave[:beyond]
            is_kept = length == window or view.remainder == "keep" or frame == 0
            if is_kept and np.abs(stretch).max(initial=0) >= view.quietest:
                silent = None
                yield _Sample(frame, mel[:, :length], ends, measure([stretch], rate))
            elif frame == 0:
                silent = _Sample(frame, mel[:, :length], ends, measure([stretch], rate))
            mel, wave = mel[:, length:], wave[len(stretch) :]
            frame, sample = frame + length, sample + len(stretch)
    if silent is not None:
        yield silent


def _blocks(sound: soundfile.SoundFile, name: str) -> Iterator[Wave]:
    """The mean of the channels, as it is read."""
    at = 0
    while at < sound.frames:
        block = sound.read(max(1, BLOCK // sound.channels), dtype="float32", always_2d=True)
        if not len(block):
            raise InputError(name, f"expected {sound.frames:,} samples, as the header says, found {at:,}")
        wave = block[:, 0] if sound.channels == 1 else block.mean(axis=1)
        _require_sound(wave, at, name)
        yield wave
        at += len(block)


def _require_sane(sound: soundfile.SoundFile, view: MelView, name: str) -> None:
    """Raise InputError for a header that promises too much, or more than there is: before anything is decoded."""
    if sound.samplerate not in RATES:
        raise InputError(name, f"expected {RATES[0]:,} to {RATES[-1]:,} samples a second, found {sound.samplerate:,}")
    if sound.channels > MAX_CHANNELS:
        raise InputError(name, f"expected at most {MAX_CHANNELS} channels, found {sound.channels}")
    for length in _LENGTHS.finditer(sound.extra_info):
        promised, found = map(int, length.groups())
        if found < promised < _UNKNOWN_LENGTH:
            raise InputError(name, f"expected {promised:,} bytes of sound, as the header says, found {found:,}")
    _require_length(sound.frames, sound.samplerate, view, name)


def _require_length(samples: int, rate: int, view: MelView, name: str) -> None:
    if not samples:
        raise InputError(name, "expected at least one sample of sound, found none")
    if samples > MAX_HOURS * 3600 * rate:
        raise InputError(name, f"expected at most {MAX_HOURS} hours, found a header that says {samples:,} samples")
    if view.window is None:
        frames = frames_of(math.ceil(samples * view.sample_rate / rate), view)
        if frames > MAX_WHOLE_FRAMES or samples > MAX_WHOLE_SAMPLES:
            raise InputError(
                name,
                f"expected at most {MAX_WHOLE_FRAMES:,} frames and {MAX_WHOLE_SAMPLES:,} samples where recordings are"
                f" kept whole, found {frames:,} and {samples:,}; a view with a window takes recordings of any length",
            )


def _require_sound(wave: Wave, at: int, name: str) -> None:
    """Raise InputError unless a stretch that starts at sample ``at`` holds numbers on the scale from -1 to 1."""
    largest = np.abs(wave).max(initial=0)
    if not largest <= MAX_MAGNITUDE:  # nor for a nan
        wrong = int(np.flatnonzero(~(np.abs(wave) <= MAX_MAGNITUDE))[0])
        raise InputError(name, f"expected values from -1 to 1, found {wave[wrong]:g} at sample {at + wrong:,}")
