"""Counting a sample set, judging it, and writing what was found."""

import json

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
from msgspec import structs

from tests.case_files import plants
from tests.rolls import batch, random_batch
from tests.test_spec import small_spec
from verifier.base.errors import InputError
from verifier.data.batch import Batch, concatenate
from verifier.data.medium import medium_of
from verifier.judge.sets import calibrate_sets
from verifier.music.memorisation import Memorisation, build_index
from verifier.music.view import PianoRollView
from verifier.report import formats
from verifier.rule.registry import rules_for
from verifier.spec.run import Run
from verifier.verbs import check, tallies
from verifier.verbs.learn import calibrate, learn_rules


def chorale_like(seed: int, n: int = 30) -> list[str]:
    """Texts of samples in four voices that walk over the chords of one key."""
    rng = np.random.default_rng(seed)
    chords = [("C3", "E4", "G4", "C5"), ("F3", "C4", "F4", "A4"), ("G3", "D4", "G4", "B4"), ("A3", "E4", "A4", "C5")]
    samples = []
    for _ in range(n):
        progression = [chords[at] for at in rng.integers(0, 4, 4)]
        voices = [
            " ".join(f"{pitch}:{4 * i}-{4 * i + 4}" for i, pitch in enumerate(line))
            for line in zip(*progression, strict=True)
        ]
        samples.append(" | ".join(reversed(voices)))
    return samples


@pytest.fixture(scope="module")
def spec():
    learned = learn_rules(batch(chorale_like(0, 60)), {name: {} for name in rules_for("piano-roll")})
    rules, calibration = calibrate(learned, batch(chorale_like(1)))
    return small_spec(view=PianoRollView(window=16), rules=rules, calibration=calibration)


def verdicts(spec, samples):
    result = check.judge(spec, tallies.tally(spec, [samples]))
    return {name: found.verdict for name, found in result.rules.items()}, result


def test_real_samples_pass_and_a_planted_fault_fails_its_own_rule(spec):
    real, result = verdicts(spec, batch(chorale_like(2, 400)))
    assert set(real.values()) == {"pass"}
    assert result.verdict == "pass"
    faults = plants("piano-roll")
    assert set(faults) == set(rules_for("piano-roll"))
    for rule, plant in faults.items():
        found, result = verdicts(spec, batch([plant(sample) for sample in chorale_like(3, 40)]))
        assert found[rule] == "fail", rule
        assert result.verdict == "fail"


def test_a_handful_of_samples_is_undecided(spec):
    found, _ = verdicts(spec, batch(chorale_like(4, 2)))
    assert set(found.values()) == {"undecided"}


def test_samples_without_a_trial_are_undecided(spec):
    result = check.judge(spec, tallies.tally(spec, [batch(["", ""])]))
    assert result.rules["durations"].rate is None
    assert result.rules["durations"].reason == "the samples gave it no trial"


def with_whole(spec):
    """The spec with its reference for sets as a whole, and the indices of what it was learned from."""
    learned, held_out = batch(chorale_like(0, 60)), batch(chorale_like(1, 60))
    indices = {Memorisation.key: build_index([learned])}
    checks = medium_of(spec.view).set_checks()
    return structs.replace(spec, whole=calibrate_sets(spec.rules, learned, held_out, checks, indices)), indices


def test_the_report_of_shards_is_that_of_the_whole(spec):
    spec, indices = with_whole(spec)
    noise = batch([""] * 50, spec.view)
    noise.values[:] = np.random.default_rng(7).random(noise.values.shape) < 0.08
    samples = concatenate(spec.view, [noise, batch(chorale_like(8, 40)), batch(chorale_like(0, 20))])
    samples = Batch.of(spec.view, samples.values, groups=[f"piece-{i // 3}" for i in range(len(samples))])
    checkers = tallies.Checkers.of(spec, indices)
    shards = [samples.take(at) for at in np.array_split(np.arange(len(samples)), 7)]
    merged = tallies.merge_tallies([tallies.tally_batch(spec, checkers, shard, findings=True) for shard in shards])
    once = tallies.tally(spec, [samples], findings=True, checkers=checkers)
    result = check.judge(spec, merged, checkers=checkers)
    assert result == check.judge(spec, once, checkers=checkers)
    assert set(result.whole.checks) == {"empty samples", "near-duplicates", "memorised passages"}
    assert result.whole.coverage.keys() >= {"chroma-transitions", "durations"}


