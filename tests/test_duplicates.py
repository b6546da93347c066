from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.music.duplicates import FEWEST, duplicate_groups, fingerprints, similar_pairs
from verifier.music.notes import Notes


def random_piece(seed: int, name: str | None = None, length: int = 80, parts: int = 4) -> Notes:
    rng = np.random.default_rng(seed)
    line = np.concatenate([rng.integers(-7, 8, length).cumsum() % 24 + 48 for _ in range(parts)])
    onsets = np.tile(np.arange(length, dtype=np.float64), parts)
    return Notes(
        name=name or f"piece {seed}",
        group="",
        onsets=onsets,
        ends=onsets + 1,
        pitches=line.astype(np.int64),
        parts=np.repeat(np.arange(parts), length),
    )


def with_notes(piece: Notes, name: str, keep: np.ndarray) -> Notes:
    columns = {key: getattr(piece, key)[keep] for key in ("onsets", "ends", "pitches", "parts")}
    return replace(piece, name=name, **columns)


@settings(deadline=None)  # the first call imports networkx
@given(seed=st.integers(0, 2**32), semitones=st.integers(-40, 40))
def test_a_transposed_piece_is_the_same_work(seed, semitones):
    piece = random_piece(seed, "original")
    other = replace(piece, name="transposed", pitches=piece.pitches + semitones)
    assert duplicate_groups([piece, random_piece(seed + 1, "other"), other]) == ["original", "other", "original"]


@given(seed=st.integers(0, 2**32), notes=st.integers(1, 6))
def test_a_slightly_edited_piece_is_the_same_work(seed, notes):
    piece = random_piece(seed, "original")
    pitches = piece.pitches.copy()
    pitches[np.random.default_rng(seed).choice(len(pitches), notes, replace=False)] += 1
    assert duplicate_groups([piece, replace(piece, name="edited", pitches=pitches)]) == ["original"] * 2


def test_editions_that_differ_in_note_values_repeats_and_order_of_parts_are_the_same_work():
    piece = random_piece(0, "original")
    halved = replace(piece, name="halved", onsets=piece.onsets / 2, ends=piece.ends / 2)
    reordered = replace(piece, name="reordered", parts=3 - piece.parts)
    twice = with_notes(piece, "twice", np.repeat(np.arange(len(piece.onsets)), 2))
    twice = replace(twice, onsets=twice.onsets + np.tile([0, 0.5], len(piece.onsets)))
    assert duplicate_groups([piece, halved, reordered, twice]) == ["original"] * 4


def test_a_part_of_a_piece_is_the_same_work():
    piece = random_piece(0, "whole")
    assert duplicate_groups([piece, with_notes(piece, "half", piece.onsets < 40)]) == ["whole"] * 2


def test_unrelated_pieces_stay_apart():
    pieces = [random_piece(seed) for seed in range(50)]
    assert duplicate_groups(pieces) == [piece.name for piece in pieces]


def test_two_pieces_with_one_voice_in_common_stay_apart():
    piece, other = random_piece(0), random_piece(1)
    soprano = replace(other, pitches=np.where(other.parts == 0, piece.pitches, other.pitches))
    (pair,) = similar_pairs([piece, soprano], 0.01)
    assert pair.score == pytest.approx(0.25, abs=0.02)
    assert len(set(duplicate_groups([piece, soprano]))) == 2


def test_a_group_is_connected_through_others():
    piece = random_piece(0, "a")
    early, late = (
        with_notes(piece, "early", piece.onsets < 30),
        with_notes(piece, "late", piece.onsets > 50),
    )
    assert not similar_pairs([early, late], 0.01)
    assert duplicate_groups([early, late, piece]) == ["early"] * 3


def test_a_scale_is_not_taken_for_a_part_of_a_piece_but_two_equal_scales_are_one_work():
    scale = random_piece(0, "scale", length=10, parts=1)
    assert len(fingerprints(scale)) < FEWEST
    piece = random_piece(1, "piece", parts=1)
    pitches = piece.pitches.copy()
    pitches[20:30] = scale.pitches
    piece = replace(piece, pitches=pitches)
    assert duplicate_groups([scale, piece, replace(scale, name="again")]) == ["scale", "piece", "scale"]


def test_very_short_pieces_have_one_fingerprint_a_part_and_a_single_note_has_none():
    assert len(fingerprints(random_piece(0, length=4, parts=1))) == 1
    assert len(fingerprints(random_piece(0, length=1, parts=1))) == 0
    single = [random_piece(0, name, length=1, parts=1) for name in "ab"]
    assert duplicate_groups(single) == ["a", "b"]
    assert duplicate_groups([]) == []


def test_chords_are_read_from_low_to_high_in_whatever_order_the_file_has_them():
    piece = random_piece(0, "piece", parts=1)
    chords = replace(piece, onsets=piece.onsets // 3)
    order = np.random.default_rng(0).permutation(len(piece.onsets))
    assert np.array_equal(fingerprints(chords), fingerprints(with_notes(chords, "shuffled", order)))


def test_more_copies_than_the_index_pairs_each_with_are_still_one_work():
    piece = random_piece(0, "first")
    copies = [replace(piece, name=f"copy {i}", pitches=piece.pitches + i % 12) for i in range(100)]
    assert set(duplicate_groups([piece, *copies])) == {"first"}


@given(st.permutations(range(6)))
def test_the_groups_do_not_depend_on_the_order_of_the_pieces(order):
    pieces = [random_piece(0), random_piece(1), random_piece(2)]
    pieces += [replace(piece, name=f"{piece.name} again", pitches=piece.pitches + 3) for piece in pieces]
    groups = duplicate_groups([pieces[i] for i in order])
    together = {frozenset(i for i, other in zip(order, groups, strict=True) if other == group) for group in groups}
    assert together == {frozenset({0, 3}), frozenset({1, 4}), frozenset({2, 5})}
