"""Features against closed forms, against each other, and against the libraries that compute the same."""

import music21
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rolls import batch, random_batch
from verifier.base.errors import InputError
from verifier.data import intensity
from verifier.data.batch import Batch
from verifier.music.features import chroma, roll
from verifier.music.features.durations import notes
from verifier.music.features.runs import stretches
from verifier.music.view import PianoRollView

few = settings(max_examples=25, deadline=None)


@few
@given(seed=st.integers(0, 10_000), grey=st.booleans(), steps=st.integers(1, 150))
def test_compiled_and_numpy_scans_agree(seed, grey, steps):
    made = random_batch(seed, steps=steps, grey=grey)
    one, other = roll.scan_numpy(made), roll.scan_compiled(made)
    for name in roll.RollScan.__dataclass_fields__:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_large_inputs_are_scanned_by_the_compiled_loops_and_small_ones_are_not(monkeypatch):
    used = []
    monkeypatch.setattr(roll, "scan_numpy", lambda made: used.append("numpy"))
    monkeypatch.setattr(roll, "scan_compiled", lambda made: used.append("compiled"))
    monkeypatch.setattr(roll, "COMPILE_FROM", 2 * 64 * 16)
    for samples in (1, 2, 1):  # whatever was scanned before
        roll.scan(batch(["C4:0-4"] * samples))
    assert used == ["numpy", "compiled", "numpy"]


def test_scan_of_a_known_roll():
    made = batch(["C4:0-4 E4:2-8 C5:4-6"], PianoRollView(window=8), steps=8)
    found = roll.scan(made)
    c, e = 1, 1 << 4
    assert found.codes[0].tolist() == [c, c, c | e, c | e, c | e, c | e, e, e]
    assert found.polyphony[0].tolist() == [1, 1, 2, 2, 2, 2, 1, 1]
    assert {steps: int(n) for steps, n in enumerate(found.runs[0]) if n} == {2: 1, 4: 1, 6: 1}
    assert found.cut_runs.sum() == 0
    assert found.intensity[0, 1] + found.intensity[0, 3 * 255 + 1] == 8 * 64


def test_runs_at_the_edges_of_a_cut_are_cut():
    made = batch(["C4:0-4 E4:2-6 G4:4-8 B4:0-8"], PianoRollView(window=8), steps=8)
    made.begins[:] = False
    found = roll.scan(made)
    assert {steps: int(n) for steps, n in enumerate(found.cut_runs[0]) if n} == {4: 1, 8: 1}
    assert {steps: int(n) for steps, n in enumerate(found.runs[0]) if n} == {4: 2}
    assert sum(cut for *_, cut in notes(made, 0)) == 2


def test_chroma_agrees_with_pretty_midi():
    rng = np.random.default_rng(0)
    view = PianoRollView(lowest_pitch=0, pitches=128)
    made = Batch.of(view, rng.random((1, 128, 40)) < 0.04)
    instrument = pretty_midi.Instrument(0)
    for pitch, start, steps, _ in notes(made, 0):
        instrument.notes.append(pretty_midi.Note(100, pitch, start / 4, (start + steps) / 4))
    theirs = instrument.get_chroma(fs=4)[:, :40] > 0
    ours = roll.scan(made).codes[0] >> np.arange(12)[:, None] & 1
    assert np.array_equal(ours[:, : theirs.shape[1]], theirs)
    assert not ours[:, theirs.shape[1] :].any()


@given(st.integers(0, 4095))
def test_chord_names_are_read_back_and_agree_with_music21(code):
    name = chroma.chord_name(code)
    assert chroma.chord_code(name) == code
    if code:
        theirs = [music21.pitch.Pitch(part).pitchClass for part in name.split()]
        assert sum(1 << pitch_class for pitch_class in theirs) == code


@given(st.integers(0, 4095), st.integers(0, 11))
def test_transposition_agrees_with_music21(code, semitones):
    moved = int(chroma.transpose(np.array([code]), semitones)[0])
    theirs = {(music21.pitch.Pitch(pc).transpose(semitones).pitchClass) for pc in range(12) if code >> pc & 1}
    assert moved == sum(1 << pitch_class for pitch_class in theirs)


@pytest.mark.parametrize("name", ["", "H", "c e g", "C E H", "rest C"])
def test_what_is_no_chord_is_refused(name):
    with pytest.raises(InputError, match="expected pitch classes"):
        chroma.chord_code(name)


@given(st.integers(0, intensity.BINS - 1))
def test_bin_names_are_read_back(key):
    assert intensity.bin_of_name(intensity.bin_name(key)) == key


@pytest.mark.parametrize("name", ["at 256", "on 3", "at", "at -1", "at ³"])
def test_what_is_no_bin_is_refused(name):
    with pytest.raises(InputError, match="expected 'below', 'at' or 'above'"):
        intensity.bin_of_name(name)


def test_a_bin_says_which_level_a_value_rounds_to_and_on_which_side_it_lies():
    levels = np.arange(256)
    exact = levels.astype(np.float32) / np.float32(255)
    assert np.array_equal(intensity.intensity_bins(exact), 3 * levels + 1)
    values = np.random.default_rng(1).random(10_000, np.float32)
    bins = intensity.intensity_bins(values)
    assert np.array_equal(bins // 3, np.floor(values.astype(np.float64) * 255 + 0.5))
    assert np.array_equal(np.sign(values - intensity.LEVELS[bins // 3]), bins % 3 - 1)
    assert intensity.intensity_bins(np.array([-0.5, 1.5], np.float32)).tolist() == [0, 767]


def test_stretches_are_maximal_and_stop_at_the_length():
    values = np.array([[5, 5, 3, 3, 3, 5], [1, 1, 1, 1, 2, 2]], np.uint16)
    found = stretches(values, np.array([6, 5]))
    assert list(zip(*(column.tolist() for column in found), strict=True)) == [
        (0, 5, 0, 2),
        (0, 3, 2, 3),
        (0, 5, 5, 1),
        (1, 1, 0, 4),
        (1, 2, 4, 1),
    ]
