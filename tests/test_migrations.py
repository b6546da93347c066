"""What an older version wrote is read as if this one had written it; what a newer one wrote is refused."""

import json
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.judge.sets import SetCheckResult
from verifier.music.memorisation import build_index
from verifier.music.view import PianoRollView
from verifier.spec import migrations
from verifier.spec import run as record
from verifier.spec import spec as specs
from verifier.verbs import check, diff, tallies

OLD = Path(__file__).parent / "golden" / "run-format-0.json"
"""A run over ``SETS`` at alpha 0.2, with its findings and gated against a run over ``BASELINE``, as format 0 has it."""
VIEW = PianoRollView(window=32, pitches=24, lowest_pitch=48)


def music(seed: int, n: int, name: str) -> Batch:
    """n windows of 16 chords of three notes, which move by steps."""
    rng = np.random.default_rng(seed)
    values = np.zeros((n, 24, 32), np.bool_)
    lines = np.cumsum(rng.integers(-1, 2, (n, 3, 16)), axis=2) + np.array([4, 10, 16])[:, None]
    for i, voice, at in np.ndindex(lines.shape):
        values[i, int(np.clip(lines[i, voice, at], 0, 23)), 2 * at : 2 * at + 2] = True
    return Batch.of(VIEW, values, names=[f"{name}-{i}" for i in range(n)])


def copies(learned: Batch) -> Batch:
    """Samples of the corpus, some of them more than once, and some with their notes upside down."""
    values = np.concatenate([learned.values[[0, 0, 0, 1, 1]], learned.values[2:9], music(3, 4, "x").values[:, ::-1]])
    return Batch.of(VIEW, values, names=[f"copy-{i}" for i in range(16)])


LEARNED = music(0, 30, "learned")
SETS = {"new": music(2, 20, "new"), "copied": copies(LEARNED)}
BASELINE = {"new": music(2, 20, "new"), "copied": music(4, 16, "y")}


@pytest.fixture(scope="module")
def old() -> dict:
    return json.loads(OLD.read_text("utf-8"))


def numbered(data):
    """With numbers as keys where JSON has texts."""
    if isinstance(data, dict):
        return {int(key) if key.isdecimal() else key: numbered(value) for key, value in data.items()}
    return [numbered(item) for item in data] if isinstance(data, list) else data


@pytest.fixture(scope="module")
def spec(old):
    return specs.loads(yaml.safe_dump(migrations.current_spec(numbered(old["spec"])), sort_keys=False))


@pytest.fixture(scope="module")
def checkers(spec):
    index = build_index([LEARNED])
    checks = medium_of(VIEW).set_checks()
    return tallies.Checkers.of(spec, {made.key: index for made in checks})


def results(spec, checkers, sets, alpha):
    return {
        label: check.judge(
            spec, tallies.tally(spec, [samples], findings=True, checkers=checkers), (), alpha, checkers=checkers
        )
        for label, samples in sets.items()
    }


def run_of(spec, checkers, sets, alpha=0.2) -> record.Run:
    return check.run_record(spec, results(spec, checkers, sets, alpha), alpha)


def _as_then(found: record.SetResult) -> record.SetResult:
    """Without what no version of that time looked for, and without p-values, which are of another test today."""
    skipped = tuple(text for text in found.whole.skipped if not text.startswith("empty samples"))
    rules = {name: msgspec.structs.replace(rule, p_value=None) for name, rule in found.rules.items()}
    flags = {
        name: tuple(msgspec.structs.replace(flag, share=None) for flag in getattr(found, name) or ())
        for name in ("flagged", "flagged_groups")
    }
    whole = msgspec.structs.replace(found.whole, skipped=skipped)
    return msgspec.structs.replace(found, whole=whole, rules=rules, **flags)


def test_a_record_of_format_0_is_read_as_the_one_that_is_written_today(spec, checkers, tmp_path):
    run = run_of(spec, checkers, SETS)
    gate = diff.gate(run_of(spec, checkers, BASELINE), run, ("base.json", "this run"))
    today = msgspec.structs.replace(run, gate=gate)
    assert "memorised passages of copied" in gate.collapsed
    assert "near-duplicates of copied" in gate.collapsed
    read = record.load(OLD)

    def comparable(run: record.Run) -> record.Run:
        sets = {name: _as_then(found) for name, found in run.sets.items()}
        return msgspec.structs.replace(run, sets=sets, spec={}, verifier="")

    assert comparable(read) == comparable(today)
    record.dump(today, tmp_path / "run.json")
    assert record.load(tmp_path / "run.json") == today
    written = json.loads((tmp_path / "run.json").read_text())
    assert next(iter(written.items())) == ("format", migrations.RUN_FORMAT)
    assert list(written["sets"]["copied"]["whole"]) == ["coverage", "checks", "skipped"]


