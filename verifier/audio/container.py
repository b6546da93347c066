"""What sound files tell beside what is heard: format, rate, length, loudness, metadata; and making them alike."""

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from verifier.audio.waveform import FRAME, measure
from verifier.base.errors import InputError, printable
from verifier.base.files import open_regular
from verifier.data.container import Container, Equaliser, Property, Stored, counted

PROPERTIES = {
    "format": Property("format", False),
    "encoding": Property("encoding", False),
    "sample-rate": Property("sample rate", unit="Hz"),
    "channels": Property("channels"),
    "duration": Property("duration", unit="s"),
    "file-size": Property("file size", unit="bytes", of_coding=True),
    "bytes-per-second": Property("bytes per second", part_of="file-size"),
    "loudness": Property("loudness", unit="dB"),
    "peak": Property("peak", unit="dB", of_content=True),
    "offset": Property("constant offset"),
    "silence-before": Property("silence at the beginning", unit="s"),
    "silence-after": Property("silence at the end", unit="s"),
    "zeros": Property("share of exact zeros", of_content=True),
    "bandwidth": Property("highest frequency", unit="Hz"),
    "tags": Property("tags", False),
    "software": Property("software that wrote it", False),
    "chunks": Property("chunks of the file", False),
}
HEARD_SECONDS = 300
"""Of a longer recording, its beginning is measured."""
SILENT = -60.0
"""Decibels below the peak at which sound begins and ends."""
NOTHING = -120.0
"""The loudness of digital silence, in dB of full scale."""
DEPTH = 60
"""Decibels below the loudest frequency at which the bandwidth ends."""
LOUDNESS = -30.0
"""The loudness in dB of full scale that equalised sounds have; less if a peak has no room."""
PASSED = 0.85
"""Share of the new band that equalised sounds keep: below what any resampler takes away."""
PIECES = ("title", "copyright", "software", "artist", "comment", "date", "album", "license", "tracknumber", "genre")

Wave = NDArray[np.float32]


class SoundContainer(Container):
    """Files of sound."""

    properties = PROPERTIES

    def read(self, path: Path, name: str) -> Iterator[Stored]:
        with open_regular(path, name) as file:
            size = os.fstat(file.fileno()).st_size
            chunks = _chunks(file.read(12), path) if size else None
        wave, facts = _heard(path, name, HEARD_SECONDS)
        rate = facts["sample-rate"]
        facts |= {"file-size": size, "bytes-per-second": size / facts["duration"], "chunks": chunks}
        content = hashlib.sha256(f"{rate}".encode() + np.rint(wave * 2**15).astype(np.int32).tobytes()).digest()
        yield Stored(
            name=name, group=name, content=content, facts=counted({**facts, **_measures(wave, rate)}, PROPERTIES),
            source=path,
        )  # fmt: skip

    def equaliser(self, stored: Sequence[Stored]) -> Equaliser:
        facts = [{key: value for key, value in each.facts.items() if isinstance(value, float)} for each in stored]
        rate = int(min(each["sample-rate"] for each in facts))
        seconds = min(each["duration"] - each["silence-before"] - each["silence-after"] for each in facts)
        room = min(each["loudness"] - each["peak"] for each in facts)
        if seconds < 0.05:
            raise InputError(
                "--equalise", f"the shortest sound has {max(seconds, 0):.2f} s without silence; leave it out"
            )
        return _Equaliser(rate, math.floor(seconds * 100) / 100, min(LOUDNESS, math.floor(room) - 3.0))


