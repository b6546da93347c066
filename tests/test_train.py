"""Training a generator: resuming to the bit, checks by a spec while it trains, and what is refused in one line."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pytest
import torch
import yaml
from msgspec import structs

from tests.test_check import chorale_like
from tests.test_cli import verify, write_midi
from verifier.base.errors import InputError
from verifier.cli import main as cli
from verifier.generators import curve, folder
from verifier.generators.checkpoint import BEST, NEWEST, STATE, read
from verifier.generators.config import default
from verifier.generators.data import configured, load_real
from verifier.generators.folder import CheckRow, LogRow, Table
from verifier.generators.train import badness
from verifier.generators.training import Training
from verifier.music.view import PianoRollView
from verifier.rule.rule import HeldOut
from verifier.spec.spec import load

TINY = ["--set", "generator-width=2", "--set", "critic-width=2", "--set", "latent=3", "--set", "batch=2"]
OFTEN = ["--log-every", "1", "--checkpoint-every", "2", "--threads", "1", "--device", "cpu"]
RARELY = ["--spec", "spec.yaml", "--verify-every", "5", "--verify-samples", "40"]
CHECKED = ["--spec", "spec.yaml", "--verify-every", "3", "--verify-samples", "40"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a corpus of 40 windows of 16 steps, and a spec learned from it."""
    root = tmp_path_factory.mktemp("training")
    (root / "corpus").mkdir()
    for i, text in enumerate(chorale_like(0, 40)):
        # A high note that differs from file to file, so that no two of them are duplicates of each other.
        write_midi(root / "corpus" / f"{i:02}.mid", f"{text} {'CDEFGAB'[i % 7]}5:{i % 13}-{i % 13 + 3}")
    previous = Path.cwd()
    os.chdir(root)
    view = ["--view", "window=16", "--view", "pitches=48"]
    rules = ["--rule", "chroma-transitions", "--rule", "durations", "--rule", "polyphony"]
    assert cli.main(["learn", "corpus", "-o", "spec.yaml", *view, *rules, "--hold-out", "0.5", "-q"]) == 0
    yield root
    os.chdir(previous)


@pytest.fixture(autouse=True)
def same_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def command(out: str, steps: int, *more: str) -> list[str]:
    return ["train", "corpus", "--model", "iwgan", "--out", out, "--steps", str(steps), *TINY, *OFTEN, *more]


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def untimed(path: str) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "samples-per-second"} for row in rows(path)]


def assert_equal_folders(a: str, b: str) -> None:
    for name in (STATE, NEWEST, BEST):
        (one, step), (other, other_step) = read(Path(a, name)), read(Path(b, name))
        assert step == other_step
        assert one.keys() == other.keys()
        for key in one:
            assert torch.equal(one[key], other[key]), key
    assert untimed(f"{a}/log.csv") == untimed(f"{b}/log.csv")
    assert Path(a, "checks.csv").read_bytes() == Path(b, "checks.csv").read_bytes()
    assert Path(a, "config.yaml").read_bytes() == Path(b, "config.yaml").read_bytes()


def test_a_training_that_was_killed_goes_on_to_the_same_weights_and_the_same_log(world):
    process = subprocess.Popen(
        [sys.executable, "-m", "verifier", *command("killed", 100_000, *RARELY), "-q"], cwd=world
    )
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:
            if Path("killed", STATE).exists() and len(Path("killed/log.csv").read_text().splitlines()) > 8:
                break
            time.sleep(0.01)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    step = read(Path("killed", STATE))[1]
    assert step >= 6
    with Path("killed/log.csv").open("a") as file:
        file.write(f"{step + 1},0.12")  # as if the kill had come while a row was written
    steps = step + 4
    assert cli.main([*command("killed", steps, *RARELY), "-q"]) == 0
    assert cli.main([*command("whole", steps, *RARELY), "-q"]) == 0
    assert [int(row["step"]) for row in rows("killed/log.csv")] == list(range(1, steps + 1))
    assert_equal_folders("killed", "whole")


