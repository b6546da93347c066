"""A medium is one folder and one line: one that the source tree has never heard of is learned, checked and explained.

The package lies in tests/toy with the metadata that an installer would write; a process of its own finds it there.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

TOY = Path(__file__).parent / "toy"
ROOT = Path(__file__).parents[1]


def verify(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "verifier", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": f"{TOY}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "real").mkdir()
    for i in range(88):  # texts that count up, no two of them the same
        lines = [" ".join(str((i + k + place) % 8) for place in range(6 + (i + k) % 11)) for k in range(4)]
        (folder / "real" / f"{i:02}.tok").write_text("\n".join(lines))
    (folder / "generated").mkdir()
    for i in range(30):
        (folder / "generated" / f"{i:02}.tok").write_text("0 1 2 3 4 5\n0 4 1 5 2 6\n")
    done = verify("learn", "real", "--view", "kind=tokens", "-o", "tokens.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_its_rules_are_learned_those_of_another_package_and_those_of_values_too(learned):
    spec = yaml.safe_load((learned / "tokens.yaml").read_text())
    assert spec["view"] == {"kind": "tokens", "tokens": 8, "window": 16}
    assert [rule["rule"] for rule in spec["rules"]] == ["bigrams", "intensity-distribution", "token-counts"]
    assert set(spec["rules"][0]["pairs"]) == {f"{a} {(a + 1) % 8}" for a in range(8)}
    assert spec["facts"]["samples"] == 4 * spec["rules"][0]["support"]["pieces"]


def test_generated_samples_are_counted_and_fail_and_real_ones_do_not(learned):
    done = verify("--spec", "tokens.yaml", "generated", "real:hold-out", "-o", "run.json", cwd=learned)
    assert done.returncode == 1, done.stderr
    sets = json.loads((learned / "run.json").read_text())["sets"]
    assert sets["generated"]["verdict"] == "fail"
    assert sets["generated"]["rules"]["bigrams"]["verdict"] == "fail"
    assert sets["generated"]["rules"]["bigrams"]["violations"] == 30 * 5  # every pair of the second line
    assert sets["real:hold-out"]["verdict"] != "fail"
    assert "tokens of 8 rows" in done.stdout


def test_a_sample_is_explained_with_its_place(learned):
    done = verify("explain", "tokens.yaml", "generated/00.tok", "--rule", "bigrams", cwd=learned)
    assert done.returncode == 1, done.stderr
    assert "00.tok:2" in done.stdout
    assert "step 0" in done.stdout
    assert "0 4" in done.stdout
    assert "after 0 the corpus has 1" in done.stdout


def test_an_array_of_its_shape_is_read_and_one_of_another_is_refused_with_advice(learned):
    import numpy as np

    values = np.zeros((5, 8, 16), np.uint8)
    values[:, 3] = 1
    np.save(learned / "right.npy", values)
    np.save(learned / "turned.npy", values.transpose(0, 2, 1))
    assert verify("--spec", "tokens.yaml", "right.npy", "-q", cwd=learned).returncode in (0, 1)
    turned = verify("--spec", "tokens.yaml", "turned.npy", cwd=learned)
    assert turned.returncode == 2
    assert "save x.transpose(0, 2, 1)" in turned.stderr


def test_the_medium_has_no_faults_pictures_or_copies_and_says_so(learned):
    done = verify("explain", "tokens.yaml", "generated/00.tok", "-o", "picture.png", cwd=learned)
    assert done.returncode == 2
    assert "there are no pictures of a tokens" in done.stderr
    done = verify("explain", "tokens.yaml", "generated/00.tok", "-o", "copy.mid", cwd=learned)
    assert done.returncode == 2
    assert "expected a picture" in done.stderr


def test_the_source_tree_does_not_know_it():
    done = subprocess.run(
        [sys.executable, "-c", "from verifier.data.medium import media; print(sorted(media()))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['image', 'mel-spectrogram', 'piano-roll']"
