import msgspec
import numpy as np
import pytest

from tests.rolls import batch, voiced_batch
from verifier.corpora import corpus as corpora
from verifier.music.degradations import cut
from verifier.music.edits import shuffle_chords
from verifier.music.samples import music
from verifier.spec.provenance import CorpusRecord
from verifier.spec.spec import dumps, loads
from verifier.verbs.check import judge
from verifier.verbs.learn import learn_spec
from verifier.verbs.tallies import tally

RECORD = CorpusRecord(name="made", split=corpora.Split(), source="", licence="", pieces=1, groups=1, sha256="")


RULES = ("accidentals", "chroma-likelihood", "chroma-transitions", "dissonances", "durations", "melodic-intervals")


def songs(seed, n):
    """Two voices that walk over one key for 64 steps, a note in thirty out of it."""
    rng = np.random.default_rng(seed)
    scale = np.array(["C", "D", "E", "F", "G", "A", "B"])
    found = []
    for _ in range(n):
        voices = []
        for octave in (3, 4):
            steps = np.cumsum(rng.integers(-2, 3, 32)) % 7
            names = [f"{name}#" if rng.random() < 1 / 30 and name not in "EB" else name for name in scale[steps]]
            times = [0, *np.cumsum(rng.choice([2, 2, 4], 32)).tolist()]
            notes = zip(names, times[:-1], times[1:], strict=True)
            voices.append(
                " ".join(f"{name}{octave}:{start}-{min(end, 64)}" for name, start, end in notes if start < 64)
            )
        found.append(" | ".join(reversed(voices)))
    return batch(found, steps=64)


@pytest.fixture(scope="module")
def spec():
    return learn_spec(songs(0, 200), songs(1, 150), {name: {} for name in RULES}, name="made", corpus=RECORD).spec


def test_a_cut_sample_is_a_stretch_of_it_in_whole_quarters_and_all_that_sounds_begins_with_it():
    whole = voiced_batch(3, n=40, steps=24)
    part = cut(whole, 0.5, np.random.default_rng(0))
    quarters = np.maximum(np.rint(whole.lengths / 8), 1).astype(int)
    assert (part.lengths == np.minimum(4 * quarters, whole.lengths)).all()
    assert set(((part.starts - whole.starts) % 4).tolist()) == {0}
    assert len(set(part.starts.tolist())) > 1
    assert part.begins.all()
    assert part.ends.all()
    for i, (start, length) in enumerate(zip(part.starts - whole.starts, part.lengths, strict=True)):
        at = slice(start, start + length)
        assert (part.values[i, :, :length] == whole.values[i, :, at]).all()
        voices, of_whole = music(part).voices.take([i]), music(whole).voices.take([i])
        assert (voices.pitches[:, :, :length] == of_whole.pitches[:, :, at]).all()
        assert (voices.attacks[:, :, 0] == (voices.pitches[:, :, 0] >= 0)).all()
        assert (voices.attacks[:, :, 1:length] >= of_whole.attacks[:, :, at][:, :, 1:]).all()


def test_a_sample_is_never_cut_to_less_than_a_quarter_nor_made_longer():
    assert cut(batch(["C4:0-16"]), 0.99, np.random.default_rng(0)).lengths.tolist() == [4]
    assert cut(batch(["C4:0-3"], steps=3), 0.5, np.random.default_rng(0)).lengths.tolist() == [3]


@pytest.mark.parametrize("quarters", [4, 8])
def test_short_samples_are_flagged_as_often_as_long_ones(spec, quarters):
    whole = songs(2, 300)
    short = judge(spec, tally(spec, [cut(whole, 1 - quarters / 16, np.random.default_rng(1))]))
    assert 0.02 <= len(short.flagged) / 300 <= 0.09
    assert f"samples are ranked among real ones after cutting to {quarters / 16:.0%} of the length" in short.confounds
    assert not [said for said in judge(spec, tally(spec, [whole])).confounds if "cutting" in said]
    without = msgspec.structs.replace(spec, degraded=None)
    among_whole = judge(without, tally(without, [cut(whole, 1 - quarters / 16, np.random.default_rng(1))]))
    assert among_whole.flagged != short.flagged
    assert among_whole.rules == short.rules


def test_a_set_that_fails_is_not_taken_for_one_that_was_cut(spec):
    wrong = songs(2, 100)
    result = judge(spec, tally(spec, [shuffle_chords(wrong, np.random.default_rng(0))]))
    assert result.verdict == "fail"
    assert result.likeness is msgspec.UNSET


def test_it_is_kept_in_the_spec(spec):
    assert [each.dose for each in spec.degraded.by["cut"]] == [0.5, 0.75]
    assert loads(dumps(spec)) == spec
