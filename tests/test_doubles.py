"""Parts that only double others."""

import numpy as np
import pytest

from tests.choir import lines
from verifier.music.read.columns import Bars, notes_of_columns

SOPRANO = [(0, 1, 72), (1, 2, 74), (2, 4, 76)]
BASS = [(0, 2, 48), (2, 4, 43)]


def read(*parts):
    rows = [(*note, part) for part, notes in enumerate(parts) for note in notes]
    onsets, ends, pitches, of = (np.array(column) for column in zip(*rows, strict=True))
    columns = (onsets.astype(float), ends.astype(float), pitches, of)
    return notes_of_columns("a", "a", columns, Bars(4.0, 0.0, True))


@pytest.mark.parametrize(
    ("parts", "doubled"),
    [
        ((SOPRANO, BASS), 0),
        ((SOPRANO, BASS, SOPRANO, BASS), 5),
        ((sorted(SOPRANO + BASS), SOPRANO, BASS), 5),  # a piano reduction, wherever it stands
        ((SOPRANO, BASS, sorted(SOPRANO + BASS)), 5),
        ((SOPRANO, BASS, SOPRANO[:1]), 1),
    ],
)
def test_a_part_of_which_all_notes_stand_in_others_is_left_out(parts, doubled):
    found = read(*parts)
    assert sorted(lines(found)) == sorted([SOPRANO, BASS])
    assert found.doubled == doubled
    assert sorted(set(found.parts.tolist())) == [0, 1]


def test_parts_that_double_each_other_at_times_or_an_octave_apart_stay():
    octave = [(start, end, pitch - 12) for start, end, pitch in BASS]
    partly = [*SOPRANO[:2], (2, 4, 79)]
    assert read(SOPRANO, BASS, octave, partly).doubled == 0
