"""How well scores tell generated from real samples: held to scikit-learn, and to cases that are known."""

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.media import PICTURES, batch
from tests.test_spec import small_spec
from verifier.base.errors import InputError
from verifier.report import formats
from verifier.verbs.evaluate import ALL, Scores, evaluate, scores, told
from verifier.verbs.learn import calibrate, learn_folds


def of(values) -> Scores:
    return Scores([str(i) for i in range(len(values))], {"rule": np.asarray(values, np.float64)})


@pytest.mark.parametrize("seed", range(5))
def test_areas_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    real, fake = np.round(rng.normal(0, 1, 300), 1), np.round(rng.normal(1, 2, 200), 1)  # rounded: many ties
    labels, both = np.repeat([0, 1], [300, 200]), np.concatenate([real, fake])
    weights = np.repeat([1 / 300, 1 / 200], [300, 200])
    found = told(of(real), of(fake), "rule")
    assert found.auroc == pytest.approx(roc_auc_score(labels, both))
    assert found.average_precision == pytest.approx(average_precision_score(labels, both, sample_weight=weights))
    assert found.interval[0] < found.auroc < found.interval[1]


def test_the_share_found_is_told_at_one_false_in_a_hundred():
    found = told(of(np.arange(1000)), of([988, 989, 990, 991, 2000]), "rule")
    assert found.tpr == pytest.approx(2 / 5)


def test_samples_of_one_group_count_as_one_witness():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0, 1, 100), np.repeat(rng.normal(1, 1, 5), 20)
    alone = told(of(real), of(fake), "rule")
    grouped = told(of(real), Scores([str(i // 20) for i in range(100)], {"rule": fake}), "rule")
    assert grouped.auroc == alone.auroc
    assert np.ptp(grouped.interval) > 2 * np.ptp(alone.interval)


def pictures(seed: int, n: int, more: str = "") -> list[str]:
    return [f"flat=0.5 noise=0.1 {more} seed={1000 * seed + i} 8-bit" for i in range(n)]


@pytest.fixture(scope="module")
def spec():
    learned, folds = learn_folds(batch(pictures(0, 200), "image"), {"mode-shares": {}, "co-occurrence": {}})
    rules, calibration = calibrate(learned, batch(pictures(1, 100), "image"), folds)
    return small_spec(view=PICTURES, rules=rules, calibration=calibration)


def test_generators_are_told_by_rule_by_sample_and_by_set(spec, tmp_path):
    real = scores(spec, [batch(pictures(2, 100), "image"), batch(pictures(3, 50), "image")])
    fakes = {
        "grid": scores(spec, [batch(pictures(4, 120, "grid=2,0.2"), "image")]),
        "the same": scores(spec, [batch(pictures(5, 120), "image")]),
    }
    found = evaluate(spec, "real", real, fakes, set_size=20)
    grid, same = found.generators["grid"], found.generators["the same"]
    assert found.real_samples == 150
    assert grid.by_sample["co-occurrence"].auroc > 0.99
    assert grid.by_set[ALL].auroc == 1
    assert 0.4 < same.by_sample[ALL].auroc < 0.6
    assert list(grid.by_sample) == ["mode-shares", "co-occurrence", ALL]
    for name in ("found.json", "found.md"):
        formats.write(found, tmp_path / name)
    assert json.loads((tmp_path / "found.json").read_text())["generators"]["grid"]["samples"] == 120
    assert "| **all rules together** | " in (tmp_path / "found.md").read_text()


def test_a_handful_makes_no_sets_and_none_is_refused(spec):
    few = scores(spec, [batch(pictures(6, 5), "image")])
    assert evaluate(spec, "real", few, {"few": few}).generators["few"].by_set is None
    with pytest.raises(InputError, match="no samples"):
        scores(spec, [])


def test_a_report_of_another_format_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a report with a suffix of .json, .csv, .md, found '.png'"):
        formats.require_formats([tmp_path / "x.png"], "evaluation")
