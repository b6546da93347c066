"""Chord n-grams and accidentals against closed forms and slow definitions."""

import math
from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rolls import batch, random_batch
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features import durations
from verifier.music.features.chroma import CODES, chord_code
from verifier.music.features.roll import scan
from verifier.music.rules.accidentals import Accidentals, contexts
from verifier.music.rules.chroma_likelihood import ChromaLikelihood, chord_changes
from verifier.music.samples import sounding_cells
from verifier.rule.ngrams import LENGTH_AT
from verifier.rule.registry import rule_named
from verifier.rule.rule import replace

few = settings(max_examples=15, deadline=None)
orders = st.integers(1, 3)
invariances = st.sampled_from(["none", "transposition"])
CADENCE = "C4:0-4 E4:0-4 G4:0-4 F4:4-8 A4:4-8 C5:4-8 C4:8-12 E4:8-12 G4:8-12 G4:12-16 B4:12-16 D5:12-16"
SEVENTHS = "C4:0-4 D#4:0-4 F#4:0-4 A4:0-4 C4:4-8 E4:4-8 G4:4-8 C4:8-12 E4:8-12 G#4:8-12 F4:12-16 A4:12-16"
"""Chords that transpositions leave alone, where the same chord in another key is the same chord."""


def key(*names: str) -> int:
    """An n-gram, oldest chord first."""
    found = 0
    for name in names:
        found = found << 12 | chord_code(name)
    return found | (len(names) - 1) << LENGTH_AT


def probability(rule: ChromaLikelihood, *names: str) -> float:
    return math.exp(-rule.model().nats(np.array([key(*names)]))[0])


def chords(made: Batch, i: int) -> list[int]:
    codes = scan(made).codes[i, : made.lengths[i]].tolist()
    return [code for at, code in enumerate(codes) if at == 0 or codes[at - 1] != code]


def rotated(code: int, semitones: int) -> int:
    return (code << semitones | code >> 12 - semitones) & 4095


class Slow:
    """Witten-Bell back-off as its definition reads: each n-gram of the corpus counted in each of the keys."""

    def __init__(self, made: Batch, order: int, keys: int) -> None:
        self.followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for i in range(len(made)):
            found = chords(made, i)
            for at in range(1, len(found)):
                for length in range(min(order, at) + 1):
                    for semitones in range(keys):
                        *context, target = (rotated(code, semitones) for code in found[at - length : at + 1])
                        self.followers[tuple(context)][target] += 1

    def chance(self, context: tuple[int, ...], target: int) -> Fraction:
        below = self.chance(context[1:], target) if context else Fraction(1, 4096)
        followers = self.followers.get(context)
        if not followers:
            return below
        return (followers[target] + len(followers) * below) / (followers.total() + len(followers))


@few
@given(seed=st.integers(0, 1000), order=orders, invariance=invariances)
def test_nats_are_those_of_the_definition(seed, order, invariance):
    learned, made = random_batch(seed, density=0.02), random_batch(seed + 1, density=0.02)
    rule = ChromaLikelihood.learn(learned, order=order, invariance=invariance)
    slow = Slow(learned, order, 12 if invariance == "transposition" else 1)
    want = []
    for i in range(len(made)):
        found = chords(made, i)
        want += [
            -math.log(slow.chance(tuple(found[max(at - order, 0) : at]), found[at])) for at in range(1, len(found))
        ]
    assert rule.model().nats(chord_changes(made, order).keys) == pytest.approx(want, abs=1e-12)


def test_witten_bell_on_three_changes():
    # C F C G, uncalibrated: after C came F and G, after F came C; all of the targets: F, C, G.
    rule = ChromaLikelihood.learn(batch(["C4:0-4 F4:4-8 C4:8-12 G4:12-16"]), order=1, invariance="none")
    base = (1 + 3 / 4096) / (3 + 3)
    assert probability(rule, "C", "F") == pytest.approx((1 + 2 * base) / (2 + 2))
    assert probability(rule, "F", "C") == pytest.approx((1 + base) / (1 + 1))
    assert probability(rule, "F", "G") == pytest.approx(base / 2)
    assert probability(rule, "E", "G") == pytest.approx(base)
    assert probability(rule, "E", "D F") == pytest.approx(3 / 4096 / 6)


