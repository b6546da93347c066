from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.baselines import BASELINES, bernoulli, exponential, move_notes, shuffle_chords
from verifier.batch import Batch
from verifier.view import PianoRollView

VIEW = PianoRollView(lowest_pitch=40, pitches=12, window=20)


@st.composite
def batches(draw):
    """Random rolls with notes of some length, padded with cells that do not count."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(0, 6))
    values = np.repeat(rng.random((n, 12, 10)) < draw(st.sampled_from([0.0, 0.1, 0.3, 0.9])), 2, axis=2)
    return Batch.of(VIEW, values, lengths=rng.integers(0, 21, n))


def inside(batch):
    return [values[:, :length] for values, length in zip(batch.values, batch.lengths, strict=True)]


def notes(roll):
    """(row, first step, length) of each run."""
    found = []
    for row, cells in enumerate(roll):
        padded = np.concatenate([[0], cells.astype(int), [0]])
        edges = np.diff(padded)
        starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        found += [(row, int(a), int(b - a)) for a, b in zip(starts, ends, strict=True)]
    return found


def chords(roll):
    """Counter of (sounding rows, duration) over the maximal stretches."""
    found, start = [], 0
    for step in range(1, roll.shape[1] + 1):
        if step == roll.shape[1] or (roll[:, step] != roll[:, start]).any():
            found.append((tuple(np.flatnonzero(roll[:, start]).tolist()), step - start))
            start = step
    return Counter(found)


@given(batch=batches(), name=st.sampled_from(sorted(BASELINES)), seed=st.integers(0, 2**32))
def test_every_baseline_keeps_what_is_around_the_values_and_is_a_pure_function(batch, name, seed):
    before = batch.values.copy()
    batch.feature("stale", lambda _: "feature")
    made, again = (BASELINES[name](batch, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(batch.values, before)
    assert np.array_equal(made.values, again.values)
    assert made.values.dtype == (np.float32 if name == "exponential" else np.bool_)
    assert np.all((made.values >= 0) & (made.values <= 1))
    assert made.values.shape == batch.values.shape
    assert made.feature("stale", lambda _: "computed") == "computed"
    for field in ("view", "names", "groups", "lengths", "starts", "begins", "ends", "meters"):
        assert getattr(made, field) is getattr(batch, field)
    for values, length in zip(made.values, made.lengths, strict=True):
        assert not values[:, length:].any()


@given(batch=batches(), k=st.integers(0, 5), seed=st.integers(0, 2**32))
def test_moved_notes_keep_their_number_and_the_time_they_sound(batch, k, seed):
    moved = move_notes(batch, k, np.random.default_rng(seed))
    for old, new in zip(inside(batch), inside(moved), strict=True):
        was, now = set(notes(old)), set(notes(new))
        assert sorted(note[1:] for note in was) == sorted(note[1:] for note in now)
        assert old.sum() == new.sum()
        gone, come = was - now, now - was
        assert len(gone) == len(come) <= k


@given(batch=batches(), seed=st.integers(0, 2**32))
def test_one_moved_note_goes_up_or_down_by_one_row(batch, seed):
    moved = move_notes(batch, 1, np.random.default_rng(seed))
    for old, new in zip(inside(batch), inside(moved), strict=True):
        gone, come = set(notes(old)) - set(notes(new)), set(notes(new)) - set(notes(old))
        for (row, *when), (to, *then) in zip(gone, come, strict=True):
            assert abs(row - to) == 1
            assert when == then


def test_notes_move_in_both_directions_and_each_has_its_chance():
    values = np.zeros((400, 12, 20), np.bool_)
    values[:, 3, 2:6] = values[:, 8, 10:12] = True
    moved = move_notes(Batch.of(VIEW, values), 1, np.random.default_rng(0))
    counts = Counter(next(iter(set(notes(roll)) - set(notes(values[0]))))[0] for roll in moved.values)
    assert set(counts) == {2, 4, 7, 9}
    assert min(counts.values()) > 70


def test_three_notes_are_three_different_notes():
    values = np.zeros((50, 12, 20), np.bool_)
    values[:, 5, 0:18:3] = True
    moved = move_notes(Batch.of(VIEW, values), 3, np.random.default_rng(0))
    assert {len(set(notes(roll)) - set(notes(values[0]))) for roll in moved.values} == {3}


@pytest.mark.parametrize(
    "blocked",
    [
        [(4, 5), (6, 5)],  # during the note
        [(4, 3), (6, 8)],  # just before it and just after it
    ],
)
def test_a_note_between_others_stays(blocked):
    values = np.zeros((1, 12, 20), np.bool_)
    values[0, 5, 4:8] = True
    for row, step in blocked:
        values[0, row, step] = True
    for seed in range(10):
        moved = move_notes(Batch.of(VIEW, values), 1, np.random.default_rng(seed))
        assert moved.values[0, 5, 4:8].all()


def test_a_note_on_the_lowest_or_highest_pitch_stays_in_the_view():
    values = np.zeros((40, 12, 20), np.bool_)
    values[:20, 0, 3:5] = values[20:, 11, 3:5] = True
    moved = move_notes(Batch.of(VIEW, values), 1, np.random.default_rng(0))
    assert moved.values[:20, 1, 3:5].all()
    assert moved.values[20:, 10, 3:5].all()


@given(batch=batches(), seed=st.integers(0, 2**32))
def test_shuffled_chords_keep_every_chord_and_its_duration(batch, seed):
    shuffled = shuffle_chords(batch, np.random.default_rng(seed))
    for old, new in zip(inside(batch), inside(shuffled), strict=True):
        assert chords(old) == chords(new)


def test_chords_that_can_only_alternate_alternate():
    values = np.zeros((20, 12, 20), np.bool_)
    values[:, 5, 0:19:2] = True
    shuffled = shuffle_chords(Batch.of(VIEW, values, lengths=np.full(20, 19)), np.random.default_rng(0))
    assert np.array_equal(shuffled.values, values)


def test_chords_come_in_many_orders():
    values = np.zeros((30, 12, 20), np.bool_)
    values[:, np.arange(12), np.arange(12)] = True
    shuffled = shuffle_chords(Batch.of(VIEW, values), np.random.default_rng(0))
    assert len({roll.tobytes() for roll in shuffled.values}) == 30


def test_bernoulli_has_the_density_of_the_batch_without_its_padding():
    values = np.zeros((100, 12, 20), np.bool_)
    values[:, :6, :10] = True
    made = bernoulli(Batch.of(VIEW, values, lengths=np.full(100, 10)), np.random.default_rng(0))
    assert made.values[:, :, :10].mean() == pytest.approx(0.5, abs=0.02)
    assert not made.values[:, :, 10:].any()


@pytest.mark.parametrize("mean", [0.05, 0.5])
def test_exponential_noise_has_the_distribution_of_its_law(mean):
    values = np.zeros((200, 12, 20), np.float32)
    values[:, :, :10] = 2 * mean * np.array([0, 1])[np.arange(10) % 2]
    made = exponential(Batch.of(VIEW, values, lengths=np.full(200, 10)), np.random.default_rng(0))
    cells = made.values[:, :, :10].ravel()
    # P(X <= x) = 1 - exp(-x / mean) below 1, and all of the rest at 1. The 99.9 % point of Kolmogorov's statistic.
    x = np.linspace(0, 0.999, 200)
    distance = np.abs((cells[:, None] <= x).mean(axis=0) - (1 - np.exp(-x / mean))).max()
    assert distance < 1.95 / len(cells) ** 0.5
    assert cells.max() <= 1
    assert cells.mean() == pytest.approx(mean * (1 - np.exp(-1 / mean)), rel=0.03)
    assert not made.values[:, :, 10:].any()


def test_exponential_noise_has_the_mean_of_notes_and_cuts_off_what_is_off_the_scale():
    notes = np.zeros((200, 12, 20), np.bool_)
    notes[:, :, ::4] = True
    made = exponential(Batch.of(VIEW, notes), np.random.default_rng(0))
    assert made.values.mean() == pytest.approx(0.25 * (1 - np.exp(-4)), rel=0.03)
    loud = np.where(notes, 7, -3).astype(np.float32)
    assert np.array_equal(exponential(Batch.of(VIEW, loud), np.random.default_rng(0)).values, made.values)


def test_exponential_noise_of_silence_is_silence():
    silence = Batch.of(VIEW, np.zeros((3, 12, 20), np.bool_))
    assert not exponential(silence, np.random.default_rng(0)).values.any()


def test_intensities_sound_from_the_threshold_on():
    values = np.zeros((1, 12, 20), np.float32)
    values[0, 3, 2:6] = 0.5
    values[0, 9, 2:6] = 0.49
    moved = move_notes(Batch.of(VIEW, values), 1, np.random.default_rng(0))
    assert [note[1:] for note in notes(moved.values[0])] == [(2, 4)]