def test_what_a_check_of_a_set_says_is_made_of_its_details_alone(spec, checkers):
    checks = {made.title: made for made in medium_of(VIEW).set_checks()}
    for alpha in (0.2, 0.03):  # at the smaller one, what real sets do now and then is no failure
        for result in results(spec, checkers, SETS, alpha).values():
            assert list(result.whole.checks) == [title for title in checks if title != "empty samples"]
            for title, found in result.whole.checks.items():
                assert isinstance(found, SetCheckResult)
                assert checks[title].result(found.details) == found
    assert result.whole.checks["near-duplicates"].verdict == "undecided"
    assert "that happens to" in result.whole.checks["near-duplicates"].details["reason"]


def test_a_check_that_was_not_made_stays_out(old, tmp_path):
    for result in old["sets"].values():
        result["whole"] |= {"copying": None, "skipped": ["memorised passages: no corpus"]}
    (tmp_path / "run.json").write_text(json.dumps(old))
    read = record.load(tmp_path / "run.json")
    assert [list(result.whole.checks) for result in read.sets.values()] == [["near-duplicates"], ["near-duplicates"]]


def test_every_older_format_has_a_way_to_that_of_today():
    assert sorted(migrations.RUNS) == list(range(migrations.RUN_FORMAT))
    assert sorted(migrations.SPECS) == list(range(1, migrations.SPEC_FORMAT))


def test_counts_of_notes_that_mean_nothing_are_left_out_of_a_spec():
    facts = {"values": 9, "notes": 0, "clipped": 0}
    pictures = {"verifier": 3, "view": {"kind": "image"}, "facts": facts}
    assert migrations.current_spec(pictures)["facts"] == {"values": 9}
    music = {"verifier": 3, "view": {"kind": "piano-roll"}, "facts": facts}
    assert migrations.current_spec(music) == music
    counted = {"verifier": 3, "view": {"kind": "image"}, "facts": {"values": 9, "notes": 3}}
    assert migrations.current_spec(counted) == counted  # no version wrote that; the decoder says so


def test_ranges_of_format_1_are_of_pitches():
    rules = [
        {"rule": "pitch-range", "pitches": {"48": 3, "60": 1, "128": 2}},
        {"rule": "voice-ranges", "voices": {"melody": {"C4": 2}}},
        {"rule": "self-similarity", "agreement": {"chroma, 2 bars later": {"10": 4}}},
        {"rule": "polyphony"},
    ]
    found = migrations.current_spec({"verifier": 1, "view": {"kind": "piano-roll"}, "rules": rules})
    assert found["verifier"] == migrations.SPEC_FORMAT
    assert found["rules"] == [
        {"rule": "pitch-range", "invariance": "none", "pitches": {"C3": 3, "C4": 1}},
        {"rule": "voice-ranges", "invariance": "none", "voices": {"melody": {"C4": 2}}},
        {"rule": "self-similarity", "agreement": {"chroma, 8 quarters later": {"10": 4}}},
        {"rule": "polyphony"},
    ]


def test_a_spec_of_music_whose_rules_counted_other_things_is_to_be_learned_again(old):
    with pytest.raises(InputError, match=r"learned by an older verify.*learn it again"):
        specs.loads(yaml.safe_dump(numbered(old["spec"]), sort_keys=False))


def altered(**changes):
    def change(text: str) -> str:
        return json.dumps({**json.loads(text), **changes})

    return change


def replaced(old: str, new: str, after: str = ""):
    """A change of the first ``old`` that stands behind ``after``."""

    def change(text: str) -> str:
        at = text.index(old, text.index(after))
        return text[:at] + new + text[at + len(old) :]

    return change


