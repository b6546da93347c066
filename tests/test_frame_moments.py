"""Features of columns and their moments: against scipy.stats, librosa and closed forms; the loop and its twin."""

import librosa
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.audio.features.frame_moments import WINDOW, centroids, column_moments, moments, slopes

ROWS = np.arange(12.0)


def random_values(seed, n=5, steps=30):
    """Some columns are silent, some samples short."""
    rng = np.random.default_rng(seed)
    values = rng.random((n, len(ROWS), steps), np.float32) ** 3
    values *= (rng.random((n, 1, steps)) > 0.05).astype(np.float32)
    return values, rng.integers(0, steps + 1, n)


def test_the_centroid_of_one_row_is_that_row():
    values = np.zeros((1, 12, 3), np.float32)
    values[0, 4] = 0.25
    assert centroids(values, np.array([3]), ROWS)[0] == pytest.approx([4, 4, 4])


def test_centroids_are_those_of_librosa():
    values, _ = random_values(1, n=1)
    values += np.float32(1e-3)
    hertz = np.linspace(50, 8000, 12)
    want = librosa.feature.spectral_centroid(S=values[0], freq=hertz)[0]
    assert centroids(values, np.array([30]), hertz)[0] == pytest.approx(want, rel=1e-6)


def test_silent_columns_and_those_after_the_end_have_no_centroid():
    values = np.ones((1, 12, 5), np.float32)
    values[0, :, 1] = 0
    assert np.isnan(centroids(values, np.array([4]), ROWS)[0]).tolist() == [False, True, False, False, True]


def test_the_slope_of_a_line_is_its_slope():
    line = 3 + 0.5 * np.arange(20.0)
    assert slopes(line[None])[0] == pytest.approx(np.full(20 - WINDOW + 1, 0.5))


def test_slopes_are_those_of_linear_regression():
    rng = np.random.default_rng(0)
    found = rng.random((1, 15))
    want = [scipy.stats.linregress(np.arange(WINDOW), found[0, t : t + WINDOW]).slope for t in range(15 - WINDOW + 1)]
    assert slopes(found)[0] == pytest.approx(want)


def test_a_gap_leaves_no_slope_over_it_and_too_few_columns_none_at_all():
    line = np.arange(20.0)[None]
    line[0, 10] = np.nan
    assert np.flatnonzero(np.isnan(slopes(line)[0])).tolist() == list(range(4, 11))
    assert slopes(line[:, : WINDOW - 1]).shape == (1, 0)


def test_moments_are_those_of_scipy():
    values = np.random.default_rng(0).gamma(2, size=(6, 40))
    values[2, 5:15] = np.nan
    options = {"axis": 1, "nan_policy": "omit"}
    want = [
        np.nanmean(values, axis=1),
        np.nanvar(values, axis=1),
        scipy.stats.skew(values, **options),
        scipy.stats.kurtosis(values, **options),
    ]
    assert moments(values) == pytest.approx(np.stack(want, axis=1))


def test_what_does_not_vary_has_no_shape_and_what_is_not_there_no_moment():
    found = moments(np.array([[0.1, 0.1, 0.1], [np.nan, np.nan, np.nan]]))
    assert found[0, :2] == pytest.approx([0.1, 0])
    assert np.isnan(found[0, 2:]).all()
    assert np.isnan(found[1]).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_compiled_loop_is_its_definition(seed):
    values, lengths = random_values(seed)
    found = column_moments(values, lengths, ROWS)
    want = centroids(values, lengths, ROWS)
    assert found.centroids == pytest.approx(moments(want), rel=1e-4, abs=1e-4, nan_ok=True)
    assert found.slopes == pytest.approx(moments(slopes(want)), rel=1e-4, abs=1e-4, nan_ok=True)


def test_moments_of_no_samples():
    found = column_moments(np.zeros((0, 12, 30), np.float32), np.zeros(0, np.int64), ROWS)
    assert found.centroids.shape == found.slopes.shape == (0, 4)
