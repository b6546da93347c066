"""Differences of neighbours within cells of two by two, and the traces of up-sampling."""

from dataclasses import replace

import numpy as np
import pytest

from tests.media import batch
from verifier.audio.features.comb import HOPS, OCTAVES, comb_peaks
from verifier.audio.rules.upsampling_peaks import UpsamplingPeaks
from verifier.audio.waveform import Waves
from verifier.data.batch import Batch
from verifier.data.intensity import LEVELS
from verifier.image.features.pixel_differences import (
    BINS,
    DIRECTIONS,
    EDGES,
    OFFSETS,
    STEPS,
    neighbour_differences,
    parity,
    step_name,
)
from verifier.image.features.upsampling_peaks import STRIDES, grid_peaks
from verifier.image.rules.co_occurrence import CoOccurrence
from verifier.image.view import ImageView

RNG = np.random.default_rng(0)


def by_hand(levels):
    """Cell by cell, pixel by pixel."""
    found = np.zeros((len(OFFSETS), len(DIRECTIONS), STEPS), np.int64)
    height, width = levels.shape
    for o, (top, left) in enumerate(OFFSETS):
        for y in range(top, height - 1, 2):
            for x in range(left, width - 1, 2):
                for d, (_, down, right) in enumerate(DIRECTIONS):
                    difference = int(levels[y + down, x + right]) - int(levels[y, x])
                    magnitude = int((abs(difference) >= EDGES).sum())
                    found[o, d, len(EDGES) + (magnitude if difference > 0 else -magnitude)] += 1
    return found.ravel()


@pytest.mark.parametrize("shape", [(6, 8), (7, 5), (2, 2), (2, 9)])
def test_differences_are_those_counted_by_hand(shape):
    levels = RNG.integers(0, 256, (3, *shape))
    want = np.array([by_hand(one) for one in levels])
    assert np.array_equal(neighbour_differences(LEVELS[levels][:, None]), want)


def test_channels_add_up_and_so_do_batches():
    pixels = RNG.random((4, 3, 6, 8), np.float32)
    whole = neighbour_differences(pixels)
    assert np.array_equal(whole, sum(neighbour_differences(pixels[:, [c]]) for c in range(3)))
    assert np.array_equal(whole[:2], neighbour_differences(pixels[:2]))
    assert neighbour_differences(pixels[:0]).shape == (0, BINS)


