"""Surprise: the probabilities of n-grams, and what the two rules that use them say of unknown positions."""

import dataclasses

import numpy as np
import pytest

from tests.rolls import batch
from verifier.base.errors import InputError
from verifier.music.rules.onset_positions import OnsetPositions
from verifier.music.rules.rhythm_patterns import RhythmPatterns
from verifier.rule.ngrams import LENGTH_AT, WittenBell
from verifier.rule.rule import SparseCounts, replace


def gram(*symbols):
    key = len(symbols) - 1
    for symbol in (0,) * (LENGTH_AT // 6 - len(symbols)) + symbols:
        key = key << 6 | symbol
    return key


def test_probabilities_are_those_of_witten_and_bell():
    keys = np.array([gram(4, 2), gram(4, 1), gram(2, 4)])
    model = WittenBell.of(SparseCounts.of(keys, np.array([3, 1, 2])), 6)
    uniform = np.full(4, 1 / 63)
    once = {symbol: (count + 3 / 63) / (6 + 3) for symbol, count in {2: 3, 1: 1, 4: 2, 9: 0}.items()}
    found = model.chances(np.array([gram(4, 2), gram(4, 9), gram(7, 4), gram(2)]), uniform)
    assert found == pytest.approx([(3 + 2 * once[2]) / (4 + 2), 2 * once[9] / (4 + 2), once[4], once[2]])


def test_the_chances_of_all_intervals_after_any_context_add_up_to_one():
    rule = RhythmPatterns.learn(batch(["C4:0-2 D4:2-3 E4:3-6 F4:6-8 G4:8-12 A4:12-14", "C4:0-4 D4:4-6 E4:6-7"]))
    model = rule.model()
    for context in [(), (2,), (2, 1), (63, 63), (2, 1, 3, 2)]:
        after = gram(*context, 0) + np.arange(1, 64)
        assert np.exp(-rule.nats(model, after)).sum() == pytest.approx(1)


def at_step(made, start):
    """The same sample as a cut of its piece at that step."""
    return dataclasses.replace(made, starts=np.array([start]), begins=np.array([False]), _features={})


def test_within_the_quarter_a_tensor_begins_on_one_and_within_the_bar_it_gives_no_trial():
    known = batch(["C4:0-4 D4:4-8 E4:8-12 F4:12-16"])
    unknown, later = at_step(known, 0), at_step(known, 64)
    trials = {
        within: [OnsetPositions.learn(known, within=within).compile().count(each).trials.tolist() for each in batches]
        for within, batches in {"quarter": (known, unknown, later), "bar": (known, unknown, later)}.items()
    }
    # The first step of a cut is no onset, since what sounds there may have begun before.
    assert trials == {"quarter": [[4], [3], [3]], "bar": [[4], [0], [3]]}


def test_a_window_has_the_positions_of_its_piece():
    rule = OnsetPositions(within="bar")
    found = rule.occurrences(at_step(batch(["meter=3 pickup=1 C4:2-16"]), 64))
    assert (64 + 2 - 4) % 12 == 2
    assert rule.key_name(int(found.keys[0])) == "1 pitch begins on step 3 of the 12 of a bar"


@pytest.mark.parametrize(
    ("onsets", "problem"),
    [
        ({4: {4: {1: 1}}}, "expected steps 0 to 3 of 4, found 4"),
        ({4: {0: {17: 1}}}, "expected 1 to 16 pitches that begin, found 17"),
        ({0: {0: {1: 1}}}, "expected a quarter or bar of 1 to 1048576 steps, found 0"),
    ],
)
def test_positions_that_cannot_be_are_refused(onsets, problem):
    with pytest.raises(InputError, match=problem):
        replace(OnsetPositions(), onsets=onsets).validate()


@pytest.mark.parametrize(
    ("intervals", "problem"),
    [
        ({"4 4 4 4 4": {4: 1}}, "at most 4 intervals such as '4 2 2', found '4 4 4 4 4'"),
        ({"4 x": {4: 1}}, "found '4 x'"),
        ({"first": {64: 1}}, "expected intervals of 1 to 63 steps, found 64"),
    ],
)
def test_intervals_that_cannot_be_are_refused(intervals, problem):
    with pytest.raises(InputError, match=problem):
        replace(RhythmPatterns(), intervals=intervals).validate()
