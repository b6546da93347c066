from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.test_post_processing import plant, scenes, spoken, without_sounds
from verifier.audio.faults import compand
from verifier.audio.samples import waves
from verifier.base.errors import InputError
from verifier.corpora import corpus as corpora
from verifier.data.batch import concatenate
from verifier.image.degradations import DEGRADATIONS
from verifier.judge.calibration import Calibration
from verifier.judge.conformal import Conformal
from verifier.judge.degraded import MOST, Degraded, DegradedScores, chosen, degrade, mixed, restricted
from verifier.judge.post_processing import unheard
from verifier.rule.fault import fault_named
from verifier.rule.registry import rule_named
from verifier.spec.provenance import CorpusRecord
from verifier.spec.spec import dumps, loads
from verifier.verbs.check import judge
from verifier.verbs.learn import learn_spec
from verifier.verbs.tallies import tally

RULES = ["azimuthal-spectrum", "blockiness", "co-occurrence", "mode-shares", "upsampling-peaks"]
RECORD = CorpusRecord(name="made", split=corpora.Split(), source="", licence="", pieces=1, groups=1, sha256="")


@pytest.fixture(scope="module")
def spec():
    rules = {name: {} for name in RULES}
    return learn_spec(scenes(200, 1), scenes(120, 2), rules, name="made", corpus=RECORD).spec


def checked(spec, batch):
    return judge(spec, tally(spec, [batch]))


