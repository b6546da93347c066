"""Verdicts against what they promise on data made to order, and against the libraries that compute the same."""

import numpy as np
import pytest
import scipy.stats

from tests.rolls import batch, voiced_batch
from tests.test_conformal import calibration as calibrated
from tests.test_spec import small_spec
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import medium_named
from verifier.judge import calibration as verdict
from verifier.judge.calibration import Calibration, PieceCounts
from verifier.judge.storage import confounds, storage_of
from verifier.music.storage import MusicStorage
from verifier.verbs import check, tallies


def counts_of_pieces(rng, k, rate, spread=10.0):
    trials = rng.integers(5, 60, k)
    return PieceCounts(
        violations=rng.binomial(trials, rng.beta(rate * spread, (1 - rate) * spread, k)).tolist(),
        trials=trials.tolist(),
    )


def excess(real, tested):
    return verdict.excess_p_values({"rule": real}, {"rule": tested})["rule"]


@pytest.mark.parametrize("rate", [0.002, 0.03])
def test_the_excess_of_real_pieces_is_called_at_the_stated_rate(rate):
    rng = np.random.default_rng(3)
    calls = 0
    for _ in range(300):
        real, tested = counts_of_pieces(rng, 60, rate), counts_of_pieces(rng, 30, rate)
        calls += excess(real, tested) <= 0.05
    assert calls / 300 <= 0.085  # 0.05 and three standard errors


def test_an_excess_is_seen_also_where_real_data_has_nothing():
    real = PieceCounts(violations=[0] * 70, trials=[100] * 70)
    assert excess(real, PieceCounts(violations=[2, 0, 3, 1] * 10, trials=[100] * 40)) == 1 / 2000
    assert excess(real, PieceCounts(violations=[0] * 40, trials=[100] * 40)) == 1
    assert excess(real, PieceCounts(violations=[0] * 40, trials=[0] * 40)) == 1


def test_holm_agrees_with_its_definition():
    found = verdict.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.9})
    assert found == pytest.approx({"a": 0.04, "c": 0.09, "b": 0.09, "d": 0.9})


def test_discoveries_agree_with_scipy():
    rng = np.random.default_rng(4)
    for _ in range(20):
        p = rng.random(50) ** 3
        assert np.array_equal(verdict.discovered(p, 0.1), scipy.stats.false_discovery_control(p) <= 0.1)


def test_a_level_that_the_calibration_is_too_small_for_is_refused_with_the_number():
    with pytest.raises(InputError, match=r"a level of 0.01 needs 99 held-out pieces; the spec was calibrated with 71"):
        verdict.require_level(0.01, 71, "pieces")
    verdict.require_level(0.05, 19, "pieces")
    with pytest.raises(InputError, match=r"needs 19 held-out pieces; the spec was calibrated with 2"):
        check.judge(small_spec(), tallies.tally(small_spec(), [batch([""], small_spec().view, steps=24)]))


def test_a_calibration_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 scores of a for 3 samples"):
        Calibration(samples=[1, 2], scores={"a": [0.1, None]}, counts={})
    with pytest.raises(ValueError, match="the counts of a are not those of 2 pieces"):
        Calibration(samples=[1, 2], scores={}, counts={"a": PieceCounts(violations=[1], trials=[2, 2])})


def test_parts_of_a_calibration_join_with_the_held_out_pieces_first():
    rng = np.random.default_rng(8)
    parts = [calibrated(rng.normal(size=(n, 2)), samples)[0] for n, samples in ((5, [2, 3]), (3, [1, 1, 1]), (2, [2]))]
    joined = Calibration.joined(parts)
    assert joined.samples == [2, 3, 1, 1, 1, 2]
    assert joined.learned == 4
    assert joined.scores["rule-1"] == [score for part in parts for score in part.scores["rule-1"]]
    assert joined.counts["rule-0"].trials == [1] * 6
    with pytest.raises(ValueError, match="7 learned pieces of 6"):
        Calibration(samples=joined.samples, scores={}, counts={}, learned=7)


