"""Where notes begin in the quarter and how long they are: what a trial is, on which grid, and the score of a sample."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from msgspec import structs

from tests.rolls import batch, notes
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.edits import move_boundaries
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of
from verifier.music.placement import LONGEST
from verifier.music.rules.note_placement import NotePlacement
from verifier.music.samples import music
from verifier.music.view import PianoRollView
from verifier.spec.suppressions import Accepted, accepting, require_acceptable

STEADY = "C5:0-4 D5:4-8 C5:8-12 B4:12-16 | C4:0-4 D4:4-6 C4:6-8 E4:8-16"


def two_voices(upper: str, lower: str, pickup: float = 0.0) -> Notes:
    """Texts of notes in quarters as a piece of two voices."""
    one, other = notes(upper), notes(lower)
    return replace(
        one,
        onsets=np.concatenate([one.onsets, other.onsets]),
        ends=np.concatenate([one.ends, other.ends]),
        pitches=np.concatenate([one.pitches, other.pitches]),
        parts=np.repeat([0, 1], [len(one.pitches), len(other.pitches)]),
        pickup=pickup,
    )


def learned(piece: Notes, **view) -> dict[str, dict[str, int]]:
    return NotePlacement.learn(telling(batch_of([piece], PianoRollView(**view)))).notes


def telling(found: Batch) -> Batch:
    """Of pieces that tell a repeated note from a held one, though none of these few notes is repeated."""
    music(found).repeats[:] = True
    return found


def test_notes_that_a_window_cuts_are_no_trials():
    piece = two_voices("C5:0-1 D5:1-3 E5:3-4", "C4:0-2 D4:2-4")
    assert learned(piece, window=None) == {"0": {"1": 2, "2": 3}}
    # D5 goes over the cut. C5 and C4 begin with the piece, but that a note ends at the cut is not known; nor is it that
    # one begins where the second window does: there D4 may have been held.
    assert learned(piece, window=8) == {"0": {"1": 2}}
    assert NotePlacement.learn(telling(batch_of([piece], PianoRollView(window=8)))).support.trials == 2


def test_the_quarter_begins_where_most_notes_do_whatever_window_a_note_is_in():
    piece = two_voices("C5:0-0.5 D5:0.5-1.5 E5:1.5-3 D5:3-4 C5:4-5.5", "C4:0-0.5 D4:0.5-5.5", pickup=0.5)
    expected = {"0": {"1/2": 2, "1": 1, "3/2": 1}, "1/2": {"1": 1, "3/2": 1, "5": 1}}
    assert learned(piece, window=None) == expected
    assert learned(piece, window=10) == {"0": {"1": 2}, "1/2": {"1/2": 2}}  # the second begins in a quarter


def test_a_grid_on_which_no_sixteenth_falls_keeps_sixteenths_apart_from_each_other_and_equal():
    line = " ".join(f"{'CD'[at % 2]}5:{at / 4}-{(at + 1) / 4}" for at in range(48))
    piece = two_voices(line, "C4:0-12")
    steady = {"0": {"1/4": 12, "12": 1}, **{place: {"1/4": 12} for place in ("1/4", "1/2", "3/4")}}
    for steps in (4, 14.4, 24, 960):
        assert learned(piece, window=None, steps_per_quarter=steps) == steady


def test_a_step_longer_than_a_quarter_has_no_place_in_it():
    piece = two_voices("C5:0-2 D5:2-8", "C4:0-4 D4:4-8")
    assert learned(piece, window=None, steps_per_quarter=0.5) == {"0": {"2": 1, "4": 2, "6": 1}}


def test_notes_of_more_than_sixteen_quarters_count_as_that():
    piece = two_voices("C5:0-20 D5:20-36", "C4:0-36")
    assert learned(piece, window=None) == {"0": {"16": 3}}
    assert NotePlacement().key_name(LONGEST) == "16 or more quarters long on a quarter"


def test_a_sample_without_voices_has_no_trial_and_no_score():
    checker = NotePlacement.learn(batch([STEADY])).compile()
    counts = checker.count(batch(["C5:0-3 D5:3-4", STEADY]))
    assert counts.trials.tolist() == [0, 8]
    assert np.isnan(counts.scores).tolist() == [True, False]


def test_the_score_is_the_log_likelihood_ratio_between_about_one_misplaced_note_and_none():
    rule = NotePlacement.learn(batch([STEADY]))
    assert rule.notes == {"0": {"1/2": 1, "1": 5, "2": 1}, "1/2": {"1/2": 1}}
    counts = rule.compile().count(batch(["C5:0-4 D5:4-12 | C4:0-3 D4:4-8"]))
    assert (counts.violations.tolist(), counts.trials.tolist()) == ([1], [4])
    seen, kinds, begins = 8, 4, (7 + 2 / 2) / (8 + 2)  # of the two halves of a quarter of the grid
    ends = {0: (6 + 2 / 2) / (7 + 2), 0.5: (1 + 2 / 2) / (7 + 2), 0.75: (2 / 2) / (7 + 2)}
    lasts = {0: (1 + 3 / 17) / 10, 1: (5 + 3 / 17) / 10, 2: (1 + 3 * 15 / 17) / 10 / 15}  # 2 to 16 are alike
    unseen = [begins * ends[end] * lasts[wholes] for end, wholes in ((0, 1), (0, 2), (0.75, 0), (0, 1))]
    chances = [(times + kinds * other) / (seen + kinds) for times, other in zip((5, 1, 0, 5), unseen, strict=True)]
    u = 1 / (2 * 2 * 17)
    assert counts.scores[0] == pytest.approx(sum(math.log(1 + u / (4 * p)) for p in chances))


def test_a_long_note_that_the_corpus_lacks_is_less_strange_than_one_that_ends_where_none_does():
    checker = NotePlacement.learn(batch([STEADY] * 20 + ["C5:0-3 D5:3-4 C5:4-8 | C4:0-4"])).compile()
    long, short = checker.count(batch(["C5:0-20 | C4:0-4", "C5:0-5 | C4:0-4"], steps=20)).scores
    assert long < short


def test_a_passage_that_is_played_again_is_no_stranger_than_once():
    checker = NotePlacement.learn(batch([STEADY] * 20)).compile()
    once = "C5:0-4 D5:4-8 C5:8-11 D5:11-16 C5:16-20 D5:20-24 E5:24-28 F5:28-32 | C4:0-32"
    twice = "C5:0-4 D5:4-8 C5:8-11 D5:11-16 C5:16-20 D5:20-24 C5:24-27 D5:27-32 | C4:0-32"
    counts = checker.count(batch([once, twice], steps=32))
    assert counts.violations.tolist() == [3, 5]
    assert counts.scores[1] < 1.2 * counts.scores[0]


def test_a_rare_placement_makes_a_sample_stranger_though_the_corpus_has_it():
    checker = NotePlacement.learn(batch([STEADY] * 20 + ["C5:0-3 D5:3-4 C5:4-8 | C4:0-4"])).compile()
    counts = checker.count(batch([STEADY, "C5:0-3 D5:3-4 C5:4-8 D5:8-16 | C4:0-4 D4:4-8 C4:8-12 D4:12-16"]))
    assert counts.violations.tolist() == [0, 0]
    assert counts.scores[1] > 5 * counts.scores[0]


def test_an_accepted_placement_is_no_violation_and_not_strange():
    rule = NotePlacement.learn(batch([STEADY]))
    kind = "3/4 quarters long on a quarter"
    lenient = accepting(rule, [require_acceptable(Accepted(rule=rule.name(), kind=kind, reason="a sarabande"), rule)])
    samples = batch(["C5:0-3 | C4:0-4", STEADY])
    strict, found = rule.compile().count(samples), lenient.count(samples)
    assert (strict.violations.tolist(), found.violations.tolist()) == ([1, 0], [0, 0])
    assert strict.scores[0] > 0.9 > 0.1 > found.scores[0]
    assert found.scores[1] == strict.scores[1]


def test_a_boundary_that_is_moved_by_a_step_is_found_in_every_sample():
    real = batch([STEADY] * 50)
    checker = NotePlacement.learn(real).compile()
    moved = move_boundaries(real, 1, np.random.default_rng(0))
    counts = checker.count(moved)
    assert set(counts.violations.tolist()) == {2}  # both notes: one begins elsewhere, the other has another length
    assert counts.scores.min() > checker.count(real).scores.max()


def test_every_placement_has_a_name_that_is_read_back():
    rule = NotePlacement()
    keys = [position * 1024 + duration for position in (0, 1, 16, 47) for duration in (1, 12, 48, 50, LONGEST)]
    assert [rule.key_of(rule.key_name(key)) for key in keys] == keys
    assert rule.key_name(12 * 1024 + 48) == "1 quarter long 1/4 after a quarter"
    assert Fraction(rule.key_name(50).split()[0]) == Fraction(50, 48)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"notes": {"1": {"1": 1}}}, "expected a part of a quarter such as '0' or '3/4', found '1'"),
        ({"notes": {"2/4": {"1": 1}}}, "expected a part of a quarter such as '0' or '3/4', found '2/4'"),
        ({"notes": {"0": {"0": 1}}}, "expected a duration of at most 16 quarters such as '1' or '3/2', found '0'"),
        ({"notes": {"0": {"1.5": 1}}}, "expected a duration of at most 16 quarters .* found '1.5'"),
    ],
)
def test_a_file_that_names_what_cannot_be_is_refused(rule, problem):
    with pytest.raises(InputError, match=f"note-placement: {problem}"):
        structs.replace(NotePlacement(), **rule).validate()


def test_a_name_that_is_none_is_refused_with_one_that_is():
    with pytest.raises(
        InputError, match="expected a note such as '3/4 quarters long on a quarter', found 'a crotchet'"
    ):
        NotePlacement().key_of("a crotchet")
