"""Verdicts against what they promise on data made to order, and against the libraries that compute the same."""

import numpy as np
import pytest
import scipy.stats

from tests.rolls import batch, voiced_batch
from tests.test_spec import small_spec
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import medium_named
from verifier.judge import calibration as verdict
from verifier.judge.calibration import Calibration, Conformal, PieceCounts
from verifier.judge.storage import confounds, storage_of
from verifier.music.storage import MusicStorage
from verifier.verbs import check, tallies


def calibration(scores, samples=None):
    rules = {f"rule-{at}": column.tolist() for at, column in enumerate(scores.T)}
    samples = samples or [1] * len(scores)
    counts = {name: PieceCounts(violations=[0] * len(samples), trials=[1] * len(samples)) for name in rules}
    return Calibration(samples=samples, scores=rules, counts=counts), list(rules)


def test_a_p_value_is_a_rank_among_real_scores():
    reference = Conformal(*calibration(np.arange(1.0, 20.0)[:, None]))
    found = reference.of_samples(np.array([[0.0], [10.0], [19.0], [20.0], [np.nan]]))
    assert found.rules[:, 0].tolist() == pytest.approx([20 / 20, 11 / 20, 2 / 20, 1 / 20, 20 / 20])
    assert found.combined.tolist() == pytest.approx([20 / 20, 11 / 20, 2 / 20, 1 / 20, 20 / 20])


@pytest.mark.parametrize("shape", ["continuous", "with ties", "mostly nought"])
def test_combined_p_values_of_real_samples_are_uniform(shape):
    rng = np.random.default_rng(0)

    def real(n):
        common = rng.normal(size=(n, 1))  # rules depend on each other
        scores = common + rng.normal(size=(n, 5))
        if shape == "with ties":
            scores = np.round(scores)
        if shape == "mostly nought":
            scores[:, 1:] = np.where(scores[:, 1:] > 2.5, scores[:, 1:], 0)
        return scores

    flagged = [(Conformal(*calibration(real(199))).of_samples(real(100)).combined <= 0.05).mean() for _ in range(200)]
    low = {"continuous": 0.045, "with ties": 0.035, "mostly nought": 0.045}[shape]
    assert low <= np.mean(flagged) <= 0.055


def test_the_rule_that_speaks_is_named_and_not_buried():
    rng = np.random.default_rng(1)
    reference = Conformal(*calibration(rng.normal(size=(300, 8))))
    strange = rng.normal(size=(200, 8))
    strange[:, 3] += 6
    found = reference.of_samples(strange)
    assert (found.combined <= 0.05).mean() > 0.95
    assert (found.spoke == 3).mean() > 0.9


@pytest.mark.parametrize("nats", [lambda p: -np.log(p), lambda p: 0.01 * -np.log(p)], ids=["in nats", "in other units"])
def test_one_loud_rule_among_many_is_flagged_as_surely_as_by_the_smallest_p(nats):
    rng = np.random.default_rng(5)
    p = rng.random((300, 25))
    p[:, 7] = 1e-4
    assert (25 * p.min(axis=1) <= 0.05).all()  # so says Bonferroni's bound
    scores = nats(p)
    for _ in range(10):
        found = Conformal(*calibration(nats(rng.random((1000, 25))))).of_samples(scores)
        assert (found.combined <= 0.05).mean() > 0.98
        assert (found.spoke == 7).mean() > 0.9


def test_a_rule_of_which_one_violation_says_much_is_not_outvoted():
    # Real pieces often break the loud rule a little; the others are continuous and say nothing.
    rng = np.random.default_rng(6)

    def scores(n, shift):
        loud = np.where(rng.random((n, 1)) < 0.5, rng.exponential(4, (n, 1)), 0) + shift
        return np.hstack([loud, np.abs(rng.normal(size=(n, 24)))])

    found = Conformal(*calibration(scores(1000, 0))).of_samples(scores(1000, 16))
    assert (found.combined <= 0.05).mean() > 0.95
    assert (found.spoke == 0).mean() > 0.95
    assert (25 * found.rules.min(axis=1) <= 0.05).mean() < 0.5  # by the smallest p it would be


