"""Runs and specs held against each other, the gate, and what is accepted."""

import dataclasses
import io
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from msgspec import structs
from rich.console import Console

from tests.rolls import batch, voiced_batch
from tests.test_check import chorale_like
from tests.test_spec import small_spec
from verifier.base.errors import InputError
from verifier.data.medium import medium_of
from verifier.judge.sets import calibrate_sets
from verifier.music.edits import move_notes
from verifier.music.memorisation import Memorisation, build_index
from verifier.music.view import PianoRollView
from verifier.report import changes, formats, junit, markdown
from verifier.rule.registry import rules_for
from verifier.spec import findings
from verifier.spec import run as record
from verifier.spec.run import Run
from verifier.spec.spec import accept, dump, dumps, load, loads
from verifier.spec.suppressions import Accepted, accepting, arranged, require_acceptable
from verifier.verbs import check, diff, tallies
from verifier.verbs.learn import calibrate, learn_rules

RULES = ["chroma-transitions", "durations", "pitch-range", "polyphony", "duration-distribution"]
HOSTILE = "a\x1b[31m]|`<b>&\"'\u202e@x\ud800\uffff**\n:sparkles:$x$ http://x [y](z)"


@pytest.fixture(scope="module")
def spec():
    learned = learn_rules(batch(chorale_like(0, 60)), {name: {} for name in RULES})
    rules, calibration = calibrate(learned, batch(chorale_like(1)))
    return small_spec(view=PianoRollView(window=16), rules=rules, calibration=calibration)


def run_of(spec, listing=True, **sets) -> Run:
    results = {
        label: check.judge(spec, tallies.tally(spec, [samples], findings=listing)) for label, samples in sets.items()
    }
    return check.run_record(spec, results)