class _Equaliser:
    """Sounds of one rate, band, length and loudness: one channel, 16 bits, no silence at either end."""

    suffix = ".wav"

    def __init__(self, rate: int, seconds: float, loudness: float) -> None:
        self.rate = rate
        self.seconds = seconds
        self.loudness = loudness
        self.words: Sequence[str] = (
            f"{rate:,} samples a second, nothing above {PASSED * rate / 2:,.0f} Hz",
            f"the first {seconds:g} s after the silence at the beginning",
            f"loudness (RMS) {loudness:g} dB of full scale, no constant offset",
            "one channel of 16 bits in WAV, without tags",
        )

    def write(self, stored: Stored, path: Path) -> None:
        import scipy.signal
        import soxr

        wave, facts = _heard(stored.source, stored.name, None)
        rate = int(facts["sample-rate"])
        begin, end = _sounding(wave)
        wave = wave[begin : min(end, begin + math.ceil((self.seconds + 0.1) * rate))].astype(np.float64)
        if rate != self.rate:
            wave = soxr.resample(wave, rate, self.rate)
        low_pass = scipy.signal.firwin(511, PASSED, window=("kaiser", 12.0))
        wave = scipy.signal.fftconvolve(wave - wave.mean(), low_pass, mode="same")
        wave = wave[: round(self.seconds * self.rate)]
        wave = np.pad(wave, (0, round(self.seconds * self.rate) - len(wave)))
        wave -= wave.mean()
        level = math.sqrt(np.mean(np.square(wave)))
        gain = min(10 ** (self.loudness / 20) / max(level, 1e-12), 0.999 / max(np.abs(wave).max(), 1e-12))
        with path.open("wb") as file:
            soundfile.write(file, wave * gain, self.rate, "PCM_16", format="WAV")


def _heard(path: Path, name: str, most: float | None) -> tuple[Wave, dict[str, Any]]:
    """The mean of the channels of the first ``most`` seconds, and what the header says. Raises InputError."""
    with open_regular(path, name) as file:
        try:
            with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
                frames = sound.frames if most is None else min(sound.frames, round(most * sound.samplerate))
                samples = sound.read(frames, dtype="float32", always_2d=True)
                header = {
                    "format": sound.format,
                    "encoding": sound.subtype,
                    "sample-rate": sound.samplerate,
                    "channels": sound.channels,
                    "duration": sound.frames / sound.samplerate,
                    **_tags(sound),
                }
        except soundfile.LibsndfileError as error:
            raise InputError(name, f"expected a sound file, found: {printable(error.error_string).strip()}") from error
    wave = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    if not len(wave) or not np.isfinite(wave).all():
        raise InputError(name, "expected at least one sample of sound, and numbers, found none")
    return wave, header


def _tags(sound: soundfile.SoundFile) -> dict[str, Any]:
    kept = {tag: getattr(sound, tag) for tag in PIECES if getattr(sound, tag)}
    software = printable(kept.pop("software", "")).split("(libsndfile", 1)[0].strip()[:60]
    return {"tags": ", ".join(kept) or "none", "software": software or "none"}


def _measures(wave: Wave, rate: int) -> dict[str, Any]:
    begin, end = _sounding(wave)
    found = measure([wave], rate)
    spectrum = found.spectra[0][3:]
    loud = np.flatnonzero((spectrum >= spectrum.max() * 10 ** (-DEPTH / 10)) & (spectrum > 0))
    return {
        "loudness": _decibels(float(found.levels[0])),
        "peak": _decibels(float(found.peaks[0])),
        "offset": float(wave.mean(dtype=np.float64)),
        "silence-before": begin / rate,
        "silence-after": (len(wave) - end) / rate,
        "zeros": float(found.zeros[0]) / len(wave),
        "bandwidth": (loud[-1] + 3) * rate / FRAME if len(loud) else None,
    }


def _sounding(wave: Wave) -> tuple[int, int]:
    """The first sample that is no silence, and the one after the last; 0 and 0 if all is silence."""
    peak = np.abs(wave).max()
    at = np.flatnonzero(np.abs(wave) > peak * 10 ** (SILENT / 20))
    return (int(at[0]), int(at[-1]) + 1) if len(at) else (0, 0)


def _decibels(level: float) -> float:
    return max(NOTHING, 20 * math.log10(level)) if level > 0 else NOTHING


def _chunks(start: bytes, path: Path) -> str | None:
    """The names of the chunks of a WAV file, in their order; None for another."""
    if start[:4] != b"RIFF":
        return None
    names: list[str] = []
    with path.open("rb") as file:
        file.seek(12)
        while len(names) < 20 and len(head := file.read(8)) == 8:
            names.append(printable(head[:4].decode("latin-1")).strip())
            size = int.from_bytes(head[4:], "little")
            file.seek(size + size % 2, os.SEEK_CUR)
    return " ".join(names)
