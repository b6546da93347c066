"""The laws of a rule, over every rule that is registered."""

from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media import random_batch
from verifier.base.errors import InputError
from verifier.data.batch import Batch, concatenate
from verifier.music.samples import music
from verifier.rule.distribution import Distribution
from verifier.rule.registry import all_rules
from verifier.rule.rule import replace
from verifier.rule.textbook import TextbookRule
from verifier.values.rules.intensity_modes import IntensityModes
from verifier.verbs.learn import learn_rules

RULES = [(rule, medium) for medium, rule in all_rules()]
seeds = st.integers(0, 10_000)
SHARES = {"exact", "beside", "between", "outside", "nats"}
"""Measures that are no distances: shares of values, and a cross-entropy, which is not nought against itself."""
every_rule = pytest.mark.parametrize(
    ("rule", "medium"), RULES, ids=[f"{rule.name()}-{medium}" for rule, medium in RULES]
)
few = settings(max_examples=15, deadline=None)


@every_rule
@few
@given(a=seeds, b=seeds, c=seeds, grey=st.booleans())
def test_merge_is_associative_and_commutative(rule, medium, a, b, c, grey):
    x, y, z = (rule.learn(random_batch(medium, seed, grey=grey)) for seed in (a, b, c))
    assert x.merge(y).merge(z) == x.merge(y.merge(z))
    assert x.merge(y) == y.merge(x)


@every_rule
@few
@given(a=seeds, grey=st.booleans())
def test_learning_nothing_is_the_identity_of_merge(rule, medium, a, grey):
    batch = random_batch(medium, a, grey=grey)
    nothing = rule.learn(batch.take([]))
    assert rule.learn(batch).merge(nothing) == rule.learn(batch) == nothing.merge(rule.learn(batch))


@every_rule
@few
@given(a=seeds, b=seeds, grey=st.booleans())
def test_learning_both_is_merging_what_each_taught(rule, medium, a, b, grey):
    x, y = random_batch(medium, a, grey=grey), random_batch(medium, b + 10_001, grey=grey)
    assert rule.learn(concatenate(x.view, [x, y])) == rule.learn(x).merge(rule.learn(y))


@every_rule
@few
@given(a=seeds, grey=st.booleans())
def test_what_is_written_is_read_back(rule, medium, a, grey):
    learned = rule.learn(random_batch(medium, a, grey=grey))
    text = yaml.safe_dump(msgspec.to_builtins(learned))
    assert msgspec.convert(yaml.safe_load(text), rule) == learned


@every_rule
@few
@given(a=seeds)
def test_a_corpus_keeps_its_own_rule(rule, medium, a):
    batch = random_batch(medium, a)
    learned = rule.learn(batch).calibrate(batch)
    counts = learned.compile().count(batch)
    if isinstance(learned, TextbookRule):  # what it learned is how often the corpus does not keep it
        table = learned.from_yaml()
        assert counts.violations.sum() == table.counts[learned.breaking(table.keys)].sum()
    elif isinstance(learned, IntensityModes):  # values between the modes are kept too, as shares
        assert counts.violations.sum() == round(learned.measures(learned)["between"] * counts.trials.sum())
    else:
        # A limit leaves out the strangest hundredth.
        assert counts.violations.sum() <= (0.01 * counts.trials.sum() if hasattr(rule, "limit") else 0)
    assert counts.trials.sum() == rule.learn(batch).support.trials


@every_rule
def test_a_corpus_gives_every_rule_a_trial(rule, medium):
    assert rule.learn(random_batch(medium, 0, n=24)).support.trials > 0