@pytest.mark.parametrize("invariance", ["none", "transposition"])
@pytest.mark.parametrize("text", [CADENCE, SEVENTHS])
@pytest.mark.parametrize(
    "context",
    [
        ["C E G"], ["C F A", "C E G"], ["D F# A"], ["C D# F# A"], ["C E G", "C E G#"], ["rest"], ["C# D D#"],
        ["C# D D#", "C E G"], ["rest", "C D# F# A"],
    ],
)  # fmt: skip
def test_probabilities_of_all_chords_add_up_to_one(text, invariance, context):
    rule = ChromaLikelihood.learn(batch([text]), invariance=invariance)
    after = (key(*context, "rest") & ~(CODES - 1)) + np.arange(CODES)
    assert np.exp(-rule.model().nats(after)).sum() == pytest.approx(1, abs=1e-12)


def test_a_model_of_nothing_is_uniform():
    rule = ChromaLikelihood()
    assert probability(rule, "C", "F") == pytest.approx(1 / 4096)
    assert rule.measures(rule) == {}


@pytest.mark.parametrize("name", ["chroma-likelihood", "accidentals"])
@few
@given(seed=st.integers(0, 1000), up=st.integers(1, 11))
def test_transposition_changes_no_score_and_no_count(name, seed, up):
    made, moved = random_batch(seed), random_batch(seed)
    made.values[:, -12:] = moved.values[:, -12:] = False
    moved.values[:] = np.roll(moved.values, up, axis=1)
    rule = rule_named(name, "piano-roll").learn(random_batch(seed + 1)).calibrate(random_batch(seed + 2))
    assert type(rule).learn(made) == type(rule).learn(moved)
    one, other = (rule.compile().count(each) for each in (made, moved))
    assert one.scores == pytest.approx(other.scores, abs=1e-12, nan_ok=True)
    assert np.array_equal(one.violations, other.violations)


def test_without_invariance_it_does():
    rule = ChromaLikelihood.learn(batch([CADENCE]), invariance="none").compile()
    there, elsewhere = rule.count(batch([CADENCE, CADENCE.replace("C", "C#")])).scores
    assert elsewhere > there


@pytest.mark.parametrize("name", ["chroma-likelihood", "accidentals"])
def test_no_trial_has_no_score(name):
    checker = rule_named(name, "piano-roll").learn(batch([CADENCE])).calibrate(batch([CADENCE])).compile()
    counts = checker.count(batch(["", CADENCE]))
    assert np.isnan(counts.scores).tolist() == [True, False]
    assert counts.trials[0] == 0


def test_a_score_is_the_mean_shrunk_to_the_held_out_mean():
    rule = ChromaLikelihood.learn(batch([CADENCE, SEVENTHS])).calibrate(batch([SEVENTHS]))
    made = batch([CADENCE])
    nats = rule.model().nats(chord_changes(made, rule.order).keys)
    assert rule.compile().count(made).scores == pytest.approx([(nats.sum() + 4 * rule.mean) / (len(nats) + 4)])
    assert replace(rule, mean=None).compile().count(made).scores == pytest.approx([nats.mean()])


def test_the_measure_is_the_mean_over_all_changes():
    learned, made = random_batch(1, density=0.03), random_batch(2, density=0.03)
    rule = ChromaLikelihood.learn(learned)
    nats = rule.model().nats(chord_changes(made, rule.order).keys).mean()
    assert rule.measures(ChromaLikelihood.learn(made)) == {"nats": pytest.approx(nats)}


@pytest.mark.parametrize("name", ["chroma-likelihood", "accidentals"])
@few
@given(seed=st.integers(0, 1000), grey=st.booleans())
def test_locate_finds_what_count_counts_under_a_limit(name, seed, grey):
    made = random_batch(seed, grey=grey)
    rule = replace(rule_named(name, "piano-roll").learn(random_batch(seed + 1)), limit=2.0)
    checker = rule.compile()
    counts = checker.count(made)
    located = [list(checker.locate(made, i)) for i in range(len(made))]
    assert [len(found) for found in located] == counts.violations.tolist()
    observed = Counter(violation.observed for found in located for violation in found)
    kinds = zip(counts.kinds.keys.tolist(), counts.kinds.counts.tolist(), strict=True)
    assert {checker.type_name(kind): count for kind, count in kinds} == observed


@pytest.mark.parametrize("name", ["chroma-likelihood", "accidentals"])
def test_a_hundredth_of_what_calibrates_lies_beyond_the_limit(name):
    held_out = random_batch(5, n=60)
    counts = rule_named(name, "piano-roll").learn(random_batch(6, n=60)).calibrate(held_out).compile().count(held_out)
    assert 0 < counts.violations.sum() <= 0.01 * counts.trials.sum()


