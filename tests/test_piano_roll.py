"""Times to steps: the nearest one, and a half goes up, also where a file could not hold it exactly."""

from fractions import Fraction

import numpy as np
import pytest

from verifier.music.piano_roll import steps_of
from verifier.music.view import PianoRollView


@pytest.mark.parametrize(
    ("ticks", "steps"), [(480, "3.6"), (480, "7"), (960, "7"), (960, "14.4")], ids=lambda value: str(value)
)
def test_a_half_that_was_rounded_down_to_a_tick_goes_up(ticks, steps):
    per_quarter, k = Fraction(steps), range(400)
    exact = [Fraction(2 * i + 1, 2) / per_quarter * ticks for i in k]
    held = [int(time) for time in exact]  # a tick is what a file holds
    assert any(time != tick for time, tick in zip(exact, held, strict=True)), "all halves are ticks: nothing to show"
    view = PianoRollView(steps_per_quarter=float(per_quarter))
    assert steps_of(np.array(held) / ticks, view).tolist() == [i + 1 for i in k]


@pytest.mark.parametrize("steps", [4, 7, 14.4])
def test_other_times_go_to_the_nearest_step(steps):
    view, k = PianoRollView(steps_per_quarter=steps), np.arange(400)
    for away, step in [(-0.4, k), (0.0, k), (0.47, k), (0.5, k + 1), (0.6, k + 1)]:
        assert steps_of((k + away) / steps, view).tolist() == step.tolist(), away
