"""Annotated copies: they hold the same notes, and the violations where they are."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from music21 import converter, expressions, stream
from music21.note import GeneralNote
from music21.pitch import Pitch
from symusic import Score

from tests.rolls import batch, random_batch, voiced_batch
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.paths import open_path
from verifier.music import annotate
from verifier.music.annotate import _Key, _spelled
from verifier.music.midi_file import write_midi
from verifier.music.samples import music
from verifier.music.view import PianoRollView
from verifier.rule.rule import Violation

VOICED = "pickup=1 C5:0-4 B4:4-12 B4:12-16 G4:16-24^ | E4:0-16 E4:20-24 | rest | C3:0-5 D3:5-16 C3:16-24"


def whole(text: str) -> Batch:
    return batch([text], PianoRollView(window=None), steps=24)


def violation(start, steps, *pitches, rule="parallels", **words):
    fields = {"observed": "a < b", "allowed": "c", "where": f"step {start}"} | words
    return Violation(start=start, steps=steps, pitches=pitches, rule=rule, **fields)


def read_back(path: Path, view: PianoRollView) -> Batch:
    (found,) = open_path(str(path), replace_window(view)).batches()
    return found


def replace_window(view: PianoRollView) -> PianoRollView:
    return PianoRollView(lowest_pitch=view.lowest_pitch, pitches=view.pitches, window=None)


def written(tmp_path, sample, found, name="copy.musicxml"):
    path = tmp_path / name
    annotate.write(path, sample, found, 1)
    return path


def texts_of(path: Path) -> list[tuple[str, int, float, str]]:
    """Part, measure, offset in it and text of every expression."""
    score = converter.parse(path)
    return [
        (part.partName, measure.number, float(text.offset), text.content)
        for part in score.parts
        for measure in part.getElementsByClass(stream.Measure)
        for text in measure.getElementsByClass(expressions.TextExpression)
    ]


def test_a_copy_as_musicxml_has_the_same_notes_voices_pickup_and_fermatas(tmp_path):
    sample = whole(VOICED)
    again = read_back(written(tmp_path, sample, {0: []}), sample.view)
    assert np.array_equal(again.values[:, :, :24], sample.values)
    assert music(again).pickups.tolist() == [1.0]
    # A voice that rests throughout is no part of what is read.
    assert np.array_equal(music(again).voices.pitches, music(sample).voices.pitches[:, [0, 1, 3]])
    assert np.array_equal(music(again).voices.attacks, music(sample).voices.attacks[:, [0, 1, 3]])
    assert np.array_equal(music(again).voices.fermatas, music(sample).voices.fermatas)


def test_violations_stand_above_the_highest_of_their_notes_with_number_and_rule(tmp_path):
    found = {0: [violation(4, 1, 72, 71, 48, 50), violation(20, 4, 64, 48, rule="sonorities")]}
    path = written(tmp_path, whole(VOICED), found)
    assert texts_of(path) == [("soprano", 1, 0.0, "1 parallels"), ("alto", 2, 0.0, "2 sonorities")]
    assert "<words" in path.read_text("utf-8")


def test_the_notes_of_violations_are_red_and_no_others(tmp_path):
    path = written(tmp_path, whole(VOICED), {0: [violation(12, 4, 71)]})
    red = [note for note in converter.parse(path).recurse().notes if note.style.color == annotate.RED]
    # The second B alone: the first one, of two quarters, ends where it begins.
    assert [(note.nameWithOctave, note.quarterLength) for note in red] == [("B4", 1.0)]


def test_a_violation_of_the_whole_sample_stands_at_its_start(tmp_path):
    path = written(tmp_path, whole(VOICED), {0: [violation(0, 24, rule="feature-range")]})
    assert texts_of(path) == [("soprano", 0, 0.0, "1 feature-range")]


@pytest.mark.parametrize("per_quarter", [1, 3, 4, 5, 12])
def test_a_copy_without_voices_has_the_same_roll_on_any_grid_of_whole_steps(tmp_path, per_quarter):
    made = random_batch(per_quarter, n=1, steps=40)
    view = PianoRollView(window=None, pitches=40, steps_per_quarter=per_quarter)
    sample = replace(made, view=view, lengths=np.array([40]), _features={})
    for name in ("copy.musicxml", "copy.mid"):
        path = written(tmp_path, sample, {0: [violation(3, 1, 60)]}, name)
        (again,) = open_path(str(path), view).batches()
        steps = again.values.shape[2]
        assert np.array_equal(again.values[0], sample.values[0, :, :steps])
        assert not sample.values[0, :, steps:].any()


@pytest.mark.parametrize("seed", range(3))
def test_a_copy_as_midi_has_the_same_voices(tmp_path, seed):
    made = voiced_batch(seed, n=1, steps=24)
    sample = replace(made, view=PianoRollView(window=None, pitches=40), _features={})
    again = read_back(written(tmp_path, sample, {0: []}, "copy.mid"), sample.view)
    steps = music(again).voices.pitches.shape[2]
    order = np.argsort(music(again).voices.pitches[0].mean(axis=1))  # voices are named by their mean pitch when read
    assert len(order) == 4
    theirs = {tuple(line) for line in music(again).voices.pitches[0].tolist()}
    assert theirs == {tuple(line) for line in music(sample).voices.pitches[0, :, :steps].tolist()}


def test_a_copy_as_midi_has_markers_that_say_number_rule_place_and_what(tmp_path):
    found = {
        0: [violation(4, 1, 72), violation(6, 1, 71, observed="a\x1b[31mb\n\u202e", where="bar 1 beat 1.5, tenor A3")]
    }
    score = Score.from_midi(written(tmp_path, whole(VOICED), found, "copy.mid").read_bytes())
    assert [(marker.time, marker.text) for marker in score.markers] == [
        (480, "1 parallels, step 4: a < b"),
        (720, "2 parallels, bar 1 beat 1.5, tenor A3: a\\x1b[31mb\\n\\u202e"),
    ]
    assert [track.name for track in score.tracks][:2] == ["soprano", "alto"]
    (signature,) = score.time_signatures
    assert (signature.numerator, signature.denominator) == (4, 4)


def test_a_name_with_markup_and_control_characters_is_a_title(tmp_path):
    sample = replace(whole(VOICED), names=["a <b> & \x1b\u202e.mid"])
    path = written(tmp_path, sample, {0: []})
    assert ElementTree.parse(path).findtext("work/work-title") == "a <b> & \\x1b\\u202e.mid"


def test_windows_of_one_piece_are_joined_and_their_numbers_run_on(tmp_path):
    first, second = "C5:0-16 | C4:0-16", "C5:0-4 D5:4-16 | C4:0-16"
    windows = batch([second, first], PianoRollView(window=16))
    windows = replace(windows, names=["piece@16", "piece@0"])
    windows.starts[:] = [16, 0]
    music(windows).voices.attacks[0, :, 0] = False  # what sounds when the second window begins began in the first
    found = {0: [violation(4, 12, 74)], 1: [violation(0, 16, 72), violation(0, 16, 60)]}
    path = written(tmp_path, windows, found)
    assert texts_of(path) == [
        ("upper voice", 1, 0.0, "1 parallels"),
        ("upper voice", 2, 1.0, "3 parallels"),
        ("lower voice", 1, 0.0, "2 parallels"),
    ]
    again = read_back(path, windows.view)
    assert np.flatnonzero(music(again).voices.attacks[0, 0]).tolist() == [0, 20]
    assert np.flatnonzero(music(again).voices.attacks[0, 1]).tolist() == [0]


def test_a_window_keeps_the_numbers_of_its_bars(tmp_path):
    sample = whole(VOICED)
    sample.starts[0] = 4 + 3 * 16 - 4  # a quarter before bar 4
    score = converter.parse(written(tmp_path, sample, {0: []}))
    measures = score.parts[0].getElementsByClass(stream.Measure)
    assert [(measure.number, float(measure.duration.quarterLength)) for measure in measures] == [(3, 1), (4, 4), (5, 1)]


@pytest.mark.parametrize("name", ["copy.musicxml", "copy.mid"])
def test_samples_of_several_pieces_are_refused_unless_one_is_asked_for(tmp_path, name):
    both = batch([VOICED, VOICED], steps=24)
    found = {0: [violation(4, 1, 72)], 1: []}
    with pytest.raises(
        InputError, match=r"expected samples of one piece to copy, found 2: sample-0, sample-1; --limit"
    ):
        annotate.require_possible(tmp_path / name, both, found, 2)
    annotate.require_possible(tmp_path / name, both, found, 1)


def test_a_grid_that_notation_has_no_sign_for_is_refused_as_musicxml_only(tmp_path):
    sample = replace(whole(VOICED), view=PianoRollView(window=None, steps_per_quarter=14.4))
    with pytest.raises(InputError, match=r"expected steps that notation has a sign for, found 5/72 of a quarter note"):
        annotate.write(tmp_path / "copy.musicxml", sample, {0: []}, 1)
    assert not list(tmp_path.iterdir())
    written(tmp_path, sample, {0: []}, "copy.mid")


def test_the_same_copy_is_written_twice(tmp_path):
    a, b = (written(tmp_path, whole(VOICED), {0: []}, name).read_bytes() for name in ("a.musicxml", "b.musicxml"))
    assert a == b


def test_every_pitch_is_spelled_as_itself_and_in_its_key():
    for sharps in range(-7, 8):
        for minor in (False, True):
            for pitch in range(128):
                name, octave = _spelled(pitch, _Key(sharps, minor))
                assert Pitch(name, octave=octave).ps == pitch
    in_f_major = [_spelled(pitch, _Key(-1, False))[0] for pitch in (65, 67, 69, 70, 72, 74, 76)]
    assert in_f_major == ["F", "G", "A", "B-", "C", "D", "E"]
    assert _spelled(68, _Key(0, True)) == ("G#", 4)
    assert _spelled(63, _Key(0, False)) == ("E-", 4)


def test_an_empty_sample_has_rests_alone(tmp_path):
    score = converter.parse(written(tmp_path, whole("rest"), {0: []}))
    assert [type(element).__name__ for element in score.recurse().getElementsByClass(GeneralNote)] == ["Rest", "Rest"]


def test_a_roll_as_midi_is_read_back(tmp_path):
    sample = random_batch(7, n=1, steps=40)
    view = PianoRollView(window=None, pitches=40)
    write_midi(tmp_path / "roll.mid", sample.values[0], view)
    (again,) = open_path(str(tmp_path / "roll.mid"), view).batches()
    steps = again.values.shape[2]
    assert np.array_equal(again.values[0], sample.values[0, :, :steps])
    assert not sample.values[0, :, steps:].any()
