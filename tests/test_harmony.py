"""What sounds above the bass, how pieces end, and how dissonances are treated."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rolls import batch, voiced_batch
from verifier.base.errors import InputError
from verifier.corpora import corpus as corpora
from verifier.data.batch import concatenate
from verifier.music.features.sonorities import KEYS, STEPS, slices, sonority_key, sonority_name
from verifier.music.piano_roll import batch_of
from verifier.music.rules.cadences import Cadences
from verifier.music.rules.dissonances import DISSONANCES, MOVES, Dissonances
from verifier.music.rules.sonorities import Sonorities
from verifier.music.samples import music
from verifier.music.view import PianoRollView
from verifier.music.voices import SILENT

MAJOR = "M3 P5 P8, bass "
few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def chorales():
    learned, held_out = corpora.split(corpora.load("bach"))
    view = PianoRollView(window=None)
    return batch_of(learned, view), batch_of(held_out, view)


def rate(rule, samples):
    counts = rule.compile().count(samples)
    return counts.violations.sum() / counts.trials.sum()


def both(seed):
    return concatenate(voiced_batch(seed).view, [voiced_batch(seed), voiced_batch(seed + 1)])


@pytest.mark.parametrize(
    ("sample", "names"),
    [
        (
            "E5:0-8 D5:8-16 | C5:0-8 B4:8-16 | G4:0-16 | C3:0-8 G3:8-16",
            ["M3 P5 P8, bass begins", "M3 P5 P8, bass down 5"],
        ),
        ("C5:0-16 | G4:0-16 | C3:0-8 E3:8-16", ["P5 P8, bass begins", "m3 m6, bass up 4"]),
        ("C5:0-16 | C5:0-16 | C4:0-16 | C3:0-16", ["P8 P8, bass begins"]),  # three are two
        ("C5:0-4 | rest | C3:0-4 F#3:8-16", ["P8, bass begins", "alone, bass up 6"]),
        (
            "C4:0-8 | C5:0-16",
            ["P8, bass begins"],
        ),  # crossed; and a voice that stops changes nothing
        ("rest | rest", []),
    ],
)
def test_a_sonority_is_named_after_what_stands_above_the_lowest_note(sample, names):
    assert [sonority_name(key) for key in slices(batch([sample])).keys.tolist()] == names


@few
@given(seed=seeds)
def test_all_slices_are_those_that_a_loop_finds(seed):
    made = both(seed)
    expected = []
    for i in range(len(made)):
        before = None
        lines = music(made).voices.pitches[i].astype(int)
        for t in range(int(made.lengths[i])):
            entered = [line[t] != SILENT and (t == 0 or line[t] != line[t - 1]) for line in lines]
            if any(entered):
                low, *above = sorted(line[t] for line in lines if line[t] != SILENT)
                found = [(pitch - low) % 12 for pitch in above]
                figures = sum(min(found.count(interval), 2) * 3**interval for interval in range(12))
                step = STEPS.index("begins") if before is None else (low - before) % 12
                expected.append((i, t, figures * len(STEPS) + step))
                before = low
    found = slices(made)
    assert [tuple(map(int, row)) for row in zip(found.samples, found.starts, found.keys, strict=True)] == expected
    lasts = np.diff(found.samples, append=-1) != 0
    assert np.array_equal((found.starts + found.steps)[lasts], made.lengths[found.samples[lasts]])
    assert np.array_equal((found.starts + found.steps)[~lasts], found.starts[np.flatnonzero(~lasts) + 1])


@few
@given(key=st.integers(0, KEYS - 1))
def test_a_name_of_a_sonority_is_read_back(key):
    assert sonority_key(sonority_name(key), "") == key


@pytest.mark.parametrize(
    "name", ["", "M3 P5", "P5 M3, bass held", "M3 M3 M3, bass held", "M3, bass up 7", ", bass held"]
)
@pytest.mark.parametrize("rule", [Sonorities(sonorities={}), Cadences(endings={})])
def test_what_is_no_sonority_is_refused(rule, name):
    with pytest.raises(InputError, match=f"{rule.name()}: expected a sonority such as 'M3 P5 P8, bass up 5'"):
        rule.key_of(name)


def test_transposed_chorales_are_no_worse(chorales):
    learned, held_out = chorales
    moved = held_out.take(np.arange(len(held_out)))
    music(moved).voices.pitches[music(moved).voices.pitches != SILENT] += 1
    for rule in (Sonorities.learn(learned), Cadences.learn(learned), Dissonances.learn(learned)):
        assert rate(rule, moved) == rate(rule, held_out)


def test_a_chorale_that_breaks_off_has_no_cadence(chorales):
    learned, held_out = chorales
    rule = Cadences.learn(learned)
    cut = held_out.take(np.arange(len(held_out)))
    cut.lengths[:] = cut.lengths * 5 // 8
    assert rate(rule, held_out) < 0.05
    assert rate(rule, cut) > 0.5
    cut.ends[:] = False
    assert rule.compile().count(cut).trials.sum() == 0


def test_an_ending_after_a_cut_needs_a_sonority_before_it():
    made = batch(["C5:0-16 | C4:0-16", "D5:0-8 C5:8-16 | C4:0-16"])
    made.begins[:] = False
    assert Cadences.learn(made).endings == {"P8, bass held": 1}


def test_most_endings_of_chorales_are_authentic_cadences(chorales):
    endings = Cadences.learn(chorales[0]).endings
    assert max(endings, key=endings.get) == "M3 P5 P8, bass up 5"


@few
@given(seed=seeds)
def test_all_dissonances_are_those_that_a_loop_finds(seed):
    made = both(seed)
    kinds = {1: "m2", 2: "M2", 5: "P4", 6: "TT", 10: "m7", 11: "M7"}
    expected = {}
    for i in range(len(made)):
        lines = music(made).voices.pitches[i].astype(int)
        for a in range(len(lines)):
            for b in range(a + 1, len(lines)):
                # Moments at which either voice moves, and where no voice has rested or moved in between.
                moments = [
                    t
                    for t in range(1, int(made.lengths[i]))
                    if SILENT not in lines[[a, b], t - 1 : t + 1] and (lines[[a, b], t] != lines[[a, b], t - 1]).any()
                ]
                for first, then in itertools.pairwise(moments):
                    if (lines[[a, b], first] != lines[[a, b], then - 1]).any():
                        continue  # another pitch after a rest
                    high, low = sorted(
                        ([*line[[first - 1, first, then]]] for line in lines[[a, b]]), key=lambda x: -x[1]
                    )
                    kind = kinds.get((high[1] - low[1]) % 12)
                    if kind == "P4" and low[1] > min(pitch for pitch in lines[:, first] if pitch != SILENT):
                        kind = None
                    name = "consonance"
                    if kind:
                        into, out = (f"{move(high, at)} over {move(low, at)}" for at in (0, 1))
                        name = f"{kind}, {into}, then {out}"
                    expected[name] = expected.get(name, 0) + 1
    assert Dissonances.learn(made).treatments == expected


def move(line, at):
    semitones = int(line[at + 1] - line[at])
    direction = "up" if semitones > 0 else "down"
    return "held" if semitones == 0 else f"{direction} {abs(semitones)}" if abs(semitones) < 3 else f"leap {direction}"


def test_a_dissonance_on_the_beat_is_another_one_only_if_that_is_told():
    made = batch(["G4:0-4 F4:4-6 E4:6-16 | G3:0-16"])
    name = "m7, down 2 over held, then down 1 over held"
    assert Dissonances.learn(made).treatments == {name: 1}
    assert Dissonances.learn(made, beat="tell").treatments == {f"{name}, on the beat": 1}
    with pytest.raises(InputError, match="expected an interval such as"):
        Dissonances(treatments={f"{name}, on the beat": 1}).validate()
    with pytest.raises(InputError, match="expected an interval such as"):
        Dissonances(treatments={"m7": 1}).validate()


def test_every_treatment_has_a_name_of_its_own():
    rule = Dissonances(beat="tell")
    names = {rule.key_name(key) for key in range(rule.key_space)}
    assert len(names) == rule.key_space == 1 + 2 * len(DISSONANCES) * len(MOVES) ** 4
    assert all(rule.key_of(rule.key_name(key)) == key for key in (0, 1, 2, rule.key_space - 1))


def test_suspensions_in_chorales_resolve_downwards(chorales):
    treatments = Dissonances.learn(chorales[0]).treatments
    held = {
        name: count
        for name, count in treatments.items()
        if name.startswith(("m7, held over up", "M7, held over up")) and name.endswith("over held")
    }
    downwards = sum(count for name, count in held.items() if "then down" in name)
    assert downwards > 0.9 * sum(held.values()) > 50


def test_shuffled_chords_break_all_three(chorales):
    learned, held_out = chorales
    rng = np.random.default_rng(0)
    shuffled = held_out.take(np.arange(len(held_out)))
    for i, length in enumerate(shuffled.lengths.tolist()):
        lines = music(shuffled).voices.pitches[i, :, :length]
        chords = np.split(lines, np.flatnonzero((lines[:, 1:] != lines[:, :-1]).any(axis=0)) + 1, axis=1)
        lines[:] = np.concatenate([chords[at] for at in rng.permutation(len(chords))], axis=1)
    for rule in (Sonorities.learn(learned), Cadences.learn(learned), Dissonances.learn(learned)):
        assert rate(rule, shuffled) > 0.1 > 5 * rate(rule, held_out)
