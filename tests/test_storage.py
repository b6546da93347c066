"""The guard on what a container decides, where sounds are: the rate of files, and what ends too low for the view."""

import numpy as np
import pytest
import soxr
from msgspec import convert, to_builtins
from msgspec.structs import replace

from tests import media, rolls
from verifier.audio.read import batch_of_waves
from verifier.audio.storage import Sounds, SoundStorage
from verifier.data.medium import medium_named
from verifier.judge.storage import confounds, storage_of

SOUND = medium_named("mel-spectrogram")


def sounds(rate: int, ends: float, n: int = 4):
    """Noise at a rate that ends at a frequency, made by resampling what was made at twice that."""
    made = round(2 * ends)
    waves = [
        soxr.resample(0.1 * np.random.default_rng(i).standard_normal(made // 2).astype(np.float32), made, rate)
        for i in range(n)
    ]
    names = [f"sound-{i}" for i in range(n)]
    return storage_of(batch_of_waves(waves, [rate] * n, media.SOUNDS, names, names))


def test_the_rates_of_files_are_counted_and_add_up():
    low, high = sounds(8000, 4000), sounds(22050, 11025, 3)
    assert low.sounds == Sounds(rates={8000: 4}, narrow=0)
    assert low.merge(high).sounds == high.merge(low).sounds == Sounds(rates={8000: 4, 22050: 3}, narrow=0)
    assert low.merge(SoundStorage()).sounds == low.sounds


def test_files_of_another_rate_are_said_before_any_verdict():
    (note,) = confounds(sounds(8000, 4000), sounds(22050, 11025), SOUND)
    assert note.startswith("the sounds have 22,050 samples a second, 8,000 in the corpus: ")
    mixed = sounds(8000, 4000, 10).merge(sounds(22050, 11025, 10))
    assert confounds(mixed, sounds(22050, 11025), SOUND) == ()


@pytest.mark.parametrize(("rate", "notes"), [(8000, 1), (16000, 2)])
def test_sounds_that_were_made_at_a_lower_rate_are_found_whatever_the_file_says(rate, notes):
    found = [note for note in confounds(sounds(8000, 4000), sounds(rate, 2000), SOUND) if "of the values" not in note]
    assert len(found) == notes
    assert found[-1].startswith("100% of the sounds end far below the highest frequency of the view, 0% in the corpus")


def test_a_corpus_that_is_as_narrow_says_nothing():
    assert confounds(sounds(8000, 2000), sounds(8000, 2000), SOUND) == ()


def test_spectrograms_without_waves_and_music_say_nothing_of_rates():
    real = sounds(8000, 4000)
    assert confounds(real, replace(real, sounds=Sounds()), SOUND) == ()
    counts = {name: count for name, count in to_builtins(real).items() if name != "sounds"}
    assert confounds(convert(counts, SoundStorage), real, SOUND) == (), "a spec of before they were counted"
    assert "sounds" not in to_builtins(storage_of(rolls.batch(["C4 E4"])))