def moved(samples, k=1, seed=0):
    return move_notes(samples, k, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def equal(spec):
    """Two runs of the same generator."""
    return [run_of(spec, x=moved(batch(chorale_like(seed, 100)), 1, seed)) for seed in (10, 11)]


@pytest.fixture(scope="module")
def worse(spec):
    """A run of a generator that moves four notes for the other's one."""
    return run_of(spec, x=moved(batch(chorale_like(12, 100)), 4, 12))


def test_findings_are_as_many_as_violations_and_do_not_depend_on_shards(spec, worse):
    for result in worse.sets["x"].rules.values():
        assert len(result.findings.listed) == result.violations
        assert result.findings.complete
        assert sum((result.all_kinds or {}).values()) in (0, result.violations)
    samples = moved(batch(chorale_like(12, 100)), 4, 12)
    shards = [samples.take(at) for at in np.array_split(np.arange(100), 7)]
    tallied = [tallies.tally_batch(spec, tallies.Checkers.of(spec), shard, findings=True) for shard in shards]
    assert check.judge(spec, tallies.merge_tallies(tallied)) == worse.sets["x"]


def test_a_long_list_of_findings_says_that_it_is_not_complete(spec, monkeypatch, worse):
    monkeypatch.setattr(findings, "MAX_FINDINGS", 50)
    whole = moved(batch(chorale_like(12, 100)), 4, 12)
    short = run_of(spec, x=whole)
    found = short.sets["x"].rules["chroma-transitions"].findings
    assert (found.complete, len(found.listed)) == (False, 50)
    assert found.listed == worse.sets["x"].rules["chroma-transitions"].findings.listed[:50]
    shards = [
        tallies.tally_batch(spec, tallies.Checkers.of(spec), whole.take(at), True)
        for at in np.array_split(np.arange(100), 3)
    ]
    assert check.judge(spec, tallies.merge_tallies(shards)) == short.sets["x"]
    rule = diff.diff_runs(short, worse).sets[0].rules["chroma-transitions"]
    assert (rule.introduced, rule.resolved, rule.unchanged) == (None, None, None)
    assert rule.note == "too many findings to list them all"


def test_a_sample_without_a_name_is_known_by_its_content():
    samples = batch(["C4:0-4", "C4:0-4", "D4:0-4"])
    unnamed = [findings.sample_key(renamed(samples, ["", "", ""]), i) for i in range(3)]
    assert unnamed[0] == unnamed[1] != unnamed[2]
    assert unnamed[0].startswith("sha256:")
    assert findings.sample_key(samples, 2) == "sample-2"


def renamed(samples, names):
    return dataclasses.replace(samples, names=names, _features={})


def test_a_record_goes_round_to_the_last_digit(equal, tmp_path):
    record.dump(equal[0], tmp_path / "run.json")
    assert record.load(tmp_path / "run.json") == equal[0]
    assert record.encoded(record.load(tmp_path / "run.json")) == record.encoded(equal[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "expected a run record: No such file"),
        ("{", "expected a run record as -o run.json writes it"),
        ('{"verifier": "1", "alpha": "x"}', r"Expected 'float', got 'str' - at '\$.alpha'"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=message):
        record.load(tmp_path / "run.json")


def test_a_run_and_itself_do_not_differ(equal):
    found = diff.diff_runs(equal[0], equal[0])
    for rule in found.sets[0].rules.values():
        assert (rule.introduced, rule.resolved, rule.new_kinds_total, rule.difference) == (0, 0, 0, 0)
        assert rule.unchanged == rule.violations[1]
        assert rule.change == "same"


def test_what_is_introduced_and_what_is_unchanged_make_up_the_second_run(equal, worse):
    a, b = equal[0].sets["x"].rules, worse.sets["x"].rules
    forth = diff.diff_runs(equal[0], worse).sets[0].rules
    back = diff.diff_runs(worse, equal[0]).sets[0].rules
    for name in RULES:
        assert forth[name].introduced + forth[name].unchanged == b[name].violations
        assert forth[name].resolved + forth[name].unchanged == a[name].violations
        assert (forth[name].introduced, forth[name].resolved) == (back[name].resolved, back[name].introduced)
        assert forth[name].difference == pytest.approx(-back[name].difference)
    transitions = forth["chroma-transitions"]
    assert transitions.change == "worse"
    assert transitions.interval[0] > 0
    assert transitions.new_kinds_total == len(
        set(b["chroma-transitions"].all_kinds) - set(a["chroma-transitions"].all_kinds)
    )


def test_sets_pair_by_label_or_one_against_one(spec, equal):
    a, b = batch(chorale_like(2, 20)), batch(chorale_like(3, 20))
    two = run_of(spec, x=a, y=b)
    assert [pair.labels for pair in diff.diff_runs(two, two).sets] == [("x", "x"), ("y", "y")]
    assert [pair.labels for pair in diff.diff_runs(run_of(spec, x=a), run_of(spec, y=b)).sets] == [("x", "y")]
    partly = diff.diff_runs(two, equal[0])
    assert ([pair.labels for pair in partly.sets], partly.unpaired) == ([("x", "x")], ("y",))
    with pytest.raises(InputError, match="no sample set stands in both: x, y against z, zz"):
        diff.diff_runs(two, run_of(spec, z=a, zz=b))
    with pytest.raises(InputError, match="same sample sets in both; one has no y"):
        diff.gate(two, equal[0], ("A", "B"))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda s: structs.replace(s, view=structs.replace(s.view, threshold=0.25)),
            "view, threshold: 0.5 against 0.25",
        ),
        (lambda s: structs.replace(s, rules=s.rules[1:]), "rules: chroma-transitions against none"),
        (
            lambda s: structs.replace(s, rules=(structs.replace(s.rules[0], invariance="none"), *s.rules[1:])),
            "chroma-transitions, option invariance: transposition against none",
        ),
        (
            lambda s: structs.replace(s, rules=(s.rules[0], structs.replace(s.rules[1], durations={}), *s.rules[2:])),
            "durations, learned durations, [0-9]+: [0-9]+ against none",
        ),
    ],
)
def test_runs_of_other_specs_are_refused_by_field(spec, equal, edit, message):
    other = structs.replace(equal[0], spec=check.run_record(edit(spec), {}).spec)
    with pytest.raises(InputError, match=f"they differ in {message}"):
        diff.diff_runs(equal[0], other)


