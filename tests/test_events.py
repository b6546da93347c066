"""Rules that judge each event by its key: what the score of a sample is."""

import numpy as np
import pytest
import scipy.stats

from tests.rolls import batch
from verifier.music.rules.chroma_transitions import ChromaTransitions
from verifier.music.rules.durations import Durations
from verifier.rule.rule import HeldOut, replace
from verifier.verbs.learn import calibrate

CORPUS = ["C4:0-4 D4:4-8 C4:8-12"] * 20
SAMPLES = ["C4:0-4 D4:4-8 F#4:8-11 A4:11-12", "C4:0-4 D4:4-8", "C4:0-3 E4:3-5 G4:5-6", ""]
FEW = HeldOut(
    pieces=9, samples=9, trials=99, violations=3, rate=0.030303, upper=0.09, breaking=3, breaking_upper=0.6
)  # fmt: skip


def surprise(counts, rate):
    """-log P(X >= v) of each sample, X binomial; nan without a trial."""
    chance = scipy.stats.binom.sf(counts.violations - 1, counts.trials, rate)
    return np.where(counts.trials > 0, -np.log(chance), np.nan)


@pytest.mark.parametrize("rule", [Durations, ChromaTransitions], ids=lambda rule: rule.name())
@pytest.mark.parametrize(("violations", "rate"), [(3, 0.035), (0, 0.005), (40, 0.405)])
def test_a_score_is_the_surprise_at_the_rate_of_held_out_data_whatever_the_corpus_does(rule, violations, rate):
    learned = rule.learn(batch(CORPUS))
    assert not learned.compile().count(batch(CORPUS)).violations.any()
    counts = replace(learned, held_out=replace(FEW, violations=violations)).compile().count(batch(SAMPLES))
    assert (counts.violations > 0).tolist() == [True, False, True, False]
    assert counts.trials[1] > 0
    assert counts.scores == pytest.approx(surprise(counts, rate), abs=1e-9, nan_ok=True)
    assert counts.scores[1] == 0
    assert np.isnan(counts.scores[3])


def test_the_rate_is_what_calibration_counted_in_held_out_samples():
    held_out = batch(["C4:0-4 D4:4-8 C4:8-11", "C4:0-4 D4:4-8", "C4:0-4"])
    ((rule,), _) = calibrate([Durations.learn(batch(CORPUS))], held_out)
    assert (rule.held_out.violations, rule.held_out.trials) == (1, 6)
    counts = rule.compile().count(batch(SAMPLES))
    assert counts.scores == pytest.approx(surprise(counts, 1.5 / 7), abs=1e-9, nan_ok=True)


def test_with_nothing_held_out_a_violation_is_as_rare_as_the_corpus_can_say():
    rule = Durations.learn(batch(CORPUS))
    assert rule.support.trials == 60
    counts = rule.compile().count(batch(SAMPLES))
    assert counts.scores == pytest.approx(surprise(counts, 0.5 / 61), abs=1e-9, nan_ok=True)