@every_rule
@few
@given(a=seeds, b=seeds, grey=st.booleans())
def test_locate_finds_what_count_counts(rule, medium, a, b, grey):
    learned = rule.learn(random_batch(medium, a, n=2))
    if hasattr(rule, "limit"):
        learned = replace(learned, limit=0.5 if issubclass(rule, Distribution) else 2.0)
    batch, checker = random_batch(medium, b, grey=grey), learned.compile()
    counts = checker.count(batch)
    located = [list(checker.locate(batch, i)) for i in range(len(batch))]
    assert [len(found) for found in located] == counts.violations.tolist()
    if not isinstance(learned, Distribution):
        kinds = {
            checker.type_name(int(key)): int(n) for key, n in zip(counts.kinds.keys, counts.kinds.counts, strict=True)
        }
        observed = [violation.observed for found in located for violation in found]
        assert {name: observed.count(name) for name in set(observed)} == kinds
    for i, found in enumerate(located):
        assert all(v.start >= 0 and v.start + v.steps <= batch.lengths[i] for v in found)


@every_rule
@few
@given(a=seeds, grey=st.booleans())
def test_padding_and_order_do_not_count(rule, medium, a, grey):
    batch = random_batch(medium, a, grey=grey)
    _, rows, steps = batch.values.shape
    wider = Batch.of(batch.view, np.zeros((0, rows, steps + 16), batch.values.dtype))
    padded = concatenate(batch.view, [batch] if medium == "image" else [batch, wider])  # pictures have one size
    beyond = slice(steps, None)
    padded.values[:, :, beyond] = 1
    if medium == "piano-roll":
        voices = music(padded).voices
        voices.attacks[:, :, beyond] = voices.fermatas[:, beyond] = 1
        voices.pitches[:, :, beyond] = 60
    checker = rule.learn(random_batch(medium, a + 1, n=2)).compile()
    want, got = checker.count(batch), checker.count(padded)
    assert np.array_equal(want.violations, got.violations)
    assert np.array_equal(want.trials, got.trials)
    back = checker.count(batch.take(np.arange(len(batch))[::-1]))
    assert np.array_equal(want.violations, back.violations[::-1])


@every_rule
def test_measures_of_a_state_from_itself_are_nought(rule, medium):
    learned = rule.learn(random_batch(medium, 3))
    distances = {name: value for name, value in learned.measures(learned).items() if name not in SHARES}
    assert all(value == 0 for value in distances.values())
    assert set(rule.headline) <= set(learned.measures(learned))


@every_rule
def test_leave_one_out_is_what_learning_from_the_others_finds(rule, medium):
    batch = random_batch(medium, 11, n=10)
    learned = learn_rules(batch, {rule.name(): {}})[0]
    if learned.forecast is None:
        assert hasattr(rule, "limit")  # a rule that takes a threshold from held-out data has no forecast without it
        return
    violations = trials = 0
    for group in sorted(set(batch.groups)):
        own = np.array([name == group for name in batch.groups])
        others = rule.learn(batch.take(np.flatnonzero(~own)))
        counts = others.compile().count(batch.take(np.flatnonzero(own)))
        violations, trials = violations + counts.violations.sum(), trials + counts.trials.sum()
    assert learned.forecast == pytest.approx(violations / trials, abs=1e-6)


@every_rule
def test_options_are_refused_by_name(rule, medium):
    with pytest.raises(InputError, match=f"{rule.name()}: expected one of its options"):
        rule.with_options(minimum_suport=2)


def another_value(rule, name):
    """A value of an option that is not its default."""
    default = getattr(rule(), name)
    hint = get_type_hints(rule)[name]
    if get_origin(hint) is Literal:
        return next(choice for choice in get_args(hint) if choice != default)
    if isinstance(default, (list, tuple)):
        return default[:1]
    return default + 1 if isinstance(default, int) else default / 2


@every_rule
def test_states_with_other_options_do_not_merge(rule, medium):
    batch = random_batch(medium, 1)
    for name in rule.options():
        with pytest.raises(InputError, match=name.replace("_", "-")):
            rule.learn(batch).merge(rule.learn(batch, **{name: another_value(rule, name)}))


@every_rule
def test_every_rule_has_a_manual_and_cases(rule, medium):
    assert len(rule.__doc__.split()) > 20
    assert Path(__file__).parent.joinpath("cases", f"{rule.name()}.yml").is_file()


def test_every_cases_file_has_a_rule():
    assert {path.stem for path in Path(__file__).parent.joinpath("cases").iterdir()} == {
        rule.name() for rule, _ in RULES
    }
