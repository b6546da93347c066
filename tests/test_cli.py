"""The command line as a user meets it: what it prints, what it writes, and how it ends."""

import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import networkx
import numpy as np
import pytest
import yaml

from tests.rolls import batch
from tests.test_check import chorale_like
from tests.test_spec import TEXT
from verifier.cli import main as cli
from verifier.music.features.durations import notes
from verifier.rule.registry import rules_for
from verifier.spec.spec import load

GOLDEN = Path(__file__).parent / "golden"
RULES = (
    *("accidentals", "chroma-likelihood", "chroma-transitions", "duration-distribution", "durations"),
    *("intensity-distribution", "intensity-modes", "pitch-class-sets", "pitch-range", "polyphony"),
)
"""Those of the golden world: a new rule changes no golden file."""


def write_midi(path: Path, text: str) -> None:
    """A MIDI file of the notes in ``text``, with symusic."""
    import symusic

    score = symusic.Score(480)
    track = symusic.Track()
    for pitch, start, steps, _ in notes(batch([text]), 0):
        track.notes.append(symusic.Note(start * 120, steps * 120, pitch, 80))
    score.tracks.append(track)
    score.dump_midi(str(path))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a corpus of MIDI files, samples that keep to it and samples that do not, and a learned spec."""
    root = tmp_path_factory.mktemp("world")
    for folder, seed, count in [("corpus", 0, 60), ("good", 1, 80), ("bad", 2, 40)]:
        (root / folder).mkdir()
        for i, text in enumerate(chorale_like(seed, count)):
            # A high note that differs from file to file, so that no two of them are duplicates of each other.
            extra = f" {'CDEFGAB'[i % 7]}6:{i % 13}-{i % 13 + 3}"
            write_midi(root / folder / f"{i:02}.mid", text + (" C#5:0-7 F#5:4-9" if folder == "bad" else extra))
    previous = Path.cwd()
    os.chdir(root)
    rules = [word for name in RULES for word in ("--rule", name)]
    learn = ["learn", "corpus", "-o", "spec.yaml", "--view", "window=16", "--hold-out", "0.4", "-q", *rules]
    assert cli.main(learn) == 0
    yield root
    os.chdir(previous)


def verify(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def assert_golden(name: str, text: str) -> None:
    """Compare with tests/golden; ``UPDATE_GOLDEN=1`` writes what is there now, to be read before it is committed."""
    path = GOLDEN / name
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_help_fits_a_screen_and_shows_what_to_type_first(capsys):
    code, out, _ = verify(capsys, "--help")
    assert code == 0
    assert len(out.splitlines()) <= 25
    assert max(len(line) for line in out.splitlines()) <= 110
    assert out.splitlines()[3].strip().startswith("verify --spec bach ")
    assert verify(capsys)[0] == 2
    assert verify(capsys, "--version")[1].startswith("verify 0.")


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    assert f"usage: verify {command}" in capsys.readouterr().out


def test_check_prints_a_column_for_each_set_and_fails_the_bad_one(world, capsys):
    code, out, err = verify(capsys, "--spec", "spec.yaml", "good", "bad")
    assert code == 1
    assert err == ""
    assert_golden("check.txt", out)


def test_check_passes_or_leaves_open_what_keeps_to_the_spec(world, capsys):
    code, out, _ = verify(capsys, "check", "--spec", "spec.yaml", "good/*.mid", "--rule", "pitch-range")
    assert code == 0
    assert "fail" not in out


def test_reports_repeat_and_hold_the_whole_spec(world, capsys):
    code, out, _ = verify(capsys, "--spec", "spec.yaml", "bad", "-q", "-o", "run.json", "-o", "samples.parquet")
    assert (code, out) == (1, "")
    run = json.loads(Path("run.json").read_text())
    assert run["sets"]["bad"]["samples"] == 40
    assert run["sets"]["bad"]["verdict"] == "fail"
    assert [rule["rule"] for rule in run["spec"]["rules"]] == list(run["sets"]["bad"]["rules"])
    assert run["spec"]["view"] == yaml.safe_load(Path("spec.yaml").read_text())["view"]
    assert Path("samples.parquet").stat().st_size > 0


def test_a_gate_decides_by_the_baseline_and_ratchets_on_request(world, capsys, monkeypatch):
    assert verify(capsys, "--spec", "spec.yaml", "bad", "-q", "-o", "base.json")[0] == 1
    base = Path("base.json").read_bytes()
    # Against real data the set fails; against the baseline it is no worse.
    code, out, _ = verify(capsys, "--spec", "spec.yaml", "bad", "--baseline", "base.json", "-o", "gate.xml")
    assert code == 0
    assert "Gate passed, exit code 0" in out
    assert "introduced" not in out
    assert ElementTree.parse("gate.xml").getroot().get("failures") == "0"
    assert verify(capsys, "--spec", "spec.yaml", "good", "-q", "-o", "base.json")[0] == 0
    base = Path("base.json").read_bytes()
    gate = ["--spec", "spec.yaml", "bad", "--baseline", "base.json"]
    code, out, _ = verify(capsys, *gate, "--accept", "-o", "gate.md", "-o", "gate.json")
    assert code == 1
    assert Path("base.json").read_bytes() == base
    assert "Gate failed, exit code 1" in Path("gate.md").read_text()
    assert json.loads(Path("gate.json").read_text())["gate"]["regressed"]
    assert_golden("gate.txt", out[out.index("base.json -> ") :])
    assert max(len(line) for line in out.splitlines() if line.startswith(("chroma-", "durations"))) <= 120

    def interrupted(*_):
        raise KeyboardInterrupt

    assert verify(capsys, "--spec", "spec.yaml", "bad", "--limit", "30", "-q", "-o", "base.json")[0] == 1
    base = Path("base.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        patch.setattr(Path, "replace", interrupted)
        assert verify(capsys, *gate, "--accept", "-q")[0] == 130
    assert Path("base.json").read_bytes() == base
    code, out, _ = verify(capsys, *gate, "--accept")
    assert code == 0
    assert "accepted as the new baseline: base.json" in out
    accepted = json.loads(Path("base.json").read_text())
    assert list(accepted["sets"]) == ["bad"]
    assert "gate" not in accepted
    assert verify(capsys, *gate, "-q") == (0, "", "")
    code, _, err = verify(capsys, *gate, "--limit", "20", "--accept")
    assert code == 2
    assert "expected at least the 40 samples of the baseline, found 20" in err


def test_learning_says_both_files_that_it_wrote(world, capsys):
    code, out, _ = verify(capsys, "learn", "corpus", "-o", "two.yaml", "--rule", "polyphony")
    assert code == 0
    assert out.splitlines()[-2:] == ["wrote two.yaml", "wrote two.index.npz"]
    Path("three.index.npz").mkdir()
    code, _, err = verify(capsys, "learn", "corpus", "-o", "three.yaml", "--rule", "polyphony")
    assert (code, err) == (2, "verify: three.index.npz: expected a file to write, found a folder\n")
    Path("three.index.npz").rmdir()


def test_copies_that_were_not_looked_for_are_said_in_every_report_and_by_a_gate(world, capsys, tmp_path):
    (tmp_path / "spec.yaml").write_bytes(Path("spec.yaml").read_bytes())
    verify(capsys, "--spec", "spec.yaml", "good", "-q", "-o", "base.json")
    assert not json.loads(Path("base.json").read_text())["sets"]["good"]["whole"]["skipped"]
    reports = [part for suffix in ("json", "md", "xml") for part in ("-o", f"alone.{suffix}")]
    code, out, _ = verify(capsys, "--spec", str(tmp_path / "spec.yaml"), "good", *reports)
    said = "memorised passages: copies were not looked for: spec.index.npz is not beside the spec"
    assert code == 0
    assert said in out
    assert said in html.unescape(Path("alone.md").read_text())
    (case,) = ElementTree.parse("alone.xml").findall(".//testcase[@name='memorised passages']/skipped")
    assert said.endswith(case.get("message").partition("; ")[0])
    gate = ["--spec", str(tmp_path / "spec.yaml"), "good", "--baseline", "base.json", "-o", "gate.md"]
    code, out, _ = verify(capsys, *gate)
    assert code == 0
    note = f"good: the baseline was held to this, and this run is not: {said}"
    assert f"note {note}" in out
    assert note in html.unescape(Path("gate.md").read_text())


def test_diff_shows_what_changed_between_runs_and_between_specs(world, capsys):
    for name in ("good", "bad"):
        verify(capsys, "--spec", "spec.yaml", name, "-q", "-o", f"{name}.json")
    outputs = [part for suffix in ("json", "md", "xml") for part in ("-o", f"diff.{suffix}")]
    code, out, _ = verify(capsys, "diff", "good.json", "bad.json", *outputs)
    assert code == 0
    assert_golden("diff.txt", out)
    assert verify(capsys, "diff", "bad.json", "bad.json", "-q") == (0, "", "")
    text = Path("spec.yaml").read_text()
    Path("strict.yaml").write_text(text.replace("invariance: transposition", "invariance: none", 1))
    code, out, _ = verify(capsys, "diff", "spec.yaml", "strict.yaml", "-o", "specs.md")
    assert code == 0
    assert "no difference" not in out
    assert "invariance: transposition -&gt; none" in Path("specs.md").read_text().replace("&#58;", ":")
    assert verify(capsys, "diff", "spec.yaml", "spec.yaml")[1].endswith("no difference\n")


def test_what_is_accepted_stands_in_the_spec_and_stays_in_view(world, capsys):
    Path("own.yaml").write_text(Path("spec.yaml").read_text())
    verify(capsys, "--spec", "own.yaml", "bad", "-q", "-o", "before.json")
    command = [
        "accept",
        "own.yaml",
        "--rule",
        "durations",
        "--kind",
        "a note of 7 steps",
        "--reason",
        "held on purpose",
    ]
    code, out, _ = verify(capsys, *command)
    assert (code, out) == (0, "accepted in own.yaml: a note of 7 steps\n")
    assert yaml.safe_load(Path("own.yaml").read_text())["accepted"] == [
        {"rule": "durations", "kind": "a note of 7 steps", "reason": "held on purpose"}
    ]
    code, out, _ = verify(capsys, "--spec", "own.yaml", "bad", "-o", "after.json", "-o", "after.md")
    before, after = (
        json.loads(Path(f"{name}.json").read_text())["sets"]["bad"]["rules"]["durations"]
        for name in ("before", "after")
    )
    assert after["suppressed"] > 0
    assert after["violations"] + after["suppressed"] == before["violations"]
    assert f"{after['suppressed']} accepted" in out
    assert f"{after['suppressed']} accepted" in Path("after.md").read_text()
    code, out, _ = verify(capsys, "--spec", "own.yaml", "bad", "--baseline", "before.json")
    assert code == 0
    assert "accepted since" in out
    code, _, err = verify(capsys, *command)
    assert code == 2
    assert "is already accepted, because: held on purpose" in err


def test_rules_are_chosen_and_skipped(world, capsys):
    _, out, _ = verify(capsys, "--spec", "spec.yaml", "bad", "--rule", "durations", "--rule", "polyphony")
    assert "polyphony" in out
    assert "chroma-transitions" not in out
    _, out, _ = verify(capsys, "--spec", "spec.yaml", "bad", "--skip", "durations")
    assert "durations" not in out


def test_explain_lists_marks_and_draws(world, capsys):
    code, out, _ = verify(capsys, "explain", "spec.yaml", "bad/07.mid", "-o", "picture.png", "-o", "picture.svg")
    assert code == 1
    assert Path("picture.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in Path("picture.svg").read_bytes()
    assert_golden("explain.txt", out)


def test_show_says_what_was_learned_and_exports_the_graph(world, capsys):
    code, out, _ = verify(capsys, "show", "spec.yaml", "-o", "graph.graphml")
    assert code == 0
    assert_golden("show.txt", out)
    graph = networkx.read_graphml("graph.graphml")
    assert graph["C E G"]["C F A"]["weight"] > 0


def test_rules_and_corpora_list_what_there_is(capsys):
    code, out, _ = verify(capsys, "rules")
    assert code == 0
    assert "minimum-support = 1" in out
    assert "arXiv:1807.04919" in verify(capsys, "rules", "chroma-transitions")[1]
    code, out, _ = verify(capsys, "corpora")
    assert code == 0
    assert "bach:hold-out" in out


def test_options_of_the_view_and_of_rules_reach_the_spec(world, capsys):
    arguments = ["--view", "window=null", "--set", "durations.minimum-support=2", "--rule", "durations", "--limit", "5"]
    assert verify(capsys, "learn", "corpus", "-o", "own.yaml", "--name", "own", *arguments, "--seed", "3")[0] == 0
    spec = yaml.safe_load(Path("own.yaml").read_text())
    assert spec["name"] == "own"
    assert spec["view"]["window"] is None
    assert spec["corpus"]["sampling"] == {"windows": 5, "seed": 3}
    assert [rule["minimum-support"] for rule in spec["rules"]] == [2]


def test_a_rule_that_held_out_real_samples_break_is_left_out_and_said_unless_it_is_asked_for(
    world, capsys, monkeypatch
):
    arguments = ["learn", "corpus", "--view", "window=16", "--hold-out", "0.4"]
    arguments += [word for name in rules_for("piano-roll") if name not in RULES for word in ("--skip", name)]
    monkeypatch.setattr("verifier.verbs.learn.BROKEN", 0.0)
    code, out, _ = verify(capsys, *arguments, "-o", "kept.yaml")
    assert code == 0
    whole, kept = (load(Path(f"{name}.yaml")) for name in ("spec", "kept"))
    broken = {rule.name(): rule.held_out.rate for rule in whole.rules if rule.held_out.violations}
    assert broken
    assert [rule.name() for rule in kept.rules] == [rule.name() for rule in whole.rules if rule.name() not in broken]
    assert set(kept.calibration.scores) == {rule.name() for rule in kept.rules}
    listed = ", ".join(f"{name} ({rate:.0%} of trials)" for name, rate in broken.items())
    assert f"left out, as held-out real samples break them: {listed}" in out.replace("\n", " ")
    name = next(iter(broken))
    assert verify(capsys, *arguments[:6], "--rule", name, "--rule", kept.rules[0].name(), "-o", "asked.yaml")[0] == 0
    assert name in {rule.name() for rule in load(Path("asked.yaml")).rules}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--spec", "spec.yaml"], "the following arguments are required: PATH (try: verify check --help)"),
        (["good"], "the following arguments are required: --spec"),
        (["sampel"], "expected a command or a path, found 'sampel'; did you mean verify sample?"),
        (["--spec", "none.yaml", "good"], "none.yaml: expected a spec file: No such file"),
        (["--spec", "spec.yaml", "nowhere"], "nowhere: no such file or folder"),
        (["--spec", "spec.yaml", "good", "good"], "good: stands there twice"),
        (["--spec", "spec.yaml", "good", "--rule", "rhythm"], "expected one of its rules"),
        (["--spec", "spec.yaml", "good", "--limit", "0"], "argument --limit: expected a number from 1, found 0"),
        (["--spec", "spec.yaml", "good", "--limit", "x"], "argument --limit: "),
        (
            ["--spec", "spec.yaml", "good", "-o", "run.txt"],
            "run.txt: expected a report with a suffix of .json, .csv, .md, .xml, .parquet",
        ),
        (["--spec", "spec.yaml", "good", "-o", "no/run.json"], "no/run.json: its folder does not exist: no"),
        (["--spec", "spec.yaml", "text.mid"], "text.mid: "),
        (["--spec", "spec.yaml", "empty"], "empty: "),
        (["--spec", "spec.yaml", "nan.npy"], "nan.npy: sample 1, row 2, step 3: expected a finite number, found nan"),
        (["--spec", "spec.yaml", "object.npz"], "object.npz"),
        (["--spec", "spec.yaml", "wide.npy"], "wide.npy: "),
        (["learn", "corpus"], "expected one -o FILE.yaml"),
        (
            ["learn", "corpus", "-o", "x.yaml", "--view", "windows=16"],
            "view: Object contains unknown field 'windows'",
        ),
        (["learn", "corpus", "-o", "x.yaml", "--view", "window"], "window: expected NAME=VALUE"),
        (["learn", "corpus", "-o", "x.yaml", "--set", "durations.cut=1"], "durations: expected one of its options"),
        (["learn", "corpus", "-o", "x.yaml", "--set", "cut=1"], "--set cut=1: expected RULE.OPTION=VALUE"),
        (["learn", "corpus", "-o", "x.yaml", "--limit", "1000000"], "limit: expected at most the"),
        (["learn", "nowhere", "-o", "x.yaml"], "nowhere: expected a folder, a file of arrays, or the name of a corpus"),
        (["explain", "spec.yaml", "good/00.mid", "-o", "a.gif"], "a.gif: expected a picture with a suffix"),
        (["show", "spec.yaml", "-o", "a.gif"], "a.gif: expected a report with a suffix of .png, .svg, .pdf, .graphml"),
        (["rules", "rhythm"], "expected a rule (accidentals"),
        (["--spec", "spec.yaml", "good", "--accept"], "--margin and --accept belong to a gate"),
        (["--spec", "spec.yaml", "good", "--baseline", "none.json"], "none.json: expected a run record: No such file"),
        (["--spec", "spec.yaml", "good", "--baseline", "text.mid"], "text.mid: expected a run record as -o run.json"),
        (
            ["--spec", "spec.yaml", "good", "--baseline", "half.json"],
            "half.json and this run: runs of different specs cannot be compared; they differ in view, window: 32 ag",
        ),
        (["diff", "half.json", "spec.yaml"], "expected two run records (.json) or two specs"),
        (
            ["diff", "half.json", "half.json", "-o", "x.pdf"],
            "x.pdf: expected a report with a suffix of .json, .csv, .md, .xml",
        ),
        (
            ["diff", "spec.yaml", "spec.yaml", "-o", "x.xml"],
            "x.xml: expected a report with a suffix of .json, .csv, .md",
        ),
        (["accept", "spec.yaml", "--rule", "durations", "--kind", "x", "--reason", " "], "--reason: expected why"),
        (["accept", "spec.yaml", "--rule", "durations", "--kind", "x", "--reason", "y"], "expected an event such as"),
        (["accept", "spec.yaml", "--rule", "rhythm", "--kind", "x", "--reason", "y"], "expected one of its rules"),
        (["accept", "spec.yaml", "--rule", "durations", "--reason", "y"], "one of the arguments --kind --sample is"),
        (
            ["accept", "spec.yaml", "--rule", "durations", "--kind", "a note of 4 steps", "--reason", "y"],
            "'a note of 4 steps' is already allowed",
        ),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line_and_ends_with_2(world, capsys, arguments, message):
    Path("text.mid").write_text("this is no MIDI file")
    Path("empty").mkdir(exist_ok=True)
    values = np.zeros((2, 64, 16), np.float32)
    np.save("wide.npy", np.zeros((2, 90, 16), np.float32))
    values[1, 2, 3] = np.nan
    np.save("nan.npy", values)
    cli.main(["--spec", "spec.yaml", "good", "-q", "-o", "half.json"])
    Path("half.json").write_text(Path("half.json").read_text().replace('"window": 16', '"window": 32'))
    np.savez("object.npz", x=np.array([{"a": 1}], dtype=object))
    before = {path: path.stat().st_mtime_ns for path in Path().iterdir()}
    code, out, err = verify(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("verify: ")
    assert err.count("\n") == 1
    assert message in err
    assert {path: path.stat().st_mtime_ns for path in Path().iterdir()} == before


def test_unreadable_files_are_counted_on_request(world, capsys, tmp_path):
    for i in range(3):
        write_midi(tmp_path / f"{i}.mid", "C4:0-4 E4:0-4")
    (tmp_path / "bad\x1b[31m[red].mid").write_text("no MIDI")
    assert verify(capsys, "--spec", "spec.yaml", str(tmp_path))[0] == 2
    code, out, _ = verify(capsys, "--spec", "spec.yaml", str(tmp_path), "--on-error", "skip", "-o", "skipped.json")
    assert code == 1  # by the three that can be read, which have chords of two
    assert "\x1b" not in out
    assert r"bad\x1b[31m[red].mid" in out
    assert "1 file could not be read: the verdict is that of the others" in out
    assert len(json.loads(Path("skipped.json").read_text())["sets"][str(tmp_path)]["unreadable"]) == 1


def test_another_spec_text_is_refused_with_its_line(world, capsys):
    Path("edited.yaml").write_text(TEXT.replace("per: change", "per: bar", 1))
    code, _, err = verify(capsys, "--spec", "edited.yaml", "good")
    assert code == 2
    assert re.search(r"edited.yaml, line \d+: rules\[\d+\].per: invalid enum value 'bar'", err)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["rules"], ["check", "--spec", "spec.yaml", "good", "-q"], ["diff", "spec.yaml", "spec.yaml"]],
)
def test_a_command_imports_only_what_it_needs(world, arguments):
    heavy = ["torch", "numba", "music21", "matplotlib", "scipy.stats", "pyarrow", "networkx", "sklearn"]
    found = run_python(
        f"import sys; from verifier.cli import main as cli; cli.main({arguments!r});"
        f"print('heavy:', [name for name in {heavy!r} if name in sys.modules])"
    )
    assert found.stderr == ""
    assert "heavy: []" in found.stdout


def test_an_interrupt_leaves_no_file(world):
    code = (
        # A shell starts what it runs in the background with interrupts ignored, and this run may be such a one.
        "import signal, sys, time; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from verifier.cli import main as cli; from verifier.verbs import tallies;"
        "tallies.tally_batch = lambda *a, **k: (print('counting', flush=True), time.sleep(60));"
        "sys.exit(cli.main(['--spec', 'spec.yaml', 'good', '-o', 'interrupted.json']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "counting\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "verify: interrupted; no file was written\n"
    assert not [path for path in Path().iterdir() if "interrupted" in path.name]


def test_a_reader_that_leaves_is_no_error(world):
    command = f"{sys.executable} -m verifier show spec.yaml | head -1"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert found.stderr == ""
    assert found.stdout.count("\n") == 1


def test_power_says_what_a_spec_sees_and_is_blind_to(world, capsys):
    code, out, err = verify(
        capsys, "power", "--spec", "spec.yaml", "--real", "good", "-o", "power.md", "--fault", "moved"
    )
    assert (code, err) == (0, "")
    assert "moved" in out
    assert "moved" in Path("power.md").read_text()
    code, _, err = verify(capsys, "power", "--spec", "spec.yaml", "--real", "good", "--fault", "nonsense")
    assert code == 2
    assert "nonsense" in err


def test_a_name_that_is_no_utf8_is_checked_and_learned(world, capsys, monkeypatch):
    monkeypatch.chdir(world)
    np.save("plain.npy", np.random.default_rng(0).random((30, 64, 64)) < 0.05)
    odd = os.fsdecode(b"odd\xff.npy")
    Path("plain.npy").rename(odd)
    assert cli.main(["--spec", "bach-roll", odd, "-o", "odd.json"]) == 1
    assert "odd\\\\udcff.npy" in Path("odd.json").read_text()
    assert cli.main(["learn", odd, "-o", "odd.yaml", "--rule", "polyphony"]) == 0
    assert cli.main(["show", "odd.yaml"]) == 0


def test_a_name_that_is_too_long_is_one_line(capsys):
    assert cli.main(["--spec", "a" * 300, "x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_reader_that_has_enough_is_no_failure(world):
    command = f"{sys.executable} -c 'from verifier.cli.main import run; run()' show {world / 'spec.yaml'}"
    shell = ["bash", "-c", f"{command} | head -0; exit ${{PIPESTATUS[0]}}"]
    done = subprocess.run(shell, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_empty_path_does_not_keep_the_others_from_being_judged(world, capsys, tmp_path):
    (tmp_path / "none").mkdir()
    empty = str(tmp_path / "none")
    assert cli.main(["--spec", "spec.yaml", empty, "good", "-o", str(tmp_path / "run.json")]) == 2
    out, err = capsys.readouterr()
    assert "good" in out
    assert err.startswith(f"verify: {empty}: expected files with one of the suffixes")
    assert err.endswith("found none; the others were judged\n")
    assert list(json.loads((tmp_path / "run.json").read_text())["sets"]) == ["good"]
    assert cli.main(["--spec", "spec.yaml", empty, empty + "/*.mid"]) == 2
    assert capsys.readouterr().out == ""
    assert cli.main(["--spec", "spec.yaml", "good", "good"]) == 2
    assert "stands there twice" in capsys.readouterr().err
