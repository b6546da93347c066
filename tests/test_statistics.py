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
