"""Places in words."""

import pytest

from tests.rolls import batch
from verifier.music import words
from verifier.music.view import PianoRollView
from verifier.rule.registry import rule_named
from verifier.verbs.check import locate

FOUR_BARS = "C4:0-64"


def at(sample, step, **view):
    return words.where(batch([sample], PianoRollView(window=None, **view), steps=64), 0, step)


def test_a_place_is_a_bar_and_a_quarter_in_it():
    assert at(FOUR_BARS, 0) == "bar 1 beat 1"
    assert at(FOUR_BARS, 22) == "bar 2 beat 2.5"
    assert at(f"meter=3 {FOUR_BARS}", 22) == "bar 2 beat 3.5"


def test_what_stands_before_the_first_full_bar_is_the_pickup_and_has_the_last_beats_of_a_bar():
    assert at(f"pickup=1 {FOUR_BARS}", 0) == "pickup beat 4"
    assert at(f"pickup=1 {FOUR_BARS}", 2) == "pickup beat 4.5"
    assert at(f"pickup=1 {FOUR_BARS}", 4) == "bar 1 beat 1"
    assert at(f"pickup=1 meter=3 {FOUR_BARS}", 0) == "pickup beat 3"


def test_a_bar_line_is_met_on_a_grid_whose_steps_are_no_binary_fraction():
    # 14.4 steps a quarter: the bar lines of 4/4 are 57.6 steps apart, and every fifth stands on a step.
    sample = batch([FOUR_BARS], PianoRollView(window=None, steps_per_quarter=14.4), steps=64)
    for bars in range(0, 500, 5):
        sample.starts[0] = round(bars * 57.6)
        assert words.where(sample, 0, 0) == f"bar {bars + 1} beat 1"


@pytest.mark.parametrize(
    ("first", "last", "name"), [(3, 5, "bars 3-5"), (3, 3, "bar 3"), (0, 0, "pickup"), (0, 2, "pickup to bar 2")]
)
def test_bars_have_names(first, last, name):
    assert words.bars_name(first, last) == name


def test_a_violation_of_voices_says_where_and_then_what_they_do():
    learned = batch(["C5:0-16 | G4:0-16 | E4:0-16 | C4:0-16"])
    fifths = batch(["pickup=1 G4:0-4 A4:4-8 | rest | C4:0-4 D4:4-8 | rest"])
    rule = rule_named("parallels", "piano-roll").learn(learned)
    (found,) = locate(rule, rule.compile(), fifths, 0)
    assert found.where == "bar 1 beat 1, soprano G4-A4, tenor C4-D4"
