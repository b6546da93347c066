"""Sound files and waves to Batches: windows, rates, what is measured on the wave, and files that are refused."""

import io
from dataclasses import fields

import numpy as np
import pytest
import soundfile

from verifier.audio import read as audio
from verifier.audio.features.mel_spectrogram import frames_of, mel_spectrogram
from verifier.audio.read import batch_of_waves, read_audio
from verifier.audio.samples import waves
from verifier.audio.view import MelView
from verifier.audio.waveform import BINS, FRAME, Waves, measure
from verifier.base.errors import InputError
from verifier.data.batch import Batch, concatenate
from verifier.data.medium import medium_named
from verifier.judge.storage import storage_of

RATE = 8000
VIEW = MelView(sample_rate=RATE, n_fft=256, hop_length=80, bands=20, window=50)
WHOLE = MelView(sample_rate=RATE, n_fft=256, hop_length=80, bands=20, window=None)


def noise(seconds, rate=RATE, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * rate))).astype(np.float32)


def sine(hertz, seconds, rate=RATE, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def of_wave(wave, view=VIEW, rate=RATE):
    return batch_of_waves([wave], [rate], view, ["a"], ["a"])


def read(path, view=VIEW):
    return concatenate(view, list(read_audio(path, view, name=path.name)))


def test_windows_are_cut_from_the_start_and_named_by_their_first_frame():
    batch = of_wave(noise(1.6))  # 161 frames
    assert batch.values.shape == (3, 20, 50)
    assert batch.values.dtype == np.float32
    assert batch.names == ["a@0", "a@50", "a@100"]
    assert batch.groups == ["a"] * 3
    assert batch.starts.tolist() == [0, 50, 100]
    assert batch.begins.tolist() == [True, False, False]
    assert batch.ends.tolist() == [False, False, False]


def test_windows_are_those_of_the_whole_spectrogram():
    wave = noise(1.6)
    whole = mel_spectrogram(wave, VIEW)
    assert np.array_equal(np.concatenate(list(of_wave(wave).values), axis=1), whole[:, :150])
    assert np.array_equal(of_wave(wave, WHOLE).values[0], whole)


def test_a_remainder_is_kept_where_the_view_says_so():
    view = MelView(sample_rate=RATE, n_fft=256, hop_length=80, bands=20, window=50, remainder="keep")
    batch = of_wave(noise(1.6), view)
    assert batch.lengths.tolist() == [50, 50, 50, 11]
    assert batch.ends.tolist() == [False, False, False, True]
    assert not batch.values[3, :, 11:].any()


def test_a_window_that_is_the_last_says_so():
    batch = of_wave(noise(0.99))  # 100 frames
    assert batch.ends.tolist() == [False, True]


def test_a_recording_shorter_than_a_window_is_kept_whole():
    batch = of_wave(noise(0.2))
    assert batch.names == ["a"]
    assert batch.lengths.tolist() == [frames_of(1600, VIEW)]
    assert batch.begins.all()
    assert batch.ends.all()


def test_a_silent_window_is_left_out_unless_the_view_keeps_it():
    wave = noise(1.6)
    wave[4000:8000] = 1e-4
    assert of_wave(wave).names == ["a@0", "a@100"]
    keeping = MelView(sample_rate=RATE, n_fft=256, hop_length=80, bands=20, window=50, silence_db=None)
    assert len(of_wave(wave, keeping)) == 3


def test_the_mean_of_a_recording_is_taken_away_and_said(tmp_path):
    wave = noise(1.6) + np.float32(0.001)
    shifted = wave + np.float32(0.05)
    plain, other = of_wave(wave), of_wave(shifted)
    assert np.abs(plain.values - other.values).max() < 0.02
    assert np.array_equal(plain.values, np.concatenate(np.split(mel_spectrogram(wave, VIEW)[None, :, :150], 3, axis=2)))
    assert waves(other).offsets == pytest.approx(np.full(3, shifted.mean()))
    soundfile.write(tmp_path / "a.wav", shifted, RATE, "FLOAT")
    assert np.array_equal(read(tmp_path / "a.wav").values, other.values)
    notes = list(medium_named("mel-spectrogram").confounds(storage_of(plain), storage_of(other)))
    assert notes == ["100% of the sounds lie off the middle (a DC offset): their mean is taken away"]


@pytest.mark.parametrize(
    ("suffix", "encoding"), [("aiff", "PCM_16"), ("aif", "PCM_24"), ("au", "PCM_16"), ("opus", "OPUS")]
)
def test_other_containers_of_sound(tmp_path, suffix, encoding):
    kind = {"opus": "OGG", "au": "AU"}.get(suffix, "AIFF")
    soundfile.write(tmp_path / f"a.{suffix}", noise(1.6), RATE, encoding, format=kind)
    assert read(tmp_path / f"a.{suffix}").values.shape == (3, 20, 50)


@pytest.mark.parametrize("loudest", [0, 1e-4])
def test_of_a_recording_that_is_silent_throughout_the_first_window_is_an_empty_sample(loudest):
    silence = of_wave(np.full(16000, loudest, np.float32) * np.resize([1, -1], 16000))
    assert silence.names == ["a@0"]
    medium = medium_named("mel-spectrogram")
    assert not medium.speaks(silence).any()
    assert medium.speaks(of_wave(noise(1.6))).all()
    spectrograms = Batch.of(VIEW, np.stack([np.zeros((20, 50), np.float32), np.eye(20, 50, dtype=np.float32)]))
    assert medium.speaks(spectrograms).tolist() == [False, True]


def test_the_stretches_that_are_measured_make_up_the_wave_at_its_own_rate():
    rate = 11025
    wave = noise(1.6, rate)
    view = MelView(sample_rate=RATE, n_fft=256, hop_length=80, bands=20, window=50, remainder="keep")
    batch = of_wave(wave, view, rate)
    assert waves(batch).rates.tolist() == [rate] * 4
    assert waves(batch).samples.sum() == len(wave)
    assert waves(batch).samples[:3] == pytest.approx(np.full(3, rate / 2), abs=1)
    parts = np.split(wave, np.cumsum(waves(batch).samples)[:-1])
    assert_same_waves(waves(batch), Waves.concatenate([measure([part], rate) for part in parts]))


def assert_same_waves(a: Waves, b: Waves):
    for field in fields(Waves):
        assert np.array_equal(getattr(a, field.name), getattr(b, field.name)), field.name


@pytest.mark.parametrize("rate", [4000, 16000, 44100])
def test_a_sine_stands_in_the_same_band_whatever_the_rate_of_its_file(rate):
    own = of_wave(sine(1000, 1), WHOLE).values[0]
    other = of_wave(sine(1000, 1, rate), WHOLE, rate).values[0]
    assert abs(own.shape[1] - other.shape[1]) <= 1
    assert other[:, 5:90].mean(axis=1).argmax() == own[:, 5:90].mean(axis=1).argmax()
    assert other[:, 5:90].max(axis=0) == pytest.approx(own[:, 5:90].max(axis=0), abs=0.005)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".wav", 0.01), (".flac", 0.01), (".ogg", 0.2), (".mp3", 0.2)])
