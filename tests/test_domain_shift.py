"""The domain of a corpus: what real units have when they are left out says what is far; nothing else does."""

from io import StringIO

import numpy as np
import pytest
import scipy.stats
from msgspec import UNSET
from msgspec.structs import replace
from rich.console import Console

from tests import media
from tests.rolls import random_batch
from tests.test_spec import small_spec
from verifier.data.batch import Batch, concatenate
from verifier.judge.calibration import Calibration, PieceCounts
from verifier.judge.domain_shift import Domain, among_units, domain_of, explains
from verifier.report import markdown, terminal
from verifier.rule.registry import rule_named
from verifier.spec import run as record
from verifier.spec.provenance import CorpusRecord, Split
from verifier.spec.spec import Spec, dumps, loads
from verifier.verbs import check, tallies
from verifier.verbs.learn import calibrate, learn_folds

RULES = (rule_named("spectral-envelope", "mel-spectrogram")(), rule_named("modulation-spectrum", "mel-spectrogram")())


def calibration(scores, units=None, violations=0):
    """One sample a piece; the same scores under both rules."""
    n = len(scores)
    counts = PieceCounts(violations=np.broadcast_to(violations, n).tolist(), trials=[10] * n)
    names = [rule.name() for rule in RULES]
    return Calibration(
        samples=[1] * n,
        scores={name: list(scores) for name in names},
        counts=dict.fromkeys(names, counts),
        units=units or [],
    )


def found(real, scores):
    scores = np.array(scores, float)
    return domain_of(real, RULES, {rule.name(): scores for rule in RULES}, np.arange(len(scores)))


def test_the_distance_is_the_mean_surprise_and_real_units_have_one_on_average():
    real = calibration([1.0, 1, 2, 2, 2, 2, 3, 3], [("a", 2), ("b", 4), ("c", 2)])
    domain = found(real, [4.0, 6])
    assert (domain.distance, domain.real, domain.count, domain.of) == (2.5, (0.5, 1.5), 3, "units")
    # The mean is 1 and the standard deviation .5; Student's t of 2 degrees of freedom is 4.3027 at .975.
    assert domain.limit == pytest.approx(1 + 4.302653 * 0.5 * np.sqrt(4 / 3), abs=1e-4)
    # The two differ from their mean by .5 each: a standard error of .5, and t of 1 degree of freedom is 12.706.
    assert domain.interval == pytest.approx((2.5 - 12.7062 * 0.5, 2.5 + 12.7062 * 0.5), abs=1e-3)
    assert not domain.outside


def test_a_set_is_outside_if_its_whole_interval_is_beyond_every_unit_and_the_limit():
    real = calibration([1.0, 1, 1.1, 1.1, 0.9, 0.9], [("a", 2), ("b", 2), ("c", 2)])
    assert found(real, [3.0, 3.1, 2.9, 3]).outside
    assert not found(real, [1.05, 1.1, 1, 1.05]).outside
    assert not found(real, [0.1, 0.1, 0.1]).outside, "what is less strange than real units is no other domain"
    assert not found(real, [3.0]).outside, "a single piece says nothing of how much pieces differ"


def test_pieces_of_one_unit_need_not_follow_each_other():
    together = found(calibration([1.0, 3, 2, 4], [("a", 2), ("b", 1), ("c", 1)]), [2.0, 2])
    assert found(calibration([1.0, 2, 4, 3], [("a", 1), ("b", 1), ("c", 1), ("a", 1)]), [2.0, 2]) == together


def test_without_units_random_sets_of_pieces_say_how_far_real_sets_lie():
    rng = np.random.default_rng(1)
    real = calibration(rng.uniform(1, 3, 100).tolist())
    small, large = found(real, rng.uniform(1, 3, 4)), found(real, rng.uniform(1, 3, 90))
    assert (small.of, large.of) == ("sets", "sets")
    assert not small.outside
    assert not large.outside
    assert large.limit < small.limit, "large sets differ less"
    assert found(real, rng.uniform(3, 4, 20)).outside
    assert "random sets" in large.words()


def test_too_few_pieces_or_units_or_no_rule_that_hears_the_domain_is_no_domain():
    assert found(calibration([1.0] * 18), [9.0, 9]) is None
    assert found(calibration([1.0] * 6, [("a", 3), ("b", 3)]), [9.0, 9]) is None
    real = calibration([1.0, 2, 3], [("a", 1), ("b", 1), ("c", 1)])
    assert domain_of(real, RULES[1:], {RULES[1].name(): np.ones(2)}, np.arange(2)) is None
    assert found(real, [np.nan, np.nan]) is None, "a set of silence is nowhere"