@pytest.mark.parametrize("name", ["chroma-likelihood", "accidentals"])
def test_a_limit_belongs_to_one_state(name):
    rule = rule_named(name, "piano-roll").learn(batch([CADENCE])).calibrate(batch([CADENCE]))
    assert rule.limit is not None
    assert rule.merge(type(rule)()).limit is None
    assert rule.calibrate(batch([""])).limit is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"C | D | E": {"F": 1}}, "at most 2 chords"),
        ({"C | D": {"D": 1}}, "a change after"),
        ({"C | H": {"D": 1}}, "expected pitch classes"),
    ],
)
def test_chords_that_cannot_be_are_refused(changes, problem):
    with pytest.raises(InputError, match=problem):
        ChromaLikelihood(changes=changes).validate()


def test_a_context_written_in_another_key_is_the_same():
    one, other = ({"C E G": {"C F A": 2}}, {"D F# A": {"D G B": 2}})
    assert ChromaLikelihood(changes=one).from_yaml().keys == ChromaLikelihood(changes=other).from_yaml().keys


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"lines": {"3 12": {"+1 +1": 1}}}, "lines: expected semitones"),
        ({"lines": {"": {"+1 +1": 1}}}, "lines: expected semitones"),
        ({"lines": {"3 8": {"+1": 1}}}, "expected two steps"),
        ({"lines": {"3 8": {"+1 +13": 1}}}, "expected two steps"),
        ({"near_chords": {"C": 1}}, "near-chords: expected semitones"),
        ({"home_chords": {"12": 1}}, "home-chords: expected semitones"),
    ],
)
def test_notes_that_cannot_be_are_refused(fields, problem):
    with pytest.raises(InputError, match=problem):
        Accidentals(**fields).validate()


@few
@given(seed=st.integers(0, 1000), grey=st.booleans(), span=st.sampled_from([0.0, 0.5, 2.0]))
def test_contexts_are_those_of_the_definition(seed, grey, span):
    made = random_batch(seed, grey=grey)
    sounding, steps = sounding_cells(made), round(span * made.view.steps_per_quarter)
    found = contexts(made, (span, 1.0))
    at = 0
    for i in range(len(made)):
        own = list(durations.notes(made, i))
        for pitch, start, length, _ in own:
            stop = start + length
            without = sounding[i].copy()
            without[pitch - made.view.lowest_pitch, start:stop] = False

            def seen(cells, pitch=pitch):
                rows = np.flatnonzero(cells.any(axis=1)) + made.view.lowest_pitch
                return sum(1 << semitones for semitones in {(row - pitch) % 12 for row in rows.tolist()})

            def nearest(pitches, pitch=pitch):
                near = min(pitches, key=lambda other: (abs(other - pitch), other), default=99)
                return near - pitch if abs(near - pitch) <= 12 else None

            into = nearest([p for p, first, n, _ in own if first + n == start])
            out = nearest([p for p, first, _, _ in own if first == stop])
            line = seen(without[:, start : start + 1]) << 10
            line |= (0 if into is None else 13 - into) << 5 | (0 if out is None else 13 + out)
            sets = [
                seen(without[:, stop : min(stop + 1, made.lengths[i])]),
                seen(without[:, start:stop]),
                seen(without[:, max(start - steps, 0) : stop + steps]),
                seen(without[:, max(start - 4, 0) : stop + 4]),
            ]
            assert (found.samples[at], found.pitches[at], found.starts[at], found.stops[at]) == (i, pitch, start, stop)
            assert found.lines[at] == line
            assert found.sets[:, at].tolist() == sets
            at += 1
    assert at == len(found.samples)


def test_a_neighbour_fits_by_the_counts_of_both():
    # Alone and without a line, the key decides: a third above was seen three times where a semitone lower one was once.
    rule = Accidentals(wide_chords={"4": 3, "3": 1}, limit=0.9, weight=1)
    made = batch(["C4:0-4 D#4:8-12"])
    checker = rule.compile()
    misfits = checker.misfits(rule.contexts(made))
    # Around C lies D#, 3 above it; the pitch below would see it 4 above. Of the twelve, two kinds were seen in 4 notes.
    low, high, unseen = 1 + 2 / 12, 3 + 2 / 12, 2 / 12
    assert misfits[:, 0] == pytest.approx([math.log(high / low), math.log(unseen / low)])
    # Around D# lies C, 9 above it: nobody saw that, nor 8, nor 10.
    assert misfits[:, 1] == pytest.approx([0, 0])
    counts = checker.count(made)
    assert counts.violations.tolist() == [1]
    assert counts.scores == pytest.approx([math.log1p(high / low / 2) + math.log1p(1 / 2)])
    half = replace(rule, weight=0.5).compile()
    assert half.misfits(rule.contexts(made)) == pytest.approx(misfits / 2)
    scores = 2 * (math.log1p(math.sqrt(high / low) / 2) + math.log1p(1 / 2))
    assert half.count(made).scores == pytest.approx([scores])