def test_what_does_not_change_the_counts_may_differ(spec, equal):
    other = structs.replace(spec, name="other", calibration=None, rules=tuple(reversed(spec.rules)))
    other = structs.replace(equal[0], spec=check.run_record(other, {}).spec, verifier="0.0.0")
    assert diff.diff_runs(equal[0], other).notes[0].startswith("made by two versions of verify")


def test_a_planted_regression_is_blocked_and_an_equal_run_is_not(equal, worse):
    assert not diff.gate(*equal, ("A", "B")).regressed
    assert not diff.gate(*reversed(equal), ("A", "B")).regressed
    blocked = diff.gate(equal[0], worse, ("A", "B"))
    assert blocked.regressed
    assert blocked.sets[0].rules["chroma-transitions"].verdict == "fail"
    assert blocked.sets[0].rules["polyphony"].verdict == "pass"
    assert not diff.gate(worse, equal[0], ("A", "B")).regressed
    step = blocked.sets[0].rules["chroma-transitions"].difference
    assert not diff.gate(equal[0], worse, ("A", "B"), margin=step).regressed


def result(violations, trials, groups):
    from verifier.base import statistics

    spread = np.zeros(groups, np.int64)
    spread[:violations] = 1
    counts = np.full(groups, trials // groups)
    names = [str(i) for i in range(groups)]
    found = statistics.group_rate(spread, counts, names)
    low_high = statistics.rate_interval(spread, counts, names)
    return msgspec.convert(
        {
            **dict.fromkeys(("held-out", "ratio", "breaking-interval", "p-value")),
            **{"unit": "note", "distinct": 0, "breaking": 0, "measures": {}, "verdict": "pass", "reason": ""},
            **{"kinds": {}, "examples": [], "violations": violations, "trials": trials, "rate": found.rate},
            **{
                "interval": list(low_high)[1:],
                "error": found.error if groups > 1 else None,
                "rate-groups": found.groups,
            },
        },
        record.RuleResult,
    )


def test_few_violations_are_weighed_as_the_exact_test_does():
    none = result(0, 10_000, 200)
    assert diff.growth_p_value(none, none) == 1
    assert diff.growth_p_value(result(9, 10_000, 200), none) == 1
    for k, exact in [(3, 0.125), (5, 0.03125), (7, 0.0078125), (10, 0.0009765625)]:
        assert exact / 1.5 < diff.growth_p_value(none, result(k, 10_000, 200)) < exact * 2.5
    assert diff.growth_p_value(none, result(60, 10_000, 200)) < 1e-9
    assert diff.growth_p_value(none, result(1, 10_000, 1)) is None
    low, high = diff.difference(none, none)[1]
    assert low == -high < 0


def test_one_bad_group_is_no_regression():
    from verifier.base import statistics

    counts = np.zeros(50, np.int64)
    counts[0] = 40
    found = statistics.group_rate(counts, np.full(50, 100), [str(i) for i in range(50)])
    bad = structs.replace(result(40, 5000, 50), error=found.error)
    assert diff.growth_p_value(result(0, 5000, 50), bad) > 0.1


def test_specs_are_compared_by_what_they_allow(spec):
    assert not diff.diff_specs(spec, spec).rules["durations"].learned
    more = learn_rules(batch([*chorale_like(0, 60), "C4:0-3 C#5:8-11 E5:8-11"]), {name: {} for name in RULES[:3]})
    other = structs.replace(spec, rules=(*more,), accepted=(Accepted(rule="durations", sample="x", reason="r"),))
    found = diff.diff_specs(spec, other)
    assert found.removed == ("polyphony", "duration-distribution")
    assert found.rules["durations"].allowed == {"a note of 3 steps": 3}
    assert found.rules["durations"].forbidden_total == 0
    assert found.accepted[0].sample == "x"
    assert diff.diff_specs(other, spec).rules["durations"].forbidden == {"a note of 3 steps": 3}
    edited = structs.replace(spec, rules=(structs.replace(spec.rules[0], invariance="none"), *spec.rules[1:]))
    change = diff.diff_specs(spec, edited).rules["chroma-transitions"]
    assert change.options == {"invariance": ("transposition", "none")}
    assert change.forbidden_total > 0
    assert not change.learned
    wide = structs.replace(spec, view=structs.replace(spec.view, window=32))
    found = diff.diff_specs(spec, wide)
    assert found.view == {"window": (16, 32)}


def test_an_accepted_kind_is_no_violation_and_stays_in_view(spec, worse):
    samples = moved(batch(chorale_like(12, 100)), 4, 12)
    before = worse.sets["x"].rules["chroma-transitions"]
    kind, count = next(iter(before.all_kinds.items()))
    entry = require_acceptable(Accepted(rule="chroma-transitions", kind=kind, reason="-"), spec.rules[0])
    lenient = structs.replace(spec, accepted=(entry,))
    after = run_of(lenient, x=samples).sets["x"].rules["chroma-transitions"]
    assert (after.violations, after.suppressed) == (before.violations - count, count)
    assert after.trials == before.trials
    assert kind not in after.all_kinds
    shards = [
        tallies.tally_batch(lenient, tallies.Checkers.of(lenient), samples.take(at), True)
        for at in ([0, 1], range(2, 100))
    ]
    assert check.judge(lenient, tallies.merge_tallies(shards)).rules["chroma-transitions"] == after
    # A run from before it was accepted can still be compared: what was accepted since is taken off it.
    found = diff.diff_runs(worse, run_of(lenient, x=samples))
    rule = found.sets[0].rules["chroma-transitions"]
    assert (rule.introduced, rule.resolved, rule.difference) == (0, 0, 0)
    assert "accepted since" in found.notes[0]
    with pytest.raises(InputError, match="they differ in accepted: chroma-transitions"):
        diff.diff_runs(run_of(lenient, x=samples), worse)


def test_an_accepted_sample_is_left_out_and_the_others_are_not(spec, worse):
    samples = moved(batch(chorale_like(12, 100)), 4, 12)
    before = worse.sets["x"].rules["chroma-transitions"]
    first = before.findings.listed[0]
    own = [finding for finding in before.findings.listed if finding.sample == first.sample]
    for place, gone in ((None, len(own)), (first.place, 1)):
        entry = Accepted(rule="chroma-transitions", sample=first.sample, place=place, reason="-")
        after = run_of(structs.replace(spec, accepted=(entry,)), x=samples).sets["x"].rules["chroma-transitions"]
        assert (after.violations, after.suppressed) == (before.violations - gone, gone)
        assert sum(after.all_kinds.values()) == after.violations
        assert len(after.findings.listed) == after.violations
    whole = accepting(spec.rules[0], [Accepted(rule="chroma-transitions", sample=first.sample, reason="-")])
    assert np.isnan(whole.count(samples).scores[list(samples.names).index(first.sample)])


@pytest.mark.parametrize(
    ("rule", "kind", "message"),
    [
        ("chroma-transitions", "C E G > C F A", "chroma-transitions: expected a change such as"),
        ("chroma-transitions", "C E G -> C H", "chroma-transitions: expected pitch classes"),
        ("durations", "a note of x steps", "durations: expected an event such as 'a note of 1 step'"),
        ("durations", "a note of 4 steps", "durations: 'a note of 4 steps' is already allowed"),
        ("duration-distribution", "far", "duration-distribution: has no kinds of violation that could be accepted"),
    ],
)
def test_kinds_that_mean_nothing_are_not_accepted(spec, rule, kind, message):
    with pytest.raises(InputError, match=message):
        require_acceptable(Accepted(rule=rule, kind=kind, reason="-"), spec.rule(rule))


def test_every_vocabulary_reads_back_the_names_it_gives():
    from verifier.rule.vocabulary import Vocabulary

    samples = voiced_batch(0, 20)
    rules = [cls.learn(samples) for cls in rules_for("piano-roll").values() if issubclass(cls, Vocabulary)]
    assert len(rules) >= 4
    for rule in rules:
        keys = rule.from_yaml().keys.tolist()
        assert keys
        assert [rule.key_of(rule.key_name(key)) for key in keys[:50]] == keys[:50]


def test_accepting_edits_only_its_own_part_of_the_file(spec, tmp_path):
    path = tmp_path / "spec.yaml"
    dump(spec, path)
    text = path.read_text().replace("rules:\n", "# by hand\nrules:  # in order\n", 1)
    path.write_text(text)
    entries = [
        Accepted(rule="durations", kind="a note of 3 steps", reason="a triplet: why not"),
        Accepted(rule="chroma-transitions", sample='odd "name" #1', place="8: 60", reason="a\nb " * 60),
        Accepted(rule="chroma-transitions", kind="C E G -> C F# A", reason="-"),
    ]
    for entry in entries:
        accept(path, entry)
    assert load(path).accepted == arranged(entries)
    assert load(path) == structs.replace(spec, accepted=arranged(entries))
    lines = path.read_text().splitlines()
    assert "# by hand" in lines
    assert [line for line in text.splitlines() if line not in lines] == []
    assert loads(dumps(load(path))) == load(path)
    with pytest.raises(InputError, match="is already accepted, because: a triplet"):
        accept(path, entries[0])
    path.write_text(path.read_text().replace("kind: a note of 3 steps", "kind: a note of many steps"))
    with pytest.raises(InputError, match=r"line \d+: accepted\[2\]: durations: expected an event"):
        load(path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{rule: rhythm, kind: x, reason: y}", r"accepted\[0\]: expected one of the rules of the spec"),
        ("{rule: durations, reason: y}", "expected either a kind or a sample"),
        ("{rule: durations, kind: a note of 3 steps, place: '1', reason: y}", "expected a place only beside a sample"),
        ("{rule: durations, sample: x, reason: ' '}", "accepted.*reason"),
    ],
)
def test_accepted_entries_are_checked_with_the_spec(spec, entry, message):
    with pytest.raises(InputError, match=message):
        loads(dumps(spec) + f"accepted:\n- {entry}\n")


