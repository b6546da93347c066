import io

import numpy as np
import pytest
from PIL import Image

from tests.media import PICTURES, batch, random_batch
from verifier.data.batch import Batch
from verifier.image.faults import FAULTS
from verifier.image.features.jpeg_grid import block_grid
from verifier.image.view import ImageView

COLOUR = ImageView(height=24, width=16, channels=3)


def plant(name, batch, dose, seed=0):
    return FAULTS[name].plant(batch, dose, np.random.default_rng(seed))


def coloured(n=3, seed=0):
    rng = np.random.default_rng(seed)
    smooth = np.repeat(np.repeat(rng.integers(0, 256, (n, 3, 6, 4)), 4, axis=2), 4, axis=3)
    return Batch.of(COLOUR, (smooth.reshape(n, 72, 16) / 255).astype(np.float32))


def grey(*planes):
    values = np.stack(planes).astype(np.float32)
    return Batch.of(ImageView(height=values.shape[1], width=values.shape[2]), values)


@pytest.mark.parametrize("made", [lambda: random_batch("image", 0), coloured], ids=["grey", "colour"])
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_keeps_what_is_around_the_values_and_gives_values_that_a_file_can_hold(name, made):
    batch = made()
    before = batch.values.copy()
    batch.feature("stale", lambda _: "feature")
    nothing = plant(name, batch, 0)
    assert np.array_equal(nothing.values, before)
    # Nor does the function itself change what is of 8 bits; but JPEG of the best quality is not what it was.
    if name != "jpeg":
        assert np.array_equal(FAULTS[name].function(batch, 0, np.random.default_rng(0)).values, before)
    changed = []
    for dose in FAULTS[name].doses:
        planted, again = plant(name, batch, dose), plant(name, batch, dose)
        assert np.array_equal(batch.values, before)
        assert np.array_equal(planted.values, again.values)
        assert planted.values.dtype == np.float32
        assert np.array_equal(planted.values, (np.rint(planted.values * 255) / 255).astype(np.float32))
        assert 0 <= planted.values.min() <= planted.values.max() <= 1
        assert planted.feature("stale", lambda _: "computed") == "computed"
        for field in ("view", "names", "groups", "lengths"):
            assert getattr(planted, field) is getattr(batch, field)
        changed.append(np.abs(planted.values - before).mean())
    assert changed[-1] > 1.5 * changed[0]
    assert len(plant(name, batch.take([]), 1 if FAULTS[name].whole else 0.5)) == 0


@pytest.mark.parametrize("name", ["gaussian-blur", "enlarged", "median", "sharpened", "noisy"])
def test_the_planes_of_a_colour_do_not_run_into_each_other(name):
    pixels = np.zeros((1, 72, 16), np.float32)
    pixels[:, 24:48] = 1
    planted = plant(name, Batch.of(COLOUR, pixels), FAULTS[name].doses[1])
    if name == "noisy":
        assert np.abs(planted.values - pixels).max() < 6 / 255
    else:
        assert np.array_equal(planted.values, pixels)


def test_jpeg_is_what_comes_back_from_a_file():
    batch = coloured(1)
    file = io.BytesIO()
    levels = np.rint(batch.values[0].reshape(3, 24, 16) * 255).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0))).save(file, "JPEG", quality=50)
    back = np.asarray(Image.open(file)).transpose(2, 0, 1).reshape(72, 16)
    assert np.array_equal(np.rint(plant("jpeg", batch, 50).values[0] * 255), back)


def test_jpeg_leaves_its_grid_wherever_the_picture_is_cut_afterwards():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64] / 64
    scene = 0.5 + 0.3 * np.sin(7 * x + 3 * y) + 0.05 * rng.standard_normal((64, 64))
    real = grey(np.clip(scene, 0, 1))
    file = plant("jpeg", real, 70)
    found = block_grid(file.values[:, 3:59, 5:61])
    assert (found.line.tolist(), found.column.tolist()) == ([5], [3])
    assert found.best[0] > 6
    assert found.aligned[0] < 1
    assert block_grid(real.values).best[0] < 1.5


def test_a_blur_is_the_gaussian_of_that_deviation():
    point = np.zeros((21, 21))
    point[10, 10] = 1
    blurred = plant("gaussian-blur", grey(point), 1).values[0].astype(np.float64)
    assert blurred.sum() == pytest.approx(1, abs=0.05)
    y, x = np.mgrid[-10:11, -10:11]
    assert blurred == pytest.approx(np.exp(-(x**2 + y**2) / 2) / (2 * np.pi), abs=0.003)


def test_an_enlarged_picture_has_lost_the_details_and_kept_the_slopes():
    columns = np.arange(32)
    ramp, stripes = np.tile(columns / 31, (32, 1)), np.tile(columns % 2, (32, 1))
    planted = plant("enlarged", grey(ramp, stripes), 0.5).values
    assert planted[0] == pytest.approx(ramp, abs=0.03)
    assert planted[1, :, 4:-4].std() < 0.1


def test_the_others_do_what_they_say():
    picture = batch(["flat=0.5 noise=0.1 8-bit"], "image")
    old = picture.values.astype(np.float64)
    assert len(np.unique(plant("posterised", picture, 6).values)) <= 4
    assert plant("noisy", picture, 5).values - old == pytest.approx(0, abs=30 / 255)
    assert (plant("noisy", picture, 5).values - old).std() == pytest.approx(5 / 255, rel=0.2)
    assert plant("brightened", picture, 1).values == pytest.approx(np.sqrt(old), abs=0.5 / 255 + 1e-6)
    assert plant("sharpened", picture, 1).values.std() > 1.3 * old.std()
    middle = plant("median", picture, 1).values[0]
    assert middle[5, 5] == pytest.approx(np.median(old[0, 4:7, 4:7]))
    assert PICTURES.height == 16
