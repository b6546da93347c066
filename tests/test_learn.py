"""Folds: each learned piece is scored by rules that have not seen it."""

from dataclasses import replace as with_fields

import numpy as np
import pytest

from tests.rolls import voiced_batch
from verifier.rule.registry import rules_for
from verifier.rule.rule import replace
from verifier.verbs.learn import FOLDS, calibrate, learn_folds, learn_rules

RULES = {"chroma-transitions": {}, "chroma-likelihood": {}, "duration-distribution": {}, "polyphony": {}}


def pieces(n, seed=0, name="piece"):
    """Two samples of each of n pieces, in mixed order."""
    return with_fields(voiced_batch(seed, n=2 * n), groups=[f"{name} {i % n}" for i in range(2 * n)])


def test_every_learned_piece_is_in_one_fold_with_rules_learned_from_the_others():
    batch = pieces(23)
    rules, folds = learn_folds(batch, {name: {} for name in rules_for("piano-roll")})
    assert len(folds) == FOLDS
    assert sorted(name for fold in folds for name in fold.batch.names) == sorted(batch.names)
    for fold in folds:
        assert len(set(fold.batch.groups)) in (2, 3)
        others = np.flatnonzero([group not in fold.batch.groups for group in batch.groups])
        assert len(others) + len(fold.batch) == len(batch)
        expected = learn_rules(batch.take(others), {name: {} for name in rules_for("piano-roll")})
        assert [replace(rule, forecast=None) for rule in expected] == list(fold.rules)
    assert rules == learn_rules(batch, {name: {} for name in rules_for("piano-roll")})


def test_which_pieces_are_together_depends_on_their_names_alone():
    batch = pieces(23)
    shuffled = batch.take(np.random.default_rng(1).permutation(len(batch)))
    together = [{frozenset(fold.batch.groups) for fold in learn_folds(of, RULES)[1]} for of in (batch, shuffled)]
    assert together[0] == together[1]


@pytest.mark.parametrize(("n", "folds"), [(1, 0), (2, 2), (3, 3)])
def test_of_few_pieces_each_is_a_fold(n, folds):
    assert len(learn_folds(pieces(n), RULES)[1]) == folds


def test_learned_pieces_are_scored_beside_the_held_out_ones_by_rules_that_have_not_seen_them():
    learned, held_out = pieces(12), pieces(7, seed=1, name="held out")
    rules, folds = learn_folds(learned, RULES)
    alone, calibration = calibrate(rules, held_out)
    calibrated, joined = calibrate(rules, held_out, folds)
    assert calibrated == alone  # thresholds and records are those of the held-out pieces
    assert joined.samples == [2] * 19
    assert joined.learned == 12
    for name in RULES:
        assert joined.scores[name][:14] == calibration.scores[name]
        assert joined.counts[name].trials[:7] == calibration.counts[name].trials
    # A random roll is not what another one does: it breaks the rules that others taught, not those it taught itself.
    seen = rules[0].compile().count(learned)
    assert not seen.violations.any()
    assert min(joined.counts["chroma-transitions"].violations[7:]) > 0
    assert sum(joined.counts["chroma-transitions"].trials[7:]) == seen.trials.sum()


def test_nothing_held_out_is_no_calibration():
    batch = pieces(4)
    rules, folds = learn_folds(batch, RULES)
    assert calibrate(rules, batch.take([]), folds) == (rules, None)
