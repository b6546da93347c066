from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import media, rolls
from verifier.corpora.sample_sets import ALL_SEED
from verifier.data.batch import Batch
from verifier.data.medium import medium_named
from verifier.music.edits import (
    BASELINES,
    bernoulli,
    move_boundaries,
    move_notes,
    parallel_fifths,
    shuffle_chords,
    swap_voices,
)
from verifier.music.features.voice_notes import lines
from verifier.music.rules.parallels import Parallels
from verifier.music.samples import music, sounding_cells
from verifier.music.view import PianoRollView
from verifier.music.voices import SILENT
from verifier.values import noise
from verifier.values.noise import exponential

VIEW = PianoRollView(lowest_pitch=40, pitches=12, window=20)


@st.composite
def batches(draw):
    """Random rolls with notes of some length, padded with cells that do not count."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(0, 6))
    values = np.repeat(rng.random((n, 12, 10)) < draw(st.sampled_from([0.0, 0.1, 0.3, 0.9])), 2, axis=2)
    return Batch.of(VIEW, values, lengths=rng.integers(0, 21, n))


@st.composite
def sung(draw):
    """Random voices, up to four in a sample and in some none, that paint the roll; some leave the view."""
    made = rolls.voiced_batch(draw(st.integers(0, 2**32)))
    return replace(made, values=painted(made))


def painted(batch):
    """The cells in which the voices of each sample sound."""
    cells = music(batch).voices.painted(batch.view.lowest_pitch, batch.view.pitches)
    return cells & batch.inside()[:, None, :]


def assert_voices_are_right(edited, batch):
    """Where they are known: they paint the roll, each change of pitch is an attack, and there are as many as before."""
    known, voices = music(edited).voices.counts > 0, music(edited).voices
    assert np.array_equal(painted(edited)[known], sounding_cells(edited)[known])
    assert np.array_equal(voices.counts[known], music(batch).voices.counts[known])
    sounding = voices.pitches != SILENT
    assert not (voices.attacks & ~sounding).any()
    changes = sounding[:, :, 1:] & (voices.pitches[:, :, 1:] != voices.pitches[:, :, :-1])
    assert not (changes & ~voices.attacks[:, :, 1:]).any()
    assert not (voices.fermatas & ~sounding.any(axis=1)).any()
    assert not sounding[~known].any()


def in_order(batch):
    """Every note of every voice but its pitch: sample, voice, first step, step after the last."""
    found = lines(batch)
    return np.stack([found.samples, found.voices, found.starts, found.stops])


def breaches(batch):
    """(n,) parallel fifths and octaves of each sample."""
    return Parallels().compile().count(batch).violations


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
    made, again = (BASELINES[name].make(batch, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(batch.values, before)
    assert np.array_equal(made.values, again.values)
    assert made.values.dtype == (np.float32 if name == "exponential" else np.bool_)
    assert np.all((made.values >= 0) & (made.values <= 1))
    assert made.values.shape == batch.values.shape
    assert made.feature("stale", lambda _: "computed") == "computed"
    for field in ("view", "names", "groups", "lengths", "starts", "begins", "ends"):
        assert getattr(made, field) is getattr(batch, field)
    assert music(made).meters is music(batch).meters
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


def test_bernoulli_of_what_is_no_music_has_the_mean_of_its_values_without_its_padding():
    pixels = np.full((100, 16, 16), 0.3, np.float32)
    pixels[:, :, 8:] = 1.5  # off the scale: 1
    view = media.PICTURES
    made = noise.bernoulli(Batch.of(view, pixels), np.random.default_rng(0))
    assert made.values.dtype == np.bool_
    assert made.values.mean() == pytest.approx(0.65, abs=0.02)
    short = noise.bernoulli(Batch.of(view, pixels, lengths=np.full(100, 8)), np.random.default_rng(0))
    assert short.values[:, :, :8].mean() == pytest.approx(0.3, abs=0.02)
    assert not short.values[:, :, 8:].any()
    # Music has the share of cells that sound, whatever their intensity.
    loud = Batch.of(PianoRollView(window=16, pitches=16), np.where(pixels > 1, np.float32(0.6), pixels))
    assert bernoulli(loud, np.random.default_rng(0)).values.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("kind", ["piano-roll", "mel-spectrogram", "image"])
def test_no_two_baselines_draw_the_same_random_numbers(kind):
    seeds = [baseline.seed for baseline in medium_named(kind).baselines().values()]
    assert len({*seeds, ALL_SEED}) == len(seeds) + 1
    assert {"bernoulli": 3, "exponential": 7}.items() <= {
        name: baseline.seed for name, baseline in medium_named(kind).baselines().items()
    }.items(), "the samples of a part are the same ones for ever"


def test_intensities_sound_from_the_threshold_on():
    values = np.zeros((1, 12, 20), np.float32)
    values[0, 3, 2:6] = 0.5
    values[0, 9, 2:6] = 0.49
    moved = move_notes(Batch.of(VIEW, values), 1, np.random.default_rng(0))
    assert [note[1:] for note in notes(moved.values[0])] == [(2, 4)]


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


HARD = sorted(set(BASELINES) - {"bernoulli", "exponential"})


@given(batch=sung(), name=st.sampled_from(HARD), seed=st.integers(0, 2**32))
def test_the_voices_of_a_hard_negative_are_known_and_paint_its_roll(batch, name, seed):
    made = BASELINES[name].make(batch, np.random.default_rng(seed))
    assert_voices_are_right(made, batch)
    assert np.array_equal(music(made).voices.counts, music(batch).voices.counts)


@pytest.mark.parametrize("name", ["bernoulli", "exponential"])
def test_noise_has_no_voices(name):
    batch = rolls.voiced_batch(0)
    assert music(batch).voices.counts.any()
    assert not music(BASELINES[name].make(batch, np.random.default_rng(0))).voices.counts.any()


@pytest.mark.parametrize("name", ["parallel-fifths", "swapped-voices", "wrong-duration"])
def test_a_sample_without_voices_is_left_as_it_is_by_an_edit_of_voices(name):
    batch = rolls.random_batch(0)
    made = BASELINES[name].make(batch, np.random.default_rng(0))
    assert np.array_equal(made.values, sounding_cells(batch))
    assert not music(made).voices.counts.any()


def test_every_voice_that_sounds_a_moved_note_moves_with_it_and_keeps_its_attacks():
    batch = rolls.batch(["C5:0-4 C5:4-8 | E4:0-8 | E4:0-4 E4:4-8"])
    pitches = set()
    for seed in range(20):
        moved = music(move_notes(batch, 1, np.random.default_rng(seed))).voices
        assert np.array_equal(moved.attacks, music(batch).voices.attacks)
        assert np.array_equal(moved.pitches[0, 1], moved.pitches[0, 2])
        pitches |= {tuple(moved.pitches[0, :, 0].tolist())}
    assert pitches == {(71, 64, 64), (73, 64, 64), (72, 63, 63), (72, 65, 65)}


def test_voices_go_with_their_chords_and_hold_a_pitch_that_goes_on():
    batch = rolls.batch(["C5:0-4 D5:4-8 E5:8-12^ E5:12-16^ | C4:0-16"])
    orders = set()
    for seed in range(30):
        shuffled = music(shuffle_chords(batch, np.random.default_rng(seed))).voices
        assert np.flatnonzero(shuffled.attacks[0, 1]).tolist() in ([0], [4], [8], [12])
        upper = shuffled.pitches[0, 0]
        first = int(np.flatnonzero(upper == 76)[0])
        # The repeated note stays one: a chord is a stretch of the roll, in which E sounds for eight steps.
        assert (upper[first : first + 8] == 76).all()
        assert shuffled.attacks[0, 0, [first, first + 4]].all()
        assert np.flatnonzero(shuffled.fermatas[0]).tolist() == list(range(first, first + 8))
        orders.add(tuple(upper[::4].tolist()))
    assert len(orders) == 6


def test_parallel_fifths_are_put_where_the_fewest_semitones_do():
    # Above the bass C3-D3 a fifth is G3-A3: the tenor is a tone below, the soprano is two octaves above.
    batch = rolls.batch(["A5:0-4 B5:4-8 | F3:0-4 G3:4-8 | C3:0-4 D3:4-8"])
    made = parallel_fifths(batch, 1, np.random.default_rng(0))
    assert music(made).voices.pitches[0, :, [0, 4]].tolist() == [[81, 55, 48], [83, 57, 50]]
    assert np.array_equal(made.values, rolls.batch(["A5:0-4 B5:4-8 | G3:0-4 A3:4-8 | C3:0-4 D3:4-8"]).values)
    assert (breaches(batch)[0], breaches(made)[0]) == (0, 1)
    # A second one has no free place: it would need the notes of the first.
    assert np.array_equal(parallel_fifths(batch, 2, np.random.default_rng(0)).values, made.values)


@pytest.mark.parametrize(
    "sample",
    [
        "F3:0-4 G3:4-8 | C3:0-8",  # one voice stays
        "F3:0-4 E3:4-8 | C3:0-4 D3:4-8",  # contrary motion
        "F3:0-4 G3:5-9 | C3:0-4 D3:5-9",  # a rest between
        "G3:0-4 A3:4-8 | C3:0-4 D3:4-8",  # there are fifths already
        "F#3:0-8 | F3:0-4 G3:4-8 | C3:0-4 D3:4-8",  # the tenor would cross the alto
    ],
)
def test_parallel_fifths_are_not_put_where_there_is_no_place_for_them(sample):
    view = PianoRollView(window=16, lowest_pitch=36, pitches=24)  # no room for a twelfth
    batch = rolls.batch([sample], view)
    made = parallel_fifths(batch, 3, np.random.default_rng(0))
    assert np.array_equal(music(made).voices.pitches, music(batch).voices.pitches)


@given(batch=sung(), k=st.integers(1, 4), seed=st.integers(0, 2**32))
def test_parallel_fifths_change_two_pitches_each_and_no_rhythm(batch, k, seed):
    made = parallel_fifths(batch, k, np.random.default_rng(seed))
    assert np.array_equal(in_order(made), in_order(batch))
    differ = lines(made).pitches != lines(batch).pitches
    assert np.bincount(lines(batch).samples[differ], minlength=len(batch)).max() <= 2 * k
    less = parallel_fifths(batch, k - 1, np.random.default_rng(seed))
    placed = lines(less).pitches != lines(batch).pitches
    assert np.array_equal(lines(made).pitches[placed], lines(less).pitches[placed])


def test_parallel_fifths_are_found_by_their_rule_in_random_voices():
    batch = replace(made := rolls.voiced_batch(0, n=60, steps=64), values=painted(made))
    planted = [breaches(parallel_fifths(batch, k, np.random.default_rng(0))).sum() for k in range(4)]
    assert planted[0] == 0
    assert 15 < planted[1] < planted[2] < planted[3]


@given(batch=sung(), share=st.sampled_from([0.25, 0.5, 1.0]), seed=st.integers(0, 2**32))
def test_two_neighbouring_voices_are_swapped_for_their_share_and_nothing_else_is(batch, share, seed):
    made = swap_voices(batch, share, np.random.default_rng(seed))
    assert np.array_equal(made.values, sounding_cells(batch))
    for i, (count, length) in enumerate(zip(music(batch).voices.counts.tolist(), batch.lengths.tolist(), strict=True)):
        old, new = music(batch).voices.pitches[i], music(made).voices.pitches[i]
        if count < 2:
            assert np.array_equal(old, new)
            continue
        possible = []
        for voice in range(count - 1):
            swapped = old.copy()
            swapped[[voice, voice + 1]] = old[[voice + 1, voice]]
            width = round(share * length)
            for start in range(length - width + 1):
                step = np.arange(old.shape[1])
                where = (step >= start) & (step < start + width)
                possible.append(np.array_equal(new, np.where(where, swapped, old)))
        assert any(possible)


def test_attacks_are_swapped_with_their_voices():
    batch = rolls.batch(["C5:0-8 C5:8-16 | G4:0-4 G4:4-16"])
    made = music(swap_voices(batch, 1, np.random.default_rng(0))).voices
    assert np.array_equal(made.pitches[0], music(batch).voices.pitches[0, ::-1])
    assert np.array_equal(made.attacks[0], music(batch).voices.attacks[0, ::-1])


def test_each_pair_of_neighbours_is_swapped_in_its_turn():
    batch = rolls.batch(["C5:0-16 | G4:0-16 | E4:0-16 | C4:0-16"] * 300)
    made = music(swap_voices(batch, 1, np.random.default_rng(0))).voices.pitches[:, :, 0]
    counts = Counter(map(tuple, made.tolist()))
    assert set(counts) == {(67, 72, 64, 60), (72, 64, 67, 60), (72, 67, 60, 64)}
    assert min(counts.values()) > 70


def test_a_moved_boundary_is_a_step_early_or_late_between_long_notes_of_two_pitches():
    batch = rolls.batch(["C5:0-4 D5:4-8 D5:8-12 E5:12-14 F5:14-16 | rest"])
    found = set()
    for seed in range(20):
        made = move_boundaries(batch, 1, np.random.default_rng(seed))
        found.add(tuple(lines(made).starts.tolist()))
        assert lines(made).pitches.tolist() == lines(batch).pitches.tolist()
    assert found == {(0, 3, 8, 12, 14), (0, 5, 8, 12, 14)}


@given(batch=sung(), k=st.integers(0, 4), seed=st.integers(0, 2**32))
def test_moved_boundaries_are_as_many_as_there_is_room_for_and_keep_the_notes(batch, k, seed):
    made = move_boundaries(batch, k, np.random.default_rng(seed))
    old, new = lines(batch), lines(made)
    assert np.array_equal(old.pitches, new.pitches)
    shifts = np.abs(old.starts - new.starts)
    assert set(shifts.tolist()) <= {0, 1}
    assert np.bincount(old.samples, shifts, minlength=len(batch)).max() <= k
    assert np.array_equal(old.stops[:-1] - old.starts[1:], new.stops[:-1] - new.starts[1:])
    again = move_boundaries(batch, 4, np.random.default_rng(seed))
    assert not ((new.starts != old.starts) & (lines(again).starts != new.starts)).any()


def test_what_sounds_without_a_voice_is_not_touched_by_edits_of_voices():
    batch = rolls.batch(["A5:0-4 B5:4-8 | F3:0-4 G3:4-8 | C3:0-4 D3:4-8"])
    batch.values[0, 60, 2:9] = True
    for made in (
        parallel_fifths(batch, 1, np.random.default_rng(0)),
        move_boundaries(batch, 1, np.random.default_rng(0)),
    ):
        assert made.values[0, 60, 2:9].all()
        assert not np.array_equal(made.values, batch.values)