def test_a_rate_that_one_more_real_unit_could_have_is_no_failure():
    name = RULES[0].name()
    real = calibration(np.ones(6), [("a", 2), ("b", 2), ("c", 2)], violations=[0, 0, 1, 1, 4, 4])

    def p_value(violations, among=real):
        return among_units(among, {name: PieceCounts(violations=[violations], trials=[100])}, {name: 0.001})[name]

    roots = np.sqrt([0, 0.1, 0.4])
    t = (np.sqrt(0.9) - roots.mean()) / (roots.std(ddof=1) * np.sqrt(4 / 3))
    assert p_value(90) == pytest.approx(scipy.stats.t.sf(t, 2))
    assert p_value(40) > 0.1, "as often as one of the three"
    assert p_value(90, calibration(np.ones(6), violations=[0, 0, 1, 1, 4, 4])) == 0.001, "without units"
    assert p_value(1, calibration(np.ones(6), [("a", 3), ("b", 3)])) == 0.001, "units that never differ"


def failing(ratios):
    return [(rule_named(name, "mel-spectrogram")(), ratio) for name, ratio in ratios.items()]


def test_only_what_another_speaker_may_do_is_explained_by_the_domain():
    outside = found(calibration([1.0, 1, 1.1, 1.1, 0.9, 0.9], [("a", 2), ("b", 2), ("c", 2)]), [3.0, 3.1, 2.9, 3])
    inside = replace(outside, outside=False)
    assert explains(outside, failing({"spectral-envelope": 500.0, "dynamics": None, "modulation-spectrum": 6.0}))
    assert not explains(outside, failing({"spectral-envelope": 5.0, "modulation-spectrum": 10.0}))
    assert not explains(outside, failing({"upsampling-peaks": None})), "which held-out samples never break"
    assert not explains(inside, failing({"spectral-envelope": 5.0}))
    assert not explains(None, failing({"spectral-envelope": 5.0}))


def test_units_that_are_not_those_of_the_pieces_are_refused():
    with pytest.raises(ValueError, match="the units do not have 3 pieces"):
        calibration([1.0, 2, 3], [("a", 2)])


def speaker(name: str, tone: float, seed: int, n: int = 12) -> Batch:
    """Recordings of a voice: a tone that is a little different in each, in a little noise."""
    rng = np.random.default_rng(seed)
    texts = [f"tone={tone * rng.uniform(0.97, 1.03):.0f},0.3 noise=0.02 beat=4 seed={100 * seed + i}" for i in range(n)]
    return media.batch(texts, "mel-spectrogram", [f"{name}/{i}" for i in range(n)])


def speech() -> Spec:
    """Learned from five voices, of which one is held out."""
    tones = {"a": 480, "b": 500, "c": 520, "d": 540, "e": 510}
    voices = [speaker(name, tone, at) for at, (name, tone) in enumerate(tones.items())]
    learned, held_out = concatenate(voices[0].view, voices[:4]), voices[4]

    def unit(group: str) -> str:
        return group[0]

    rules, folds = learn_folds(learned, {rule.name(): {} for rule in RULES}, unit=unit)
    rules, calibrated = calibrate(rules, held_out, folds, unit)
    corpus = CorpusRecord(
        name="voices", split=Split(by="folder"), source="", licence="", pieces=60, groups=60, sha256="0" * 64
    )
    return Spec(name="voices", view=held_out.view, corpus=corpus, rules=rules, calibration=calibrated)


def judged(spec: Spec, batch: Batch):
    return check.judge(spec, tallies.tally(spec, [batch]))


def test_another_voice_is_out_of_domain_and_one_among_the_others_is_not():
    spec = speech()
    assert sorted(spec.calibration.units) == [(name, 12) for name in "abcde"]
    near, far = judged(spec, speaker("f", 505, 9)), judged(spec, speaker("g", 900, 8))
    assert isinstance(near.domain, Domain)
    assert not near.domain.outside
    assert near.verdict != "fail"
    assert far.domain.outside
    assert far.domain.words().startswith("out of domain: ")
    assert far.verdict == "out of domain"
    assert check.run_record(spec, {"far": far}).failed(), "the spec does not hold for it either"


def test_a_fault_that_has_nothing_to_do_with_the_voice_still_fails():
    spec = speech()
    steady = media.batch(
        [f"tone={505 + i},0.3 noise=0.02 beat=40 seed={i}" for i in range(12)],
        "mel-spectrogram",
        [f"f/{i}" for i in range(12)],
    )
    result = judged(spec, steady)
    assert result.rules["modulation-spectrum"].verdict == "fail"
    assert result.verdict == "fail"


def test_the_units_are_in_the_file_and_a_spec_without_them_is_as_it_was():
    spec = speech()
    assert loads(dumps(spec)).calibration == spec.calibration
    music = small_spec()
    assert "units" not in dumps(music)
    result = check.judge(music, tallies.tally(music, [random_batch(7)]), alpha=0.5)
    assert result.domain is UNSET


def test_the_reports_say_it_in_words(tmp_path):
    spec = speech()
    run = check.run_record(spec, {"far": judged(spec, speaker("g", 900, 8))})
    markdown.write(run, tmp_path / "report.md")
    out = Console(width=200, record=True, file=StringIO())
    terminal.print_run(out, spec, run)
    for text in ((tmp_path / "report.md").read_text("utf-8"), out.export_text()):
        assert "units that were held out in turn" in " ".join(text.split()), text
    record.dump(run, tmp_path / "run.json")
    assert record.load(tmp_path / "run.json").sets["far"].domain == run.sets["far"].domain
