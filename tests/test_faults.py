from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.audio import faults as audio_faults
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import media
from verifier.image import faults as image_faults
from verifier.music.faults import FAULTS, LEVELS
from verifier.music.samples import music, sounding_cells, with_voices
from verifier.music.view import PianoRollView
from verifier.music.voices import SILENT
from verifier.rule.fault import fault_named, faults_for

from . import rolls as texts
from .test_edits import assert_voices_are_right, chords, notes, sung

VIEW = PianoRollView(lowest_pitch=40, pitches=12, window=20, steps_per_quarter=2)
OF_NOTES = [name for name in FAULTS if name not in ("smoothed", "quantised", "blurred", "softened")]
OF_VALUES = [name for name in FAULTS if name not in OF_NOTES]


@st.composite
def batches(draw, dtypes=(np.bool_, np.float32)):
    """Random rolls with notes of some length; what lies beyond the length of a sample is noise that does not count."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(0, 5))
    values = np.repeat(rng.random((n, 12, 10)) < draw(st.sampled_from([0.0, 0.1, 0.3, 0.9])), 2, axis=2)
    if draw(st.sampled_from(dtypes)) is np.float32:
        away = rng.random(values.shape, np.float32) * np.float32(0.4)
        values = np.where(values, 1 - away, away)
    return Batch.of(VIEW, values, lengths=rng.integers(0, 21, n))


rolls = batches(dtypes=(np.bool_,))
seeds = st.integers(0, 2**32)


def plant(name, batch, dose, seed=0):
    return FAULTS[name].plant(batch, dose, np.random.default_rng(seed))


def pairs(batch, planted):
    """Sounding cells (rows, length) of each sample before and after."""
    for old, new, length in zip(sounding_cells(batch), sounding_cells(planted), batch.lengths, strict=True):
        yield old[:, :length], new[:, :length]


@settings(deadline=None)  # the first call imports scipy's filters
@given(batch=batches(), name=st.sampled_from(sorted(FAULTS)), seed=seeds)
def test_a_dose_of_nothing_changes_nothing(batch, name, seed):
    planted = plant(name, batch, 0, seed)
    assert np.array_equal(planted.values, batch.values)
    assert planted.values.dtype == batch.values.dtype
    # Nor does the function itself, for whom 0 is a dose like any other; but the levels of `quantised` stay five.
    if name != "quantised":
        assert np.array_equal(FAULTS[name].function(batch, 0, np.random.default_rng(seed)).values, batch.values)


@given(batch=batches(), data=st.data(), name=st.sampled_from(sorted(FAULTS)), seed=seeds)
def test_a_fault_is_a_pure_function_that_keeps_what_is_around_the_values(batch, data, name, seed):
    dose = data.draw(st.sampled_from(FAULTS[name].doses))
    before = batch.values.copy()
    batch.feature("stale", lambda _: "feature")
    planted, again = plant(name, batch, dose, seed), plant(name, batch, dose, seed)
    assert np.array_equal(batch.values, before)
    assert np.array_equal(planted.values, again.values)
    assert planted.values.dtype == (batch.values.dtype if name in OF_NOTES else np.float32)
    assert planted.feature("stale", lambda _: "computed") == "computed"
    for field in ("view", "names", "groups", "lengths", "starts", "begins", "ends"):
        assert getattr(planted, field) is getattr(batch, field)
    assert music(planted).meters is music(batch).meters
    for old, new, length in zip(batch.values, planted.values, batch.lengths, strict=True):
        assert np.array_equal(old[:, length:], new[:, length:])
        assert new[:, :length].min(initial=0) >= 0
        assert new[:, :length].max(initial=1) <= 1


@settings(deadline=None)  # the first call imports scipy's filters
@given(batch=sung(), data=st.data(), name=st.sampled_from(sorted(FAULTS)), seed=seeds)
def test_voices_paint_the_edited_roll_wherever_they_are_known(batch, data, name, seed):
    dose = data.draw(st.sampled_from((0, *FAULTS[name].doses)))
    planted = plant(name, batch, dose, seed)
    assert_voices_are_right(planted, batch)
    view, pitches = batch.view, music(batch).voices.pitches
    within = (pitches == SILENT) | (pitches >= view.lowest_pitch) & (pitches <= view.highest_pitch)
    same = (sounding_cells(planted) == sounding_cells(batch)).all(axis=(1, 2)) & within.all(axis=(1, 2))
    if name not in ("swapped-voices", "chords-shuffled", "delayed", "half-transposed") or not dose:
        # What sounds as it did is sung as it was. (Chords that change places may sound the same; of voices outside of
        # the view nothing sounds, so that such samples say nothing.)
        assert np.array_equal(music(planted).voices.pitches[same], music(batch).voices.pitches[same])
        assert np.array_equal(music(planted).voices.counts[same], music(batch).voices.counts[same])


KEEPING = ["removed", "moved", "split", "delayed", "chords-shuffled"]
KEEPING += ["parallel-fifths", "swapped-voices", "wrong-duration", "softened"]


@given(batch=sung(), data=st.data(), name=st.sampled_from(KEEPING), seed=seeds)
def test_voices_stay_known_where_it_is_clear_what_they_sing(batch, data, name, seed):
    planted = plant(name, batch, data.draw(st.sampled_from(FAULTS[name].doses)), seed)
    assert np.array_equal(music(planted).voices.counts, music(batch).voices.counts)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("joined", "C5:0-4 C5:6-16 | C4:0-16", "C5:0-16 | C4:0-16"),
        ("joined", "C5:0-4 D5:4-6 C5:6-16 | C4:0-16", None),
        ("lengthened", "C5:4-8 | C4:0-16", "C5:4-10 | C4:0-16"),
        ("lengthened", "C5:4-8 D5:8-16 | C4:0-16", None),
        ("split", "C5:0-3 | C4:0-2", "C5:0-1 C5:2-3 | C4:0-2"),
        ("removed", "C5:0-4 | C5:2-4", "rest | rest"),
        ("added", "C5:0-4 | C4:0-4", None),
        ("delayed", "C5:0-8 C5:8-16 | C4:0-16", "C5:1-9 C5:9-16 | C4:1-16"),
    ],
)
def test_voices_of_an_edited_sample(name, before, after):
    view = PianoRollView(window=16, steps_per_quarter=2)
    planted = plant(name, texts.batch([before], view), 1)
    if after is None:
        assert music(planted).voices.counts.tolist() == [0]
        return
    expected = texts.batch([after], view)
    assert np.array_equal(planted.values, expected.values)
    assert np.array_equal(music(planted).voices.pitches, music(expected).voices.pitches)
    assert np.array_equal(music(planted).voices.attacks, music(expected).voices.attacks)


def test_a_shifted_note_takes_its_voice_into_a_rest():
    batch = texts.batch(["C5:4-8"], PianoRollView(window=16, steps_per_quarter=2))
    batch = with_voices(batch, batch.values, music(texts.batch(["C5:4-8 | rest"])).voices)
    attacks = {
        tuple(np.flatnonzero(music(plant("shifted", batch, 1, seed)).voices.attacks[0, 0]).tolist())
        for seed in range(20)
    }
    assert attacks == {(3,), (5,)}


def test_voices_are_transposed_with_their_half():
    batch = texts.batch(["C5:0-16 | C4:0-4 D4:4-16"])
    ups = set()
    for seed in range(20):
        voices = music(plant("half-transposed", batch, 2, seed)).voices
        assert np.array_equal(voices.pitches[:, :, :8], music(batch).voices.pitches[:, :, :8])
        ups |= set((voices.pitches - music(batch).voices.pitches)[:, :, 8:].ravel().tolist())
        assert voices.attacks[0, :, 8].all()  # a note that is cut by the middle begins anew there
    assert ups == {-2, 2}


def test_voices_outside_the_view_are_not_transposed_into_it():
    view = PianoRollView(window=16, lowest_pitch=60, pitches=24)
    batch = texts.batch(["C5:0-16 | B3:0-16", "C5:0-16 | C4:0-16"], view)
    assert music(plant("half-transposed", batch, 2)).voices.counts.tolist() == [0, 2]


@given(batch=batches(dtypes=(np.float32,)), name=st.sampled_from(OF_NOTES), seed=seeds)
def test_a_fault_of_notes_leaves_the_values_of_the_cells_that_it_does_not_turn_on_or_off(batch, name, seed):
    if name == "chords-shuffled":  # which carries the values along
        return
    planted = plant(name, batch, FAULTS[name].doses[0], seed)
    same = sounding_cells(planted) == sounding_cells(batch)
    assert np.array_equal(planted.values[same], batch.values[same])
    assert np.isin(planted.values[~same], [0, 1]).all()


@given(batch=rolls, k=st.integers(1, 6), seed=seeds)
def test_added_notes_leave_the_others_and_have_durations_that_were_there(batch, k, seed):
    for old, new in pairs(batch, plant("added", batch, k, seed)):
        was, now = set(notes(old)), set(notes(new))
        assert was <= now
        assert len(now - was) <= k
        assert {note[1:] for note in now} == {note[1:] for note in was}


@given(batch=rolls, k=st.integers(1, 6), seed=seeds)
def test_removed_notes_are_as_many_as_the_dose(batch, k, seed):
    for old, new in pairs(batch, plant("removed", batch, k, seed)):
        was, now = set(notes(old)), set(notes(new))
        assert now <= was
        assert len(was - now) == min(k, len(was))


@given(batch=rolls, k=st.integers(1, 6), seed=seeds)
def test_moved_notes_keep_onset_and_duration(batch, k, seed):
    for old, new in pairs(batch, plant("moved", batch, k, seed)):
        was, now = set(notes(old)), set(notes(new))
        assert sorted(note[1:] for note in was) == sorted(note[1:] for note in now)
        assert len(was - now) <= k


@given(batch=rolls, k=st.integers(1, 6), seed=seeds)
def test_split_notes_lose_one_step_each(batch, k, seed):
    for old, new in pairs(batch, plant("split", batch, k, seed)):
        splits = min(k, sum(length >= 3 for _, _, length in notes(old)))
        assert not (new & ~old).any()
        assert old.sum() - new.sum() == splits
        assert len(notes(new)) == len(notes(old)) + splits


@given(batch=rolls, k=st.integers(1, 6), seed=seeds)
def test_joined_notes_sound_through_the_gap_and_no_further(batch, k, seed):
    for old, new in pairs(batch, plant("joined", batch, k, seed)):
        assert not (old & ~new).any()
        added = notes(new & ~old)
        assert len(added) == len(notes(old)) - len(notes(new)) <= k
        assert all(length <= 4 for _, _, length in added)


@given(batch=rolls, k=st.integers(1, 6), seed=seeds)
def test_lengthened_notes_keep_their_onsets_and_number(batch, k, seed):
    for old, new in pairs(batch, plant("lengthened", batch, k, seed)):
        assert [note[:2] for note in notes(old)] == [note[:2] for note in notes(new)]
        longer = [b[2] - a[2] for a, b in zip(notes(old), notes(new), strict=True) if a != b]
        assert len(longer) <= k
        assert set(longer) <= {2}


@given(batch=rolls, k=st.integers(1, 6), seed=seeds)
def test_shifted_notes_keep_pitch_and_duration_and_go_one_step(batch, k, seed):
    for old, new in pairs(batch, plant("shifted", batch, k, seed)):
        was, now = notes(old), notes(new)
        assert [(row, length) for row, _, length in was] == [(row, length) for row, _, length in now]
        shifts = [abs(a[1] - b[1]) for a, b in zip(was, now, strict=True)]
        assert sum(shifts) <= k
        assert max(shifts, default=0) <= 1


@given(batch=rolls, steps=st.integers(1, 25), seed=seeds)
def test_a_delayed_sample_starts_with_silence_and_goes_on_as_it_was(batch, steps, seed):
    for old, new in pairs(batch, plant("delayed", batch, steps, seed)):
        assert not new[:, :steps].any()
        assert np.array_equal(new[:, steps:], old[:, : max(0, old.shape[1] - steps)])


@given(batch=rolls, share=st.sampled_from([0.1, 0.25, 0.5, 1.0]), seed=seeds)
def test_shuffled_chords_keep_every_chord_and_its_duration(batch, share, seed):
    for old, new in pairs(batch, plant("chords-shuffled", batch, share, seed)):
        assert chords(old) == chords(new)


def test_a_share_of_the_chords_is_shuffled_and_no_more():
    values = np.zeros((40, 12, 20), np.bool_)
    values[:, np.arange(12), np.arange(12)] = True
    batch = Batch.of(VIEW, values, lengths=np.full(40, 12))
    for share, most in ((0.25, 3), (0.5, 6), (1.0, 12)):
        planted = plant("chords-shuffled", batch, share)
        moved = (planted.values != values).any(axis=1).sum(axis=1)
        assert moved.max() <= most
        assert moved.mean() > 0.6 * most


@given(batch=rolls, semitones=st.integers(1, 14), seed=seeds)
def test_a_transposed_half_keeps_its_shape_and_the_other_half(batch, semitones, seed):
    for old, new in pairs(batch, plant("half-transposed", batch, semitones, seed)):
        middle = old.shape[1] // 2
        assert np.array_equal(old[:, :middle], new[:, :middle])
        half = new[:, middle:]
        assert half.sum() == old[:, middle:].sum()
        if not np.array_equal(half, old[:, middle:]):
            up, down = half[semitones:], half[: len(half) - semitones]
            assert np.array_equal(up, old[: len(half) - semitones, middle:]) or np.array_equal(
                down, old[semitones:, middle:]
            )


@given(batch=batches(), deviation=st.sampled_from([0.01, 0.1, 1.0]), seed=seeds)
def test_quantised_values_are_few(batch, deviation, seed):
    levels = np.linspace(0, 1, LEVELS, dtype=np.float32)
    for values, length in zip(plant("quantised", batch, deviation, seed).values, batch.lengths, strict=True):
        assert np.isin(values[:, :length], levels).all()


@given(batch=batches(), width=st.sampled_from([1e-4, 0.1, 1.0]), seed=seeds)
def test_softened_values_sound_where_they_did_and_none_is_nearer_to_0_or_1(batch, width, seed):
    planted = plant("softened", batch, width, seed)
    assert np.array_equal(sounding_cells(planted), sounding_cells(batch))
    old, new = np.asarray(batch.values, np.float32), planted.values
    assert (np.abs(new - 0.5) <= np.abs(old - 0.5) + 1e-6).all()


@given(batch=batches(), name=st.sampled_from(["smoothed", "blurred"]), seed=seeds)
def test_averages_stay_between_the_values_that_were_there(batch, name, seed):
    for dose in FAULTS[name].doses:
        planted = plant(name, batch, dose, seed)
        for old, new, length in zip(batch.values, planted.values, batch.lengths, strict=True):
            if length:
                assert old[:, :length].min() - 1e-5 <= new[:, :length].min()
                assert new[:, :length].max() <= old[:, :length].max() + 1e-5


def test_smoothing_mixes_a_step_with_its_neighbours_and_blurring_rows_as_well():
    values = np.zeros((1, 12, 20), np.bool_)
    values[0, 5, 10] = True
    batch = Batch.of(VIEW, values)
    smoothed = plant("smoothed", batch, 0.3).values[0]
    assert smoothed[5, 9:12] == pytest.approx([0.1, 0.8, 0.1], abs=1e-6)
    assert np.count_nonzero(smoothed) == 3
    blurred = plant("blurred", batch, 0.5).values[0]
    assert blurred[4, 10] == pytest.approx(blurred[5, 9])
    assert blurred[4, 10] > 0.05


@pytest.mark.parametrize("name", ["removed", "split", "joined", "lengthened"])
@given(batch=rolls, seed=seeds)
def test_a_larger_dose_goes_on_where_a_smaller_one_stopped(name, batch, seed):
    little, more = (plant(name, batch, dose, seed).values != batch.values for dose in (1, 4))
    assert not (little & ~more).any()


def test_faults_hit_every_note_in_its_turn():
    values = np.zeros((300, 12, 20), np.bool_)
    values[:, 3, 2:6] = values[:, 8, 10:14] = values[:, 6, 4:8] = True
    batch = Batch.of(VIEW, values)
    for name in ("removed", "split", "lengthened", "shifted", "moved"):
        changed = (plant(name, batch, 1).values != values).any(axis=(0, 2))
        assert changed[[3, 6, 8]].all(), name
        hits = Counter()
        for cells in plant(name, batch, 1).values != values:
            hits.update({min((3, 6, 8), key=lambda row: abs(row - at)) for at in np.flatnonzero(cells.any(axis=1))})
        assert min(hits.values()) > 30, name


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in sorted(media()) for name in faults_for(kind)])
def test_every_fault_has_three_to_five_rising_doses_and_words(kind, name):
    fault = faults_for(kind)[name]
    assert fault.name == name
    assert 3 <= len(fault.doses) <= 5
    assert list(fault.doses) == sorted(set(fault.doses))
    for dose in fault.doses:
        fault.require(dose)
    assert fault.function.__doc__ is not None
    assert "Dose:" in fault.function.__doc__


@pytest.mark.parametrize(
    ("name", "dose", "message"),
    [
        ("moved", 1.5, r"dose of moved: expected a whole number from 0 \(notes per sample\), found 1.5"),
        ("moved", -1, "found -1"),
        ("smoothed", 1.5, "expected a number from 0 to 1 .weight of the mean., found 1.5"),
        ("blurred", float("nan"), "found nan"),
        ("blurred", float("inf"), "found inf"),
    ],
)
def test_a_dose_that_a_fault_cannot_have_is_refused(name, dose, message):
    with pytest.raises(InputError, match=message):
        FAULTS[name].require(dose)


def test_each_medium_has_faults_of_its_own_and_no_name_means_two():
    assert faults_for("piano-roll") is FAULTS
    assert faults_for("image") is image_faults.FAULTS
    assert faults_for("mel-spectrogram") is audio_faults.FAULTS
    assert list(audio_faults.FAULTS)[:2] == ["smoothed", "blurred"]
    shared = FAULTS.keys() & audio_faults.FAULTS.keys()
    assert shared == {"smoothed", "blurred"}
    assert not image_faults.FAULTS.keys() & (FAULTS.keys() | audio_faults.FAULTS.keys())
    for name in shared:
        assert replace(FAULTS[name], function=audio_faults.FAULTS[name].function) == audio_faults.FAULTS[name]
    assert fault_named("jpeg", "image") is image_faults.FAULTS["jpeg"]
    with pytest.raises(InputError, match=r"expected a fault for a mel-spectrogram \(smoothed, .*\), found 'jpeg'"):
        fault_named("jpeg", "mel-spectrogram", "--fault")


def test_an_unknown_fault_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"--fault: expected a fault for a piano-roll \(added, .*\), found 'moevd'"):
        fault_named("moevd", "piano-roll", "--fault")
