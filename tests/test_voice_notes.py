"""The notes of voices, and the notes of two voices that sound together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rolls import batch, voiced_batch
from verifier.base.errors import InputError
from verifier.music.features.voice_notes import PAIRS, PARTS, dyads, in_time, lines, pairs, part_name, part_of
from verifier.music.piano_roll import MAX_VOICES
from verifier.music.rules.melodic_intervals import MelodicIntervals
from verifier.music.rules.voice_ranges import VoiceRanges
from verifier.music.rules.voice_spacing import VoiceSpacing
from verifier.music.samples import music
from verifier.music.voices import SILENT


def rows(found):
    """The columns of a feature as a list of tuples."""
    return list(zip(*(column.tolist() for column in found), strict=True))


def test_a_note_ends_with_another_pitch_an_attack_or_a_rest():
    found = lines(batch(["C5:0-2 D5:2-4 D5:4-6 D5:8-16 | C4:0-16"]))
    upper = [(0, 2, 72), (2, 4, 74), (4, 6, 74), (8, 16, 74)]
    assert rows(found) == [*((0, 0, 2, *note) for note in upper), (0, 1, 2, 0, 16, 60)]
    assert found.following().tolist() == [1, 2]  # not the note after the rest, nor the first of the other voice


def test_a_note_that_a_window_cuts_begins_with_the_window():
    made = batch(["C5:0-16 | C4:0-16"])
    music(made).voices.attacks[:] = False
    made.lengths[:] = 7
    assert rows(lines(made)) == [(0, 0, 2, 0, 7, 72), (0, 1, 2, 0, 7, 60)]


def test_a_dyad_lasts_while_both_notes_do():
    found = dyads(batch(["C5:0-8 D5:8-16 | G4:0-4 G4:4-12 | C4:2-16"]))
    upper = [(0, 8, 72, 67), (8, 12, 74, 67)]  # G4 is repeated with no gap: that begins no dyad
    lower = [(2, 12, 67, 60)]
    assert rows(found) == [*((0, 0, 3, *dyad) for dyad in upper), *((0, 1, 3, *dyad) for dyad in lower)]
    assert [int(found.starts[at]) for at in in_time(found, 0)] == [0, 2, 8]


def test_samples_without_voices_have_neither():
    for made in (batch(["C5:0-8 C4:0-8", ""]), batch([]), batch(["C5:0-8 |"]).take([])):
        assert not len(lines(made).samples)
        assert not len(dyads(made).samples)


@given(seed=st.integers(0, 10_000))
def test_notes_painted_again_are_the_voices_that_they_were_read_from(seed):
    made = voiced_batch(seed)
    painted, begun = np.full_like(music(made).voices.pitches, SILENT), np.zeros_like(music(made).voices.attacks)
    for sample, voice, count, start, stop, pitch in rows(lines(made)):
        assert count == music(made).voices.counts[sample]
        painted[sample, voice, start:stop] = pitch
        begun[sample, voice, start] = True
    inside = made.inside()[:, None, :]
    assert np.array_equal(painted, np.where(inside, music(made).voices.pitches, SILENT))
    assert np.array_equal(begun, music(made).voices.attacks & inside)


@given(seed=st.integers(0, 10_000))
def test_dyads_cover_every_step_at_which_two_neighbours_sound_and_change_where_a_note_begins(seed):
    made = voiced_batch(seed)
    sounding = (music(made).voices.pitches != SILENT) & made.inside()[:, None, :]
    expected = sounding[:, :-1] & sounding[:, 1:]
    pitches = music(made).voices.pitches
    moved = np.ones(pitches.shape, np.bool_)
    moved[:, :, 1:] = pitches[:, :, 1:] != pitches[:, :, :-1]
    begins = expected & (moved[:, :-1] | moved[:, 1:])
    covered, begun = np.zeros_like(expected), np.zeros_like(expected)
    for sample, voice, count, start, stop, upper, lower in rows(dyads(made)):
        assert voice < count - 1
        assert not covered[sample, voice, start:stop].any()
        covered[sample, voice, start:stop] = True
        begun[sample, voice, start] = True
        assert set(music(made).voices.pitches[sample, voice, start:stop].tolist()) == {upper}
        assert set(music(made).voices.pitches[sample, voice + 1, start:stop].tolist()) == {lower}
    assert np.array_equal(covered, expected)
    assert np.array_equal(begun, begins)


def test_every_part_has_a_name_of_its_own():
    parts = [part for part in range(PARTS) if part % MAX_VOICES <= part // MAX_VOICES]
    assert len({part_name(part) for part in parts}) == len(parts)
    assert all(part_of(part_name(part), "") == part for part in parts)


def test_pairs_of_neighbours_are_named_from_both_ends():
    counts = np.repeat([2, 3, 4, 5], [1, 2, 3, 4])
    voices = np.array([0, 0, 1, 0, 1, 2, 0, 1, 2, 3])
    names = [PAIRS[pair].split()[0] for pair in pairs(voices, counts).tolist()]
    assert names == ["both", "upper", "lower", "upper", "inner", "lower", "upper", "inner", "inner", "lower"]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (VoiceRanges(voices={"tener": {"C4": 1}}), "voice-ranges: expected a voice such as 'tenor'"),
        (
            VoiceRanges(voices={"tenor": {"Db4": 1}}),
            "voice-ranges: expected semitones from the mean such as '.14', found 'Db4'",
        ),
        (
            VoiceRanges(voices={"tenor": {"Db4": 1}}, invariance="none"),
            "voice-ranges: expected a pitch such as 'C4' or 'F#3', found 'Db4'",
        ),
        (
            MelodicIntervals(voices={"upper voice": {1: 1}}),
            "melodic-intervals: .*'upper voice of 2', found 'upper voice'",
        ),
        (MelodicIntervals(voices={"bass": {-128: 1}}), "melodic-intervals: .* at most 127 semitones, found -128"),
        (VoiceSpacing(counts={"inner voices far apart": 1}), "voice-spacing: .*found 'inner voices far apart'"),
    ],
)
def test_a_file_that_names_what_cannot_be_is_refused(rule, problem):
    with pytest.raises(InputError, match=problem):
        rule.validate()
