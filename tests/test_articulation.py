"""Notes that are let go of before the next begins: how long they are written."""

import numpy as np
import pytest

from tests.rolls import notes
from verifier.music.read.articulation import TICK, written_ends

TUNE = notes(
    "C4:0-4 D4:4-6 E4:6-8 F4:8-14 G4:14-16 A4:16-24 G4:28-32 F4:32-34 E4:34-36 D4:36-40 C4:40-48 C4:48-52 D4:52-56 "
    "E4:56-57 F4:57-58 G4:58-60 C4:60-64 D4:64-65 E4:65-66 F4:66-68 C4:68-72"
)
ONE = np.zeros(len(TUNE.onsets), np.int64)


@pytest.mark.parametrize(
    "played",
    [
        lambda lengths: 0.98 * lengths,
        lambda lengths: 0.95 * lengths,
        lambda lengths: 0.9 * lengths,
        lambda lengths: 0.8 * lengths,
        lambda lengths: 0.75 * lengths,
        lambda lengths: lengths - 1 / 32,
        lambda lengths: lengths - 10 / 480,
        lambda lengths: np.round(0.95 * lengths * 480) / 480,
        lambda lengths: lengths + 1 / 8,
        lambda lengths: lengths + 60 / 480,
        lambda lengths: lengths + 1 / 50,
        lambda lengths: 1.05 * lengths,
        lambda lengths: lengths + 1 / 2,
        lambda lengths: lengths + 1,
    ],
)
def test_one_ratio_or_gap_is_no_rest_between_notes_and_what_was_a_rest_remains_one(played):
    found = written_ends(TUNE.onsets, TUNE.onsets + played(TUNE.ends - TUNE.onsets), ONE)
    assert np.abs(found.ends - TUNE.ends).max() < 1e-9
    assert found.mended == len(TUNE.onsets)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "C4:0-4",
        "C4:0-4 D4:4-8 E4:8-12",
        "C4:0-2 D4:4-6 E4:8-10 F4:12-14 G4:16-18",  # a rest after each
        " ".join(f"C4:{4 * i}-{4 * i + 3}" for i in range(12)),  # too few to tell
        " ".join(f"C4:{4 * i}-{4 * i + 2}" for i in range(40)),
        "C4:0-3 D4:4-8 E4:8-12 F4:12-15 G4:16-20",
        "C4:0-5 D4:4-9 E4:8-13 F4:12-17",  # held over
        " ".join(f"C4:{4 * i}-{4 * i + 8}" for i in range(40)),  # suspended
    ],
)
def test_what_is_written_stays(text):
    tune = notes(text)
    found = written_ends(tune.onsets, tune.ends, np.zeros(len(tune.onsets), np.int64))
    assert found.mended == 0
    assert found.ends is tune.ends


@pytest.mark.parametrize("length", [1 / 480, 0.25, 1, 1.5])
def test_where_all_notes_have_one_length_each_lasts_until_the_next(length):
    onsets = TUNE.onsets / 4
    found = written_ends(onsets, onsets + length, ONE)
    assert found.ends[:-1].tolist() == onsets[1:].tolist()  # nothing tells of the rest
    assert found.ends[-1] - onsets[-1] == np.median(np.diff(onsets))
    assert found.guessed == len(onsets)
    two = np.concatenate([onsets, onsets[:-1]])
    parts = np.repeat([0, 1], [len(onsets), len(onsets) - 1])
    assert written_ends(two, two + length, parts).ends[-1] == found.ends[-1]  # held under the last note of the other
    apart = written_ends(np.append(onsets, 90), np.append(onsets, 90) + length, np.zeros(len(onsets) + 1, np.int64))
    assert apart.ends[-2] < 20  # no note lasts over a long silence


def test_chords_of_one_length_stay():
    onsets, parts = np.repeat(TUNE.onsets, 2), np.zeros(2 * len(TUNE.onsets), np.int64)
    assert written_ends(onsets, onsets + 0.25, parts).mended == 0


def test_a_chord_that_is_held_into_the_next_is_no_manner_of_playing():
    onsets = np.repeat([0, 0.25, 0.5, 0.75], [20, 1, 1, 1])
    ends = np.where(onsets == 0, 0.5, onsets + 0.25)
    found = written_ends(onsets, ends, np.zeros(len(onsets), np.int64))
    assert (found.mended, found.ends is ends) == (0, True)


def test_ends_on_a_grid_that_is_finer_than_scores_are_no_players():
    rng = np.random.default_rng(0)
    onsets = np.arange(100) / 2
    ends = onsets + rng.integers(1, 6, 100) / 12
    assert written_ends(onsets, ends, np.zeros(100, np.int64)).mended == 0
    assert written_ends(onsets, onsets + rng.uniform(1 / 12, 5 / 12, 100), np.zeros(100, np.int64)).mended > 0


@pytest.mark.parametrize(
    "played",
    [
        lambda lengths, rng: lengths * rng.uniform(0.75, 0.97, len(lengths)),
        lambda lengths, rng: lengths * rng.uniform(0.55, 0.95, len(lengths)),
        lambda lengths, rng: lengths + rng.uniform(0.02, 0.2, len(lengths)),
        lambda lengths, rng: lengths + rng.normal(0, 0.04, len(lengths)),
    ],
)
def test_lengths_without_a_rule_reach_to_the_next_note_of_their_part_if_they_nearly_do(played):
    """What a rest follows lasts until that or for some eighths."""
    quarters = TUNE.ends - TUNE.onsets
    lengths = played(quarters, np.random.default_rng(0))
    found = written_ends(TUNE.onsets, TUNE.onsets + lengths, ONE)
    reaching = np.append(TUNE.ends[:-1] == TUNE.onsets[1:], False)
    assert np.abs(found.ends - TUNE.ends)[reaching].max() <= TICK
    assert np.abs(found.ends * 2 - np.rint(found.ends * 2)).max() <= 2 * TICK


def test_each_part_may_be_played_in_its_own_manner():
    onsets, parts = np.tile(TUNE.onsets, 3), np.repeat([0, 1, 2], len(TUNE.onsets))
    lengths = np.concatenate([(TUNE.ends - TUNE.onsets) * ratio for ratio in (1, 0.5, 0.75)])
    found = written_ends(onsets, onsets + lengths, parts)
    assert np.abs(found.ends - np.tile(TUNE.ends, 3)).max() < 1e-9
    assert found.mended == 2 * len(TUNE.onsets)


def test_notes_that_sound_on_while_others_begin_end_where_one_does():
    rng = np.random.default_rng(1)
    onsets = np.concatenate([TUNE.onsets, np.arange(0, 72, 12.0)])
    lengths = np.concatenate([TUNE.ends - TUNE.onsets, np.full(6, 12.0)])
    found = written_ends(onsets, onsets + lengths + rng.normal(0, 0.02, len(onsets)), np.zeros(len(onsets), np.int64))
    assert (found.ends[-6:-1] == (onsets + lengths)[-6:-1]).all()


def test_what_is_played_off_the_grid_stays_as_it_is_played():
    rng = np.random.default_rng(1)
    onsets = np.sort(rng.uniform(0, 40, 50))
    found = written_ends(onsets, onsets + 0.8 * np.diff(np.append(onsets, 41)), np.zeros(50, np.int64))
    assert found.mended == 0


def test_parts_are_not_followed_by_each_other():
    onsets, parts = np.tile(np.arange(12.0), 2), np.repeat([0, 1], 12)
    onsets[12:] += 0.5
    ends = onsets + 0.9
    found = written_ends(onsets, ends, parts)
    assert np.allclose(found.ends, onsets + 1)