def blurs(n, seed):
    """Scenes that are smooth because nothing in them is sharp: no edge and no noise, as a generator makes them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :48] / 48
    a, b, c = rng.uniform(-4, 4, (3, n, 1, 1))
    values = 0.5 + 0.15 * np.sin(a * x + b * y + c) + 0.1 / (1 + np.exp(-15 * (a * x + b * y - c / 2)))
    return replace(scenes(n, seed), values=(np.rint(255 * np.clip(values, 0, 1)) / 255).astype(np.float32))


@pytest.mark.parametrize(("fault", "dose"), [("jpeg", 50), ("jpeg", 40), ("gaussian-blur", 1), ("enlarged", 0.5)])
def test_real_pictures_after_a_usual_processing_are_called_processed_whatever_the_dose(spec, fault, dose):
    result = checked(spec, plant(scenes(100, 3), fault, dose))
    assert result.verdict == "processed"
    assert result.likeness.alike
    assert result.likeness.processing == DEGRADATIONS[fault].processing
    assert result.likeness.sentence().startswith("looks like real samples after ")
    assert len(result.flagged) <= 15
    assert {rule.set_aside for rule in result.rules.values()} <= {"", result.likeness.words}


def test_a_set_of_which_a_part_was_processed_is_held_against_real_ones_of_which_a_part_was(spec):
    parts = [scenes(100, 3).take(np.arange(50)), plant(scenes(100, 4).take(np.arange(50)), "jpeg", 50)]
    result = checked(spec, concatenate(parts[0].view, parts))
    assert result.verdict == "processed"
    assert result.likeness.share == 0.5
    assert result.likeness.words.endswith(" of 50% of them")
    mixed_in = [scenes(100, 3).take(np.arange(50)), blurs(50, 6)]
    assert checked(spec, concatenate(parts[0].view, mixed_in)).verdict == "fail"


def test_a_share_of_the_samples_evenly_chosen_is_degraded():
    before, after = np.zeros((8, 1)), np.ones((8, 1))
    assert mixed(before, after, 0.5)[:, 0].tolist() == [0, 1] * 4
    assert mixed(before, after, 0.25).sum() == 2
    assert mixed(before, after, 1.0).tolist() == after.tolist()


def test_no_processing_excuses_what_no_rule_can_tell_it_by():
    rules = [rule_named(name, "mel-spectrogram") for name in ("bandwidth", "dynamics", "spectral-envelope")]
    own = [rule() for rule in rules]
    assert unheard(own, {"bandwidth": 3, "dynamics": 3, "spectral-envelope": 3}) == set()
    assert unheard(own, {"bandwidth": 0, "dynamics": 3, "spectral-envelope": 3}) == {"band limit"}
    assert unheard(own, dict.fromkeys(("bandwidth", "dynamics", "spectral-envelope"), 0)) >= {"band limit", "clipping"}
    assert unheard(own[2:], {"spectral-envelope": 3}) == set()


def test_a_clean_set_that_is_smooth_for_another_reason_fails_though_it_has_the_trace_of_a_blur(spec):
    result = checked(spec, blurs(100, 3))
    assert [trace.processing for trace in result.processed] == ["blur"]
    assert not result.likeness.alike
    assert result.verdict == "fail"
    assert "processing does not explain the set" in result.likeness.sentence()
    assert {rule.set_aside for rule in result.rules.values()} == {""}
    blurred = checked(spec, plant(blurs(100, 3), "gaussian-blur", 0.5))
    assert blurred.verdict == "fail"


def test_a_real_set_that_breaks_no_rule_is_compared_with_nothing(spec):
    result = checked(spec, scenes(100, 4))
    assert result.verdict != "fail"
    assert result.likeness is msgspec.UNSET


def test_degraded_scores_are_those_of_the_degraded_samples_and_only_of_rules_that_they_change(spec):
    degraded = spec.degraded
    held_out = scenes(120, 2)
    labels = sorted(held_out.names)
    own = [sample for sample in degraded.samples if sample < 120]
    batch = held_out.take([held_out.names.index(labels[sample]) for sample in own])
    after = fault_named("jpeg", "image").plant(batch, 50, np.random.default_rng(0))
    found = next(each for each in degraded.by["jpeg"] if each.dose == 50)
    assert set(found.scores) <= set(RULES)
    for name, scores in found.scores.items():
        expected = spec.rule(name).compile().count(after).scores
        assert np.allclose(np.array(scores[: len(own)], float), expected, rtol=0.006, atol=0.006, equal_nan=True)
    for name, doses in degraded.by.items():
        assert {each.dose for each in doses} <= set(DEGRADATIONS[name].doses)
        assert doses[-1].dose == DEGRADATIONS[name].doses[-1]


def test_the_calibration_between_two_doses_lies_on_the_line_between_them(spec):
    stored = [each.dose for each in spec.degraded.by["gaussian-blur"]][:2]
    low, high = (spec.degraded.calibration(spec.calibration, "gaussian-blur", dose) for dose in stored)
    middle = spec.degraded.calibration(spec.calibration, "gaussian-blur", sum(stored) / 2)
    assert np.allclose(middle.table(RULES), (low.table(RULES) + high.table(RULES)) / 2)
    nothing = spec.degraded.calibration(spec.calibration, "gaussian-blur", 0)
    assert nothing == restricted(spec.calibration, spec.degraded.samples)
    Conformal(middle, RULES)
    last = spec.degraded.calibration(spec.calibration, "gaussian-blur", 2)
    assert spec.degraded.calibration(spec.calibration, "gaussian-blur", 3) == last


def test_degraded_scores_are_read_as_they_were_written_and_refused_where_they_cannot_be(spec):
    assert loads(dumps(spec)) == spec
    first = spec.degraded.by["jpeg"][0]
    short = DegradedScores(dose=2, scores={"blockiness": [0.0]})
    for wrong, message in (
        (Degraded(samples=spec.degraded.samples, by={"theft": [first]}), "degraded: by: expected one of jpeg"),
        (
            Degraded(samples=spec.degraded.samples, by={"jpeg": [short]}),
            "scores of a calibrated rule, found 1 of block",
        ),
        (Degraded(samples=[10**6], by={}), "expected samples of the calibration, which has 320"),
    ):
        with pytest.raises(InputError, match=message):
            loads(dumps(msgspec.structs.replace(spec, degraded=wrong)))


def test_samples_are_chosen_evenly_of_as_many_pieces_as_can_be():
    def calibration(*sizes):
        return Calibration(samples=list(sizes), scores={}, counts={})

    assert chosen(calibration(*[1] * 8), 4) == [0, 2, 4, 6]
    assert chosen(calibration(*[1] * 9), 4) == [0, 3, 6]
    assert chosen(calibration(4, 1, 4), 6) == [1, 3, 4, 6, 8]
    assert len(chosen(calibration(*[30] * 3000))) == MOST


def test_another_number_of_samples_is_no_mistake_that_passes(spec):
    with pytest.raises(ValueError, match="5 samples in place of 2"):
        degrade([], [([spec.rule("blockiness")], scenes(5, 2))], DEGRADATIONS, spec.calibration, [0, 1])


def test_inverted_pictures_are_compared_with_inverted_ones(spec):
    result = checked(spec, scenes(100, 3).with_values(1 - scenes(100, 3).values))
    assert result.verdict != "fail"
    if result.likeness is not msgspec.UNSET:
        assert result.likeness.words == "inverting black and white"


@pytest.fixture(scope="module")
def spoken_spec():
    rules = {name: {} for name in ("bandwidth", "dynamics", "modulation-spectrum")}
    return learn_spec(spoken(200, 1000), spoken(100, 2000), rules, name="made", corpus=RECORD).spec


@pytest.mark.parametrize(
    ("fault", "dose", "processing"),
    [("louder", 10, "loudness change"), ("band-limited", 0.4, "band limit"), ("clipped", 6, "clipping")],
)
def test_real_sounds_after_a_usual_processing_are_called_processed(spoken_spec, fault, dose, processing):
    result = checked(spoken_spec, plant(spoken(40, 3000), fault, dose))
    assert result.verdict == "processed"
    assert result.likeness.processing == processing


def test_sounds_whose_recordings_are_not_kept_are_not_degraded():
    batches = (without_sounds(spoken(n, seed)) for n, seed in ((30, 1000), (30, 2000)))
    spec = learn_spec(*batches, {"dynamics": {}}, name="made", corpus=RECORD).spec
    assert spec.degraded is None
    assert spec.calibration is not None


def test_mu_law_keeps_what_is_loud_and_rounds_what_is_soft_as_finely():
    batch = spoken(2, 1000)
    (before, _), (after, _) = (waves(each).sounds for each in (batch, compand(batch, 1, np.random.default_rng(0))))
    sounding = np.abs(before) > 0.01
    assert np.abs(after / np.where(sounding, before, 1) - 1)[sounding].max() < 0.06
    assert len(np.unique(after)) <= 255