def test_files_of_every_kind_are_read(tmp_path, suffix, tolerance):
    wave = sine(440, 1.5) + sine(1320, 1.5, amplitude=0.2)
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, wave, RATE)
    batch = read(path)
    assert batch.names == [f"a{suffix}@{start}" for start in batch.starts]
    assert waves(batch).rates.tolist() == [RATE] * len(batch)
    want = of_wave(wave).values
    assert np.abs(batch.values[1, :, 10:40].max(axis=0) - want[1, :, 10:40].max(axis=0)).max() < tolerance


def test_channels_are_averaged(tmp_path):
    left, right = sine(440, 1), sine(1500, 1)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    assert read(path).values == pytest.approx(of_wave((left + right) / 2).values, abs=1e-6)


def test_a_file_read_in_blocks_gives_what_the_whole_gives(tmp_path, monkeypatch):
    wave = noise(4)
    path = tmp_path / "a.wav"
    soundfile.write(path, wave, RATE, subtype="FLOAT")
    monkeypatch.setattr(audio, "BLOCK", 1001)
    for view in (VIEW, WHOLE, MelView(sample_rate=6000, n_fft=256, hop_length=60, bands=20, window=50)):
        batch, want = read(path, view), of_wave(wave, view)
        assert [*batch.names] == [name.replace("a", "a.wav") for name in want.names]
        assert batch.values == pytest.approx(want.values, abs=1e-6)
        assert_same_waves(waves(batch), waves(want))


def test_a_long_file_comes_in_several_batches(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(5), RATE)
    monkeypatch.setattr(audio, "CHUNK_CELLS", 4 * 20 * 50)
    assert [len(batch) for batch in read_audio(path, VIEW, name="a")] == [4, 4, 2]


