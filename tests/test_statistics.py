"""Distances against scipy on the samples that the histograms stand for; intervals against their promise."""

import numpy as np
import pytest
import scipy.spatial
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.base import statistics

histograms = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=40).filter(
    lambda pairs: all(sum(side) > 0 for side in zip(*pairs, strict=True))
)
few = settings(max_examples=50, deadline=None)


@few
@given(histograms)
def test_ks_distance_agrees_with_scipy(pairs):
    p, q = np.array(pairs).T
    axis = np.arange(len(p))
    want = scipy.stats.ks_2samp(np.repeat(axis, p), np.repeat(axis, q), method="asymp").statistic
    assert statistics.ks_distance(p, q) == pytest.approx(want)


@few
@given(histograms)
def test_histogram_ks_agrees_with_scipy(pairs):
    p, q = np.array(pairs).T
    want = scipy.stats.ks_2samp(p / p.sum(), q / q.sum(), method="asymp").statistic
    assert statistics.histogram_ks(p, q) == pytest.approx(want)


@few
@given(histograms)
def test_jensen_shannon_agrees_with_scipy(pairs):
    p, q = np.array(pairs).T
    want = scipy.spatial.distance.jensenshannon(p, q) ** 2
    assert statistics.jensen_shannon(p, q) == pytest.approx(want, abs=1e-9)


@few
@given(histograms)
def test_wasserstein_agrees_with_scipy(pairs):
    p, q = np.array(pairs).T
    axis = np.arange(len(p)) ** 1.5
    want = scipy.stats.wasserstein_distance(axis, axis, p, q)
    assert statistics.wasserstein(axis, p, q) == pytest.approx(want, abs=1e-9)


def rate_of(violations, trials, groups):
    return statistics.group_rate(np.array(violations), np.array(trials), groups)


def test_the_error_of_a_ratio_is_that_of_its_closed_form():
    # Two groups of 1 in 4 and 3 in 4: residuals -1 and 1, so that the variance is 2 / 1 * (1 + 1) / 8^2.
    found = rate_of([1, 3], [4, 4], ["a", "b"])
    assert found == (0.5, pytest.approx(0.25), 2, 8)
    # Three of unequal size, one in two samples, and one without a trial: residuals -.6, .8 and -.2.
    found = rate_of([0, 1, 1, 1, 0], [2, 3, 1, 4, 0], ["a", "b", "b", "c", "d"])
    assert found == (pytest.approx(0.3), pytest.approx((3 / 2 * 1.04 / 100) ** 0.5), 3, 10)


def test_a_single_group_says_nothing_of_how_much_groups_differ():
    found = rate_of([1, 2], [4, 5], ["a", "a"])
    assert found[0] == pytest.approx(1 / 3)
    assert np.isnan(found.error)
    assert found[2:] == (1, 9)


@pytest.mark.parametrize("groups", [3, 5])
def test_of_few_groups_the_error_is_neither_too_small_nor_too_large(groups):
    rng = np.random.default_rng(groups)
    names, rounds = [str(i) for i in range(groups)], 4000
    found = []
    for _ in range(rounds):
        trials = np.full(groups, 5000)
        found.append(rate_of(rng.binomial(trials, rng.normal(0.3, 0.03, groups)), trials, names))
    rates, errors = (np.array([getattr(each, name) for each in found]) for name in ("rate", "error"))
    assert np.mean(errors**2) == pytest.approx(rates.var(), rel=0.1)
    # Of normal groups the distance in errors is Student's t.
    covered = np.abs(rates - 0.3) <= scipy.stats.t.ppf(0.975, groups - 1) * errors
    assert 0.94 < covered.mean() < 0.96


def test_of_independent_samples_the_interval_is_nearly_clopper_and_pearsons():
    broken = np.zeros(500, np.int64)
    broken[:40] = 1
    found = statistics.rate_interval(broken, np.ones(500, np.int64), [str(i) for i in range(500)])
    want = scipy.stats.binomtest(40, 500).proportion_ci(method="exact")
    assert found.rate == 0.08
    assert (found.low, found.high) == pytest.approx((want.low, want.high), abs=2e-4)


def test_without_a_violation_each_group_is_one_trial():
    found = statistics.rate_interval(np.zeros(1000, np.int64), np.full(1000, 50), [str(i // 10) for i in range(1000)])
    want = scipy.stats.binomtest(0, 100).proportion_ci(method="exact")
    assert (found.rate, found.low) == (0, 0)
    assert found.high == pytest.approx(want.high)


def test_without_a_trial_there_is_no_interval():
    assert statistics.rate_interval(np.zeros(3, np.int64), np.zeros(3, np.int64), ["a", "b", "c"]) is None
    assert statistics.share_interval(np.zeros(0, np.bool_), []) is None


def test_the_interval_covers_the_rate_of_trials_that_come_in_groups():
    rng = np.random.default_rng(0)
    rate, covered, naive_covered, rounds = 0.05, 0, 0, 400
    for _ in range(rounds):
        of_group = rng.beta(rate * 20, (1 - rate) * 20, 60)  # groups differ: intraclass correlation 1 / 21
        samples = np.repeat(np.arange(60), 4)
        trials = rng.integers(10, 30, len(samples))
        violations = rng.binomial(trials, of_group[samples])
        found = statistics.rate_interval(violations, trials, [str(group) for group in samples])
        covered += found.low <= rate <= found.high
        naive = scipy.stats.binomtest(int(violations.sum()), int(trials.sum())).proportion_ci(method="exact")
        naive_covered += naive.low <= rate <= naive.high
    assert covered / rounds >= 0.92
    assert naive_covered / rounds < 0.75  # which is what treating trials as independent would promise
