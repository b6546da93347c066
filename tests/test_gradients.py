"""The directions of gradients: closed forms, and that sets that were turned or mirrored lie far from upright ones."""

import numpy as np
import pytest

from verifier.data.batch import Batch
from verifier.image.features.gradients import CELLS, DIRECTIONS, gradient_directions
from verifier.image.rules.gradient_directions import GradientDirections
from verifier.image.view import ImageView


def counted(picture):
    """Of a picture, the pixels in each cell and direction, those that there are."""
    found = gradient_directions(picture[None].astype(np.float32))[0].reshape(len(CELLS), len(DIRECTIONS))
    return {(CELLS[i], DIRECTIONS[j]): int(found[i, j]) for i, j in np.argwhere(found).tolist()}


@pytest.mark.parametrize(
    ("slope", "direction"),
    [
        ((1, 0), "right"),
        ((1, 1), "below right"),
        ((0, 1), "below"),
        ((-1, 1), "below left"),
        ((-1, 0), "left"),
        ((-1, -1), "above left"),
        ((0, -1), "above"),
        ((1, -1), "above right"),
    ],
)
def test_a_slope_grows_brighter_in_its_own_direction_in_every_cell(slope, direction):
    y, x = np.mgrid[:12, :12]
    found = counted(0.5 + 0.04 * (slope[0] * x + slope[1] * y))
    assert {which for _, which in found} == {direction}
    assert list(found.values()) == [9, 12, 9, 12, 16, 12, 9, 12, 9]


def test_faint_slopes_and_tiny_pictures_have_none():
    y, x = np.mgrid[:12, :12]
    assert counted(0.5 + 0.01 * (x + y)) == {}
    assert counted(np.full((12, 12), 0.5)) == {}
    assert counted(np.eye(2)) == {}


def letters(n, seed):
    """Strokes like an F: a stem on the left, a bar on top and a shorter one below it, of many sizes."""
    rng = np.random.default_rng(seed)
    values = np.zeros((n, 28, 28), np.float32)
    for picture in values:
        left, top, width, bar, long, short = rng.integers([4, 3, 1, 8, 8, 5], [9, 7, 4, 13, 15, 9])
        picture[top:24, left : left + width] = 1
        picture[top : top + width, left : left + long] = 1
        picture[bar : bar + width, left : left + short] = 1
    return values


def batch(values):
    return Batch.of(ImageView(), np.ascontiguousarray(values), names=[f"{i}" for i in range(len(values))])


@pytest.mark.parametrize(
    "edit",
    [
        lambda x: x.transpose(0, 2, 1),
        lambda x: x[:, :, ::-1],
        lambda x: x[:, ::-1],
        lambda x: x[:, ::-1, ::-1],
        lambda x: np.rot90(x, 1, (1, 2)),
    ],
    ids=["transposed", "mirrored", "upside down", "turned by 180", "turned by 90"],
)
def test_a_set_that_was_turned_or_mirrored_lies_far_from_upright_ones(edit):
    rule = GradientDirections.learn(batch(letters(300, 0))).calibrate(batch(letters(300, 1)))
    upright, turned = letters(50, 2), edit(letters(50, 2))
    assert rule.set_p_value(GradientDirections.learn(batch(upright)).learned, 50) > 0.05
    assert rule.set_p_value(GradientDirections.learn(batch(turned)).learned, 50) < 0.001