def test_one_perfect_sample_over_and_over_fails_though_it_breaks_no_rule(spec):
    spec, indices = with_whole(spec)
    checkers = tallies.Checkers.of(spec, indices)
    perfect = batch(chorale_like(0, 1) * 200)
    perfect = Batch.of(spec.view, perfect.values)
    result = check.judge(spec, tallies.tally(spec, [perfect], checkers=checkers), checkers=checkers)
    assert sum(rule.violations for rule in result.rules.values()) == 0
    assert "fail" in {found.verdict for found in result.whole.coverage.values()}
    assert result.verdict == "fail"
    at_low_alpha = check.judge(spec, tallies.tally(spec, [perfect], checkers=checkers), alpha=0.035, checkers=checkers)
    assert "fail" not in {found.verdict for found in at_low_alpha.whole.coverage.values()}


def test_the_worst_samples_are_kept_to_be_looked_at(spec):
    samples = batch([*chorale_like(5, 20), "C4:0-16 C#4:0-4 D4:4-8 D#4:8-12 E4:12-16"])
    result = check.judge(spec, tallies.tally(spec, [samples]))
    first = result.rules["pitch-class-sets"].examples[0]
    assert (first.sample, first.rule, first.where) == ("sample-20", "pitch-class-sets", "bar 1 beat 1")
    assert result.rules["pitch-class-sets"].kinds == {"C C#": 1, "C D": 1, "C D#": 1, "C E": 1}


def test_an_empty_set_and_another_view_are_refused(spec):
    with pytest.raises(InputError, match="no samples"):
        tallies.tally(spec, [])
    with pytest.raises(InputError, match="differ in pitches 64 against 40, window 16 against 24"):
        tallies.tally(spec, [random_batch(1)])


def test_reports_are_written_whole_and_read_back(spec, tmp_path):
    samples = batch(chorale_like(6, 10))
    counted = {"a/b": tallies.tally(spec, [samples])}
    run = check.run_record(spec, {"a/b": check.judge(spec, counted["a/b"])})
    paths = [tmp_path / "run.json", tmp_path / "samples.parquet"]
    formats.require_formats(paths, "run")
    for path in paths:
        formats.write(run, path, counted)
    assert msgspec.json.decode(paths[0].read_bytes(), type=Run) == run
    rules = json.loads(paths[0].read_text())["sets"]["a/b"]["rules"]
    fields = {"violations", "distinct", "trials", "rate", "interval", "held-out", "ratio", "verdict"}
    assert all(fields <= set(rule) for rule in rules.values())
    table = pyarrow.parquet.read_table(paths[1]).to_pylist()
    assert len(table) == 10 * len(spec.rules)
    for name, rule in rules.items():
        rows = [row for row in table if row["rule"] == name and row["set"] == "a/b"]
        assert sum(row["violations"] for row in rows) == rule["violations"]
        assert sum(row["trials"] for row in rows) == rule["trials"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "samples.parquet"]


def test_reports_that_cannot_be_written_are_refused_beforehand(tmp_path):
    for path, message in [
        (tmp_path / "run.xlsx", "expected a report with a suffix of .json, .csv, .md, .xml, .parquet, found '.xlsx'"),
        (tmp_path / "none" / "run.json", "its folder does not exist"),
    ]:
        with pytest.raises(InputError, match=message):
            formats.require_formats([path], "run")
