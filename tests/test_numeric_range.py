"""What rules about numbers share: grids, ranges, surprise, and sets of real samples."""

import numpy as np
import pytest

from tests.media import batch, random_batch
from verifier.audio.rules.dynamics import Dynamics
from verifier.base.errors import InputError
from verifier.rule.numeric_range import BINS, Grid, _surprise
from verifier.values.rules.intensity_distribution import IntensityDistribution
from verifier.values.rules.mode_shares import ModeShares
from verifier.verbs.check import locate


def test_a_value_belongs_to_the_nearest_step_and_is_written_with_as_many_decimals_as_tell_it_apart():
    axis = Grid("peak", "dB", -120, 0.02)
    assert axis.bins(np.array([-120.0, -119.991, -119.989, -1e9, 1e9])).tolist() == [0, 0, 1, 0, BINS - 1]
    assert axis.text(1) == "-119.98 dB"
    assert Grid("mean", "Hz", 0, 10).text(123) == "1,230 Hz"


def test_the_surprise_of_the_middle_is_nothing_and_that_of_an_extreme_is_its_rank():
    table, ones = np.arange(9), np.ones(9, np.int64)
    assert _surprise(np.array([4]), table, ones)[0] == pytest.approx(0)
    # Of ten with itself, half a sample lies at or below the lowest of nine and half of that one: 2 (0.5 + 0.5) / 10.
    assert _surprise(np.array([0]), table, ones)[0] == pytest.approx(-np.log(0.2))
    assert _surprise(np.array([-5]), table, ones)[0] == pytest.approx(-np.log(0.1))


def test_beyond_all_real_samples_surprise_still_grows_and_on_both_sides_alike():
    counts = np.full(200, 10)
    table = np.arange(1000, 1200)
    above = _surprise(np.array([1199, 1250, 1400]), table, counts)
    below = _surprise(np.array([1000, 949, 799]), table, counts)
    assert (np.diff(above) > 1).all()
    np.testing.assert_allclose(above, below)


def test_few_samples_have_no_tail_to_follow():
    table, ones = np.arange(50), np.ones(50, np.int64)
    assert _surprise(np.array([60]), table, ones) == _surprise(np.array([6000]), table, ones)


def test_one_loud_number_outweighs_many_that_mumble():
    rule = ModeShares.learn(random_batch("image", 1, n=400))
    checker = rule.compile()
    counts = checker.count(batch(["flat=0.5 8-bit", "noise=0.1 flat=0.5 seed=3 8-bit"], "image"))
    surprises = checker.surprise(rule.events(batch(["flat=0.5 8-bit"], "image")).keys)
    assert counts.scores[0] == pytest.approx((surprises**3).sum() ** (1 / 3))
    assert counts.scores[0] >= surprises.max()


def test_a_name_is_read_back_and_what_is_none_is_refused():
    rule = Dynamics.learn(random_batch("mel-spectrogram", 2))
    for key in rule.from_yaml().keys.tolist():
        assert rule.key_of(rule.key_name(key)) == key
    with pytest.raises(
        InputError, match="dynamics: expected one of its numbers such as 'clipped samples', found 'mud'"
    ):
        rule.index("mud")
    with pytest.raises(InputError, match="expected a number and its value"):
        rule.key_of("peak high")


def test_a_place_in_sound_is_in_seconds():
    rule = Dynamics.learn(batch(["tone=200,0.5", "tone=300,0.4"], "mel-spectrogram"), tail=0)
    found = list(locate(rule, rule.compile(), batch(["tone=200,0.9 clip=0.5"], "mel-spectrogram"), 0))
    assert {violation.where for violation in found} == {"0.00 s"}
    assert found[0].rule == "dynamics"


def pictures(seed: int, n: int, grey: float = 0.4) -> list[str]:
    rng = np.random.default_rng(seed)
    return [f"flat={grey + rng.normal(0, 0.05):.3f} noise=0.1 seed={1000 * seed + i} 8-bit" for i in range(n)]


def test_a_set_is_held_against_real_sets_of_its_size():
    rule = IntensityDistribution.learn(batch(pictures(0, 600), "image")).calibrate(batch(pictures(1, 300), "image"))
    assert sorted(rule.sets) == [16, 64]  # a set is at most half of what was held out
    starts = [start for start, _ in rule.sets.values()]
    assert starts[0] > 1.5 * starts[1]  # larger sets lie nearer

    def p_value(texts: list[str]) -> float | None:
        return rule.set_p_value(IntensityDistribution.learn(batch(texts, "image")).from_yaml(), len(texts))

    real = [p_value(pictures(seed, 40)) for seed in range(2, 42)]
    assert 0.7 <= np.mean([value == 1 for value in real]) <= 1  # nine of ten lie within the start of the tail
    assert p_value(pictures(99, 40, grey=0.46)) < 0.001
    assert p_value(pictures(99, 8)) is None
    assert IntensityDistribution.learn(batch(pictures(0, 6), "image")).set_p_value(rule.from_yaml(), 100) is None


def test_few_held_out_groups_say_nothing_of_sets():
    rule = IntensityDistribution.learn(batch(pictures(0, 60), "image"))
    assert rule.calibrate(batch(pictures(1, 150), "image")).sets == {}
