"""The scalars of a sample: closed forms, and the definitions of muspy where they have an edge."""

import numpy as np
import pytest

from tests.rolls import batch, random_batch
from verifier.music.features.onsets import onset_counts, top_moves, true_onset_counts
from verifier.music.features.scalars import BINS, SCALARS, scalar
from verifier.music.view import PianoRollView

SCALE = "C4:0-2 D4:2-4 E4:4-6 F4:6-8 G4:8-10 A4:10-12 B4:12-14 C5:14-16"
CHORDS = "C4:0-8 E4:0-8 G4:0-8 C4:12-16 F#4:12-16"

CLOSED_FORMS = [
    ("n_pitches_used", SCALE, 8),
    ("n_pitch_classes_used", SCALE, 7),
    ("pitch_range", SCALE, 12),
    ("pitch_entropy", SCALE, 3),
    ("pitch_class_entropy", SCALE, 3 - 2 / 8),  # C twice: 6/8 of 3 bits and 2/8 of 2
    ("scale_consistency", SCALE, 1),
    ("scale_consistency", CHORDS, 1),  # C, E, F# and G are all in G major
    ("scale_consistency", "C4:0-4 C#4:0-4 D4:4-8", 2 / 3),  # no scale has two semitones in a row
    ("polyphony", SCALE, 1),
    ("polyphony", CHORDS, (8 * 3 + 4 * 2) / 12),
    ("polyphony_rate", SCALE, 0),
    ("polyphony_rate", CHORDS, 8 / 16),
    ("total_used_note", CHORDS, 5),
    ("avg_pitch_shift", SCALE, 12 / 7),
    ("avg_pitch_shift", CHORDS, (4 + 3 + 7 + 6) / 4),  # C E G C F#
    ("avg_IOI", SCALE, 2 / 4),
    ("avg_IOI", CHORDS, 3 / 4),  # three quarters between the first and the last of five notes
    ("note_density", SCALE, 2),
    ("duration_entropy", SCALE, 0),
    ("duration_entropy", CHORDS, -(0.6 * np.log2(0.6) + 0.4 * np.log2(0.4))),
]


@pytest.mark.parametrize(("name", "sample", "value"), CLOSED_FORMS)
def test_closed_forms(name, sample, value):
    assert scalar(batch([sample]), name) == pytest.approx([value])


@pytest.mark.parametrize("name", SCALARS)
def test_a_sample_of_silence_has_no_value_or_nought(name):
    (value,) = scalar(batch([""]), name)
    nought = {"n_pitches_used", "n_pitch_classes_used", "pitch_range", "total_used_note", "note_density"}
    assert value == 0 if name in nought else np.isnan(value)


@pytest.mark.parametrize("name", SCALARS)
def test_what_follows_a_sample_and_what_stands_beside_it_do_not_count(name):
    made = random_batch(5)
    alone = [scalar(made.take([i]), name)[0] for i in range(len(made))]
    assert np.array_equal(scalar(made, name), alone, equal_nan=True)
    padded = made.values.copy()
    padded[~np.broadcast_to(made.inside()[:, None, :], padded.shape)] = 1
    assert np.array_equal(scalar(made.with_values(padded), name), alone, equal_nan=True)


@pytest.mark.parametrize(
    ("sample", "rate"),
    [
        ("C4:0-4 D4:8-12", 1 - 4 / 4),  # each note touches the beat on which it ends; so does the last, the fourth
        ("C4:0-3 D4:8-12", 1 - 3 / 4),
        ("C4:0-1 D4:15-16", 1 - 3 / 5),
        ("C4:0-1", 0),
    ],
)
def test_empty_beats_are_counted_up_to_the_last_note_as_muspy_does(sample, rate):
    assert scalar(batch([sample]), "empty_beat_rate") == pytest.approx([rate])


@pytest.mark.parametrize(
    ("sample", "consistency"),
    [
        ("C4:0-1 D4:4-5 C4:8-9 D4:12-13", 1),  # two bars of two quarters, the same
        ("C4:0-1 D4:4-5 C4:8-9 D4:13-14", 1 - 2 / 8),  # one onset is elsewhere
        ("C4:0-1 D4:4-5 C4:8-9 D4:12-16", (1 + 1 - 2 / 8) / 2),  # ends on a bar, so that a bar of nothing follows
    ],
)
def test_groove_consistency_compares_the_onsets_of_neighbouring_bars(sample, consistency):
    assert scalar(batch([f"meter=2 {sample}"]), "groove_consistency") == pytest.approx([consistency])


def test_less_than_two_bars_have_no_groove():
    assert np.isnan(scalar(batch(["meter=4 C4:0-15"]), "groove_consistency")).all()


def test_times_are_in_quarters_on_any_grid():
    coarse, fine = (
        batch([sample], PianoRollView(steps_per_quarter=rate, window=steps), steps)
        for sample, rate, steps in [("C4:0-1 D4:1-3", 1, 4), ("C4:0-6 D4:6-18", 6, 24)]
    )
    for name in ("avg_IOI", "note_density", "empty_beat_rate"):
        assert scalar(coarse, name) == pytest.approx(scalar(fine, name)), name


def test_a_value_is_counted_at_the_nearest_point_of_its_grid_and_the_last_takes_what_lies_beyond():
    grid = SCALARS["pitch_entropy"]
    assert grid.bins(np.array([0, 0.024, 0.026, 0.075, 2.35, 1e6])).tolist() == [0, 0, 1, 2, 47, BINS - 1]
    assert [grid.text(int(at)) for at in grid.bins(np.array([2.35, 0.1]))] == ["2.35", "0.1"]
    texts = {name: {scalar.text(at) for at in range(BINS)} for name, scalar in SCALARS.items()}
    assert all(len(written) == BINS for written in texts.values())


def test_an_onset_at_the_edge_of_a_cut_may_be_none():
    made = batch(["C4:0-4 D4:4-8 E4:4-8", "C4:0-4 D4:4-8 E4:4-8"])
    made.begins[1] = False
    assert onset_counts(made)[:, [0, 4, 8]].tolist() == [[1, 2, 0], [1, 2, 0]]
    assert true_onset_counts(made)[:, [0, 4, 8]].tolist() == [[1, 2, 0], [0, 2, 0]]


def test_the_top_line_moves_where_the_highest_pitch_begins_or_becomes_another():
    made = batch(["G4:0-4 C4:0-12 E4:2-8 G4:10-12"])
    assert np.flatnonzero(top_moves(made)[0]).tolist() == [0, 4, 8, 10]
