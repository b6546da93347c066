"""Sound: the mel spectrogram against librosa, the features of columns against numpy and scipy.stats, and reading files.

    python benchmarks/audio.py                       # an hour of noise shaped like speech
    python benchmarks/audio.py --folder recordings/  # an hour of these recordings, repeated if they are fewer

Contenders take turns, and the least of their times counts: other work on the machine only ever adds. Agreement is the
largest difference of any value, where the largest value is near 1.
"""

import argparse
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import scipy.stats
import soundfile
import soxr
from numpy.typing import NDArray

from verifier.audio.features.frame_moments import WINDOW, centroids, column_moments, moments, slopes
from verifier.audio.features.mel_spectrogram import mel_spectrogram
from verifier.audio.read import read_audio
from verifier.audio.view import MelView


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="WAV files to make the hour of")
    parser.add_argument("--minutes", type=float, default=60, help="length of the recording (default 60)")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each contender (default 5)")
    options = parser.parse_args()
    view = MelView()
    wave = recording(options.folder, round(options.minutes * 60 * view.sample_rate), view.sample_rate)
    spectrogram(wave, view, options.repeats)
    columns(wave, view, options.repeats)
    files(wave, view)


def recording(folder: Path | None, samples: int, rate: int) -> NDArray[np.float32]:
    """(samples,) of the files in the folder, one after the other, or made up."""
    if folder is None:
        rng = np.random.default_rng(0)
        phrase = rng.standard_normal(60 * rate) * np.maximum(0, np.sin(2 * np.pi * 4 * np.arange(60 * rate) / rate))
        return np.resize((0.1 * phrase).astype(np.float32), samples)
    parts, length = [], 0
    for path in sorted(folder.rglob("*.wav")):
        part, own = soundfile.read(path, dtype="float32")
        parts.append(soxr.resample(part, own, rate))
        length += len(parts[-1])
        if length >= samples:
            break
    return np.resize(np.concatenate(parts), samples)


def least(contenders: Mapping[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds of each contender, the least over all turns, and what it gave."""
    seconds = dict.fromkeys(contenders, np.inf)
    results = {}
    for _ in range(repeats):
        for name, run in contenders.items():
            start = time.perf_counter()
            results[name] = run()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds, results


def report(title: str, seconds: Mapping[str, float], mine: str) -> None:
    print(title)
    for name, took in seconds.items():
        print(f"  {name:<32} {took:8.3f} s {took / seconds[mine]:8.1f} x")


def spectrogram(wave: NDArray[np.float32], view: MelView, repeats: int) -> None:
    """The whole wave at once, in the memory of one array."""

    def of_librosa() -> NDArray[np.float32]:
        power = librosa.feature.melspectrogram(
            y=wave, sr=view.sample_rate, n_fft=view.n_fft, hop_length=view.hop_length, n_mels=view.bands
        )
        return np.log1p(view.compression * power) / view.full_scale

    seconds, found = least({"verifier": lambda: mel_spectrogram(wave, view), "librosa": of_librosa}, repeats)
    report(f"mel spectrogram of {len(wave) / view.sample_rate / 60:.0f} min", seconds, "verifier")
    apart = np.abs(found["verifier"] - found["librosa"]).max()
    print(f"  largest value {found['librosa'].max():.3f}, largest difference {apart:.1e}")


def columns(wave: NDArray[np.float32], view: MelView, repeats: int, n: int = 10_000) -> None:
    """The four moments of centroids and slopes of n windows of 64 x 64."""
    mel = mel_spectrogram(wave, view)
    cut = np.resize(mel.T, (n, 64, view.bands)).transpose(0, 2, 1)
    values = np.maximum(np.ascontiguousarray(cut), np.float32(1e-6))  # scipy.stats knows no silent columns
    lengths, rows = np.full(n, 64), np.arange(float(view.bands))
    of_four = (np.mean, np.var, scipy.stats.skew, scipy.stats.kurtosis)

    def vectorised() -> NDArray[np.float64]:
        centres = (rows[:, None] * values).sum(axis=1) / values.sum(axis=1, dtype=np.float64)
        off = np.arange(WINDOW) - (WINDOW - 1) / 2
        lines = np.lib.stride_tricks.sliding_window_view(centres, WINDOW, axis=1) @ (off / (off @ off))
        return np.stack([four(of, axis=1) for of in (centres, lines) for four in of_four], axis=1)

    def twin() -> NDArray[np.float64]:
        centres = centroids(values, lengths, rows)
        return np.concatenate([moments(centres), moments(slopes(centres))], axis=1)

    column_moments(values[:1], lengths[:1], rows)  # compiled before the clock starts
    contenders = {
        "verifier": lambda: np.concatenate(column_moments(values, lengths, rows), axis=1),
        "its definition, numpy": twin,
        "numpy and scipy.stats": vectorised,
    }
    seconds, found = least(contenders, max(repeats, 10))
    report(f"moments of centroids and slopes of {n:,} windows", seconds, "verifier")
    for name, other in found.items():
        if name != "verifier":
            apart = np.abs(found["verifier"] - other) / (1 + np.abs(other))
            print(f"  difference from {name}: {np.nanmax(apart):.1e} of 1 + the moment")


def files(wave: NDArray[np.float32], view: MelView) -> None:
    """A file, read in windows: time, and the most memory that it takes beside the batch in hand."""
    for share in (0.1, 1):
        part = wave[: round(share * len(wave))]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a.wav")
            soundfile.write(path, soxr.resample(part, view.sample_rate, 22050), 22050)
            minutes = len(part) / view.sample_rate / 60
            start = time.perf_counter()
            windows = sum(len(batch) for batch in read_audio(path, view, name="a"))
            took = time.perf_counter() - start
            tracemalloc.start()
            for batch in read_audio(path, view, name="a"):
                del batch
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        print(
            f"a WAV of {minutes:.0f} min at 22,050 Hz: {windows:,} windows in {took:.1f} s,"
            f" {minutes * 60 / took:.0f} times as fast as it plays; most memory {most / 2**20:.0f} MiB"
        )


if __name__ == "__main__":
    sys.exit(main())
