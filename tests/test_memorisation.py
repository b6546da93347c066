"""Copies of the corpus: found with their piece, place and transposition."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.rolls import batch, random_batch
from tests.test_near_duplicates import VIEW, transposed, tunes
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.judge.calibration import PieceCounts
from verifier.music import memorisation
from verifier.music.memorisation import CopyingReference
from verifier.music.samples import music
from verifier.music.view import PianoRollView

PIECES = PieceCounts(violations=[1, 0, 0, 0, 0] * 4, trials=[5] * 20)
REFERENCE = CopyingReference(samples=100, limit=4.0, upper=0.05, longest=6.0, whole=16.0, pieces=PIECES)


def judged(index, samples, reference=REFERENCE):
    copies = memorisation.longest_copies(index, samples)
    of = (samples.names, samples.groups, samples.starts, music(samples).meters, music(samples).pickups)
    return memorisation.judge_copying(index, copies, *of, reference)


def test_the_corpus_is_a_copy_of_itself():
    corpus = tunes(0, 30)
    copies = memorisation.longest_copies(memorisation.build_index([corpus]), corpus)
    assert copies.quarters.tolist() == [16.0] * 30
    assert copies.pieces.tolist() == list(range(30))
    assert not copies.semitones.any()
    assert not copies.corpus_steps.any()
    assert not copies.sample_steps.any()


def test_unrelated_music_is_no_copy():
    copies = memorisation.longest_copies(memorisation.build_index([tunes(0, 60)]), tunes(1, 60))
    assert copies.quarters.max() == 0
    assert set(copies.pieces.tolist()) == {-1}


def test_a_planted_copy_is_found_with_its_place_and_transposition():
    corpus, samples = tunes(2, 20), tunes(3, 20)
    values = samples.values.copy()
    # Steps 20 to 51 of sample 5 are steps 8 to 39 of the ninth piece, a minor third up.
    values[5, :, 20:52] = transposed(corpus, 3).values[9, :, 8:40]
    samples = replace(samples, values=values, _features={})
    index = memorisation.build_index([corpus.take(range(7)), corpus.take(range(7, 20))])
    copies = memorisation.longest_copies(index, samples)
    assert np.flatnonzero(copies.quarters).tolist() == [5]
    assert 7.0 <= copies.quarters[5] <= 8.0
    assert copies.pieces[5] == 9
    assert copies.semitones[5] == 3
    assert copies.sample_steps[5] - copies.corpus_steps[5] == 12
    assert 20 <= copies.sample_steps[5] <= 22
    found = memorisation.describe(index, copies, samples, 5)
    assert found.text == "piece-3-5 bars 2-4 = piece-2-9 bars 1-3, a minor third up"
    assert memorisation.describe(index, copies, samples, 4) is None


def test_the_bars_of_a_copy_are_counted_from_the_first_full_one():
    corpus, samples = tunes(2, 20), tunes(3, 20)
    music(corpus).pickups[9], music(samples).pickups[5] = 3.0, 2.0
    values = samples.values.copy()
    values[5, :, 20:52] = corpus.values[9, :, 8:40]
    samples = replace(samples, values=values, _features={})
    index = memorisation.build_index([corpus])
    found = memorisation.describe(index, memorisation.longest_copies(index, samples), samples, 5)
    assert found.text == "piece-3-5 bars 1-3 = piece-2-9 pickup to bar 2, at the same pitch"


def test_a_copy_ends_at_the_note_that_differs():
    scale = " ".join(f"{p}4:{2 * i}-{2 * i + 2}" for i, p in enumerate("CEDFEGFAGBAD"))
    corpus = batch([scale], steps=24)
    changed = batch([scale.replace("A4:14-16", "A#4:14-16"), scale], steps=24)
    copies = memorisation.longest_copies(memorisation.build_index([corpus]), changed)
    assert copies.quarters.tolist() == [14 / 4, 24 / 4]


def test_a_chord_that_a_window_cuts_is_shared_as_far_as_it_goes():
    corpus = batch(["C4:0-4 E4:4-6 G4:6-8 F4:8-10 D4:10-16"])
    samples = batch(["D4:0-2 F#4:2-4 A4:4-6 G4:6-8 E4:8-10", "E4:0-2 G4:2-5 F4:5-7 D4:7-10"], PianoRollView(window=16))
    copies = memorisation.longest_copies(memorisation.build_index([corpus]), samples)
    # The second has a G that is too long.
    assert copies.quarters.tolist() == [10 / 4, 0]
    assert copies.semitones[0] == 2
    assert copies.sample_steps[0] == 0
    assert copies.corpus_steps[0] == 2


def test_silence_is_no_copy_and_an_empty_set_is_none():
    silent = Batch.of(VIEW, np.zeros((3, VIEW.pitches, 64), np.bool_))
    index = memorisation.build_index([silent, tunes(4, 2)])
    copies = memorisation.longest_copies(index, silent)
    assert copies.quarters.tolist() == [0, 0, 0]
    assert judged(index, silent.take([])) is None
    assert memorisation.calibrate_copying(index, silent, silent.take([])) is None
    with pytest.raises(InputError, match="no piece to index"):
        memorisation.build_index([])


def test_windows_are_found_in_whole_pieces_but_not_on_another_grid():
    whole = tunes(5, 4)
    index = memorisation.build_index([replace(whole, view=PianoRollView(window=None))])
    parts = Batch.of(VIEW, np.ascontiguousarray(whole.values[:, :, 32:]))
    copies = memorisation.longest_copies(index, parts)
    assert copies.quarters.tolist() == [8.0] * 4
    assert copies.corpus_steps.tolist() == [32] * 4
    other = replace(parts, view=PianoRollView(window=64, steps_per_quarter=8), _features={})
    with pytest.raises(InputError, match="steps-per-quarter"):
        memorisation.longest_copies(index, other)


def test_the_copies_of_shards_are_those_of_the_whole():
    index = memorisation.build_index([random_batch(0, 40, density=0.02)])
    samples = random_batch(0, 40, density=0.02)
    whole = memorisation.longest_copies(index, samples)
    shards = [samples.take(at) for at in np.array_split(np.arange(40), 7)]
    merged = memorisation.longest_copies(index, shards[0])
    for shard in shards[1:]:
        merged = merged.merge(memorisation.longest_copies(index, shard))
    for name in whole.__dataclass_fields__:
        assert getattr(merged, name).tolist() == getattr(whole, name).tolist()


def test_a_set_of_copies_fails_and_real_music_does_not():
    corpus = tunes(6, 90)
    index = memorisation.build_index([corpus])
    reference = memorisation.calibrate_copying(index, corpus, tunes(7, 60))
    assert (reference.limit, reference.longest, reference.whole) == (0, 0, 16.0)
    assert msgspec.convert(msgspec.to_builtins(reference), CopyingReference) == reference
    assert (sum(reference.pieces.violations), sum(reference.pieces.trials)) == (0, 150)
    assert judged(index, tunes(8, 60), reference).verdict == "pass"
    result = judged(index, corpus, reference)
    assert result.verdict == "fail"
    assert (result.flagged, result.pieces, result.median) == (90, 90, 16.0)
    assert result.copies[0].text == "piece-6-0 bars 1-4 = piece-6-0 bars 1-4, at the same pitch"
    whole = msgspec.structs.replace(reference, limit=16.0)
    assert judged(index, corpus, whole).verdict == "undecided"


def test_a_learned_piece_is_no_copy_of_its_own_work_but_one_of_another():
    corpus = tunes(6, 90)
    values = corpus.values.copy()
    values[40:50] = transposed(corpus, 2).values[50:60]
    works = [f"work {name if i < 30 else i // 2}" for i, name in enumerate(corpus.names)]
    works[41], works[51] = "one", "one"
    corpus = replace(corpus, values=values, groups=works, _features={})
    index = memorisation.build_index([replace(corpus, view=PianoRollView(window=None), _features={})])
    reference = memorisation.calibrate_copying(index, corpus, tunes(7, 60), quantile=0.5)
    assert reference.limit == 0
    of_piece = dict(zip(sorted({*corpus.groups, *tunes(7, 60).groups}), reference.pieces.violations, strict=True))
    assert {work: count for work, count in of_piece.items() if count} == {
        **{f"work {i // 2}": 2 for i in (42, 44, 46, 48, 52, 54, 56, 58)},
        "work 20": 1,
        "work 25": 1,
    }


def test_as_many_works_that_share_passages_as_real_ones_have_are_no_copies():
    corpus = tunes(6, 90)
    index = memorisation.build_index([corpus])
    real = PieceCounts(violations=[1, 0, 0, 0] * 50, trials=[1] * 200)
    reference = msgspec.structs.replace(REFERENCE, pieces=real)
    tested = tunes(8, 40)
    values = tested.values.copy()
    values[:14] = corpus.values[:14]
    assert judged(index, replace(tested, values=values, _features={}), reference).verdict == "undecided"
    values[:35] = corpus.values[:35]
    result = judged(index, replace(tested, values=values, _features={}), reference)
    assert result.verdict == "fail"
    copied = "87.50% of the samples repeat more than 4 quarter notes of the corpus"
    assert result.reason == f"{copied}; of real ones fewer than 5.00%: p = 0.0005"
    assert result.reference.pieces is msgspec.UNSET


@pytest.mark.parametrize(
    ("semitones", "name"),
    [(0, "at the same pitch"), (5, "a fourth up"), (-12, "an octave down"), (26, "2 octaves and a tone up")],
)
def test_intervals_in_words(semitones, name):
    assert memorisation.interval_name(semitones) == name


def test_pitches_of_every_row_are_told_apart():
    view = PianoRollView(lowest_pitch=0, pitches=128, window=4)
    values = np.zeros((128, 128, 4), np.bool_)
    values[np.arange(128), np.arange(128)] = True
    values[:127, 127] = True
    found = memorisation.chords(Batch.of(view, values))
    assert found.lowest.tolist() == list(range(128))
    assert len(set(found.shapes.tolist())) == 128
