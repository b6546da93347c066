"""Twins: samples that are, in some key, the same as another or nearly so."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.rolls import batch, random_batch
from verifier.data.batch import Batch, concatenate
from verifier.judge.coverage import Band
from verifier.judge.sets import SetChecker, SetReference
from verifier.music import near_duplicates
from verifier.music.edits import move_notes
from verifier.music.near_duplicates import NearDuplicates, TwinCurve
from verifier.music.view import PianoRollView

VIEW = PianoRollView(window=64)
NEVER = TwinCurve(
    sizes=[1, 1000],
    exact=Band(mean=[0, 0], low=[0, 0], high=[0, 0.05]),
    near=Band(mean=[0, 0], low=[0, 0], high=[0, 0.05]),
)


def tunes(seed, n, names="piece"):
    """Four voices of quarter notes and eighths, at random."""
    rng = np.random.default_rng(seed)
    values = np.zeros((n, VIEW.pitches, 64), np.bool_)
    for sample in values:
        for voice in range(4):
            rows = np.repeat(rng.integers(4 + 13 * voice, 14 + 13 * voice, 32), 2)
            held = rng.random(32) < 0.5
            for step in np.flatnonzero(held) * 2:
                rows[step : step + 2] = rows[step - 2]
            sample[rows, np.arange(64)] = True
    return replace(
        Batch.of(VIEW, values),
        names=[f"{names}-{seed}-{i}" for i in range(n)],
        groups=[f"{names}-{seed}-{i // 3}" for i in range(n)],
    )


def renamed(samples, prefix):
    return replace(samples, names=[f"{prefix}{name}" for name in samples.names], _features={})


def transposed(samples, semitones):
    return replace(samples, values=np.roll(samples.values, semitones, axis=1), _features={})


def test_samples_at_random_have_no_twins():
    samples = tunes(0, 300)
    result = near_duplicates.judge_diversity(near_duplicates.prints(samples), samples.names, samples.names, NEVER)
    assert (result.compared, result.exact, result.near, result.largest) == (300, 0, 0, 1)
    assert result.verdict == "pass"


def test_planted_twins_are_found_in_any_key():
    samples = tunes(1, 100)
    planted = concatenate(VIEW, [samples, renamed(transposed(samples.take(range(20)), 3), "up-")])
    result = near_duplicates.judge_diversity(near_duplicates.prints(planted), planted.names, planted.names, NEVER)
    assert (result.exact, result.near) == (20, 20)
    assert result.exact_share == pytest.approx(20 / 120)
    assert result.largest == 2
    assert result.names == ("piece-1-0", "up-piece-1-0")
    assert result.verdict == "fail"


def test_a_moved_note_and_a_shift_in_time_leave_a_near_twin():
    samples = tunes(2, 60)
    moved = renamed(move_notes(samples, 1, np.random.default_rng(0)), "moved-")
    values = np.zeros_like(samples.values)
    values[:, :, 6:] = samples.values[:, :, :-6]
    shifted = renamed(replace(samples, values=values, _features={}), "later-")
    for other in (moved, shifted):
        both = concatenate(VIEW, [samples, other])
        result = near_duplicates.judge_diversity(near_duplicates.prints(both), both.names, both.names, NEVER)
        assert result.exact == 0
        assert result.near >= 58
        assert result.largest == 2


def test_a_large_cluster_is_named():
    samples = tunes(3, 50)
    copies = renamed(samples.take([7] * 40), "copy-")
    copies = replace(copies, names=[f"copy-{i:02d}" for i in range(40)])
    both = concatenate(VIEW, [samples, copies])
    result = near_duplicates.judge_diversity(near_duplicates.prints(both), both.names, both.names, NEVER)
    assert (result.exact, result.near, result.largest) == (40, 40, 41)
    assert result.names == ("copy-00", "copy-01", "copy-02", "copy-03", "copy-04")


def test_silence_and_short_ends_of_pieces_are_twins_of_nobody():
    samples = batch(["", "", "C4:0-8 E4:8-16", "C4:0-8 E4:8-16"])
    found = near_duplicates.prints(samples)
    assert near_duplicates.exact_clusters(found).tolist() == [-1] * 4
    result = near_duplicates.judge_diversity(found, samples.names, samples.names, NEVER)
    assert (result.compared, result.exact, result.verdict) == (0, 0, "undecided")


def test_other_notes_other_rhythm_and_what_lies_after_the_end():
    tune = "C4:0-2 G4:2-4 E4:4-6 F4:6-8 C5:8-10 A4:10-12 A#4:12-14 F#4:14-16 D5:16-18 E4:18-20 B4:20-22 C4:22-24"
    tune = f"{tune} F4:24-25 G#4:25-26 D4:26-28"
    texts = [tune, tune.replace("F4:6-8 C5:8-10", "F4:6-9 C5:9-10"), tune.replace("D4:26", "C#4:26"), tune]
    samples = batch(texts, steps=30)
    samples.values[3, 10, 29:] = True
    lengths = np.array([30, 30, 30, 28])
    found = near_duplicates.prints(replace(samples, lengths=lengths, _features={}))
    assert found.counts.tolist()[0] >= near_duplicates.FEWEST
    clusters = near_duplicates.exact_clusters(found).tolist()
    assert clusters[0] == clusters[3]
    assert len(set(clusters)) == 3
    assert len(set(near_duplicates.near_clusters(found).tolist())) == 1


def test_the_result_of_shards_is_that_of_the_whole_and_order_changes_no_count():
    samples = concatenate(VIEW, [tunes(4, 60), renamed(tunes(4, 30), "again-")])
    curve = TwinCurve(sizes=[1, 50], exact=NEVER.exact, near=NEVER.near)
    whole = near_duplicates.judge_diversity(near_duplicates.prints(samples), samples.names, samples.names, curve)
    for order in (np.arange(90), np.random.default_rng(0).permutation(90)):
        shards = [samples.take(at) for at in np.array_split(order, 7)]
        merged = near_duplicates.prints(shards[0])
        for shard in shards[1:]:
            merged = merged.merge(near_duplicates.prints(shard))
        assert near_duplicates.judge_diversity(merged, *[[samples.names[i] for i in order]] * 2, curve) == whole
    assert whole.held_against == 50


def test_taking_prints_is_printing_what_was_taken():
    samples = random_batch(5, 20)
    at = np.array([3, 3, 17, 0])
    one, two = near_duplicates.prints(samples).take(at), near_duplicates.prints(samples.take(at))
    assert one.counts.tolist() == two.counts.tolist()
    assert one.shingles.tolist() == two.shingles.tolist()
    assert one.exact.tolist() == two.exact.tolist()
    empty = near_duplicates.prints(samples.take([]))
    assert near_duplicates.judge_diversity(empty, [], [], NEVER) is None
    assert near_duplicates.twin_curve(samples.take([]), samples.take([])) is None


def test_a_few_pieces_without_a_twin_do_not_say_that_there_is_none():
    few, many = tunes(7, 45), tunes(7, 600)
    of_few, of_many = (
        near_duplicates.twin_curve(some, some.take([]), resamples=50, level=0.02) for some in (few, many)
    )
    at = of_few.sizes.index(20)
    # 20 of 45 samples are 6.7 of 15 pieces: 38 pairs among 210 others. P(x twins or more) = (38 / 248)^x.
    assert of_few.near.high[at] == 2 / 20
    assert of_many.near.high[at] == 0
    twins = few.take([0, 1, 2, 0, *range(6, 22)])
    groups = [f"{i // 3}" for i in range(20)]
    found = near_duplicates.judge_diversity(near_duplicates.prints(twins), twins.names, groups, of_few)
    assert (found.near, found.verdict) == (1, "pass")


def test_the_curve_says_how_often_real_pieces_repeat_each_other():
    # The last third of the samples of each piece is the first of another.
    samples = tunes(6, 120)
    values = samples.values.copy()
    values[2::3] = np.roll(values[0::3], 1, axis=0)
    samples = replace(samples, values=values, _features={})
    curve = near_duplicates.twin_curve(samples.take(range(90)), samples.take(range(90, 120)), resamples=200)
    assert curve.sizes == [1, 2, 3, 5, 7, 10, 20, 30, 50, 60]
    assert curve.exact.mean[2] == 0
    assert curve.exact.mean[-1] == pytest.approx(1 / 3 * 19 / 39, abs=0.02)
    assert msgspec.convert(msgspec.to_builtins(curve), TwinCurve) == curve
    pieces = np.random.default_rng(0).choice(40, 15, replace=False)
    real = samples.take((3 * pieces[:, None] + np.arange(3)).ravel())
    for tested, groups, verdict in (
        (real, real.groups, "pass"),
        (samples.take([1] * 30), [f"{i}" for i in range(30)], "fail"),
    ):
        found = near_duplicates.prints(tested)
        assert near_duplicates.judge_diversity(found, tested.names, groups, curve).verdict == verdict


def test_short_samples_repeat_each_other_without_a_fail():
    copies = renamed((some := tunes(3, 50)).take([7] * 40), "copy-")
    samples = concatenate(VIEW, [some, replace(copies, groups=[f"copy-{i}" for i in range(40)])])
    checker = SetChecker.of(SetReference(checks={"diversity": NEVER}), [], [NearDuplicates()], {})
    whole, short = (
        checker.judge(checker.tally(samples), samples.names, samples.groups, 0.05, {}, less) for less in ("", "short")
    )
    assert whole.verdicts() == ["fail"]
    assert short.verdicts() == ["undecided"]
    assert short.checks["near-duplicates"].reason.endswith("; short")


def test_a_piece_that_repeats_itself_has_no_twins_and_two_pieces_have():
    some = tunes(3, 30)
    twice = replace(renamed(some, "again-"), groups=some.groups)
    both = concatenate(VIEW, [some, twice])
    found = near_duplicates.prints(both)
    assert near_duplicates.judge_diversity(found, both.names, both.groups, NEVER).exact == 0
    assert near_duplicates.judge_diversity(found, both.names, both.names, NEVER).exact == 30
