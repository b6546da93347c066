"""Silence before and after a sound is left out, whatever blocks it comes in."""

import numpy as np
import pytest
import soundfile

from tests.media import RATE, SOUNDS, sound
from verifier.audio.padding import Unpadded
from verifier.audio.read import batch_of_waves, read_audio, with_sounds
from verifier.audio.samples import waves
from verifier.audio.view import MelView
from verifier.data.batch import concatenate
from verifier.data.medium import medium_named
from verifier.judge.storage import confounds, storage_of

VIEW = MelView(sample_rate=RATE, n_fft=256, hop_length=80, bands=20, window=16, full_scale=12)
SPOKEN = sound("tone=440,0.3 noise=0.1")
SILENT = np.zeros(RATE, np.float32)


def unpadded(wave, block):
    found = Unpadded(lambda: [wave[at : at + block] for at in range(0, len(wave), block)], RATE, 0.001)
    return np.concatenate([np.zeros(0, np.float32), *found]), found.before, found.after


@pytest.mark.parametrize("block", [1, 7, 800, 100_000])
@pytest.mark.parametrize("value", [0, 0.01])
def test_a_stretch_of_one_value_at_an_end_is_left_out_in_blocks_of_any_size(block, value):
    short, long = (np.full(n, value, np.float32) for n in (700, 900))
    pause = np.concatenate([SPOKEN[:2000], long, SPOKEN[2000:]])
    for before in (short[:0], short, long):
        for after in (short[:0], short, long):
            left, cut, rest = unpadded(np.concatenate([before, pause, after]), block)
            kept = [each for each in (before, pause, after) if len(each) != 900]
            assert np.array_equal(left, np.concatenate(kept))
            assert (cut, rest) == (len(before) * (len(before) == 900), len(after) * (len(after) == 900))


@pytest.mark.parametrize("block", [7, 800, 100_000])
@pytest.mark.parametrize("gain", [1, 0.1])
@pytest.mark.parametrize("mean", [0, 0.05])
def test_faint_ends_are_left_out_whatever_the_gain_and_the_mean(block, gain, mean):
    rng = np.random.default_rng(0)
    short, long = (0.0002 * rng.uniform(-1, 1, n).astype(np.float32) for n in (700, 1900))
    loud = SPOKEN.copy()
    loud[[0, -1]] = 0.5, -0.5
    loud[1:-1] -= loud[1:-1].mean()
    for before in (short, long):
        for after in (short, long):
            wave = gain * np.concatenate([before, loud, after]) + np.float32(mean)
            left, cut, rest = unpadded(np.concatenate([np.zeros(900, np.float32), wave, SILENT]), block)
            kept = np.concatenate([before[: 700 * (len(before) == 700)], loud, after[: 700 * (len(after) == 700)]])
            assert len(left) == len(kept)
            assert np.allclose(left, gain * kept, atol=0.001)
            assert (cut, rest) == (900 + 1900 * (len(before) == 1900), RATE + 1900 * (len(after) == 1900))


@pytest.mark.parametrize("n", [0, 1, 5000])
def test_what_is_silent_throughout_is_left_as_it_is(n):
    left, before, after = unpadded(np.zeros(n, np.float32), 100)
    assert (len(left), before, after) == (n, 0, 0)


def test_a_padded_recording_gives_the_samples_of_the_plain_one_and_says_where_they_were(tmp_path):
    padded = np.concatenate([SILENT[:4000], SPOKEN, SILENT])
    soundfile.write(tmp_path / "plain.wav", SPOKEN, RATE, "FLOAT")
    soundfile.write(tmp_path / "padded.wav", padded, RATE, "FLOAT")
    plain, other = (
        concatenate(VIEW, list(read_audio(tmp_path / f"{name}.wav", VIEW, name="a"))) for name in ("plain", "padded")
    )
    assert np.array_equal(plain.values, other.values)
    assert list(plain.names) == list(other.names)
    medium = medium_named("mel-spectrogram")
    assert (medium.place(plain, 1, 0), medium.place(other, 1, 0)) == ("0.16 s", "0.66 s")
    assert waves(other).padding.sum() == 12_000
    (note,) = confounds(storage_of(plain), storage_of(other), medium)
    assert note.startswith("76% of the time of the recordings is silence before or after the sound, 0% in")
    assert confounds(storage_of(other), storage_of(other), medium) == ()


def test_a_view_that_keeps_silence_keeps_this_one(tmp_path):
    whole = MelView(sample_rate=RATE, n_fft=256, hop_length=80, bands=20, window=16, full_scale=12, silence_db=None)
    soundfile.write(tmp_path / "padded.wav", np.concatenate([SPOKEN, SILENT]), RATE, "FLOAT")
    (batch,) = read_audio(tmp_path / "padded.wav", whole, name="a")
    assert len(batch) == 1.5 * 100 // 16
    soundfile.write(tmp_path / "silent.wav", SILENT, RATE, "FLOAT")
    assert [batch.names for batch in read_audio(tmp_path / "silent.wav", VIEW, name="a")] == [["a@0"]]


def test_a_fault_is_planted_in_what_is_left_of_a_padded_recording():
    padded = np.concatenate([SILENT[:4000], SPOKEN, SILENT])
    batch = batch_of_waves([padded, SPOKEN], [RATE] * 2, SOUNDS, ["a", "b"], ["a", "b"], keep_source=True)
    assert np.array_equal(batch.values[0], batch.values[1])
    again = with_sounds(batch, [0.5 * wave for wave in waves(batch).sounds])
    assert np.array_equal(again.values[0], again.values[1])
    assert waves(again).before.tolist() == [4000, 0]


def test_noise_before_and_after_the_sound_is_no_sound_and_few_values_of_what_is_faint_no_8_bit():
    rng = np.random.default_rng(0)
    speech = (0.5 * rng.uniform(-1, 1, 8000)).astype(np.float32)
    hiss = np.rint(rng.normal(0, 16, 8000)).astype(np.float32) / 32768  # 66 dB below full scale, in 16 bits
    noisy = np.concatenate([hiss, speech, hiss])
    plain, padded = (batch_of_waves([wave], [8000], SOUNDS, ["a"], ["a"]) for wave in (speech, noisy))
    assert np.array_equal(padded.values, plain.values)
    assert waves(padded).padding.sum() == 16000
    faint = batch_of_waves([hiss], [8000], SOUNDS, ["a"], ["a"])
    assert (waves(faint).values.max(), storage_of(faint).sounds.coarse) <= (256, 0)
