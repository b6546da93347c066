"""The routes by which sound comes, written by soundfile and soxr."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.routes_worlds import Route, Written

Wave = NDArray[np.float64]
Edit = Callable[[Wave, int], Wave]


def sound_of(piece: Any) -> tuple[Wave, int]:
    import soundfile

    return soundfile.read(piece.path)


def saved(
    suffix: str, subtype: str, edit: Edit | None = None, rate: int | None = None, level: float | None = None
) -> Callable[[Sequence[Any], Path], Written]:
    """Each recording in a file of its own; at another ``rate``, if there is one, made by soxr."""

    def written(pieces: Sequence[Any], folder: Path) -> Written:
        import soundfile

        for i, piece in enumerate(pieces):
            wave, stored = sound_of(piece)
            wave = edit(wave, stored) if edit else wave
            if rate is not None:
                wave, stored = resampled(wave, stored, rate), rate
            path = folder / f"{i:04}{suffix}"
            channels = 1 if wave.ndim == 1 else wave.shape[1]
            with soundfile.SoundFile(path, "w", stored, channels, subtype, compression_level=level) as file:
                for at in range(0, len(wave), stored):  # libsndfile overflows its stack on a long block of Vorbis
                    file.write(wave[at : at + stored])
        return Written(folder)

    return written


def resampled(wave: Wave, rate: int, other: int) -> Wave:
    import soxr

    return np.asarray(soxr.resample(wave, rate, other, quality="VHQ"))


def gain(wave: Wave, rate: int, decibels: float) -> Wave:
    """Louder or softer; what is too loud is clipped, as a file of integers clips it."""
    return np.clip(wave * 10 ** (decibels / 20), -1, 1)


def offset(wave: Wave, rate: int, by: float = 0.02) -> Wave:
    return np.clip(wave + by, -1, 1)


def silent(wave: Wave, rate: int, before: float = 0, after: float = 0) -> Wave:
    """With digital silence, in seconds."""
    return np.concatenate([np.zeros(round(before * rate)), wave, np.zeros(round(after * rate))])


def hissing(wave: Wave, rate: int, seconds: float = 2) -> Wave:
    """With a pause of faint noise at the end."""
    noise = np.random.default_rng(len(wave)).normal(0, 1e-4, round(seconds * rate))
    return np.concatenate([wave, noise])


def in_a_room(wave: Wave, rate: int) -> Wave:
    """With a second of noise at -66 dB before and after, as microphones give it."""
    before, after = np.random.default_rng(len(wave)).normal(0, 10 ** (-66 / 20), (2, rate))
    return np.concatenate([before, wave, after])


def there_and_back(wave: Wave, rate: int, other: int) -> Wave:
    return resampled(resampled(wave, rate, other), other, rate)[: len(wave)]


def stereo(wave: Wave, rate: int) -> Wave:
    return np.stack([wave, wave], axis=1)


def low(wave: Wave, rate: int, highest: int) -> Wave:
    """Without what lies above half of ``highest``: once stored at a lower rate."""
    return there_and_back(wave, rate, highest)


def clips(seconds: float) -> Callable[[Sequence[Any], Path], Written]:
    """Whole cuts of so many seconds, a file each."""

    def written(pieces: Sequence[Any], folder: Path) -> Written:
        import soundfile

        for i, piece in enumerate(pieces):
            wave, rate = sound_of(piece)
            length = round(seconds * rate)
            for j in range(len(wave) // length):
                cut = wave[j * length : (j + 1) * length]
                soundfile.write(folder / f"{i:04}~{j:02}.wav", cut, rate, subtype="PCM_16")
        return Written(folder)

    return written


def pairs(dtype: Any, scale: float = 1) -> Callable[[Sequence[Any], Path], Written]:
    """Pairs (wave, rate) in memory."""

    def written(pieces: Sequence[Any], folder: Path) -> Written:
        found = [sound_of(piece) for piece in pieces]
        return Written([((wave * scale).astype(dtype), rate) for wave, rate in found], range(len(pieces)))

    return written


def _route(name: str, loses: str, write: Any, said: bool = False) -> Route:
    return Route(f"speech: {name}", loses, write, "speech", said)


ROUTES = [
    _route("WAV 16 bit", "nothing", saved(".wav", "PCM_16")),
    _route("WAV 24 bit", "nothing", saved(".wav", "PCM_24")),
    _route("WAV 32 bit", "nothing", saved(".wav", "PCM_32")),
    _route("WAV float", "nothing", saved(".wav", "FLOAT")),
    _route("WAV double", "nothing", saved(".wav", "DOUBLE")),
    _route("FLAC 16 bit", "nothing", saved(".flac", "PCM_16")),
    _route("FLAC 24 bit", "nothing", saved(".flac", "PCM_24")),
    _route("WAV stereo", "nothing", saved(".wav", "PCM_16", stereo)),
    _route("pairs float32", "nothing", pairs(np.float32)),
    _route("pairs int16", "nothing", pairs(np.int16, 32768)),
    _route("WAV 8 bit", "what is below -48 dB", saved(".wav", "PCM_U8"), said=True),
    _route("WAV mu-law", "what is below the steps", saved(".wav", "ULAW")),
    _route("WAV A-law", "what is below the steps", saved(".wav", "ALAW")),
    *(
        _route(f"gain {d:+d} dB", "loudness", saved(".wav", "PCM_16", partial(gain, decibels=d)))
        for d in (-12, -6, 3, 6)
    ),
    _route("DC offset 0.02", "the zero line", saved(".wav", "PCM_16", offset)),
    _route("0.5 s of zeros before", "where it begins", saved(".wav", "PCM_16", partial(silent, before=0.5))),
    _route("2 s of zeros after", "where it ends", saved(".wav", "PCM_16", partial(silent, after=2))),
    _route("a second of noise at -66 dB before and after", "where it begins, ends", saved(".wav", "PCM_16", in_a_room)),
    _route("2 s of faint noise after", "where it ends", saved(".wav", "PCM_16", hissing)),
    _route("WAV at 16 kHz", "the rate", saved(".wav", "PCM_16", rate=16000)),
    _route("WAV at 44.1 kHz", "the rate", saved(".wav", "PCM_16", rate=44100)),
    _route("WAV at 48 kHz", "the rate", saved(".wav", "PCM_16", rate=48000)),
    _route("resampled to 44.1 kHz and back", "little", saved(".wav", "PCM_16", partial(there_and_back, other=44100))),
    _route("resampled to 48 kHz and back", "little", saved(".wav", "PCM_16", partial(there_and_back, other=48000))),
    _route("Ogg Vorbis, best quality", "little", saved(".ogg", "VORBIS", level=0.0)),
    _route("Ogg Vorbis at 44.1 kHz, best quality", "little", saved(".ogg", "VORBIS", rate=44100, level=0.0)),
    _route("MP3, best quality", "little", saved(".mp3", "MPEG_LAYER_III", level=0.0)),
    _route("MP3 at 44.1 kHz, best quality", "little", saved(".mp3", "MPEG_LAYER_III", rate=44100, level=0.0)),
    _route("Ogg Vorbis, low quality", "detail", saved(".ogg", "VORBIS", level=0.9), said=True),
    _route("once stored at 6 kHz", "above 3 kHz", saved(".wav", "PCM_16", partial(low, highest=6000)), said=True),
    *(_route(f"clips of {s} s, a file each", "beginnings and ends", clips(s)) for s in (1, 3, 10)),
]