def test_training_checks_what_check_would_find_and_tells_the_best_step(world, capsys):
    code, out, err = verify(capsys, *command("checked", 7, *CHECKED, "--keep-every", "4"))
    assert code == 0
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["step 3", "step 6", "step 7"]
    assert "chroma-transitions" in lines[0]
    assert lines[3].startswith("7 steps, ")
    assert lines[3].endswith(", 32-true")
    assert "samples/s" in err
    assert Path("checked/curve.png").read_bytes().startswith(b"\x89PNG")
    assert read(Path("checked/generator-000004.safetensors"))[1] == 4

    assert verify(capsys, "sample", "checked", "-n", "40", "-o", "checked.npz", "--seed", "0")[0] == 0
    assert verify(capsys, "--spec", "spec.yaml", "checked.npz", "-q", "-o", "run.json")[0] in (0, 1)
    found = json.loads(Path("run.json").read_text())["sets"]["checked.npz"]
    last = [row for row in rows("checked/checks.csv") if row["step"] == "7"]
    assert [row["rule"] for row in last] == list(found["rules"])
    for row in last:
        rule = found["rules"][row["rule"]]
        assert [int(row[name]) for name in ("violations", "distinct", "trials")] == [
            rule[name] for name in ("violations", "distinct", "trials")
        ]
        assert (float(row["rate"]) if row["rate"] else None) == rule["rate"]
        assert float(row["held-out-rate"]) == rule["held-out"]["rate"]
        assert (float(row["ratio"]) if row["ratio"] else None) == rule["ratio"]
        assert float(row["flagged-share"]) == len(found["flagged"]) / 40

    spec, table = load(Path("spec.yaml")), Table(Path("checked/checks.csv"), CheckRow).read()
    scores = {step: badness([row for row in table if row.step == step], spec) for step in (3, 6, 7)}
    best = min(scores, key=lambda step: (scores[step], step))
    assert read(Path("checked", BEST))[1] == best
    assert f"step {best}, in checked/best.safetensors" in lines[-1]


def test_a_finished_training_does_nothing_and_more_steps_go_on(world, capsys):
    assert verify(capsys, *command("finished", 3, *CHECKED))[0] == 0
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in Path("finished").iterdir()}
    code, out, _ = verify(capsys, *command("finished", 3, *CHECKED))
    assert code == 0
    assert out.startswith("nothing to do: finished has 3 steps\n")
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in Path("finished").iterdir()} == before
    assert verify(capsys, *command("finished", 6, *CHECKED))[0] == 0
    assert verify(capsys, *command("at-once", 6, *CHECKED))[0] == 0
    assert_equal_folders("finished", "at-once")


def test_what_a_kill_left_unwritten_after_a_checkpoint_is_mended(world, capsys):
    assert verify(capsys, *command("mended", 6, *CHECKED))[0] == 0
    best = read(Path("mended", BEST))[1]
    if best != 6:  # the newest generator is made the best one
        kept = [row for row in Table(Path("mended/checks.csv"), CheckRow).read() if row.step == 6]
        Path("mended/checks.csv").unlink()
        table = Table(Path("mended/checks.csv"), CheckRow)
        table.cut(0)
        table.append(kept)
    whole, step = read(Path("mended", NEWEST))
    for name in (NEWEST, BEST):
        Path("mended", name).unlink()
    assert verify(capsys, *command("mended", 6, *CHECKED))[0] == 0
    for name in (NEWEST, BEST):
        tensors, written = read(Path("mended", name))
        assert (written, tensors.keys()) == (step, whole.keys())
        assert all(torch.equal(tensors[key], whole[key]) for key in whole)


