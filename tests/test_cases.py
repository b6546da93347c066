"""``tests/cases/<rule>.yml``: what each rule learns from a few samples, and what passing and failing samples get."""

import pytest

from tests.case_files import entries
from tests.media import batch
from verifier.rule.registry import rule_named
from verifier.verbs.check import locate

CASES = [
    pytest.param(name, medium, case, id=f"{name}: {case['case']}") for name, medium, case in entries() if "case" in case
]


@pytest.mark.parametrize(("name", "medium", "case"), CASES)
def test_case(name, medium, case):
    assert set(case) <= {"case", "medium", "options", "learn", "hold-out", "pass", "fail"}
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
