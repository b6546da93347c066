"""A spec that was learned from files of one's own finds what it held out, wherever it is read, and takes no other."""

import os
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml
from msgspec import structs

import verifier as vf
from tests.test_cli import write_midi
from verifier.api.power import power
from verifier.base.errors import InputError
from verifier.cli import main as cli
from verifier.corpora import own
from verifier.corpora.sample_sets import open_samples, whereabouts
from verifier.spec import spec as specs

RULES = ("polyphony", "durations")
NAMES = [f"{'a' if i % 2 else 'b'}/{i:02}.mid" for i in range(20)]


def write_corpus(folder: Path, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        notes = [f"{'CDEFGAB'[rng.integers(7)]}{rng.integers(4, 6)}:{i}-{i + 2}" for i in range(0, 16, 2)]
        write_midi(folder / name, " ".join(notes))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    root = tmp_path_factory.mktemp("home")
    write_corpus(root / "data" / "real")
    write_corpus(root / "other" / "real", seed=1)
    write_corpus(root / "fake", seed=2)
    previous = Path.cwd()
    os.chdir(root)
    command = ["learn", "data/real", "-o", "spec.yaml", "-q", "--view", "window=16", "--hold-out", "0.4"]
    assert cli.main([*command, *(word for rule in RULES for word in ("--rule", rule))]) == 0
    os.chdir(previous)
    return root


@pytest.fixture
def copy(home, tmp_path, monkeypatch):
    """All of it at another place, which is the working directory."""
    for name in ("data", "other", "fake"):
        shutil.copytree(home / name, tmp_path / name)
    for name in ("spec.yaml", "spec.index.npz"):
        shutil.copy(home / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def groups(spec, path="real:hold-out", corpus=None):
    loaded = vf.load_spec(spec)
    where = whereabouts(loaded.corpus, corpus, loaded.surroundings.file)
    return {
        group
        for batch in open_samples(path, loaded.view, loaded.corpus, where=where).batches()
        for group in batch.groups
    }


def test_the_spec_says_which_files_it_held_out_and_not_whose_machine_it_was(home):
    text = (home / "spec.yaml").read_text()
    files = yaml.safe_load(text)["corpus"]["files"]
    assert (files["path"], files["number"]) == ("data/real", 20)
    assert len(files["held-out"]) == 8
    assert set(files["held-out"]) < set(NAMES)
    assert str(home) not in text
    spec = vf.load_spec(home / "spec.yaml")
    assert specs.loads(specs.dumps(spec)) == spec


def test_the_hold_out_is_found_from_the_working_directory_and_from_the_folder_of_the_spec(copy, tmp_path, monkeypatch):
    held_out = groups("spec.yaml")
    assert held_out == set(vf.load_spec("spec.yaml").corpus.files.held_out)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert groups("../spec.yaml") == held_out
    assert groups("../spec.yaml", "real:learn").isdisjoint(held_out)
    monkeypatch.chdir(tmp_path)
    shutil.move("spec.yaml", "elsewhere/spec.yaml")
    shutil.move("spec.index.npz", "elsewhere/spec.index.npz")
    assert groups("elsewhere/spec.yaml") == held_out


def test_evaluate_power_check_and_explain_take_it(copy, capsys):
    found = vf.evaluate("spec.yaml", "fake", set_size=4)
    assert (found.real, found.real_samples) == ("real:hold-out", 8)
    table = power("spec.yaml", faults=["moved"], alpha=0.3)
    assert table.crossed
    assert vf.check("spec.yaml", "real:hold-out").record.sets["real:hold-out"].groups == 8
    assert vf.explain("spec.yaml", "real:hold-out").explained.samples == 8
    for command in (
        ["evaluate", "--spec", "spec.yaml", "fake"],
        ["--spec", "spec.yaml", "real:hold-out"],
        ["explain", "spec.yaml", "real:hold-out"],
    ):
        assert cli.main(command) in (0, 1), command
    capsys.readouterr()


def test_files_that_moved_are_asked_for_in_one_line(copy, capsys):
    held_out = groups("spec.yaml")
    shutil.move("data/real", "moved")
    for command in (
        ["evaluate", "--spec", "spec.yaml", "fake"],
        ["power", "--spec", "spec.yaml", "--alpha", "0.3", "--fault", "moved"],
        ["--spec", "spec.yaml", "real:hold-out"],
        ["explain", "spec.yaml", "real:hold-out"],
    ):
        assert cli.main(command) == 2
        (line,) = capsys.readouterr().err.splitlines()
        expected = (
            "the files that the spec was learned from are not at data/real; --corpus PATH says where they are now"
        )
        assert line == f"verify: real:hold-out: {expected}"
        assert cli.main([*command, "--corpus", "moved"]) in (0, 1), command
        capsys.readouterr()
    assert groups("spec.yaml", corpus="moved") == held_out
    assert vf.evaluate("spec.yaml", "fake", corpus=copy / "moved", set_size=4).real == "real:hold-out"
    with pytest.raises(InputError, match="expected the files that the spec was learned from at nowhere, found nothing"):
        groups("spec.yaml", corpus="nowhere")


def test_another_folder_of_that_name_is_refused(copy):
    shutil.rmtree("data")
    shutil.copytree("other/real", "real")
    refused = (
        r"real:hold-out: real does not hold the files that the spec was learned from \(./\d\d.mid is another file\)"
    )
    with pytest.raises(InputError, match=rf"{refused}; --corpus PATH says where they are now"):
        groups("spec.yaml")
    for path, corpus in (("real:hold-out", "other/real"), ("other/real:hold-out", None), ("other/real:one-note", None)):
        with pytest.raises(InputError, match=rf"{path}: other/real does not hold the files that the spec was learned"):
            groups("spec.yaml", path, corpus)
    assert len(groups("spec.yaml", "other/real:all")) == 20, "all of any folder may be looked at"


def test_a_folder_that_lost_a_held_out_file_is_refused(copy):
    name = min(groups("spec.yaml"))
    Path("data/real", name).unlink()
    with pytest.raises(InputError, match=rf"\({name} is missing\); --corpus PATH"):
        groups("spec.yaml")


def test_a_folder_that_grew_gives_the_same_held_out_files_and_says_so(copy, capfd):
    held_out = groups("spec.yaml")
    write_midi(Path("data/real/a/new.mid"), "C4:0-9 D4:9-32")
    assert capfd.readouterr().err == ""
    assert groups("spec.yaml") == held_out
    (line,) = capfd.readouterr().err.splitlines()
    changed = "data/real has changed since the spec was learned, but for the 8 files held out, which are taken"
    assert line == f"warning: real:hold-out: {changed}"
    assert len(groups("spec.yaml", "real:one-note")) == 8
    with pytest.raises(InputError, match="real:learn: data/real has changed since"):
        groups("spec.yaml", "real:learn")
    capfd.readouterr()
    groups("spec.yaml", "real:all")
    assert "data/real has changed since the spec was learned: what lies there now is taken" in capfd.readouterr().err
    shutil.copy("fake/" + min(held_out), "data/real/" + min(held_out))
    with pytest.raises(InputError, match=rf"\({min(held_out)} is another file\)"):
        groups("spec.yaml")


def test_a_folder_named_like_a_known_corpus_is_the_spec_s_own(copy):
    shutil.move("data/real", "bach")
    spec = vf.learn("./bach", rules=["polyphony"], hold_out=0.4, view={"window": 16})
    spec.save("bach.yaml")
    assert groups("bach.yaml", "bach:hold-out") == set(spec.corpus.files.held_out)


def test_a_file_of_arrays_is_a_corpus_that_is_found_and_held_to_its_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rolls = np.random.default_rng(0).random((40, 64, 64)) < 0.05
    np.savez("rolls.npz", rolls)
    vf.learn("rolls.npz", rules=["polyphony"]).save("spec.yaml")
    found = groups("spec.yaml", "rolls:hold-out")
    assert 0 < len(found) <= 8
    (tmp_path / "kept").mkdir()
    shutil.move("rolls.npz", "kept/rolls.npz")
    with pytest.raises(InputError, match=r"are not at rolls.npz; --corpus PATH says where they are now"):
        groups("spec.yaml", "rolls:hold-out")
    assert groups("spec.yaml", "rolls:hold-out", "kept/rolls.npz") == found
    np.savez("rolls.npz", ~rolls)
    with pytest.raises(InputError, match=r"rolls.npz does not hold the files that the spec was learned from"):
        groups("spec.yaml", "rolls:hold-out")


def test_a_spec_from_before_finds_the_folder_by_its_name_and_holds_it_to_the_content(copy):
    old = vf.load_spec("spec.yaml")
    old = structs.replace(old, corpus=structs.replace(old.corpus, files=None))
    old.save("old.yaml")
    assert "files:" not in Path("old.yaml").read_text().partition("rules:")[0]
    with pytest.raises(InputError, match="does not say where the samples lie that it was learned from; --corpus PATH"):
        groups("old.yaml")
    held_out = groups("old.yaml", corpus="data/real")
    assert held_out == groups("spec.yaml")
    shutil.move("data/real", "real")
    assert groups("old.yaml") == held_out
    with pytest.raises(InputError, match="other/real does not hold the samples that the spec was learned from"):
        groups("old.yaml", corpus="other/real")


def test_a_corpus_that_was_in_memory_is_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = vf.learn(np.random.default_rng(0).random((40, 64, 64)) < 0.05, rules=["polyphony"])
    assert spec.corpus.files is None
    with pytest.raises(InputError, match="samples:hold-out: the spec does not say where the samples lie"):
        vf.evaluate(spec, np.zeros((2, 64, 64), bool))


def test_a_path_for_a_corpus_that_is_known_by_name_is_refused():
    with pytest.raises(InputError, match="--corpus: expected no path: the spec was learned from bach, which is known"):
        vf.check("bach-roll", "bach:hold-out", corpus="x")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("real/", "real/"),
        ("../real", "../real"),
        ("{cwd}/data/real", "data/real"),
        ("{home}/music/real", "~/music/real"),
        ("/srv/real", "/srv/real"),
    ],
)
def test_the_path_is_kept_as_it_was_typed_without_the_home_folder(tmp_path, monkeypatch, typed, kept):
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert own._without_home(typed.format(cwd=tmp_path / "cwd", home=tmp_path / "home")) == kept


def test_of_very_many_held_out_files_the_digest_of_all_has_to_do(copy, monkeypatch):
    monkeypatch.setattr(own, "MOST_LISTED", 3)
    spec = vf.learn("data/real", rules=["polyphony"], hold_out=0.4, view={"window": 16})
    assert spec.corpus.files.held_out == {}
    assert "held-out" not in msgspec.to_builtins(spec.corpus.files)
    spec.save("many.yaml")
    assert groups("many.yaml") == groups("spec.yaml")
    write_midi(Path("data/real/a/new.mid"), "C4:0-9 D4:9-32")
    with pytest.raises(InputError, match=r"from \(21 files; there were 20\); --corpus PATH"):
        groups("many.yaml")


def test_the_index_beside_a_spec_is_no_sample(copy):
    shutil.copy("spec.index.npz", "fake/x.index.npz")
    assert vf.check("spec.yaml", "fake").record.sets["fake"].groups == 20