def hostile(samples):
    return renamed(samples, [f"{HOSTILE}{i}" for i in range(len(samples))])


@pytest.fixture(scope="module")
def hostile_run(spec):
    quiet = batch(["" for _ in range(3)])
    bad = hostile(moved(batch(chorale_like(12, 60)), 4, 12))
    return run_of(spec, **{HOSTILE: bad, "quiet": quiet})


def test_junit_counts_add_up_and_names_are_text(hostile_run, tmp_path):
    junit.write(hostile_run, tmp_path / "junit.xml")
    root = ElementTree.fromstring((tmp_path / "junit.xml").read_bytes())
    assert root.tag == "testsuites"
    assert len(root) == 2
    for of_suites in ("tests", "failures", "errors"):
        assert int(root.get(of_suites)) == sum(int(suite.get(of_suites)) for suite in root)
    for suite, (label, found) in zip(root, hostile_run.sets.items(), strict=True):
        cases = suite.findall("testcase")
        assert suite.get("name") == junit.text(label)
        assert int(suite.get("tests")) == len(cases) == len(found.rules)
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped"))
        assert {case.get("name"): _state(case) for case in cases} == {
            name: rule.verdict for name, rule in found.rules.items()
        }
        properties = {item.get("name"): item.get("value") for item in suite.findall("properties/property")}
        assert properties["durations.violations"] == str(found.rules["durations"].violations)
        assert {case.get("classname") for case in cases} == {junit.text(label)}
    failure = root.find(".//failure")
    assert failure.get("message")
    assert r"a\x1b[31m]" in failure.text


