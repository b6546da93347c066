"""Pieces in one file with silence between them, and stretches cut out between two beats."""

import numpy as np
import pytest

from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of
from verifier.music.samples import music
from verifier.music.sections import cut_between_beats, sections
from verifier.music.view import PianoRollView

VIEW = PianoRollView(window=16, lowest_pitch=60, pitches=12, steps_per_quarter=4)


def notes(*onsets: float, length: float = 1.0, fermatas: tuple[float, ...] = ()) -> Notes:
    at = np.array(onsets, np.float64)
    pitches = np.full(len(at), 60)
    parts = np.zeros(len(at), np.int64)
    return Notes(
        name="a.mid",
        group="a.mid",
        onsets=at,
        ends=at + length,
        pitches=pitches,
        parts=parts,
        fermatas=np.array(fermatas, np.float64),
        padding=3,
    )


def test_three_quarters_of_silence_part_two_pieces() -> None:
    found = sections(notes(0, 1, 2, 6, 12, 40, fermatas=(2, 12)))
    assert [piece.onsets.tolist() for piece in found] == [[0, 1, 2], [6], [12], [40]]
    assert [piece.fermatas.tolist() for piece in found] == [[2], [], [12], []]


@pytest.mark.parametrize("onsets", [(0, 1, 2, 5.75), (0,), ()])
def test_a_shorter_rest_parts_nothing(onsets: tuple[float, ...]) -> None:
    assert len(sections(notes(*onsets))) == 1


def test_the_windows_of_pieces_in_one_file_hold_none_of_the_silence() -> None:
    file = notes(0, 1, 2, 3, 4, 14.5, 15.5, 16.5)
    batch = batch_of([file], VIEW)
    assert batch.names == ["a.mid@0", "a.mid@16", "a.mid@56"]
    assert batch.groups == ["a.mid"] * 3
    assert batch.lengths.tolist() == [16, 4, 14]
    assert music(batch).totals.tolist() == [0, 20, 14]
    # 9 quarters lie between them; the piece after them begins with half a quarter of rest.
    assert music(batch).read[:, -1].tolist() == [3 + 36, 0, 0]


@pytest.mark.parametrize(
    ("file", "cut"),
    [
        (notes(0, 1, 2, 3), (False, False)),
        (notes(0.25, 1.25, 2.25, 3.25), (False, False)),
        (notes(0, 0.25, 1.25, 2.25, 3.25), (True, False)),
        (notes(0, 0.75, 1.75, 2.75, length=0.5), (True, True)),
        (notes(0, 1 / 3, 2 / 3, 1, 2, 3), (False, False)),
        (notes(*np.arange(48) / 4, length=0.25), (False, False)),
        (notes(0, 0.5, 1.5, 2, 3, 4.5), (False, False)),
        (notes(0), (False, False)),
        (notes(), (False, False)),
    ],
)
def test_what_begins_or_ends_between_beats_was_cut_there(file: Notes, cut: tuple[bool, bool]) -> None:
    assert cut_between_beats(file) == cut


def test_a_note_that_was_cut_is_not_known_to_begin_or_end_there() -> None:
    batch = batch_of([notes(0, 0.75, 1.75, 2.75, length=0.5)], VIEW)
    assert (batch.begins.tolist(), batch.ends.tolist()) == ([False], [False])
    assert music(batch).totals.tolist() == [13]
