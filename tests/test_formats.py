"""The table of report formats; and CSV, the one that every table has."""

import csv
import importlib
import json
from pathlib import Path

import pytest
import yaml
from msgspec import structs

from tests.test_migrations import OLD, numbered
from verifier.base.errors import InputError
from verifier.report import csv as csv_report
from verifier.report import formats
from verifier.report.formats import FORMATS
from verifier.spec import run as record
from verifier.spec import spec as specs
from verifier.spec.migrations import current_spec
from verifier.spec.suppressions import Accepted
from verifier.verbs import diff
from verifier.verbs.evaluate import ALL, Discrimination, Evaluated, Evaluation
from verifier.verbs.power import Caught, PowerRow, PowerTable, Share

NAME = '=1+1,"a"\n\x1b[31m[/x]'
RULES = ("durations", "polyphony", "pitch-range")
SHOWN = '\'=1+1,"a"\\n\\x1b[31m[/x]'


@pytest.fixture(scope="module")
def run() -> record.Run:
    """Of two sample sets, one with a hostile name, and held against a baseline."""
    run = record.load(OLD)
    run = structs.replace(run, sets={NAME: run.sets["new"], "copied": run.sets["copied"]}, gate=None)
    return structs.replace(run, gate=diff.gate(run, run, ("base", "now")))


@pytest.fixture(scope="module")
def spec() -> specs.Spec:
    return specs.loads(yaml.safe_dump(current_spec(numbered(json.loads(OLD.read_text("utf-8"))["spec"]))))


def evaluation() -> Evaluation:
    told = Discrimination(auroc=0.75, interval=(0.5, 1.0), average_precision=0.1 + 0.2, tpr=0.0)
    both = {"durations": told, ALL: told}
    return Evaluation(
        verifier="0",
        spec=NAME,
        real=NAME,
        real_samples=9,
        real_groups=8,
        set_size=3,
        generators={
            NAME: Evaluated(samples=7, groups=6, by_sample=both, by_set=both),
            "few": Evaluated(samples=1, groups=1, by_sample=both, by_set=None),
        },
    )


def power() -> PowerTable:
    share = Share(share=0.5, low=0.25, high=0.75)
    caught = Caught(rules={"durations": share, "polyphony": share}, combined=share)
    row = PowerRow(fault="moved", dose=2.0, unit="notes per sample", planted=1, caught=caught, auroc=share)
    return PowerTable(
        verifier="0",
        spec=NAME,
        kind="piano-roll",
        alpha=0.05,
        seed=0,
        samples=9,
        pieces=9,
        crossed=True,
        real=caught,
        rows=(row,),
    )


def table(thing, path: Path) -> list[dict[str, str]]:
    """What a CSV reader makes of the table of a thing; every row is a line."""
    formats.write(thing, path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert len(path.read_text("utf-8").splitlines()) == len(rows) + 1
    assert "\x1b" not in path.read_text("utf-8")
    return rows


def test_each_suffix_stands_for_one_format_of_a_thing_and_every_format_has_a_writer():
    pairs = [(row.suffix, what) for row in FORMATS for what in row.whats]
    assert len(pairs) == len(set(pairs))
    for row in FORMATS:
        assert callable(importlib.import_module(f"verifier.report.{row.module}").write), row.module
    assert {what for _, what in pairs} == set(formats.TYPES.values())
    assert formats.suffixes("diff of specs") == [".json", ".csv", ".md"]


def test_a_suffix_that_stands_for_nothing_is_refused_before_and_after_the_work(run, tmp_path):
    for refuse in (
        lambda path: formats.require_formats([path], "diff of runs"),
        lambda path: formats.write(run.gate, path),
    ):
        with pytest.raises(
            InputError, match=r"a\.pdf: expected a report with a suffix of \.json, \.csv, \.md, \.xml, f"
        ):
            refuse(tmp_path / "a.pdf")
        with pytest.raises(InputError, match="its folder does not exist"):
            refuse(tmp_path / "none" / "a.json")
        (tmp_path / "folder.json").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="expected a file to write, found a folder"):
            refuse(tmp_path / "folder.json")


def test_what_was_there_stays_if_a_report_cannot_be_written(run, tmp_path, monkeypatch):
    path = tmp_path / "run.csv"
    path.write_text("old")
    monkeypatch.setattr(csv_report, "cell", lambda value: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        formats.write(run, path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_counts_of_samples_need_a_run_just_made(run, tmp_path):
    with pytest.raises(InputError, match="it has no counts of single samples"):
        formats.write(run, tmp_path / "run.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_run_has_a_row_for_each_set_and_rule_with_all_numbers(run, tmp_path):
    rows = table(run, tmp_path / "run.csv")
    assert [(row["set"], row["rule"]) for row in rows] == [
        (label, rule) for label in (SHOWN, "copied") for rule in RULES
    ]
    result = run.sets["copied"]
    found = {row["rule"]: row for row in rows if row["set"] == "copied"}
    for name, rule in result.rules.items():
        row = found[name]
        assert row["set-verdict"] == "fail"
        assert int(row["violations"]) == rule.violations
        assert float(row["rate"]) == rule.rate
        assert (float(row["rate-low"]), float(row["rate-high"])) == rule.interval
        assert float(row["real-rate"]) == rule.held_out.rate
        assert row["verdict"] == rule.verdict
        assert row["gate-verdict"] in ("pass", "undecided")
        assert row["ratio"] == ("" if rule.ratio is None else repr(rule.ratio))
    plain = table(structs.replace(run, gate=None), tmp_path / "run.csv")
    assert "gate-verdict" not in plain[0]
    assert float(found["durations"]["coverage"]) == result.whole.coverage["durations"].compared_share


def test_diffs_evaluations_and_power_have_a_row_for_each_thing_measured(run, spec, tmp_path):
    path = tmp_path / "x.csv"
    rows = table(structs.replace(run.gate, sets=run.gate.sets[:1]), path)
    assert [(row["after"], row["rule"], float(row["difference"])) for row in rows] == [
        (SHOWN, rule, 0.0) for rule in RULES
    ]
    rows = table(evaluation(), path)
    assert [(row["generator"], row["rule"]) for row in rows] == [
        (SHOWN, "durations"),
        (SHOWN, ALL),
        ("few", "durations"),
        ("few", ALL),
    ]
    assert [row["sets-auroc"] for row in rows] == ["0.75", "0.75", "", ""]
    assert rows[0]["average-precision"] == repr(0.1 + 0.2)
    rows = table(power(), path)
    assert [(row["fault"], row["dose"], row["rule"], row["auroc"]) for row in rows] == [
        ("none", "", "durations", ""),
        ("none", "", "polyphony", ""),
        ("none", "", ALL, ""),
        ("moved", "2.0", "durations", ""),
        ("moved", "2.0", "polyphony", ""),
        ("moved", "2.0", ALL, "0.5"),
    ]
    assert table(diff.diff_specs(spec, spec), path) == []
    assert path.read_text() == "rule,change,name,before,after\n"
    other = structs.replace(
        spec.selected([], ["polyphony"]), accepted=(Accepted(rule="durations", sample=NAME, reason="so"),)
    )
    assert table(diff.diff_specs(spec, other), path) == [
        {"rule": "polyphony", "change": "removed", "name": "", "before": "", "after": ""},
        {"rule": "durations", "change": "accepted", "name": SHOWN, "before": "", "after": ""},
    ]
