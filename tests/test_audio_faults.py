import numpy as np
import pytest
import scipy.fft

from tests.media import RATE, SOUNDS, sound
from verifier.audio.faults import FAULTS
from verifier.audio.read import batch_of_waves
from verifier.audio.samples import waves
from verifier.audio.view import MelView
from verifier.base.errors import InputError

WINDOWS = MelView(sample_rate=8000, n_fft=256, hop_length=80, bands=20, window=16, full_scale=12)
OF_SPECTROGRAMS = ["blurred", "smoothed"]
OF_RECORDINGS = sorted(set(FAULTS) - set(OF_SPECTROGRAMS))
TEXTS = [
    "tone=440,0.3 noise=0.05 beat=4",
    "tone=1900,0.2 tone=700,0.2 noise=0.02 seed=1",
    "noise=0.2 below=2000 seed=2",
]


def heard(texts=TEXTS, view=WINDOWS, keep_source=True):
    """The recordings in windows."""
    names = [f"sample-{i}" for i in range(len(texts))]
    return batch_of_waves(
        [sound(text) for text in texts], [RATE] * len(texts), view, names, names, keep_source=keep_source
    )


def plant(name, batch, dose, seed=0):
    return FAULTS[name].plant(batch, dose, np.random.default_rng(seed))


def power_above(wave, hertz):
    """Power of the frequencies above some hertz, next to that of all."""
    spectrum = np.abs(scipy.fft.rfft(wave.astype(np.float64))) ** 2
    return spectrum[scipy.fft.rfftfreq(len(wave), 1 / RATE) > hertz].sum() / spectrum.sum()


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_keeps_what_is_around_the_values_and_a_dose_of_nothing_changes_nothing(name):
    batch = heard()
    before = batch.values.copy()
    nothing = plant(name, batch, 0)
    assert np.array_equal(nothing.values, before)
    assert waves(nothing) is waves(batch)
    batch.feature("stale", lambda _: "feature")
    for dose in FAULTS[name].doses:
        planted, again = plant(name, batch, dose), plant(name, batch, dose)
        assert np.array_equal(batch.values, before)
        assert np.array_equal(planted.values, again.values)
        assert planted.feature("stale", lambda _: "computed") == "computed"
        for field in ("view", "names", "groups", "lengths", "starts", "begins", "ends"):
            assert getattr(planted, field) is getattr(batch, field)
        assert planted.values.dtype == np.float32
        assert planted.values.min() >= 0
    assert not np.array_equal(planted.values, before)


@pytest.mark.parametrize("name", OF_RECORDINGS)
def test_windows_of_a_recording_are_those_of_the_edited_recording_whichever_are_asked_for(name):
    batch = heard()
    dose = FAULTS[name].doses[-1]
    planted = plant(name, batch, dose)
    assert all(waves(planted).sounds[i] is waves(planted).sounds[0] for i in range(1, 3))
    names = [f"sample-{i}" for i in range(3)]
    edited = [waves(planted).sounds[planted.groups.index(name)] for name in names]
    anew = batch_of_waves(edited, [RATE] * 3, WINDOWS, names, names)
    at = [planted.names.index(name) for name in anew.names]
    assert np.array_equal(planted.values[at], anew.values)
    assert np.array_equal(waves(planted).spectra[at], waves(anew).spectra)
    assert [len(wave) for wave in edited] == [len(sound(text)) for text in TEXTS]
    some = batch.take([1, 2])
    if name != "hiss":  # whose noise is drawn anew for each set of windows
        assert np.array_equal(plant(name, some, dose).values, planted.values[[1, 2]])


def test_recordings_are_kept_through_take_and_only_where_they_were_asked_for():
    batch = heard()
    assert waves(batch.take([3, 0])).sounds == (waves(batch).sounds[3], waves(batch).sounds[0])
    assert waves(heard(keep_source=False)).sounds == ()
    with pytest.raises(InputError, match="expected sound files"):
        plant("quieter", heard(keep_source=False), 3)
    assert len(plant("quieter", heard([]), 3)) == 0


def test_a_window_that_falls_silent_is_still_given():
    batch = heard(["tone=440,0.001 noise=0.0001"], SOUNDS)
    assert len(batch) == 1
    assert waves(plant("quieter", batch, 80)).peaks[0] < 1e-6


def test_above_the_cut_there_is_nothing_and_below_it_all_as_it_was():
    batch = heard(["tone=440,0.3 tone=1000,0.1 tone=3000,0.2"], SOUNDS)
    wave = waves(plant("band-limited", batch, 0.5)).sounds[0]
    assert power_above(wave, 2000) < 1e-10
    assert np.allclose(wave, sound("tone=440,0.3 tone=1000,0.1"), atol=1e-5)
    assert np.allclose(
        waves(plant("band-limited", batch, 0.2)).sounds[0],
        sound(*["tone=440,0.3 tone=1000,0.1 tone=3000,0.2"]),
        atol=1e-5,
    )


def test_a_lower_rate_loses_what_is_above_half_of_it_and_leaves_images_of_what_is_below():
    batch = heard(["tone=3000,0.3"], SOUNDS)
    assert np.abs(waves(plant("resampled", batch, 0.5)).sounds[0][200:-200]).max() < 0.01
    image = waves(plant("resampled", heard(["tone=500,0.3"], SOUNDS), 0.5)).sounds[0]
    assert 1e-5 < power_above(image, 3000) < 0.01


def test_levels_go_down_and_up_by_so_many_decibels_and_not_beyond_full_scale():
    batch = heard(["tone=440,0.2"], SOUNDS)
    level = waves(batch).levels[0]
    assert waves(plant("quieter", batch, 6)).levels[0] == pytest.approx(level * 10**-0.3, rel=1e-4)
    assert waves(plant("louder", batch, 6)).levels[0] == pytest.approx(level * 10**0.3, rel=1e-4)
    assert waves(plant("louder", batch, 24)).peaks[0] == 1


def test_peaks_are_cut_off_so_far_below_the_highest():
    batch = heard(["tone=440,0.2"], SOUNDS)
    planted = waves(plant("clipped", batch, 6))
    assert planted.peaks[0] == pytest.approx(waves(batch).peaks[0] * 10**-0.3, rel=1e-4)
    assert planted.clipped[0] > 0.5 * planted.samples[0]


def test_samples_of_few_bits_have_few_values():
    wave = waves(plant("fewer-bits", heard(["tone=440,0.9"], SOUNDS), 13)).sounds[0]
    assert set(np.unique(wave)) == set(np.arange(-4, 5) / 4)


def test_hiss_has_the_deviation_of_the_dose():
    batch = heard(["tone=440,0.3"], SOUNDS)
    noise = waves(plant("hiss", batch, 0.01)).sounds[0] - waves(batch).sounds[0]
    assert noise.std() == pytest.approx(0.01, rel=0.05)
    assert waves(plant("hiss", batch, 0.01, seed=1)).sounds[0][0] != noise[0] + waves(batch).sounds[0][0]


def test_a_spectrogram_can_be_smoothed_without_its_wave():
    batch = heard(keep_source=False)
    for name in OF_SPECTROGRAMS:
        smooth = plant(name, batch, 1).values
        assert np.abs(np.diff(smooth, axis=2)).mean() < 0.8 * np.abs(np.diff(batch.values, axis=2)).mean()
