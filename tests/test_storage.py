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
from verifier.judge.storage import StoredAlike, confounds, storage_of
from verifier.rule.registry import rule_named, rules_for
from verifier.spec.suppressions import accepting

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
    assert low.sounds == Sounds(rates={8000: 4}, narrow=0, sound=2000, below=80)
    merged = Sounds(rates={8000: 4, 22050: 3}, narrow=0, sound=3500, below=140)
    assert low.merge(high).sounds == high.merge(low).sounds == merged
    assert low.merge(SoundStorage()).sounds == low.sounds


def test_files_of_another_rate_are_said_before_any_verdict():
    (note,) = confounds(sounds(8000, 4000), sounds(22050, 11025), SOUND)
    assert note.startswith("the sounds have 22,050 samples a second, 8,000 in the corpus: ")
    mixed = sounds(8000, 4000, 10).merge(sounds(22050, 11025, 10))
    assert confounds(mixed, sounds(22050, 11025), SOUND) == ()


@pytest.mark.parametrize(
    ("gain", "words"), [(0.5, "softer than the corpus (-26 dB"), (2, "louder than the corpus (-14 dB")]
)
def test_sounds_that_are_softer_or_louder_are_said(gain, words):
    waves = [0.1 * np.random.default_rng(i).standard_normal(8000).astype(np.float32) for i in range(4)]
    names = [f"sound-{i}" for i in range(4)]
    plain, other = (
        storage_of(batch_of_waves([by * wave for wave in waves], [8000] * 4, media.SOUNDS, names, names))
        for by in (1, gain)
    )
    (note,) = [note for note in confounds(plain, other, SOUND) if "of the values" not in note]
    assert note.startswith(f"the sounds are {words} of full scale on average, -20); scaled by ")
    old = replace(plain, sounds=replace(plain.sounds, below=0))
    assert [note for note in confounds(old, other, SOUND) if "of the values" not in note] == []


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


def test_rules_that_measure_files_give_no_trial_to_sounds_of_another_rate_and_the_others_do():
    names = [f"sound-{i}" for i in range(4)]
    waves = [0.1 * np.random.default_rng(i).standard_normal(8000).astype(np.float32) for i in range(4)]
    batch = batch_of_waves(waves, [8000, 16000, 8000, 16000], media.SOUNDS, names, names)
    for name, rule in rules_for("mel-spectrogram").items():
        checker = accepting(rule.learn(batch), [], sounds(8000, 4000))
        trials = checker.count(batch).trials > 0
        expected = [True, not rule.measures_file] * 2 if name != "spectral-slope" else trials.tolist()
        assert trials.tolist() == expected, name
    assert {name for name, rule in rules_for("mel-spectrogram").items() if rule.measures_file} == {
        *("bandwidth", "dynamics", "upsampling-peaks")
    }


def test_sounds_of_8_bits_are_said_and_rules_that_measure_files_give_them_no_trial():
    fine = [0.1 * np.random.default_rng(i).standard_normal(8000).astype(np.float32) for i in range(4)]
    names = [f"sound-{i}" for i in range(4)]
    of_8_bits = [np.round(wave * 127) / np.float32(127) for wave in fine]
    corpus, coarse = (
        batch_of_waves(waves, [8000] * 4, media.SOUNDS, names, names) for waves in (fine, [*of_8_bits[:3], fine[3]])
    )
    assert storage_of(coarse).sounds.coarse == 3
    (note,) = confounds(storage_of(corpus), storage_of(coarse), SOUND)
    assert note.startswith("75% of the sounds have at most 256 different values (8 bit, mu-law or A-law), 0% in the")
    rule = rule_named("bandwidth", "mel-spectrogram").learn(corpus)
    trials = accepting(rule, [], storage_of(corpus)).count(coarse).trials
    assert trials.tolist() == [0, 0, 0, 2]
    assert accepting(rule, [], storage_of(coarse)).count(coarse).trials.tolist() == [2, 2, 2, 2]


def test_the_counts_of_files_stored_alike_are_those_without_the_others():
    names = [f"sound-{i}" for i in range(4)]
    waves = [0.1 * np.random.default_rng(i).standard_normal(8000).astype(np.float32) for i in range(4)]
    batch = batch_of_waves(waves, [8000, 16000, 8000, 16000], media.SOUNDS, names, names)
    plain = rule_named("bandwidth", "mel-spectrogram").learn(batch.take([0])).compile()
    guarded = StoredAlike(plain, sounds(16000, 4000))
    own, alone = guarded.count(batch), plain.count(batch.take([1, 3]))
    assert own.violations.tolist() == [0, *alone.violations[:1], 0, *alone.violations[1:]]
    assert own.kinds.counts.tolist() == alone.kinds.counts.tolist()
    assert np.isnan(own.scores[[0, 2]]).all()
    assert list(guarded.locate(batch, 0)) == []
    assert len(list(guarded.locate(batch, 1))) == own.violations[1]
    unknown = StoredAlike(plain, SoundStorage())
    assert unknown.count(batch).trials.tolist() == plain.count(batch).trials.tolist()