def _state(case):
    return "fail" if case.find("failure") is not None else "undecided" if case.find("skipped") is not None else "pass"


def test_the_junit_of_a_gate_and_of_a_diff(equal, worse, tmp_path):
    found = diff.gate(equal[0], worse, ("A", "B"))
    junit.write(structs.replace(worse, gate=found), tmp_path / "gate.xml")
    root = ElementTree.parse(tmp_path / "gate.xml").getroot()
    failed = {case.get("name") for case in root.iter("testcase") if case.find("failure") is not None}
    assert failed == {name for name, rule in found.sets[0].rules.items() if rule.verdict == "fail"}
    junit.write(diff.diff_runs(equal[0], worse), tmp_path / "diff.xml")
    root = ElementTree.parse(tmp_path / "diff.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == (str(len(RULES)), "0")


def test_nothing_in_a_name_is_markdown_or_html(hostile_run, worse, tmp_path):
    markdown.write(hostile_run, tmp_path / "summary.md")
    text = (tmp_path / "summary.md").read_text("utf-8")
    assert not set("\x1b\u202e") & set(text)
    assert "<b>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| <code>")]
    assert len(rows) == len(RULES)
    assert {row.count("|") for row in rows} == {5}
    names = [part.split("</code>")[0] for part in text.split("<code>")[1:]]
    assert not any(set("`|*_[]~$:@!<>\\") & set(name) for name in names)
    assert "<details>" in text
    assert text.count("<details>") == text.count("</details>")
    gated = structs.replace(worse, gate=diff.gate(worse, worse, (HOSTILE, "now")))
    markdown.write(gated, tmp_path / "summary.md")
    assert "Gate passed, exit code 0" in (tmp_path / "summary.md").read_text("utf-8")