WRITES = "expected a run record as -o run.json writes it: "


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", WRITES + "Input data was truncated"),
        (lambda text: "[1]", WRITES + "Expected 'object', got 'array'"),
        (lambda text: "{}", WRITES + "Object missing required field 'verifier'"),
        (lambda text: "verifier: 1\n", WRITES + "JSON is malformed: invalid character (byte 0)"),
        (altered(generators={}), WRITES + "Object contains unknown field 'generators'"),
        (altered(format="1"), WRITES + "Expected 'int', got 'str' - at '$.format'"),
        (altered(format=-1), WRITES + "Expected 'int' >= 0 - at '$.format'"),
        (altered(format=3, verifier="9.9"), "made by verify 9.9 (format 3); this one reads up to 1"),
        (altered(format=3, verifier=["x"]), "made by a newer verify (format 3); this one reads up to 1"),
        (altered(spec=[]), WRITES + "Expected 'object', got 'array' - at '$.spec'"),
        (altered(sets={}, spec={"verifier": 1}), WRITES + "Object missing required field 'name' - at '$.spec'"),
        (altered(sets=3), WRITES + "Expected 'object', got 'int' - at '$.sets'"),
        (altered(sets={"a": 3}), WRITES + "Expected 'object', got 'int' - at '$.sets[...]'"),
        (altered(sets={"a": {"whole": 3}}), WRITES + "Expected 'object | null', got 'int' - at '$.sets[...].whole'"),
        (
            replaced('"verifier": 1,', '"verifier": 4,'),
            "its spec was made by a newer verify (format 4); this one reads up to 3",
        ),
        (replaced('"kind": "piano-roll"', '"kind": ["x"]'), WRITES + "Object contains unknown field 'diversity'"),
        (
            replaced('"diversity": {', '"diversity": {"more": 1,', '"sets": {'),
            WRITES + "Object contains unknown field 'more' - at '$.sets[...].whole.diversity'",
        ),
        (
            replaced('"rate-groups": ', '"rate-groups": -'),
            WRITES + "Expected 'int' >= 0 - at '$.sets[...].rules[...].rate-groups'",
        ),
        (
            replaced('"violations": ', f'"violations": 1{"0" * 30}'),
            WRITES + "Expected a number of at most 64 bits - at '$.sp",
        ),
        (replaced('"violations": ', f'"violations": 1{"0" * 5000}'), WRITES + "Integer value out of range"),
        (replaced('"name": "steps"', f'"name": {"[" * 1100}{"]" * 1100}'), WRITES + "it is nested too deep"),
        (replaced('"name": "steps"', f'"name": {"[" * 100_000}'), WRITES + "it is nested too deep"),
    ],
)
def test_what_is_no_record_is_said_in_one_line(tmp_path, change, message):
    path = tmp_path / "run.json"
    path.write_text(change(OLD.read_text("utf-8")), "utf-8")
    with pytest.raises(InputError) as error:
        record.load(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_unknown_keys_of_todays_format_are_refused_with_their_path(spec, checkers, tmp_path):
    path = tmp_path / "run.json"
    run = run_of(spec, checkers, SETS)
    text = record.encoded(run).decode()
    for old, new, at in [
        ('"alpha": ', '"colour": 1, "alpha": ', ""),
        ('"confounds": ', '"kolour": 1, "confounds": ', " - at '$.sets[...]'"),
        ('"cell": ', '"sell": 1, "cell": ', " - at '$.sets[...].whole.checks[...]'"),
        ('"unit": ', '"unid": 1, "unit": ', " - at '$.sets[...].rules[...]'"),
        ('"complete": ', '"compleat": 1, "complete": ', " - at '$.sets[...].rules[...].findings'"),
    ]:
        path.write_text(replaced(old, new)(text))
        with pytest.raises(InputError, match="Object contains unknown field") as error:
            record.load(path)
        assert str(error.value).endswith(f"'{new.split(chr(34))[1]}'{at}")


def test_numbers_that_no_run_can_have_are_refused(spec, checkers, tmp_path):
    path = tmp_path / "run.json"
    encoded = record.encoded(run_of(spec, checkers, SETS))
    for field, value, message in [("trials", 0, "a rate needs a trial"), ("rate-groups", 1, "needs two groups")]:
        data = json.loads(encoded)
        data["sets"]["new"]["rules"]["durations"][field] = value
        path.write_text(json.dumps(data))
        with pytest.raises(InputError, match=rf"{message}.* - at '\$.sets\[...\].rules\[...\]'"):
            record.load(path)


def nested(text: str) -> str:
    return text.replace("name: steps", f"name: {'[' * 100_000}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replaced("verifier: 3", "verifier: 4"), "made by a newer verify (format 4); this one reads up to 3"),
        (replaced("verifier: 3", "verifier: 0"), "expected 'int' >= 3"),
        (replaced("verifier: 3", "verifier: [1]"), "expected 'int', got 'array'"),
        (replaced("seed: 0", f"seed: 1{'0' * 30}"), "expected a number of at most 64 bits"),
        (replaced("seed: 0", f"seed: 1{'0' * 5000}"), "expected a number of at most 64 bits"),
        (replaced("seed: 0", "seed: 2020-13-45"), "month must be in 1..12"),
        (nested, "more than 64 levels"),
    ],
)
def test_what_is_no_spec_is_said_in_one_line(spec, change, message):
    with pytest.raises(InputError) as error:
        specs.loads(change(specs.dumps(spec)), "spec.yaml")
    assert str(error.value).startswith("spec.yaml, line ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("load", [record.load, specs.load])
def test_a_file_is_not_read_without_end(load, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin").write_bytes(OLD.read_bytes().replace(b"steps", b"caf\xe9"))
    with (tmp_path / "large").open("wb") as file:
        file.truncate((64 << 20) + 1)
    for path, message in [
        (tmp_path / "pipe", "expected an ordinary file, found a folder, pipe or device"),
        (Path("/dev/zero"), "expected an ordinary file, found a folder, pipe or device"),
        (tmp_path, "expected an ordinary file, found a folder, pipe or device"),
        (tmp_path / "none", "No such file or directory"),
        (tmp_path / "latin", "expected UTF-8 text, found byte 0xe9"),
        (tmp_path / "large", "of at most 64 MiB, found 65 MiB"),
    ]:
        with pytest.raises(InputError) as error:
            load(path)
        assert str(error.value).startswith(f"{path}: ")
        assert message in str(error.value)


def test_the_probabilities_of_accidentals_are_multiplied_as_they_are_in_format_2():
    rules = [{"rule": "accidentals", "near": 1}, {"rule": "polyphony"}, "no rule"]
    found = migrations.current_spec({"verifier": 2, "view": {"kind": "piano-roll"}, "rules": rules})
    assert found["rules"] == [{"weight": 1.0, "rule": "accidentals", "near": 1}, *rules[1:]]
