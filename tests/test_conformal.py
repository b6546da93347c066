"""Ranks among real samples and pieces, against what they promise on data made to order."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from verifier.judge.calibration import Calibration, PieceCounts
from verifier.judge.conformal import Conformal
from verifier.judge.tails import Tails
from verifier.spec.spec import load as load_spec


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
    assert found.share[1] > 0.99  # of the cubes of about 10 and of less than one


def test_far_is_as_strange_as_real_samples_are_far():
    plain = np.random.default_rng(10).exponential(size=(500, 2))
    some_far = plain.copy()
    some_far[:15, 0] *= 1000  # three real pieces in a hundred break the first rule by far
    beyond = np.array([[60.0, 0]])
    assert Conformal(*calibration(plain)).scale.nats(beyond)[0, 0] > 20
    found = Conformal(*calibration(some_far)).scale.nats(beyond)[0, 0]
    assert np.log(500 / 50) < found < np.log(500 / 5)
    largest = Conformal(*calibration(some_far)).scale.real.max()
    assert largest < np.log(501) + 2, "no real sample is stranger than so many can tell, by more than a little"


@pytest.mark.parametrize("shape", [0, 0.5, 1])
def test_a_tail_is_found_again(shape):
    values = scipy.stats.genpareto(shape, scale=3).rvs((20000, 1), random_state=11)
    tails = Tails(values, np.arange(20000))
    at = scipy.stats.genpareto(shape, scale=3).isf([1e-3, 1e-4, 1e-5])[:, None]
    assert tails.nats(at)[:, 0] == pytest.approx(-np.log([1e-3, 1e-4, 1e-5]), rel=0.1)


def test_the_fit_without_a_piece_is_that_of_the_others():
    rng = np.random.default_rng(3)
    values, piece = rng.exponential(size=(400, 1)) ** 2, np.repeat(np.arange(100), 4)
    whole, others = Tails(values, piece), Tails(values[4:], piece[4:] - 1)
    inside = values[:4, 0] <= others.start[0]  # where the tail begins is told by all
    assert whole.real[:4][inside] == pytest.approx(others.nats(values[:4])[inside])
    assert whole.real[:4] == pytest.approx(others.nats(values[:4]), abs=0.3)


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
        p = reference.of_pieces(reference.of_samples(scores), np.repeat(np.arange(40), samples)).p
        flagged.append((p <= 0.05).mean())
    assert 0.03 <= np.mean(flagged) <= 0.06


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
        p = reference.of_pieces(reference.of_samples(scores), np.repeat(np.arange(40), tested)).p
        flagged.append((p <= 0.05).mean())
    assert 0.03 <= np.mean(flagged) <= 0.07


def test_a_piece_that_leans_away_as_a_whole_is_found_though_no_sample_is_strange():
    rng = np.random.default_rng(4)

    def pieces(k, shift):
        """Rules that vary much from sample to sample, and little from piece to piece."""
        return rng.exponential(size=(k * 8, 10)) + shift

    reference = Conformal(*calibration(pieces(200, 0), [8] * 200))
    shift = np.zeros(10)
    shift[4] = 2
    tested = reference.of_samples(pieces(50, shift))
    found = reference.of_pieces(tested, np.repeat(np.arange(50), 8))
    assert (tested.combined <= 0.05).mean() < 0.4
    assert (found.p <= 0.05).mean() > 0.8
    assert (found.spoke[found.p <= 0.05] == 4).mean() > 0.9
    assert (found.share[found.spoke == 4] > 0.5).mean() > 0.9
    assert ((found.share > 0) & (found.share <= 1)).all()


def test_a_score_that_is_no_nats_is_worth_as_many_as_real_samples_bear_out():
    rng = np.random.default_rng(6)
    nats_and_distance = np.stack([rng.exponential(size=2000), 0.01 * rng.exponential(size=2000)], axis=1)
    reference = Conformal(*calibration(nats_and_distance))
    found = reference.of_samples(np.array([[12, 0], [0, 0.12]]))
    assert found.evidence[0, 0] == pytest.approx(found.evidence[1, 1], rel=0.25)
    loud, shouting = (Conformal(*calibration(nats_and_distance * [times, 1])) for times in (2, 50))
    assert loud.worth[0] == 1
    assert shouting.worth[0] == pytest.approx(3 / 50, rel=0.2)  # three times what it should is believed


@pytest.mark.parametrize("rules", [3, 26])
@pytest.mark.parametrize("real", [40, 300])
def test_p_values_of_pieces_are_uniform_however_many_there_are(rules, real):
    rng = np.random.default_rng(6)
    mixing = rng.normal(size=(rules, rules)) * (rng.random((rules, rules)) < 0.2) + np.eye(rules)

    def pieces(k):
        own = np.repeat(rng.normal(size=(k, rules)), 4, axis=0) + rng.normal(size=(k * 4, rules))
        return np.exp(own @ mixing / 2)

    flagged = []
    for _ in range(40):
        reference = Conformal(*calibration(pieces(real), [4] * real))
        p = reference.of_pieces(reference.of_samples(pieces(50)), np.repeat(np.arange(50), 4)).p
        flagged.append((p <= 0.05).mean())
    assert 0.02 <= np.mean(flagged) <= 0.065


@pytest.mark.parametrize("name", ["bach", "bach-roll", "folk", "mnist", "palestrina", "photos", "speech"])
def test_no_rule_alone_says_which_real_samples_are_the_strangest(name):
    shipped = load_spec(Path(__file__).parents[1] / "specs" / f"{name}.yaml")
    assert shipped.calibration is not None
    reference = Conformal(shipped.calibration, [rule.name() for rule in shipped.rules])
    said = reference.evidence**3
    strangest = said[np.argsort(-said.sum(axis=1))[: len(said) // 20]]
    shares = strangest / strangest.sum(axis=1, keepdims=True)
    assert shares.mean(axis=0).max() < 2 / 3