def test_the_container_is_named_before_any_verdict():
    music = medium_named("piano-roll")
    real = storage_of(batch(["C4:0-16 E4:0-8"] * 10))
    assert confounds(real, real, music) == ()
    sigmoid = batch(["C4:0-16=0.999"] * 10)
    sigmoid.values[sigmoid.values == 0] = 1e-4
    found, *_ = confounds(real, storage_of(sigmoid), music)
    assert found.startswith("0.0% of the values are exactly 0 or 1, 100.0% in the corpus")
    loud = batch(["C4:0-16 E4:0-8"] * 10)
    loud = Batch.of(loud.view, loud.values.astype(np.float32) * 3 - 1, names=loud.names)
    found = confounds(real, storage_of(loud), music)
    assert any("is the scale right?" in sentence for sentence in found)
    found = confounds(real, storage_of(batch(["C4:0-16 C9:0-1"])), music)
    assert any(text.startswith("50.00% of the notes lie outside the pitches of the view") for text in found)
    assert any(text.startswith("the music sounds 28.0 semitones higher than the corpus") for text in found)
    short = batch(["C4:0-4"] * 10)
    short.lengths[:] = 4
    found = confounds(real, storage_of(short), music)
    assert found[0].startswith("a sample has 4.0 steps on average, 16.0 in the corpus")
    assert found[1].startswith("a pitch sounds for 4.0 steps on average, for 12.0 in the corpus")
    assert confounds(MusicStorage(), real, music) == ()


def test_samples_of_another_time_unit_among_others_are_counted_before_any_verdict():
    music = medium_named("piano-roll")
    real = storage_of(batch(["C4:0-4 E4:4-8 G4:8-12"] * 200))
    mixed = storage_of(batch(["C4:0-4 E4:4-8 G4:8-12"] * 16 + ["C4:0-2 E4:2-4 G4:4-6"] * 4))
    said = [text for text in confounds(real, mixed, music) if "quarter note of these files" in text]
    assert len(said) == 1
    assert said[0].startswith("notes last shorter in 4 of 20 samples than in 99% of the corpus")
    assert not [text for text in confounds(mixed, real, music) if "quarter note" in text]


def test_files_that_begin_between_two_beats_are_counted_before_any_verdict():
    music = medium_named("piano-roll")
    real = MusicStorage(notes=800, samples=100, bars={8: 100})
    clips = MusicStorage(notes=800, samples=100, bars={8: 100}, cut=30)
    assert any(text.startswith("30 of 100 files begin between two beats, 0%") for text in confounds(real, clips, music))
    assert not [text for text in confounds(clips, clips, music) if "between two beats" in text]
    played = MusicStorage(notes=800, samples=100, bars={8: 100}, cut=30, off_grid=400)
    assert not [text for text in confounds(real, played, music) if "between two beats" in text]


def test_sets_of_notes_of_one_length_do_not_fail_for_what_they_do_not_cover():
    real = MusicStorage(notes=800, samples=100, steps=6400)
    assert "no rest is told" in MusicStorage(notes=800, samples=100, steps=6400, guessed=500).holds_less(real)
    assert not MusicStorage(notes=800, samples=100, steps=6400, guessed=300).holds_less(real)
    short = MusicStorage(notes=200, samples=100, steps=1600)
    assert short.holds_less(real) == "the samples are 25% as long as real ones"


def test_samples_without_voices_among_others_are_counted_before_any_verdict():
    music = medium_named("piano-roll")
    sung_batch = voiced_batch(0, n=10)
    sung = storage_of(sung_batch)
    half = sung.merge(storage_of(batch(["C4:0-16 E4:0-8"] * 6)))
    said = "6 of 16 samples have no voices, 0% in the corpus: rules of voices judge the others alone"
    assert said in confounds(sung, half, music)
    assert said not in confounds(half, half, music)
    silent = sung.merge(storage_of(Batch.of(sung_batch.view, np.zeros_like(sung_batch.values))))
    assert not [text for text in confounds(sung, silent, music) if "no voices" in text]
