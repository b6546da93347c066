"""What a piece plays again: it is known by what sounds around a step, and adds nothing to a score."""

from dataclasses import replace

import numpy as np
import pytest

from tests.rolls import batch
from verifier.data.batch import Batch
from verifier.music.features.passages import first_time
from verifier.music.rules.parallels import Parallels
from verifier.music.view import PianoRollView

FIFTHS = "G4:{0}-{1} A4:{1}-{2} B4:{2}-{3} E4:{3}-{4} | C4:{0}-{1} D4:{1}-{2} G4:{2}-{3} C4:{3}-{4}"
"""Two voices that go from a fifth to a fifth once, in four quarters."""


def at(*starts: int) -> str:
    """The passage from each of these steps on, as one sample of two voices."""
    upper, lower = zip(
        *(FIFTHS.format(*(first + 4 * i for i in range(5))).split(" | ") for first in starts), strict=True
    )
    return f"{' '.join(upper)} | {' '.join(lower)}"


def test_a_step_is_played_again_if_the_quarter_before_it_and_the_one_from_it_on_sounded_so_before():
    (found,) = first_time(batch([at(0, 16)], steps=32))
    # Before step 20 lies the end of the passage, not its beginning; from step 29 on the sample ends too soon.
    assert np.flatnonzero(~found).tolist() == list(range(20, 29))


def test_what_another_sample_played_is_no_repeat_nor_is_the_silence_after_a_sample():
    two = replace(batch([at(0), at(0)], steps=32), lengths=np.array([16, 16]), _features={})
    assert first_time(two).all()


def test_a_note_that_is_held_repeats_itself():
    (found,) = first_time(batch(["C4:0-32"], steps=32))
    assert np.flatnonzero(found).tolist() == [*range(5), *range(29, 32)]


@pytest.mark.parametrize("pitches", [64, 128])
def test_every_row_counts(pitches: int):
    view = PianoRollView(window=16, lowest_pitch=0 if pitches == 128 else 36, pitches=pitches)
    values = np.zeros((pitches, pitches, 16), np.bool_)
    for row in range(pitches):
        values[row, row, 4:8] = values[row, (row + 1) % pitches, 12:16] = True
    assert first_time(Batch.of(view, values))[:, 5:13].all()


def test_a_parallel_of_a_passage_that_is_played_again_scores_as_one():
    checker = Parallels.learn(batch([at(0)] * 40 + ["C4:0-8 D4:8-16 | E3:0-8 F3:8-16"] * 40, steps=16)).compile()
    counts = checker.count(batch([at(0, 16), at(0)], steps=32))
    assert counts.violations.tolist() == [2, 1]
    once, twice = counts.scores[1], counts.scores[0]
    assert twice == pytest.approx(once, rel=0.2)