def test_another_command_is_refused_with_the_fields_that_differ(world, capsys):
    assert verify(capsys, *command("mine", 2, "--spec", "spec.yaml"))[0] == 0
    before = Path("mine/config.yaml").read_bytes()
    code, out, err = verify(
        capsys, *command("mine", 4, "--spec", "spec.yaml", "--seed", "1", "--output", "tanh", "--set", "batch=3")
    )
    assert (code, out, err.count("\n")) == (2, "", 1)
    for words in ("generator.output sigmoid against tanh", "generator.batch 2 against 3", "generator.seed 0 against 1"):
        assert words in err
    assert "latent" not in err
    assert Path("mine/config.yaml").read_bytes() == before
    code, _, err = verify(capsys, *command("mine", 4, "--view", "window=16", "--view", "pitches=48"))
    assert code == 2
    assert "corpus.split.learn 0.5 against 0.8" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "batch=0"], "--set: batch: expected `int` >= 2".replace("`", "'")),
        (["--set", "batch=many"], "batch: expected 'int'"),
        (["--set", "batches=4"], "unknown field 'batches'"),
        (["--set", "batch"], "batch: expected NAME=VALUE"),
        (["--set", "rows=28"], "--set rows: expected another field: the view decides this one"),
        (["--set", "momenta=[0.5]"], "momenta: expected 'array' of length 2"),
        (["--view", "window=null"], "expected a window of so many steps"),
        (["--view", "window=30"], "expected samples whose sides halve to 7 or less (28, 32, 64, 128), found 64 x 30"),
        (["--view", "window=640"], "expected a piece of 640 steps or more to learn from, found none"),
        (["--verify-every", "5"], "--verify-every: expected --spec SPEC too"),
        (["--spec", "spec.yaml", "--view", "window=8"], "--view: expected it without --spec"),
        (["--precision", "16-mixed"], "invalid choice: '16-mixed'"),
        (["--device", "cuda"], "--device cuda: expected a CUDA device, found none"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line_before_a_folder_is_made(
    world, capsys, monkeypatch, arguments, words
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    code, out, err = verify(capsys, "train", "corpus", "--model", "iwgan", "--out", "refused", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not Path("refused").exists()


def test_settings_stand_as_people_write_them():
    view = PianoRollView(pitches=28, window=28)
    config = configured("lsgan", {"learning-rate": "1e-4", "momenta": [0, 0.9], "output": "tanh"}, view)
    assert config == structs.replace(
        default("lsgan"), rows=28, columns=28, learning_rate=1e-4, momenta=(0.0, 0.9), output="tanh"
    )


def test_the_samples_to_learn_are_the_full_windows_of_the_part_learn(world):
    spec = load(Path("spec.yaml"))
    real = load_real("corpus", spec.view, spec.corpus.split)
    assert real.corpus == structs.replace(spec.corpus, sampling=None, files=None)
    assert real.values.shape == (20, 1, 48, 16)
    assert real.values.dtype == torch.uint8
    assert set(real.values.unique().tolist()) == {0, 255}
    assert load_real("corpus", structs.replace(spec.view, window=12), spec.corpus.split).values.shape == (20, 1, 48, 12)


def advancing(monkeypatch, at, change):
    """Have Training.advance call ``change`` with its training and its numbers at step ``at``."""
    advance = Training.advance

    def changed(self):
        measured = advance(self)
        return (change(self, measured) if self.step == at else None) or measured

    monkeypatch.setattr(Training, "advance", changed)


def test_an_interrupt_saves_the_step_under_way_and_the_same_command_goes_on(world, capsys, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched:
        advancing(patched, 5, lambda training, measured: signal.raise_signal(signal.SIGINT))
        code, _, err = verify(capsys, *command("stopped", 7, *CHECKED))
    assert code == 130
    assert err.splitlines()[-1] == "verify: interrupted after step 5; the same command goes on from there"
    assert read(Path("stopped", STATE))[1] == 5
    assert signal.getsignal(signal.SIGINT) is before
    assert verify(capsys, *command("stopped", 7, *CHECKED))[0] == 0
    assert verify(capsys, *command("through", 7, *CHECKED))[0] == 0
    assert_equal_folders("stopped", "through")


def spoil_loss(training, measured):
    return measured._replace(critic_loss=torch.tensor(float("inf")))


def spoil_weights(training, measured):
    next(training.generator.parameters()).data[0] = float("nan")


@pytest.mark.parametrize(("spoil", "words"), [(spoil_loss, "critic loss"), (spoil_weights, "weights")])
def test_a_training_that_diverges_stops_and_keeps_the_last_good_checkpoint(world, capsys, monkeypatch, spoil, words):
    out = f"diverged-{words.split()[0]}"
    advancing(monkeypatch, 4, spoil)
    code, _, err = verify(capsys, *command(out, 9, *CHECKED), "-q")
    assert (code, err.count("\n")) == (2, 1)
    assert f"{out}, step 4: expected finite numbers, found others in {words}" in err
    assert "the checkpoint of step 3 is kept; try a lower --set learning-rate" in err
    assert read(Path(out, STATE))[1] == read(Path(out, NEWEST))[1] == 3


def test_a_folder_is_for_one_process_and_one_spec(world, capsys):
    assert verify(capsys, *command("alone", 3, *CHECKED))[0] == 0
    with filelock.FileLock("alone/.lock"):
        code, _, err = verify(capsys, *command("alone", 6, *CHECKED))
    assert code == 2
    assert "another process trains in this folder" in err
    text = Path("spec.yaml").read_text()
    spec = yaml.safe_load(text)
    spec["rules"] = [rule for rule in spec["rules"] if rule["rule"] != "polyphony"]
    Path("other.yaml").write_text(yaml.safe_dump(spec))
    code, _, err = verify(capsys, *command("alone", 6, "--spec", "other.yaml"))
    assert code == 2
    assert "checks.csv: was made with another spec" in err
    assert read(Path("alone", STATE))[1] == 3


def test_errors_in_a_record_name_the_file_and_the_field(world, capsys):
    assert verify(capsys, *command("record", 1))[0] == 2  # 64 x 64 by default: too long for the corpus
    assert verify(capsys, *command("record", 1, "--spec", "spec.yaml"))[0] == 0
    path = Path("record/config.yaml")
    good = path.read_text()
    record = folder.load(Path("record"))
    assert (record.config.batch, record.view.window, record.corpus.name) == (2, 16, "corpus")
    folder.dump(record, Path("record"))
    assert path.read_text() == good
    for text, words in [
        (good.replace("batch: 2", "batch: two"), "generator.batch: expected 'int', got 'str'"),
        (good.replace("window: 16", "window: 0"), "view.window: expected 'int' >= 1"),
        (good.replace("kind: piano-roll", "kind: roll"), "view: expected a kind of view (image, mel-spectrogram, "),
        (good.replace("generator:", "generators:"), "unknown field 'generators'"),
        (good.replace("verifier: 1", "verifier: 2"), "starts with 'verifier: 1'"),
        (good + "}", "not valid YAML"),
        ("!!python/object/apply:os.getcwd []", "not valid YAML"),
        ("", "starts with 'verifier: 1'"),
    ]:
        path.write_text(text)
        with pytest.raises(InputError, match=r"record/config\.yaml: ") as error:
            folder.load(Path("record"))
        assert words in str(error.value)
        assert "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(InputError, match="No such file"):
        folder.load(Path("record"))
    code, _, err = verify(capsys, *command("record", 2, "--spec", "spec.yaml"))  # weights of who knows what
    assert code == 2
    assert "record/config.yaml" in err


def test_a_table_drops_what_was_not_written_whole(tmp_path):
    table = Table(tmp_path / "log.csv", LogRow)
    made = [LogRow(step=i, critic_loss=i / 3, generator_loss=1e-9, distance=-2.0, penalty=None if i else 0.1,
                   gradient_norm=5e20, samples_per_second=1.5) for i in range(4)]  # fmt: skip
    assert table.cut(9) == []
    table.append(made)
    assert table.read() == made
    text = table.path.read_text()
    for cut in range(len(text) - 1, text.rindex("\n3,"), -1):
        table.path.write_text(text[:cut])
        assert table.read() == made[:3]
    table.path.write_text(text.replace("\n2,", "\n\0\0"))
    assert table.read() == made[:2]
    table.path.write_text(text)
    assert table.cut(1) == made[:2] == table.read()
    table.path.write_text("step,loss\n1,2\n")
    with pytest.raises(InputError, match="expected the columns step, critic-loss"):
        table.read()


def with_held_out(spec, **counts):
    """``spec`` with the rules in ``counts``, each with (violations, trials) of held-out data."""
    held = {
        name.replace("_", "-"): HeldOut(
            pieces=9, samples=9, trials=trials, violations=violations, rate=0.1, upper=0.2, breaking=0, breaking_upper=0
        )
        for name, (violations, trials) in counts.items()
    }
    return structs.replace(spec, rules=tuple(structs.replace(spec.rule(name), held_out=held[name]) for name in held))


def row(rule: str, violations: int, trials: int) -> CheckRow:
    rate = violations / trials if trials else None
    return CheckRow(
        step=1, rule=rule, violations=violations, distinct=0, trials=trials, rate=rate, held_out_rate=0.1, ratio=None,
        flagged_share=None,
    )  # fmt: skip


def test_badness_is_the_geometric_mean_of_the_ratios_to_real_data_from_one_up(world):
    spec = with_held_out(load(Path("spec.yaml")), polyphony=(0, 499), durations=(49, 98))
    # 4.5 / 1000 over .5 / 500 is 4.5; 1 over 1/2 is 2.
    found = badness([row("polyphony", 4, 999), row("durations", 98, 98)], spec)
    assert found == pytest.approx((4.5 * (98.5 / 99) / (49.5 / 99)) ** 0.5)
    assert badness([row("polyphony", 0, 999), row("durations", 0, 9999)], spec) == 1
    # Rarer than in real data makes up for nothing, and no trial is no way out.
    assert badness([row("polyphony", 4, 999), row("durations", 0, 9999)], spec) == pytest.approx(4.5**0.5)
    assert badness([row("polyphony", 0, 0), row("durations", 0, 0)], spec) == pytest.approx(
        (0.5 / 0.001) ** 0.5 * (0.5 / 0.5) ** 0.5
    )


def test_a_curve_is_drawn_whole_where_rules_have_no_violation_or_no_trial(tmp_path):
    for rows_ in (
        [row("polyphony", 0, 0)],
        [row("polyphony", 0, 10), row("durations", 3, 10), structs.replace(row("durations", 0, 0), step=2)],
    ):
        curve.draw(rows_, 1, tmp_path / "curve.png")
        assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
        assert len(list(tmp_path.iterdir())) == 1
