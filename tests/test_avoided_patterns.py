"""What a style avoids: null versions keep what they say they keep, and the contrast finds what was left out."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.rolls import batch, voiced_batch
from verifier.base.errors import InputError
from verifier.data.batch import Batch, concatenate
from verifier.music.features.voice_notes import lines
from verifier.music.null_models import VERSIONS, NullContrast, null_versions
from verifier.music.rules.avoided_patterns import SIMILAR, AvoidedPatterns, Occurrences
from verifier.music.samples import music, with_voices
from verifier.music.view import PianoRollView
from verifier.music.voices import SILENT, Voices
from verifier.rule.counted import Events
from verifier.rule.rule import merge_all
from verifier.verbs.learn import by_group

every_null = pytest.mark.parametrize("null", VERSIONS)
LOWEST = np.array([72, 65, 58, 48])
FIFTHS = (SIMILAR * 13 + 7) * 13 + 7


def chance_style(seed: int, without: int | None = None, n: int = 40, steps: int = 64) -> Batch:
    """Pieces in four voices that draw a pitch each quarter note, each from an octave of its own; steps at which a pair
    of voices makes the motion ``without`` are drawn anew.
    """
    rng = np.random.default_rng(seed)
    pitches = np.empty((n, 4, steps), np.int16)
    for step in range(steps):
        again = np.arange(n)
        while len(again):
            pitches[again, :, step] = LOWEST + rng.integers(0, 12, (len(again), 4))
            made = of_voices(pitches[again, :, max(step - 1, 0) : step + 1])
            found, keys = AvoidedPatterns().find(made)
            again = again[np.unique(found.samples[keys == without])]
    return of_voices(pitches)


def of_voices(pitches: np.ndarray) -> Batch:
    """Samples of one step a quarter note from the pitches of their voices, (n, voices, steps)."""
    n, width, steps = pitches.shape
    view = PianoRollView(window=steps, steps_per_quarter=1)
    made = Batch.of(view, np.zeros((n, view.pitches, steps), np.bool_))
    voices = Voices(
        pitches=pitches,
        attacks=np.ones(pitches.shape, np.bool_),
        counts=np.full(n, width),
        fermatas=np.zeros((n, steps), np.bool_),
    )
    return with_voices(made, made.values, voices)


def test_a_motion_that_was_taken_out_of_a_style_is_all_that_the_style_avoids():
    learned = AvoidedPatterns.learn(chance_style(0, without=FIFTHS))
    assert learned.bans(learned.contrast()) == [FIFTHS]
    ((name, rates),) = learned.findings.items()
    assert name == "fifth to fifth in similar motion"
    assert rates["in the corpus"] == "0 % of motions"
    checker = learned.compile()
    assert checker.count(chance_style(1, without=FIFTHS)).violations.sum() == 0
    found = checker.count(chance_style(2))
    assert {checker.type_name(int(key)) for key in found.kinds.keys} == {"fifth to fifth in similar motion"}
    expected = learned.contrast().expected()[FIFTHS]
    assert abs(found.violations.sum() - expected) < 4 * math.sqrt(expected)
    tested, *bans = learned.summary()
    assert tested.endswith("motions tested are avoided (voices rotated, 8 null versions of each piece)")
    assert bans == [f"{name}: 0 % of motions in the corpus, {rates['by chance']} by chance"]


@every_null
def test_a_style_that_is_chance_avoids_nothing(null):
    learned = AvoidedPatterns.learn(chance_style(3), chance=null, effect=1)
    tested = learned.contrast().corpus + learned.contrast().chance >= learned.least * 9
    assert tested.sum() > 100
    assert learned.findings == {}


def test_a_null_version_of_a_style_no_longer_avoids_what_the_style_does():
    style = chance_style(6, without=FIFTHS)
    scrambled = null_versions(style, "rotated", 9).take(range(8 * len(style), 9 * len(style)))
    assert AvoidedPatterns.learn(scrambled, effect=1).findings == {}


def test_works_learned_one_by_one_are_works_learned_at_once_and_each_is_held_against_the_others():
    style = concatenate(
        chance_style(5, n=0, steps=32).view, [chance_style(5, FIFTHS, 28, 32), chance_style(6, None, 2, 32)]
    )
    style = replace(style, groups=[f"piece {i // 2}" for i in range(30)], starts=np.arange(30) % 2 * 32)
    options = {"effect": 2, "least": 3}
    pieces = [AvoidedPatterns.learn(piece, **options) for piece in by_group(style)]
    at_once = AvoidedPatterns.learn(style, **options)
    assert merge_all(pieces) == at_once
    assert at_once.support.pieces == 15
    violations = 0
    for i, piece in enumerate(by_group(style)):
        others = merge_all(pieces[:i] + pieces[i + 1 :])
        violations += others.compile().count(piece).violations.sum()
    assert violations > 0  # the last piece alone has fifths
    assert at_once.leave_one_out(pieces) == violations / at_once.support.trials


def test_the_pieces_are_the_unit_of_the_test():
    # A version makes three parallel fifths or none, by lot. Copies in one piece add nothing, and a hundred pieces are
    # worth 100 * 3 * 4 / sqrt(100 * 9 * 18): the versions with fifths are k of 8, k has a mean of 4, k (9 - k) of 18.
    one = batch(["C5:0-4 D5:4-8 C5:8-12 D5:12-16 | G4:0-4 F4:4-8 G4:8-12 F4:12-16"])
    many = one.take([0] * 100)
    apart = replace(many, groups=[f"piece {i}" for i in range(100)])
    of_one, of_many, of_pieces = (
        AvoidedPatterns.learn(samples).contrast().strength(8)[FIFTHS] for samples in (one, many, apart)
    )
    assert of_one == pytest.approx(of_many)
    assert of_one < math.sqrt(8)
    assert of_pieces == pytest.approx(1200 / math.sqrt(100 * 9 * 18), rel=0.1)


def test_the_strength_is_that_of_a_permutation_within_pieces():
    counts = np.array([[0, 4, 1], [2, 2, 6]])  # pieces x (own, version 1, version 2)
    samples = batch(["C4:0-4 | C3:0-4"] * 2)

    def events(some: Batch) -> Events:
        version = np.arange(len(some)) // 2 + (1 if len(some) > 2 else 0)
        piece = np.arange(len(some)) % 2
        return Events(np.arange(len(some)), np.zeros(len(some), np.int64), counts[piece, version])

    contrast = NullContrast.learn(samples, events, "rotated", 2, 1)
    assert (contrast.corpus, contrast.chance) == ([2], [13])
    sums = [(counts[0, i], counts[1, j]) for i in range(3) for j in range(3)]
    drawn = np.array([a + b for a, b in sums])
    assert contrast.strength(2)[0] == pytest.approx((drawn.mean() - 2) / drawn.std())


def test_a_rare_motion_is_neither_tested_nor_called_for_want_of_one():
    # Chance makes the first kind 5 times, the second 11 times, the third 200 times; the corpus never.
    chance = np.array([40, 88, 1600, 8_000])
    contrast = NullContrast(np.array([0, 0, 0, 1216]), chance, np.array([400, 900, 2000, 9000]))
    avoided = contrast.avoided(versions=8, level=0.05, effect=20, least=5)
    assert contrast.expected()[1] == pytest.approx(11)
    assert avoided.tolist() == [False, True, True, False]
    assert contrast.avoided(8, 0.05, effect=30, least=5).tolist() == [False, False, True, False]
    assert contrast.avoided(8, 0.05, effect=20, least=200).tolist() == [False, False, False, False]


@every_null
def test_a_version_depends_on_its_own_piece_alone(null):
    samples = voiced_batch(6, n=8)
    every = null_versions(samples, null, 3)
    some = null_versions(samples.take([5, 2]), null, 2)
    for at, want in enumerate([5, 2, 8 + 5, 8 + 2]):
        assert some.names[at] == every.names[want]
        assert np.array_equal(some.values[at], every.values[want])
        assert np.array_equal(music(some).voices.pitches[at], music(every).voices.pitches[want])
    renamed = null_versions(replace(samples, groups=[f"other {i}" for i in range(8)]), null, 3)
    assert not np.array_equal(music(renamed).voices.pitches, music(every).voices.pitches)
    assert not np.array_equal(music(every).voices.pitches[:8], music(every).voices.pitches[8:16])


@every_null
def test_the_values_of_a_version_are_what_its_voices_sing(null):
    made = null_versions(voiced_batch(7), null, 2)
    for i in range(len(made)):
        for step in range(int(made.lengths[i])):
            sung = set(music(made).voices.pitches[i, :, step].tolist()) - {SILENT}
            shown = {int(row) + made.view.lowest_pitch for row in np.flatnonzero(made.values[i, :, step])}
            assert shown == {p for p in sung if made.view.lowest_pitch <= p <= made.view.highest_pitch}


def test_a_rotated_voice_has_the_same_steps_in_the_same_order_and_keeps_the_beat():
    samples = voiced_batch(8, n=12)
    made = null_versions(samples, "rotated", 1)
    moved = 0
    for i, length in enumerate(samples.lengths):
        turned = length // 4 * 4
        for before, after in zip(music(samples).voices.pitches[i], music(made).voices.pitches[i], strict=True):
            assert np.array_equal(before[turned:], after[turned:])
            turns = [np.roll(before[:turned], 4 * quarters) for quarters in range(turned // 4 or 1)]
            assert any(np.array_equal(after[:turned], turn) for turn in turns)
            moved += not np.array_equal(before, after)
    assert moved > 10


def test_a_shuffled_voice_has_the_same_rhythm_and_the_same_pitches():
    samples = voiced_batch(9)
    before, after = lines(samples), lines(null_versions(samples, "shuffled", 1))
    for name in ("samples", "voices", "starts", "stops"):
        assert np.array_equal(getattr(before, name), getattr(after, name))
    assert not np.array_equal(before.pitches, after.pitches)
    for sample, voice in set(zip(before.samples.tolist(), before.voices.tolist(), strict=True)):
        own = (before.samples == sample) & (before.voices == voice)
        assert sorted(before.pitches[own]) == sorted(after.pitches[own])


def test_a_transposed_voice_is_moved_as_one():
    samples = voiced_batch(10)
    made = null_versions(samples, "transposed", 20)
    sounds = music(samples).voices.pitches != SILENT
    up = music(made).voices.pitches.reshape(20, *sounds.shape) - music(samples).voices.pitches
    assert (up[:, ~sounds] == 0).all()
    moved = np.where(sounds, up, 0).max(axis=-1, keepdims=True)
    assert (np.where(sounds, up, moved) == moved).all()
    assert set(np.unique(moved)) == set(range(12))


def test_names_are_read_back_and_what_is_none_is_refused():
    rule = AvoidedPatterns()
    assert {rule.key_of(rule.key_name(key)) for key in range(rule.key_space)} == set(range(rule.key_space))
    assert rule.key_name(FIFTHS) == "fifth to fifth in similar motion"
    seen = Occurrences(corpus=1, chance=2, spread=3)
    bad = AvoidedPatterns(motions={"similar": {"fifth to ninth": seen}})
    with pytest.raises(InputError, match=r"expected a motion such as .* found 'fifth to ninth in similar motion'"):
        bad.validate()
