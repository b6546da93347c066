"""How much of what real data uses a sample set uses, and how much real sets of the same size do."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rolls import batch, random_batch
from verifier.judge import coverage
from verifier.judge.coverage import Band, RarefactionCurve, Used
from verifier.music.rules.chroma_transitions import ChromaTransitions
from verifier.music.rules.pitch_class_sets import PitchClassSets
from verifier.music.rules.pitch_range import PitchRange
from verifier.rule.rule import SparseCounts
from verifier.verbs.learn import by_group

MANY = 10**6
"""Trials enough for the samples to be as long as real ones."""


def learned(chords, **options):
    return msgspec.structs.replace(PitchClassSets.with_options(**options), chords=chords)


def flat(*values):
    return Band(mean=list(values), low=list(values), high=list(values))


def test_the_same_chord_in_two_keys_is_one_kind():
    chords = {"C E G": 5, "D F# A": 7, "C D# G": 2, "rest": 1}
    closed = coverage.classes(learned(chords))
    assert closed.counts.tolist() == [12, 2, 1]
    assert [PitchClassSets().key_name(name) for name in closed.names.tolist()] == ["D F# A", "C D# G", "rest"]
    assert len(closed.keys) == 25
    as_is = coverage.classes(learned(chords, invariance="none"))
    assert sorted(as_is.counts.tolist()) == [1, 2, 5, 7]


def test_minimum_support_is_that_of_the_class():
    chords = {"C E G": 1, "D F# A": 1, "C D# G": 1}
    assert coverage.classes(learned(chords, minimum_support=2)).counts.tolist() == [2]
    assert coverage.classes(learned(chords, minimum_support=2, invariance="none")).counts.tolist() == []


def test_only_what_is_a_trial_is_a_kind():
    rule = ChromaTransitions.learn(batch(["C4:0-4 D4:4-8 C4:8-12"], steps=12))
    assert len(rule.from_yaml().keys) == 4
    assert coverage.classes(rule).counts.tolist() == [1, 1]


def test_a_class_is_known_in_every_key_and_nothing_else_is():
    found = coverage.classes(learned({"C E G": 5}))
    keys = PitchClassSets.learn(batch(["F4:0-4 A4:0-4 C5:0-4", "C4:0-4 C#4:0-4"], steps=4)).from_yaml().keys
    assert sorted(found.of(keys).tolist()) == [-1, 0]
    assert coverage.classes(learned({})).of(keys).tolist() == [-1, -1]


def test_shares_of_a_toy_table():
    rule = learned({"C E G": 6, "C D# G": 3, "C E G#": 1})
    kinds = coverage.classes(rule)
    samples = batch(["D4:0-4 F#4:0-4 A4:0-4", "C4:0-4 D#4:0-4 G4:0-4 C#5:0-4"], steps=4)
    used = coverage.use(rule, kinds, samples, 10)
    curve = RarefactionCurve(sizes=[1, 3], share=flat(0.1, 0.3), weighted=flat(0.2, 0.8))
    result = coverage.judge_coverage(rule, kinds, used, curve, MANY)
    assert (result.samples, result.kinds, result.used) == (2, 3, 1)
    assert (result.share, result.weighted) == (1 / 3, 0.6)
    assert result.real_share.low == pytest.approx(0.2)
    assert result.real_weighted.low == pytest.approx(0.5)
    assert result.unused == {"C D# G": 3, "C E G#": 1}
    assert result.verdict == "pass"
    strict = RarefactionCurve(sizes=[1, 3], share=flat(0.1, 0.3), weighted=flat(0.5, 0.8))
    assert coverage.judge_coverage(rule, kinds, used, strict, MANY).verdict == "fail"
    lax = RarefactionCurve(sizes=[1, 3], share=flat(0, 0), weighted=flat(0, 0))
    assert coverage.judge_coverage(rule, kinds, used, lax, MANY).verdict == "undecided"


def test_samples_with_fewer_trials_are_held_to_fewer_real_ones():
    rule = PitchRange.learn(random_batch(0, 40))
    kinds = coverage.classes(rule)
    used = coverage.use(rule, kinds, random_batch(1, 10), 10)
    curve = RarefactionCurve(sizes=[1, 10], share=flat(0.1, 0.9), weighted=flat(0.1, 0.9))
    usual = rule.support.trials / rule.support.samples
    half = coverage.judge_coverage(rule, kinds, used, curve, round(5 * usual))
    assert half.real_share.low == pytest.approx(coverage.expected_at(curve.sizes, curve.share, 5).low, abs=0.01)
    assert coverage.judge_coverage(rule, kinds, used, curve, round(20 * usual)).real_share.low == pytest.approx(0.9)
    assert coverage.judge_coverage(rule, kinds, used, curve, 0) is None


def test_a_set_larger_than_the_curve_is_held_against_it_by_a_subset():
    rule = PitchRange.learn(random_batch(0, 40))
    kinds = coverage.classes(rule)
    samples = random_batch(1, 30)
    used = coverage.use(rule, kinds, samples, 7)
    ranks = coverage.name_ranks(samples.names)
    chosen = samples.take(np.argsort(ranks)[:7])
    curve = RarefactionCurve(sizes=[1, 7], share=flat(0, 0), weighted=flat(0, 0))
    result = coverage.judge_coverage(rule, kinds, used, curve, MANY)
    alone = coverage.judge_coverage(rule, kinds, coverage.use(rule, kinds, chosen, 7), curve, MANY)
    assert result.compared == 7
    assert (result.compared_share, result.compared_weighted) == (alone.share, alone.weighted)
    with pytest.raises(ValueError, match="ends at 7 samples; there are 8"):
        coverage.expected_at(curve.sizes, curve.share, 8)


def same(a: Used, b: Used) -> bool:
    pairs = [sorted(zip(u.pair_ranks.tolist(), u.pair_classes.tolist(), strict=True)) for u in (a, b)]
    return (
        a.samples == b.samples
        and a.kinds.keys.tolist() == b.kinds.keys.tolist()
        and a.kinds.counts.tolist() == b.kinds.counts.tolist()
        and a.ranks.tolist() == b.ranks.tolist()
        and pairs[0] == pairs[1]
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(0, 24), min_size=2, max_size=2), st.integers(1, 30))
def test_uses_merge_in_any_order_into_those_of_the_whole(seed, cuts, limit):
    rule = ChromaTransitions.learn(random_batch(seed, 12))
    kinds = coverage.classes(rule)
    samples = random_batch(seed + 1, 24)
    parts = [samples.take(at) for at in np.split(np.arange(24), sorted(cuts))]
    a, b, c = (coverage.use(rule, kinds, part, limit) for part in parts)
    whole = coverage.use(rule, kinds, samples, limit)
    assert same(a.merge(b).merge(c), whole)
    assert same(a.merge(b.merge(c)), whole)
    assert same(c.merge(a).merge(b), whole)
    with pytest.raises(ValueError, match="do not merge"):
        a.merge(coverage.use(rule, kinds, samples, limit + 1))


def test_a_curve_is_the_mean_over_all_sets_of_whole_pieces():
    learned_batch, held_out = random_batch(3, 6, density=0.02), random_batch(4, 4, density=0.02)
    rule = PitchRange.learn(learned_batch)
    curve = coverage.rarefy([rule], learned_batch, held_out, resamples=4000, seed=1)["pitch-range"]
    assert curve.sizes == [1, 2, 3, 4]
    pieces = [*by_group(learned_batch), *by_group(held_out)]
    tables = [PitchRange.learn(piece).from_yaml() for piece in pieces]
    shares = {2: [], 4: []}
    weighted = {2: [], 4: []}
    for order in itertools.permutations(range(len(pieces))):
        # Pieces are of two samples; four samples are held against three other pieces, as many as were learned.
        corpus = SparseCounts.none()
        for at in order[2:5]:
            corpus = tables[at] if not len(corpus.keys) else corpus.merge(tables[at])
        for count in (1, 2):
            used = np.isin(corpus.keys, np.concatenate([tables[at].keys for at in order[:count]]))
            shares[2 * count].append(used.mean())
            weighted[2 * count].append(corpus.counts[used].sum() / corpus.counts.sum())
    for size in (2, 4):
        assert curve.share.mean[size - 1] == pytest.approx(np.mean(shares[size]), abs=0.01)
        assert curve.weighted.mean[size - 1] == pytest.approx(np.mean(weighted[size]), abs=0.01)


def test_at_most_the_level_of_the_sets_lies_below_any_limit():
    values = np.random.default_rng(0).random((5, 2000, 3))
    lows = coverage.joint_lows(values, 0.01)
    below = (values < lows[:, None, :]).any(axis=0).mean(axis=0)
    assert (below <= 0.01).all()
    assert (below > 0.007).all()
    constant = coverage.joint_lows(np.ones((2, 50, 1)), 0.01)
    assert constant.tolist() == [[1.0], [1.0]]


def test_limits_are_those_of_a_new_set():
    # The mean of n new values against the mean of N known ones: its deviation, from that of n drawn out of the N.
    rng = np.random.default_rng(0)
    drawn, new = [], []
    for _ in range(3000):
        known = rng.normal(size=40)
        drawn.append(known[:20].mean() - known.mean())
        new.append(rng.normal(size=20).mean() - known.mean())
    wide = coverage.widened(np.array([0.5 + np.std(drawn)]), np.array([0.5]), [20], 40)
    assert wide[0] - 0.5 == pytest.approx(np.std(new), rel=0.05)
    assert coverage.widened(np.array([0.1]), np.array([0.9]), [20], 40).tolist() == [0]


def test_a_curve_is_the_same_each_time_and_survives_the_file():
    learned_batch, held_out = random_batch(5, 20), random_batch(6, 8)
    rules = [PitchRange.learn(learned_batch), ChromaTransitions.learn(learned_batch)]
    curves = coverage.rarefy(rules, learned_batch, held_out, resamples=50)
    assert curves == coverage.rarefy(rules, learned_batch, held_out, resamples=50)
    curve = curves["chroma-transitions"]
    assert curve.sizes == [1, 2, 3, 5, 7, 8]
    assert msgspec.convert(msgspec.to_builtins(curve), RarefactionCurve) == curve
    assert all(np.diff(curve.weighted.mean) >= 0)
    assert coverage.rarefy(rules, learned_batch, held_out.take([]), resamples=50) == {}


def test_a_curve_with_a_gap_is_refused():
    with pytest.raises(ValueError, match="as many means"):
        RarefactionCurve(sizes=[1, 2], share=flat(0.1), weighted=flat(0.1, 0.2))
    with pytest.raises(ValueError, match="that rise"):
        RarefactionCurve(sizes=[2, 1], share=flat(0.1, 0.1), weighted=flat(0.1, 0.2))


def test_one_sample_over_and_over_covers_too_little_and_real_ones_do_not():
    real = [random_batch(seed, 40, density=0.03) for seed in range(3)]
    rule = PitchRange.learn(real[0])
    kinds = coverage.classes(rule)
    curve = coverage.rarefy([rule], real[0], real[1], resamples=400)["pitch-range"]
    copies = real[0].take([3] * 40)
    copies = type(copies).of(copies.view, copies.values, lengths=copies.lengths)
    for samples, verdict in [(real[2], "pass"), (copies, "fail")]:
        used = coverage.use(rule, kinds, samples, curve.sizes[-1])
        assert coverage.judge_coverage(rule, kinds, used, curve, MANY).verdict == verdict
    assert coverage.judge_coverage(rule, kinds, coverage.use(rule, kinds, real[2].take([]), 40), curve, 0) is None
