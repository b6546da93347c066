"""What is not learned, and what is offered in its place: notes off the grid, and outside the pitches of the view."""

from dataclasses import replace

import numpy as np
import pytest

import verifier as vf
from tests.rolls import notes
from verifier.base.errors import InputError
from verifier.cli.main import main
from verifier.music.midi_file import write_midi
from verifier.music.piano_roll import batch_of
from verifier.music.view import PianoRollView

RULES = ["rhythm-patterns", "polyphony"]
STRAIGHT = "C4:0-1 D4:1-2 E4:2-3 F4:3-4 G4:4-6 A4:6-8"


def pieces(shift=0.0, divide=1):
    """The same tune twelve times, ``divide`` times as fast, late by ``shift`` quarters."""
    tune = notes(STRAIGHT)
    onsets, ends = tune.onsets / divide + shift, tune.ends / divide + shift
    return [replace(tune, name=f"piece {i}", group=f"piece {i}", onsets=onsets, ends=ends) for i in range(12)]


def learned(found, view=None):
    return vf.learn(batch_of(found, PianoRollView()), rules=RULES, view=view, hold_out=0.0)


def test_triplets_on_a_grid_of_sixteenths_are_refused_with_the_grid_that_holds_them():
    with pytest.raises(InputError) as error:
        learned(pieces(divide=3))
    assert str(error.value) == (
        "samples: 50% of the notes begin between the steps of the view (4 a quarter): a rhythm learned of them would be"
        " that of the rounding; 6 steps a quarter would hold 100%: --view steps-per-quarter=6, or say --view"
        " steps-per-quarter=4 to learn them as they are"
    )


def test_what_is_played_is_learned_as_it_is_by_who_says_so():
    played = pieces(shift=0.11)
    with pytest.raises(InputError, match="no grid of up to 24 steps a quarter holds 95%: quantise them, or say --view"):
        learned(played)
    assert learned(played, {"steps-per-quarter": 4}).rules
    assert learned(played, PianoRollView()).rules
    assert learned(pieces()).rules


def test_a_wider_view_is_offered(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "low").mkdir()
    rng = np.random.default_rng(0)
    wide = PianoRollView(lowest_pitch=20, pitches=100)
    for i in range(6):
        roll = np.zeros((100, 64), np.bool_)
        roll[rng.integers(4, 70, 16).repeat(4), np.arange(64)] = True
        write_midi(tmp_path / "low" / f"{i}.mid", roll, wide)
    assert main(["learn", "low", "-o", "low.yaml", "--rule", "polyphony"]) == 0
    out = capsys.readouterr().out
    assert "of the notes lie outside the pitches of the view, 36 to 99; it has room for all with --view" in out
    assert "--view lowest-pitch=21 --view pitches=88" in out
    offered = ["--view", "lowest-pitch=21", "--view", "pitches=88"]
    assert main(["learn", "low", "-o", "low.yaml", "--rule", "polyphony", *offered]) == 0
    assert "outside the pitches" not in capsys.readouterr().out