def test_every_step_has_a_name_of_its_own():
    names = [step_name(step) for step in range(STEPS)]
    assert len(set(names)) == STEPS
    assert names[0] == "-192-255"
    assert names[STEPS // 2 - 1 : STEPS // 2 + 2] == ["-1", "0", "+1"]
    assert names[-1] == "+192-255"


def test_pixels_made_two_by_two_are_equal_within_their_own_cells_alone():
    small = LEVELS[RNG.integers(0, 256, (1, 1, 16, 16))]
    large = small.repeat(2, axis=2).repeat(2, axis=3)
    equal = neighbour_differences(large).reshape(len(OFFSETS), len(DIRECTIONS), STEPS)[:, :, STEPS // 2]
    assert equal[0].tolist() == [256] * 3
    assert equal[3].max() < 15  # of 225; by chance 1 in 256 and the pairs along one axis that lie in one cell: none


def test_parity_is_the_statistic_of_two_samples():
    levels = RNG.integers(0, 8, (1, 20, 20))
    counts = by_hand(levels[0]).reshape(4, 3, STEPS)
    want = max(
        np.abs(np.cumsum(counts[a, d]) / counts[a, d].sum() - np.cumsum(counts[b, d]) / counts[b, d].sum()).max()
        for d in range(3)
        for a in range(4)
        for b in range(4)
    )
    found = parity(neighbour_differences(LEVELS[levels][:, None]))
    assert found == pytest.approx([want * np.sqrt(81 / 2)])
    assert np.isnan(parity(neighbour_differences(LEVELS[levels][:, None, :2])))


def test_parity_finds_pixels_made_two_by_two_whatever_they_show():
    small = np.stack([RNG.normal(0.5, scale, (16, 16)) for scale in (0.01, 0.05, 0.2)])
    large = small.repeat(2, axis=1).repeat(2, axis=2)[:, None]
    assert (parity(neighbour_differences(large)) > 4.5).all()
    assert (parity(neighbour_differences(RNG.normal(0.5, 0.1, (20, 1, 32, 32)))) < 2.5).all()


def test_the_distance_finds_repeated_pixels_among_photographs_of_the_same_values():
    smooth = RNG.random((60, 12, 12)).cumsum(axis=1).cumsum(axis=2)
    pictures = (smooth / smooth.max(axis=(1, 2), keepdims=True)).astype(np.float32)
    view = ImageView(height=12, width=12)
    rule = CoOccurrence.learn(Batch.of(view, pictures[:40])).calibrate(Batch.of(view, pictures[40:]))
    repeated = pictures[40:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)
    checker = rule.compile()
    assert checker.count(Batch.of(view, repeated)).violations.mean() > 0.9
    assert checker.count(Batch.of(view, pictures[40:])).violations.sum() <= 1


# Peaks of pictures


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("shape", [(64, 64), (50, 67)])
def test_a_grid_of_any_stride_is_found_untold(stride, shape):
    noise = 0.5 + 0.05 * RNG.normal(size=(8, *shape)).astype(np.float32)
    grid = np.zeros(shape, np.float32)
    grid[::stride, ::stride] = 0.05 * stride
    clean, found = grid_peaks(noise), grid_peaks(noise + grid)
    # Strides that share a factor share a part of the lattice: the strongest is the stride or one that divides it.
    strongest = STRIDES[int((found - clean).mean(axis=0).argmax())]
    assert stride % strongest == 0
    assert (found - clean).mean(axis=0)[STRIDES.index(stride)] > 6


def test_noise_has_no_peaks():
    found = grid_peaks(0.5 + 0.05 * RNG.normal(size=(300, 32, 32)).astype(np.float32))
    # The mean of exponentially distributed powers over the mean of medians, whose ratio is 1 / ln 2.
    assert np.median(found[:, STRIDES.index(8)]) == pytest.approx(-10 * np.log10(np.log(2)), abs=0.5)


def test_strides_that_do_not_fit_twice_are_not_defined():
    found = grid_peaks(RNG.random((2, 10, 40), np.float32))
    assert np.isnan(found).any(axis=0).tolist() == [stride > 5 for stride in STRIDES]
    assert not grid_peaks(np.full((1, 64, 64), 0.3, np.float32)).any()


def test_what_is_no_content_does_not_count():
    flat = np.full((1, 32, 32), 0.25, np.float32)
    assert grid_peaks(flat)[0] == pytest.approx(np.zeros(len(STRIDES)))


# Combs of sounds


@pytest.mark.parametrize("hop", [64, 200, 256, 300])
def test_a_comb_of_any_hop_is_found_untold(hop):
    power = RNG.exponential(1, (4, 40, 2049)).mean(axis=1)
    clean, _ = comb_peaks(power)
    lines = np.rint(np.arange(1, hop // 2 + 1) * 4096 / hop).astype(int)
    power[:, lines] *= 4
    peaks, hops = comb_peaks(power)
    at = next(i for i, octave in enumerate(OCTAVES) if octave <= hop < 2 * octave)
    assert (hops[:, at] == hop).all()
    assert (peaks[:, at] > 4).all()
    assert clean[:, at].max() < 1.5


def test_the_scale_of_a_spectrum_does_not_count_and_silence_has_no_comb():
    power = RNG.exponential(1, (3, 2049))
    assert comb_peaks(power * 1e-6)[0] == pytest.approx(comb_peaks(power)[0])
    assert not comb_peaks(np.zeros((2, 2049)))[0].any()


def test_hops_are_products_of_small_strides():
    assert 256 in HOPS
    assert 300 in HOPS
    assert not {7, 14, 77, 257} & set(HOPS)


def test_a_sound_whose_wave_is_not_known_has_no_trial():
    sounds = batch(["noise=0.1 seed=1", "noise=0.1 seed=2"], "mel-spectrogram")
    rule = UpsamplingPeaks.learn(sounds)
    assert rule.support.trials == 2 * len(OCTAVES)
    unknown = replace(sounds, extra=Waves.none(2), _features={})
    assert rule.compile().count(unknown).trials.tolist() == [0, 0]
