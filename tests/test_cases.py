"""``tests/cases/<rule>.yml``: what each rule learns from a few samples, and what passing and failing samples get."""

from pathlib import Path

import pytest
import yaml

from tests.media import batch
from verifier.rule.registry import all_rules, rule_named
from verifier.verbs.check import locate

CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}: {case['case']}")
    for path in sorted(Path(__file__).parent.joinpath("cases").glob("*.yml"))
    for case in yaml.safe_load(path.read_text("utf-8"))
]
KINDS = ("piano-roll", "mel-spectrogram", "image")
"""A case is of the first of these that has its rule, unless it says of which."""


@pytest.mark.parametrize(("name", "case"), CASES)
def test_case(name, case):
    assert set(case) <= {"case", "medium", "options", "learn", "hold-out", "pass", "fail"}
    known = {kind for kind, rule in all_rules() if rule.name() == name}
    medium = case.get("medium", next(kind for kind in KINDS if kind in known))
    rule = rule_named(name, medium).learn(batch(case["learn"], medium), **case.get("options", {}))
    if "hold-out" in case:
        rule = rule.calibrate(batch(case["hold-out"], medium))
    checker = rule.compile()
    for sample in case.get("pass", []):
        good = batch([sample], medium)
        assert list(checker.locate(good, 0)) == [], sample
        assert checker.count(good).violations.tolist() == [0]
        assert checker.count(good).trials.sum() > 0, f"no trial in {sample!r}"
    for failing in case.get("fail", []):
        bad = batch([failing["sample"]], medium)
        found = [f"{v.where}: {v.observed} ({v.allowed})" for v in locate(rule, checker, bad, 0)]
        assert found == failing["violations"], failing["sample"]
        assert checker.count(bad).violations.tolist() == [len(found)]