def test_what_no_real_sample_reaches_is_still_more_or_less_strange():
    reference = Conformal(*calibration(np.random.default_rng(7).exponential(size=(300, 3))))
    found = reference.of_samples(np.array([[15.0, 0, 0], [18, 0, 0], [24, 0, 0]]))
    assert found.combined.tolist() == pytest.approx([1 / 301] * 3)
    assert (np.diff(found.strangeness) > 1).all()


def test_a_rule_that_few_real_samples_try_or_none_says_how_strange_those_are_that_do():
    scores = np.random.default_rng(9).exponential(size=(300, 3))
    scores[20:, 1] = scores[:, 2] = np.nan
    reference = Conformal(*calibration(scores))
    found = reference.of_samples(np.array([[0.5, np.nan, np.nan], [0.5, 15, np.nan], [0.5, np.nan, 15]]))
    assert found.rules[:, 1].tolist() == pytest.approx([1, 1 / 301, 1])
    assert found.rules[:, 2].tolist() == pytest.approx([1, 1, 1 / 301])
    assert found.combined[0] > 0.1
    assert (found.combined[1:] < 0.05).all()
    assert found.spoke.tolist() == [0, 1, 2]


def test_real_samples_far_beyond_the_rest_do_not_hide_others_that_are():
    scores = np.random.default_rng(10).exponential(size=(500, 2))
    scores[:10, 0] += 100  # one real piece in 50 breaks the first rule by far
    reference = Conformal(*calibration(scores))
    assert reference.scale.mean[0] < 2  # of all excesses it would be 20
    assert reference.scale.nats(np.array([[60.0, 0]]))[0, 0] > 20


def test_the_lowest_of_an_exponential_tail_say_its_mean():
    scores = np.random.default_rng(11).exponential(3, size=(20000, 1))
    assert Conformal(*calibration(scores)).scale.mean[0] == pytest.approx(3, rel=0.1)


def test_a_single_piece_beyond_all_others_is_no_scale_for_itself():
    scores = np.zeros((300, 1))
    scores[:20] = np.linspace(5.1, 7.3, 20)[:, None]  # all of the tail is one piece
    reference = Conformal(*calibration(scores, [20] + [1] * 280))
    assert reference.scale.real[:20, 0].tolist() == pytest.approx([np.log(281)] * 20)
    assert reference.scale.real[20:, 0].tolist() == pytest.approx([0] * 280)


def test_p_values_of_real_pieces_are_uniform():
    rng = np.random.default_rng(2)

    def pieces(k):
        samples = rng.integers(1, 6, k).tolist()
        scores = np.repeat(rng.normal(size=(k, 3)), samples, axis=0) + rng.normal(size=(sum(samples), 3))
        return scores, samples

    flagged = []
    for _ in range(100):
        reference = Conformal(*calibration(*pieces(199)))
        scores, samples = pieces(40)
        p = reference.of_pieces(reference.of_samples(scores), np.repeat(np.arange(40), samples))
        flagged.append((p <= 0.05).mean())
    assert 0.04 <= np.mean(flagged) <= 0.06


@pytest.mark.parametrize(("real", "tested"), [(60, 5), (60, 1), (5, 5)])
def test_long_pieces_are_no_measure_of_short_ones(real, tested):
    rng = np.random.default_rng(5)

    def pieces(k, size):
        """Those of one piece are alike: the strangest of sixty is little stranger than the strangest of five."""
        return np.repeat(rng.normal(size=(k, 3)), size, axis=0) + 0.3 * rng.normal(size=(k * size, 3)), [size] * k

    flagged = []
    for _ in range(60):
        reference = Conformal(*calibration(*pieces(99, real)))
        scores, _ = pieces(40, tested)
        p = reference.of_pieces(reference.of_samples(scores), np.repeat(np.arange(40), tested))
        flagged.append((p <= 0.05).mean())
    assert 0.03 <= np.mean(flagged) <= 0.07


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
    parts = [calibration(rng.normal(size=(n, 2)), samples)[0] for n, samples in ((5, [2, 3]), (3, [1, 1, 1]), (2, [2]))]
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