def test_several_waves_keep_their_names_groups_and_rates():
    batch = batch_of_waves([noise(1), noise(0.6, 16000)], [RATE, 16000], VIEW, ["a", "b"], ["x", "y"])
    assert batch.names == ["a@0", "a@50", "b@0"]
    assert batch.groups == ["x", "x", "y"]
    assert waves(batch).rates.tolist() == [RATE, RATE, 16000]


def test_no_waves_are_an_empty_batch():
    batch = batch_of_waves([], [], WHOLE, [], [])
    assert isinstance(batch, Batch)
    assert batch.values.shape[:2] == (0, 20)


def test_of_a_sine_the_waves_say_its_power_peak_and_level():
    rate = 16384
    found = measure([sine(1024, 1, rate, 1.0)], rate)
    assert found.spectra.shape == (1, BINS)
    assert found.spectra[0].argmax() == 1024 * FRAME // rate
    assert found.spectra[0].max() == pytest.approx(1, rel=1e-5)
    assert found.peaks[0] == pytest.approx(1)
    assert found.levels[0] == pytest.approx(np.sqrt(0.5), rel=1e-5)
    assert found.frames.tolist() == [(rate - FRAME) // (FRAME // 2) + 1]


def test_clipped_are_runs_of_three_at_the_largest_magnitude():
    wave = np.zeros(20, np.float32)
    wave[2:5] = 0.5
    wave[6:8] = 0.5
    wave[9:13] = -0.5
    wave[14:18] = 0.4
    found = measure([wave], RATE)
    assert found.clipped.tolist() == [7]
    assert found.zeros.tolist() == [7]
    assert measure([np.zeros(20, np.float32)], RATE).clipped.tolist() == [0]


def test_clipping_at_both_ends_of_a_wave_is_found():
    assert measure([np.full(9, -0.25, np.float32)], RATE).clipped.tolist() == [9]


def wav(wave=None, **changes):
    file = io.BytesIO()
    soundfile.write(file, noise(1) if wave is None else wave, RATE, format="WAV", **changes)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.wav: expected a sound file, found an empty file"),
        (b"RIFF and so on, but no sound in it at all", "a.wav: expected a sound file .*, found: Format not recognised"),
        (wav()[:5000], "a.wav: expected 16,000 bytes of sound, as the header says, found 4,956"),
        (wav(np.zeros(0)), "a.wav: expected at least one sample of sound, found none"),
        (wav(np.array([0, 0.5, np.nan, 0]), subtype="FLOAT"), "a.wav: expected values .* found nan at sample 2"),
        (wav(np.array([0, 0.5, np.inf]), subtype="FLOAT"), "a.wav: expected values .* found inf at sample 2"),
        (wav(np.array([0, 12345.0]), subtype="FLOAT"), "a.wav: expected values from -1 to 1, found 12345 at sample 1"),
        (wav(np.zeros((10, 40))), "a.wav: expected at most 32 channels, found 40"),
    ],
    ids=["empty", "no sound", "cut off", "no samples", "nan", "infinite", "another scale", "channels"],
)
def test_a_bad_file_gets_one_line(tmp_path, content, message):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".flac", ".mp3"])
def test_a_compressed_file_that_is_cut_off_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, noise(10), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=f"a{suffix}: expected "):
        read(path)


def test_a_wav_whose_writer_could_not_go_back_to_its_header_is_read(tmp_path):
    content = bytearray(wav())
    at = content.index(b"data")
    content[at + 4 : at + 8] = content[4:8] = b"\xff\xff\xff\xff"
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert read(path).values == pytest.approx(of_wave(noise(1)).values, abs=0.01)


def test_a_rate_that_no_sound_has_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1), 100)
    with pytest.raises(InputError, match="expected 1,000 to 768,000 samples a second, found 100"):
        read(path)


def test_a_recording_too_long_to_be_whole_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(2), RATE)
    monkeypatch.setattr(audio, "MAX_WHOLE_FRAMES", 200)
    monkeypatch.setattr(audio, "_blocks", None)
    with pytest.raises(InputError, match=r"expected at most 200 frames .* found 201 and 16,000; a view with a window"):
        read(path, WHOLE)


def test_a_header_of_many_hours_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(2), RATE)
    monkeypatch.setattr(audio, "MAX_HOURS", 0.0001)
    with pytest.raises(InputError, match=r"expected at most 0\.0001 hours, found a header that says 16,000 samples"):
        read(path)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected an ordinary file"):
        read(tmp_path)
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none.wav")
