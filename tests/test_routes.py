"""The same chorales by another route: every rule that needs only what the route keeps counts the same."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.routes_music import ROUTES
from verifier.api.load import load_spec
from verifier.corpora.sample_sets import sets_of
from verifier.data.batch import Batch, concatenate
from verifier.music.piano_roll import batch_of
from verifier.music.read.symbolic import music21_work, read_notes

CHORALES = ("bwv66.6", "bwv269", "bwv10.7")
"""In four quarters and in three, with a pickup but the last; fermatas in all."""
VOICES = (
    *("avoided-patterns", "cadences", "direct-intervals", "dissonances", "melodic-intervals", "note-placement"),
    *("parallels", "sonorities", "sound-placement", "voice-crossing", "voice-overlap", "voice-ranges", "voice-spacing"),
)
ATTACKS = ("note-placement",)
"""Rules that tell a repeated note from a held one."""
ROLL_ATTACKS = ("durations", "onset-positions", "rhythm-patterns", "self-similarity", "sound-placement")
"""Rules about notes that ask where a sample begins or ends."""

WHOLE = (
    *("MusicXML, in parts", "MusicXML, zipped (.mxl)", "MusicXML by music21", "kern", "ABC"),
    *("MIDI, a track a voice", "MIDI, a track and a channel a voice", "MIDI, a track a voice, the lowest first"),
    *("MIDI, type 0, a channel a voice", "MIDI, notes end by note-on of velocity 0", "MIDI, 24 ticks a quarter"),
    *("MIDI, 220 ticks a quarter", "MIDI, tempo 60", "MIDI, ritardando in tempo events", "MIDI, velocities varied"),
    *("MIDI, legato by 1/32 of a quarter", "MIDI, notes let go of after 0.95 of them", "drums added"),
    *("MIDI, notes let go of after 0.8 of them", "MIDI, notes let go of after 0.5 of them"),
    *("MIDI by mido, read and written", "MIDI by pretty_midi, read and written", "MIDI by pretty_midi"),
    *("MIDI by music21", "MIDI by symusic", "object of mido", "object of pretty_midi", "object of music21"),
    *("MusicXML, closed score (2 parts, voices 1 and 2)", "MusicXML, one part on two staves, four voices"),
    *("MusicXML, two parts on two staves each", "MusicXML, top part for B flat clarinet"),
    *("MIDI, program changes inside tracks", "MIDI, pickup as its own bar", "MIDI, no time signature"),
    *("MIDI, pickup written out as a rest", "MIDI, transposed +6", "MIDI, transposed -2"),
    *("object of symusic, ticks", "object of symusic, quarters", "object of symusic, seconds"),
)
"""Routes that keep what every rule needs."""
LOSING = {
    "MIDI, one track": VOICES,
    "MIDI, type 0, one channel": VOICES,
    "MIDI, one track, notes let go of after 0.95 of them": VOICES,
    "MIDI, touching repeats merged": ATTACKS,
    "MIDI by pypianoroll": ATTACKS,
    "object of pypianoroll": ATTACKS,
    "MusicXML, touching repeats tied": ATTACKS,
    "tensor (n, 64, 64) bool .npz": (*VOICES, *ROLL_ATTACKS),
    "tensor (n, 64, 64) uint8": (*VOICES, *ROLL_ATTACKS),
    "tensor (n, 64, 64) uint8, 0 and 255": (*VOICES, *ROLL_ATTACKS),
    "tensor (n, 64, 64) float32, torch": (*VOICES, *ROLL_ATTACKS),
    "tensor (n, 8, 64) packed bits": (*VOICES, *ROLL_ATTACKS),
    "tensor (n, 64, 64, 1) float32": (*VOICES, *ROLL_ATTACKS),
    "tensor (n, 4, 64) int16 pitches, -1 rests": (*ATTACKS, *ROLL_ATTACKS),
}
"""Route -> the rules that need what it loses."""


@pytest.fixture(scope="module")
def spec():
    return load_spec("bach")


@pytest.fixture(scope="module")
def chorales():
    return [read_notes(music21_work(name), name=name, group=name) for name in CHORALES]


@pytest.fixture(scope="module")
def count(spec):
    """Violations and trials of each sample, by rule."""
    checkers = spec.compile()

    def counted(batch: Batch):
        found = {name: checker.count(batch) for name, checker in checkers.items()}
        return {name: (counts.violations.tolist(), counts.trials.tolist()) for name, counts in found.items()}

    return counted


@pytest.fixture(scope="module")
def expected(spec, chorales, count):
    """What the chorales count as they are, and their whole windows alone, which are all that a tensor has."""
    batch = batch_of(chorales, spec.view)
    whole = batch.take(np.flatnonzero(batch.lengths == spec.view.window))
    return {False: count(batch), True: count(whole)}


@pytest.mark.filterwarnings("ignore")  # of the libraries that write
@pytest.mark.parametrize("name", [*WHOLE, *LOSING])
def test_rules_that_need_only_what_a_route_keeps_count_the_same(name, spec, chorales, count, expected, tmp_path: Path):
    route = next(route for route in ROUTES if route.name == name)
    written = route.write(chorales, tmp_path)
    samples = sets_of({"samples": written.samples}, spec.view, spec.corpus)[0]
    found = count(concatenate(spec.view, list(samples.batches())))
    wanted = expected[name.startswith("tensor")]
    kept = [rule for rule in wanted if rule not in LOSING.get(name, ())]
    assert {rule: found[rule] for rule in kept} == {rule: wanted[rule] for rule in kept}


def test_the_chorales_give_every_rule_a_trial(expected):
    assert [rule for rule, (_, trials) in expected[False].items() if not sum(trials)] == []
