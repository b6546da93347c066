"""Parts that only double others."""

import numpy as np
import pytest

from tests.choir import VIEW, lines
from verifier.data.medium import medium_named
from verifier.judge.storage import storage_of
from verifier.music.piano_roll import batch_of
from verifier.music.read.columns import Bars, notes_of_columns

SOPRANO = [(0, 1, 72), (1, 2, 74), (2, 4, 76)]
BASS = [(0, 2, 48), (2, 4, 43)]


def read(*parts, played=False):
    rows = [(*note, part) for part, notes in enumerate(parts) for note in notes]
    onsets, ends, pitches, of = (np.array(column) for column in zip(*rows, strict=True))
    columns = (onsets.astype(float), ends.astype(float), pitches, of)
    return notes_of_columns("a", "a", columns, Bars(4.0, 0.0, True), played=played)


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


def test_parts_that_double_each_other_at_times_or_an_octave_apart_stay_and_octaves_are_counted():
    octave = [(start, end, pitch - 12) for start, end, pitch in BASS]
    partly = [*SOPRANO[:2], (2, 4, 79)]
    found = read(SOPRANO, BASS, octave, partly)
    assert (found.doubled, found.octaves, len(found.onsets)) == (0, 2, 10)
    assert read(SOPRANO, [(start, end, pitch - 7) for start, end, pitch in SOPRANO]).octaves == 0
    real, facts = (storage_of(batch_of([each], VIEW)) for each in (read(SOPRANO, BASS), found))
    (said, *_) = [said for said in medium_named("piano-roll").confounds(real, facts) if "octaves apart" in said]
    assert said.startswith("parts double others one or more octaves apart: 2 notes, which are judged as voices")


CLICKS = [(i / 2, i / 2 + 1 / 8, 76 if i % 4 else 81) for i in range(32)]
TUNE = [(i, i + 1, 60 + i % 7) for i in range(16)]


@pytest.mark.parametrize("voice", [TUNE, [(start + 1, end + 1, pitch) for start, end, pitch in TUNE[:-1]]])
def test_the_clicks_of_a_metronome_are_percussion(voice):
    found = read(voice, CLICKS, played=True)
    assert (lines(found), found.drums) == ([voice], 32)
    assert read(voice, CLICKS).drums == 0


@pytest.mark.parametrize(
    "part",
    [
        CLICKS[:15],  # some notes
        CLICKS[8:],  # it begins later
        [(i / 2, i / 2 + 1 / 2, 36) for i in range(32)],  # a drone
        [*CLICKS[:20], *CLICKS[21:]],  # a rhythm
        [(start, end, pitch + (i == 7)) for i, (start, end, pitch) in enumerate(CLICKS)],  # a tune
    ],
)
def test_what_beats_otherwise_is_music(part):
    assert read(TUNE, part, played=True).drums == 0
    assert read(CLICKS, played=True).drums == 0