def test_a_name_cannot_drive_a_terminal(spec, hostile_run):
    out = Console(record=True, width=120, file=io.StringIO(), highlight=False)
    changes.print_gate(out, diff.gate(hostile_run, hostile_run, (HOSTILE, "now")), 5)
    quiet = run_of(spec, **{HOSTILE: batch([""] * 60), "quiet": batch([""] * 3)})
    changes.print_diff(out, diff.diff_runs(quiet, hostile_run, (HOSTILE, "now")), 5)
    text = out.export_text()
    assert not set("\x1b\u202e\ud800") & set(text)
    assert r"a\x1b[31m]|`<b>" in text
    assert "no trial" in text


def test_diffs_are_written_in_every_format(spec, equal, worse, tmp_path):
    found = diff.diff_runs(equal[0], worse)
    paths = [tmp_path / f"diff{suffix}" for suffix in formats.suffixes("diff of runs")]
    formats.require_formats(paths, "diff of runs")
    for path in paths:
        formats.write(found, path)
    assert msgspec.json.decode(paths[0].read_bytes(), type=record.RunDiff) == found
    formats.write(diff.diff_specs(spec, spec), paths[0])
    assert msgspec.json.decode(paths[0].read_bytes(), type=diff.SpecDiff).removed == ()
    with pytest.raises(InputError, match=r"expected a report with a suffix of .json, .csv, .md, found '.xml'"):
        formats.require_formats([tmp_path / "diff.xml"], "diff of specs")


def test_a_generator_that_collapses_is_blocked_though_it_breaks_no_rule():
    rules, calibration = calibrate(
        learn_rules(batch(chorale_like(0, 60)), {name: {} for name in rules_for("piano-roll")}),
        batch(chorale_like(1, 60)),
    )
    spec = small_spec(view=PianoRollView(window=16), rules=rules, calibration=calibration)
    learned, held_out = batch(chorale_like(0, 60)), batch(chorale_like(1, 60))
    indices = {Memorisation.key: build_index([learned])}
    whole = calibrate_sets(rules, learned, held_out, medium_of(spec.view).set_checks(), indices)
    spec = structs.replace(spec, whole=whole)

    def run(texts):
        return run_of(spec, samples=batch(texts))

    baseline, collapsed = run(chorale_like(2, 60)), run(chorale_like(0, 1) * 60)
    assert not diff.gate(baseline, run(chorale_like(3, 60)), ("a", "b")).regressed
    found = diff.gate(baseline, collapsed, ("a", "b"))
    assert found.regressed
    assert "coverage of samples" in found.collapsed
