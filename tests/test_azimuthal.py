"""The azimuthal average, by closed forms and against plain versions of its two ways."""

import numpy as np
import pytest

from verifier.data.batch import Batch
from verifier.data.intensity import LEVELS
from verifier.image.features.azimuthal import FLOOR, azimuthal_average, decibels, ring_frequencies
from verifier.image.features.planes import luma, planes
from verifier.image.rules.azimuthal_spectrum import BANDS, AzimuthalSpectrum
from verifier.image.view import ImageView
from verifier.music.view import PianoRollView

RNG = np.random.default_rng(0)


def plain(picture):
    """The exact way, pixel by pixel of the shifted transform."""
    height, width = picture.shape
    power = np.abs(np.fft.fftshift(np.fft.fft2(picture.astype(np.float64)))) ** 2 / (height * width)
    down = np.fft.fftshift(np.fft.fftfreq(height))[:, None]
    across = np.fft.fftshift(np.fft.fftfreq(width))[None, :]
    ring = np.rint(np.hypot(down, across) * min(height, width)).astype(int)
    return np.array([power[ring == k].mean() for k in range(ring.max() + 1)])


def published(picture):
    """What the authors' code does, in other words: their centre, their radii, and rings 1 to the last but one."""
    height, width = picture.shape
    transform = np.fft.fftshift(np.fft.fft2(picture.astype(np.float64) * 255)) + 1e-8
    y, x = np.indices(picture.shape)
    ring = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2).astype(int)
    level = 20 * np.log(np.abs(transform))
    return np.array([level[ring == k].mean() for k in range(1, ring.max())])


@pytest.mark.parametrize("shape", [(28, 28), (64, 64), (33, 33), (20, 31), (31, 20), (16, 40), (2, 2)])
def test_both_ways_agree_with_plain_versions(shape):
    pictures = LEVELS[RNG.integers(0, 256, (5, *shape))]
    assert azimuthal_average(pictures) == pytest.approx(np.array([plain(one) for one in pictures]), rel=1e-5)
    want = np.array([published(one) for one in pictures])
    assert azimuthal_average(pictures, "durall").shape == want.shape
    assert azimuthal_average(pictures, "durall") == pytest.approx(want, rel=1e-5)


def test_many_pictures_are_as_one_by_one():
    pictures = RNG.random((300, 28, 28), np.float32)
    for mode in ("exact", "durall"):
        whole = azimuthal_average(pictures, mode)
        assert whole == pytest.approx(np.concatenate([azimuthal_average(one[None], mode) for one in pictures]))
    assert azimuthal_average(pictures[:0]).shape == (0, 21)


def test_a_picture_of_1024_has_the_722_rings_of_the_published_features():
    assert azimuthal_average(np.zeros((0, 1024, 1024)), "durall").shape == (0, 722)


def test_a_flat_picture_has_power_at_nought_alone():
    found = azimuthal_average(np.full((1, 32, 32), 0.5))
    assert found[0, 0] == pytest.approx(32 * 32 * 0.25)
    assert np.abs(found[0, 1:]).max() < 1e-20
    assert decibels(found)[0, 1:] == pytest.approx(10 * np.log10(FLOOR))


def test_a_cosine_has_its_power_in_one_ring():
    x = np.arange(32)
    wave = np.broadcast_to(0.2 * np.cos(2 * np.pi * 8 * x / 32), (1, 32, 32))
    found = azimuthal_average(wave)[0]
    in_ring = np.hypot(*np.meshgrid(np.fft.fftfreq(32) * 32, np.fft.fftfreq(32) * 32)).round() == 8
    assert found[8] * in_ring.sum() == pytest.approx(0.2**2 / 2 * 32 * 32)
    assert np.delete(found, 8).max() < 1e-20
    assert ring_frequencies(32, 32)[8] == 0.25


def test_white_noise_has_its_variance_in_every_ring():
    found = azimuthal_average(RNG.normal(0, 0.1, (2000, 16, 16))).mean(axis=0)
    assert found == pytest.approx(np.full(len(found), 0.01), rel=0.1)


def test_the_published_centre_splits_a_ring_that_the_exact_one_keeps_whole():
    x = np.arange(32)
    wave = np.broadcast_to(0.5 + 0.2 * np.cos(2 * np.pi * 8 * x / 32), (1, 32, 32))
    level = azimuthal_average(wave, "durall")[0]
    # At 8 - 0.5 and at 8 + 0.5 pixels from the centre they take: in rings 7 and 8, which stand at 6 and 7.
    assert set(np.argsort(level)[-2:]) == {6, 7}


def test_planes_and_luma_of_colour():
    view = ImageView(height=4, width=6, channels=3)
    values = RNG.random((2, 12, 6), np.float32)
    batch = Batch.of(view, values)
    assert planes(batch).shape == (2, 3, 4, 6)
    assert np.array_equal(planes(batch)[1, 2], values[1, 8:])
    want = 0.299 * values[:, :4] + 0.587 * values[:, 4:8] + 0.114 * values[:, 8:]
    assert luma(batch) == pytest.approx(want, abs=1e-6)
    with pytest.raises(TypeError, match="expected pictures, found a piano-roll"):
        luma(Batch.of(PianoRollView(), np.zeros((1, 64, 8), np.float32)))


def test_the_numbers_of_the_rule_are_bands_whatever_the_size():
    for side in (28, 64, 200):
        x = np.arange(side)
        wave = 0.5 + 0.2 * np.cos(2 * np.pi * 0.25 * x) + 0.05 * RNG.normal(size=(1, side, side))
        batch = Batch.of(ImageView(height=side, width=side), wave.astype(np.float32))
        found = AzimuthalSpectrum().measure(batch)
        assert found.shape == (1, BANDS)
        assert AzimuthalSpectrum().axis(int(np.nanargmax(found))).name == "0.250 cycles/pixel"
        louder = AzimuthalSpectrum().measure(batch.with_values(0.5 + (batch.values - 0.5) / 2))
        assert louder == pytest.approx(found, abs=0.05, nan_ok=True)
