"""What two voices do together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rolls import batch, midi_number, voiced_batch
from verifier.data.batch import concatenate
from verifier.music.features.motions import FIFTH, OCTAVE, OTHER, UNISON, motions, perfect
from verifier.music.samples import music
from verifier.music.voices import SILENT


def rows(found):
    """Sample, voices, step and what they do, of each motion."""
    return [tuple(int(value) for value in row) for row in zip(*found, strict=True)]


def test_a_pair_is_told_once_for_each_step_at_which_either_of_the_two_moves():
    found = motions(batch(["E5:0-4 F5:4-16 | C5:0-16 | A3:0-4 G3:4-8 G3:8-16"]))
    assert rows(found) == [
        (0, 0, 1, 4, 76, 77, 72, 72, 0),
        (0, 0, 2, 4, 76, 77, 57, 55, 0),
        (0, 1, 2, 4, 72, 72, 57, 55, 0),
    ]
    assert found.outer(np.array([3])).tolist() == [False, True, False]
    assert found.similar().tolist() == [False, False, False]
    assert found.contrary().tolist() == [False, True, False]
    assert found.in_words(1, 3) == "upper voice E5-F5, lower voice A3-G3"


def test_a_rest_before_or_after_is_no_motion():
    assert rows(motions(batch(["E5:0-4 F5:6-16 | C4:0-4 D4:4-6 E4:6-16"]))) == []


def test_a_phrase_ends_where_a_fermata_does():
    found = motions(batch(["E5:0-4 F5:4-8^ G5:8-16 | C4:0-4 D4:4-6 C4:6-8 B3:8-16"]))
    assert found.starts.tolist() == [4, 6, 8]
    assert found.boundaries.tolist() == [False, False, True]


def test_samples_without_voices_have_no_motions():
    assert rows(motions(batch(["E5:0-4 F5:4-16 C4:0-4 D4:4-16"]))) == []
    assert rows(motions(batch([]))) == []


def test_the_outer_voices_are_those_of_each_sample():
    samples = ["E5:0-4 F5:4-16 | C4:0-4 D4:4-16", "E5:0-4 F5:4-16 | C5:0-4 D5:4-16 | C4:0-4 D4:4-16"]
    made = batch(samples)
    found = motions(made)
    pairs = zip(found.samples, found.upper, found.lower, found.outer(music(made).voices.counts), strict=True)
    assert [tuple(map(int, pair)) for pair in pairs] == [(0, 0, 1, 1), (1, 0, 1, 0), (1, 0, 2, 1), (1, 1, 2, 0)]
    assert list(found.of_sample(0)) == [0]
    assert list(found.of_sample(1)) == [1, 2, 3]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_all_motions_are_those_that_a_loop_finds(seed):
    made = concatenate(voiced_batch(seed).view, [voiced_batch(seed), voiced_batch(seed + 1)])
    pitches, marks = music(made).voices.pitches.astype(int), music(made).voices.fermatas
    expected = []
    for i in range(len(made)):
        for t in range(1, int(made.lengths[i])):
            for a in range(pitches.shape[1]):
                for b in range(a + 1, pitches.shape[1]):
                    four = pitches[i, a, t - 1], pitches[i, a, t], pitches[i, b, t - 1], pitches[i, b, t]
                    if SILENT not in four and (four[0] != four[1] or four[2] != four[3]):
                        expected.append((i, a, b, t, *map(int, four), int(marks[i, t - 1] and not marks[i, t])))
    assert rows(motions(made)) == expected


@pytest.mark.parametrize(
    ("a", "b", "interval"),
    [
        ("C4", "G4", FIFTH),
        ("C3", "G5", FIFTH),
        ("G4", "C4", FIFTH),
        ("C4", "F4", OTHER),
        ("B3", "F4", OTHER),
        ("C4", "C4", UNISON),
        ("C4", "C6", OCTAVE),
        ("C5", "C4", OCTAVE),
        ("C4", "B4", OTHER),
    ],
)
def test_perfect_intervals_do_not_depend_on_octave_or_order(a, b, interval):
    assert perfect(np.array([midi_number(a)]), np.array([midi_number(b)])).tolist() == [interval]
