"""Pictures and sound from the command line: learn a folder, check another, evaluate; and faults that must be found."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.case_files import plants
from tests.media import batch, picture, sound
from tests.test_spec import small_spec
from verifier.cli import main as cli
from verifier.rule.registry import rules_for
from verifier.verbs import check, tallies
from verifier.verbs.learn import calibrate, learn_folds


def pictures(seed: int, n: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        f"flat={0.5 + rng.normal(0, 0.03):.3f} column={rng.uniform(0.05, 0.1):.3f},0.45 noise=0.1"
        f" seed={1000 * seed + i} 8-bit"
        for i in range(n)
    ]


def sounds(seed: int, n: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        f"tone={rng.uniform(200, 400):.0f},{rng.uniform(0.1, 0.2):.3f} noise=0.02 beat={rng.uniform(3, 6):.1f}"
        f" seed={1000 * seed + i}"
        for i in range(n)
    ]


REAL = {"image": pictures, "mel-spectrogram": sounds}
WITHOUT_MODES = "intensity-modes"
"""The rule that says nothing without a mode: its fault is one of music."""


@pytest.fixture(scope="module", params=list(REAL))
def learned(request):
    medium = request.param
    rules = {name: {} for name in rules_for(medium)}
    states, folds = learn_folds(batch(REAL[medium](0, 150), medium), rules)
    rules, calibration = calibrate(states, batch(REAL[medium](1, 80), medium), folds)
    return medium, small_spec(view=batch([], medium).view, rules=rules, calibration=calibration)


def test_real_samples_do_not_fail_and_every_fault_fails_its_own_rule(learned):
    medium, spec = learned
    faults = plants(medium)
    assert {*faults} == {*rules_for(medium)} - {WITHOUT_MODES}
    result = check.judge(spec, tallies.tally(spec, [batch(REAL[medium](2, 80), medium)]))
    assert [name for name, found in result.rules.items() if found.verdict == "fail"] == []
    assert result.verdict != "fail"
    for rule, plant in faults.items():
        broken = [plant(sample) for sample in REAL[medium](3, 60)]
        result = check.judge(spec, tallies.tally(spec, [batch(broken, medium)]))
        assert result.rules[rule].verdict == "fail", rule
        assert result.verdict in ("fail", "processed", "out of domain"), rule


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, texts in {"real": pictures(0, 60), "new": pictures(5, 25), "dark": pictures(6, 25)}.items():
        Path(name).mkdir()
        for i, text in enumerate(texts):
            values = picture(text) * (0.5 if name == "dark" else 1)
            Image.fromarray(np.rint(255 * values).astype(np.uint8)).save(f"{name}/{i:02}.png")
    for name, texts in {"spoken": sounds(0, 60), "other": [f"{s} below=900" for s in sounds(7, 25)]}.items():
        Path(name).mkdir()
        for i, text in enumerate(texts):
            soundfile.write(f"{name}/{i:02}.wav", sound(text), 8000)
    return tmp_path


def test_the_same_commands_work_on_pictures(world, capsys):
    view = ["--view", "kind=image", "--view", "height=16", "--view", "width=16"]
    assert cli.main(["learn", "real", "-o", "spec.yaml", "--hold-out", "0.4", *view]) == 0
    assert "pictures of 16 x 16 pixels, grey" in capsys.readouterr().out
    assert cli.main(["--spec", "spec.yaml", "new", "dark", "-o", "run.json"]) == 1
    sets = json.loads(Path("run.json").read_text())["sets"]
    assert sets["new"]["verdict"] != "fail"
    assert sets["dark"]["verdict"] == "fail"
    assert cli.main(["explain", "spec.yaml", "dark/00.png"]) == 1
    assert cli.main(["evaluate", "--spec", "spec.yaml", "--real", "new", "dark", "--sets", "5", "-o", "e.json"]) == 0
    found = json.loads(Path("e.json").read_text())["generators"]["dark"]
    assert found["by-sample"]["intensity-distribution"]["auroc"] == 1
    capsys.readouterr()
    assert cli.main(["--spec", "spec.yaml", "spoken"]) == 2
    assert "expected files with one of the suffixes .png" in capsys.readouterr().err


def test_the_same_commands_work_on_sound(world, capsys):
    view = ["kind=mel-spectrogram", "sample-rate=8000", "n-fft=256", "hop-length=80", "bands=20", "window=24"]
    settings = [part for setting in view for part in ("--view", setting)]
    assert cli.main(["learn", "spoken", "-o", "spec.yaml", "--hold-out", "0.4", *settings]) == 0
    assert "20 mel bands up to 4,000 Hz every 10 ms, windows of 0.24 s" in capsys.readouterr().out
    assert cli.main(["--spec", "spec.yaml", "other", "-o", "run.json"]) in (0, 1)
    rules = json.loads(Path("run.json").read_text())["sets"]["other"]["rules"]
    assert rules["bandwidth"]["verdict"] == "fail"


def test_a_rule_of_another_medium_is_refused(world, capsys):
    arguments = ["learn", "real", "-o", "spec.yaml", "--view", "kind=image", "--rule", "parallels"]
    assert cli.main(arguments) == 2
    assert "expected a rule for the kind of view image" in capsys.readouterr().err
    assert not Path("spec.yaml").exists()
