"""Parallels and direct intervals against music21, and what chorales are known to have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.parallels import SPEC_GRID, by_music21, by_verifier, score_named
from tests.rolls import batch
from verifier.base.errors import InputError
from verifier.corpora import corpus as corpora
from verifier.music.features.motions import FIFTH, OCTAVE, UNISON
from verifier.music.piano_roll import batch_of
from verifier.music.rules.direct_intervals import CONTRARY, DIRECT, STEPWISE, DirectIntervals
from verifier.music.rules.parallels import Parallels
from verifier.music.words import pitch_name
from verifier.spec.suppressions import Accepted, accepting, require_acceptable
from verifier.verbs.check import locate

WHITE = [pitch for pitch in range(48, 73) if pitch % 12 in (0, 2, 4, 5, 7, 9, 11)]
"""On white keys seven semitones are always written as a perfect fifth, so that music21's spelling cannot differ."""
CHORALES = ("bwv268", "bwv39.7", "bwv40.8", "bwv323", "bwv436")


@pytest.fixture(scope="module")
def pieces():
    return {piece.name: piece for piece in corpora.load("bach").pieces}


@pytest.mark.parametrize("name", CHORALES)
def test_chorales_have_the_parallels_that_music21_finds_in_them(pieces, name):
    ours, _, _ = by_verifier([pieces[name]], SPEC_GRID)
    assert sorted(ours) == sorted(by_music21(name, score_named(name)))


def test_the_misprint_in_bwv_268_makes_parallels_in_one_bar(pieces):
    made = batch_of([pieces["bwv268"]], SPEC_GRID)
    rule = Parallels.learn(made)
    found = [f"{v.where}: {v.observed}" for v in locate(rule, rule.compile(), made, 0)]
    assert found == [
        "bar 4 beat 1, soprano A4-B4, bass D3-E3: fifth to fifth of the outer voices",
        "bar 4 beat 1.5, tenor B3-A3, bass E3-D3: fifth to fifth",
        "bar 4 beat 2, tenor A3-G3, bass D3-C3: fifth to fifth",
        "bar 4 beat 3, soprano C5-D5, bass C3-D3: octave to octave of the outer voices",
        "bar 4 beat 3, tenor G3-A3, bass C3-D3: fifth to fifth",
    ]


@st.composite
def two_lines(draw):
    """Pitches of two voices at some moments, mostly at perfect intervals, and sometimes crossed."""
    lower = draw(st.lists(st.integers(0, len(WHITE) - 12), min_size=8, max_size=8))
    apart = draw(st.lists(st.sampled_from([0, 2, 3, 4, 4, 7, 7, 11]), min_size=8, max_size=8))
    crossed = draw(st.booleans())
    lines = [WHITE[at + up] for at, up in zip(lower, apart, strict=True)], [WHITE[at] for at in lower]
    return lines[::-1] if crossed else lines


def quartets(upper, lower):
    """Step and VoiceLeadingQuartet of each moment but the first, two steps after the one before."""
    from music21 import pitch
    from music21.voiceLeading import VoiceLeadingQuartet

    for at in range(1, len(upper)):
        corners = (upper[at - 1], upper[at], lower[at - 1], lower[at])
        yield 2 * at, VoiceLeadingQuartet(*(pitch.Pitch(midi=midi) for midi in corners))


def two_voices(upper, lower):
    lines = [" ".join(f"{pitch_name(p)}:{2 * at}-{2 * at + 2}" for at, p in enumerate(line)) for line in (upper, lower)]
    return batch([" | ".join(lines)])


def similar_between(quartet, intervals):
    """Whether both voices go the same way from one to another of some intervals, where music21 has no word for it."""
    return quartet.similarMotion() and tuple(i.semiSimpleName for i in quartet.vIntervals) in intervals


@settings(max_examples=20, deadline=None)
@given(lines=two_lines())
def test_two_voices_make_the_parallels_that_music21_says(lines):
    expected = []
    for step, quartet in quartets(*lines):
        if quartet.parallelFifth():
            expected.append((step, "fifth"))
        elif quartet.parallelUnisonOrOctave() or similar_between(quartet, {("P8", "P1"), ("P1", "P8")}):
            expected.append((step, "octave"))
    made = two_voices(*lines)
    checker = Parallels(antiparallels="count").compile()
    found = [(v.start, "fifth" if v.observed.startswith("fifth") else "octave") for v in checker.locate(made, 0)]
    assert found == expected


@settings(max_examples=20, deadline=None)
@given(lines=two_lines())
def test_two_voices_make_the_direct_intervals_that_music21_says(lines):
    expected = []
    for step, quartet in quartets(*lines):
        if similar_between(quartet, {("P8", "P1"), ("P1", "P8")}):
            continue  # parallels here
        if quartet.hiddenFifth() or quartet.hiddenOctave() or similar_between(quartet, {("d5", "P5")}):
            expected.append(step)
    made = two_voices(*lines)
    found = [
        place.start
        for place in DirectIntervals().places(made, 0)
        if place.key >> 3 in (FIFTH, OCTAVE, UNISON) and place.key >> 1 & 3 in (STEPWISE, DIRECT)
    ]
    assert found == expected


def test_only_leaps_of_the_upper_voice_are_direct():
    rule = DirectIntervals()
    keys = np.arange(rule.key_space)
    broken = keys[rule.breaking(keys)]
    assert {int(key) >> 1 & 3 for key in broken} == {DIRECT}
    assert not rule.breaking(np.array([8 * FIFTH + 2 * CONTRARY, 8 * FIFTH + 2 * STEPWISE])).any()


def test_a_breach_is_never_allowed_for_being_frequent_and_its_rate_is_forecast():
    half = "G4:0-4 A4:4-8 B4:8-12 C5:12-16 | C4:0-4 D4:4-8 C4:8-16"
    made = batch([half, half], groups=["a", "b"])
    parts = [Parallels.learn(made.take([i])) for i in (0, 1)]
    rule = parts[0].merge(parts[1])
    assert rule.counts == {
        "other motion in contrary motion of the outer voices": 2,
        "fifth to fifth of the outer voices": 2,
    }
    assert rule.compile().count(made).violations.tolist() == [1, 1]
    assert rule.leave_one_out(parts) == 0.5
    assert rule.leave_one_out(parts[:1]) is None
    assert list(rule.summary()) == [
        "4 motions, 2 of them breaches",
        "fifth to fifth of the outer voices: 2 (1 in 2 motions of real pieces)",
    ]


def test_a_kind_of_breach_can_be_accepted():
    made = batch(["E5:0-4 F5:4-16 | G4:0-4 A4:4-16 | C4:0-4 D4:4-16"])
    rule = Parallels.learn(made)
    entry = require_acceptable(Accepted(rule="parallels", kind="fifth to fifth", reason="a folk style"), rule)
    assert accepting(rule, [entry]).count(made).violations.tolist() == [0]
    with pytest.raises(InputError, match="parallels: 'other motion' is already allowed"):
        require_acceptable(Accepted(rule="parallels", kind="other motion", reason="-"), rule)


def test_a_motion_that_no_rule_knows_is_refused_by_its_name():
    with pytest.raises(InputError, match=r"parallels: expected an event such as .+, found 'sixth to sixth'"):
        Parallels(counts={"sixth to sixth": 1}).validate()
