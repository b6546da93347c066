"""Mel spectrograms: against librosa, against closed forms, and however the wave comes."""

import librosa
import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.audio.features import mel_spectrogram as mel
from verifier.audio.features.mel_spectrogram import (
    MelStream,
    by_length,
    frames_of,
    mel_filters,
    mel_frequencies,
)
from verifier.audio.features.windows import hann
from verifier.audio.samples import mel_view
from verifier.audio.view import MelView
from verifier.data.batch import Batch
from verifier.image.view import ImageView

VIEWS = [
    MelView(),
    MelView(sample_rate=22050, n_fft=2048, hop_length=512, bands=128, compression=1, full_scale=1),
    MelView(sample_rate=8000, n_fft=256, hop_length=100, bands=20, lowest_hz=80, highest_hz=3000),
    MelView(sample_rate=8000, n_fft=256, hop_length=300, bands=20),
]


def librosa_values(wave, view):
    power = librosa.feature.melspectrogram(
        y=wave,
        sr=view.sample_rate,
        n_fft=view.n_fft,
        hop_length=view.hop_length,
        n_mels=view.bands,
        fmin=view.lowest_hz,
        fmax=view.ceiling_hz,
    )
    return np.log1p(view.compression * power) / view.full_scale


def speech_like(samples, rate, seed=0):
    """A gliding voice of harmonics with pauses, and faint noise: loud next to soft, in time and in frequency."""
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / rate
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * 0.7 * t)) / rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * np.maximum(0, np.sin(2 * np.pi * 2 * t)) * 0.3
    return (voice + 1e-4 * rng.standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize("view", VIEWS, ids=["default", "22 kHz", "8 kHz", "hop beyond the frame"])
def test_filters_are_those_of_librosa(view):
    want = librosa.filters.mel(
        sr=view.sample_rate, n_fft=view.n_fft, n_mels=view.bands, fmin=view.lowest_hz, fmax=view.ceiling_hz
    )
    assert np.abs(mel_filters(view) - want).max() <= 1e-6 * want.max()


def test_a_filter_has_area_one():
    view = MelView(n_fft=8192)
    assert mel_filters(view).sum(axis=1) * view.sample_rate / view.n_fft == pytest.approx(np.ones(view.bands), rel=0.02)


def test_bands_below_1000_hz_are_evenly_spaced_and_above_grow_by_one_factor():
    hertz = mel_frequencies(MelView())
    low, high = hertz[hertz < 1000], hertz[hertz > 1000]
    assert np.diff(low) == pytest.approx(np.full(len(low) - 1, low[1]))
    assert high[1:] / high[:-1] == pytest.approx(np.full(len(high) - 1, high[1] / high[0]))
    assert hertz[[0, -1]] == pytest.approx([0, 8000])


@pytest.mark.parametrize("view", VIEWS, ids=["default", "22 kHz", "8 kHz", "hop beyond the frame"])
@pytest.mark.parametrize("samples", [1, 1000, 100_000])
def test_values_are_those_of_librosa(view, samples):
    wave = speech_like(samples, view.sample_rate)
    # More zeros after the end change nothing, and librosa warns of a wave shorter than a frame.
    want = librosa_values(np.pad(wave, (0, view.n_fft)), view)[:, : frames_of(samples, view)]
    got = mel.mel_spectrogram(wave, view)
    assert got.shape == (view.bands, frames_of(samples, view))
    assert got.dtype == np.float32
    assert np.abs(got - want).max() <= 1e-5 * max(want.max(), 1 / view.full_scale)


def test_a_full_scale_sine_comes_near_one_in_its_own_band_alone():
    view = MelView()
    wave = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    steady = mel.mel_spectrogram(wave, view)[:, 5:-5]
    band = int(steady.mean(axis=1).argmax())
    assert mel_frequencies(view)[band] < 1000 < mel_frequencies(view)[band + 2]
    # The sine stands in one bin with power (n_fft / 4)^2, and under the Hann window in its neighbours with a quarter.
    weights = mel_filters(view)[band, 63:66]
    power = (view.n_fft / 4) ** 2 * (weights @ [0.25, 1, 0.25])
    assert steady[band] == pytest.approx(np.full(steady.shape[1], np.log1p(1000 * power) / 14), abs=1e-5)
    assert 0.9 < steady[band].mean() < 1.1


def test_silence_is_nought():
    assert not mel.mel_spectrogram(np.zeros(5000, np.float32), MelView()).any()


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 60_000), max_size=5), n_fft=st.sampled_from([255, 256]), hop=st.integers(40, 600))
def test_a_stream_gives_the_same_to_the_bit_however_it_is_cut(cuts, n_fft, hop):
    view = MelView(n_fft=n_fft, hop_length=hop, bands=10)
    wave = speech_like(60_000, view.sample_rate)
    stream = MelStream(view)
    parts = [frames for part in np.split(wave, sorted(cuts)) for frames in stream.push(part)]
    streamed = np.concatenate([*parts, *stream.finish()], axis=1)
    assert np.array_equal(streamed, mel.mel_spectrogram(wave, view))


def test_two_threads_give_what_one_gives(monkeypatch):
    wave, view = speech_like(400_000, 16000), MelView()
    two = mel.mel_spectrogram(wave, view)
    monkeypatch.setattr(mel, "THREADS", 1000)
    assert np.array_equal(two, mel.mel_spectrogram(wave, view))


def test_a_stream_holds_no_more_than_a_block():
    view = MelView()
    stream = MelStream(view)
    for _ in range(50):
        list(stream.push(np.zeros(20_000, np.float32)))
        assert sum(map(len, stream._parts)) < mel.BLOCK + view.n_fft


def test_samples_come_by_length_without_their_padding():
    values = np.arange(2 * 3 * 4, dtype=np.float32).reshape(3, 2, 4)
    batch = Batch.of(MelView(bands=2), values, lengths=np.array([4, 2, 4]))
    found = {values.shape[2]: (at.tolist(), values) for at, values in by_length(batch)}
    assert {length: at for length, (at, _) in found.items()} == {2: [1], 4: [0, 2]}
    assert np.array_equal(found[2][1], values[[1], :, :2])


def test_rules_of_sound_ask_only_sound():
    with pytest.raises(TypeError, match="expected sound, found a image"):
        mel_view(Batch.of(ImageView(), np.zeros((0, 28, 28), np.float32)))


@pytest.mark.parametrize("length", [16, 81, 1024])
def test_the_window_is_scipys(length):
    np.testing.assert_allclose(hann(length), scipy.signal.get_window("hann", length), atol=1e-7)
