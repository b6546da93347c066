"""Samples of a generator: what each follows from, and that files hold them whole, or not at all."""

import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import save_file

from verifier.base.errors import InputError
from verifier.cli import main as cli
from verifier.data.batch import concatenate
from verifier.data.paths import open_path
from verifier.generators import sample
from verifier.generators.config import Config
from verifier.generators.folder import TrainedRecord, dump
from verifier.generators.networks import seeded
from verifier.generators.sample import BLOCK, Manifest, Weights, blocks, noise, write_midi_files, write_npz
from verifier.music.midi_file import resolution, write_midi
from verifier.music.piano_roll import piano_roll
from verifier.music.read.symbolic import read_notes
from verifier.music.view import PianoRollView
from verifier.spec.provenance import CorpusRecord, Split

CONFIG = Config(rows=8, columns=16, latent=5, generator_width=4)
VIEW = PianoRollView(steps_per_quarter=14.4, lowest_pitch=60, pitches=8, window=16, remainder="drop")
CPU = torch.device("cpu")
GENERATOR, _ = seeded(CONFIG)
SPREAD = 40.0
"""Makes the last layer of new weights so large that some cells sound and others do not."""


def made(n: int, seed: int = 0) -> NDArray[np.float32]:
    return np.concatenate(list(blocks(GENERATOR, CONFIG, n, seed, CPU)))


def manifest(**changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "verifier": "0",
        "samples": 300,
        "seed": 0,
        "values": "raw",
        "weights": Weights(file="generator.safetensors", sha256="0" * 64, step=7),
        "generator": CONFIG,
        "view": VIEW,
    }
    return Manifest(**fields | changes)


class MusicManifest(Manifest, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """What lies beside samples of music, to be read back."""

    view: PianoRollView


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder as training leaves it, with two sets of weights."""
    folder = tmp_path / "run"
    folder.mkdir()
    corpus = CorpusRecord(
        name="bach", source="s", licence="l", pieces=2, groups=2, sha256="0" * 64, split=Split(learn=0.5, hold_out=0.5)
    )
    dump(TrainedRecord(config=CONFIG, view=VIEW, corpus=corpus), folder)
    for seed, name in ((1, "generator"), (2, "best")):
        weights = seeded(msgspec.structs.replace(CONFIG, seed=seed))[0].state_dict()
        last = max(key for key in weights if key.endswith(".weight"))
        weights[last] *= SPREAD
        save_file(weights, folder / f"{name}.safetensors", {"step": str(seed)})
    return folder


def run(*arguments: object) -> int:
    return cli.main(["sample", *map(str, arguments)])


# What a sample follows from


def test_a_sample_does_not_depend_on_how_many_are_made() -> None:
    few, many = made(10), made(BLOCK + 44)
    assert np.array_equal(few, many[:10])
    assert len(many) == BLOCK + 44
    assert np.array_equal(many, made(2 * BLOCK)[: len(many)])


def test_every_sample_has_noise_of_its_own() -> None:
    rows = np.concatenate([noise(CONFIG, seed, block) for seed in (0, 1) for block in (0, 1)])
    assert len(np.unique(rows, axis=0)) == 4 * BLOCK
    assert abs(float(rows.mean())) < 0.05
    assert abs(float(rows.std()) - 1) < 0.05


def test_noise_is_the_same_on_every_platform() -> None:
    assert noise(Config(), 7, 0)[0, :3] == pytest.approx([1.5219693, -1.1441058, 1.1501616], rel=1e-6)
    assert noise(Config(), 7, 2)[-1, -2:] == pytest.approx([-0.87962264, -0.5323621], rel=1e-6)


def test_a_sample_does_not_depend_on_the_others_of_its_block() -> None:
    generator, _ = seeded(CONFIG)
    generator.eval()
    with torch.no_grad():
        alone = generator.output.decode(generator(torch.from_numpy(noise(CONFIG, 0, 0)[3:4]))).numpy()
    assert np.allclose(made(10)[3], alone[0], atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_sampling_leaves_the_generator_as_it_was(training: bool) -> None:
    generator, _ = seeded(CONFIG)
    generator.train(training)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    for _ in blocks(generator, CONFIG, 300, 0, CPU):
        assert generator.training is training  # a step of training may come between two blocks
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())


@pytest.mark.parametrize("output", ["sigmoid", "tanh", "scaled-tanh", "linear"])
def test_values_lie_from_0_to_1_whatever_the_generator_puts_out(output: Any) -> None:
    config = msgspec.structs.replace(CONFIG, output=output, channels=3)
    generator, _ = seeded(config)
    (found,) = blocks(generator, config, 20, 0, CPU)
    assert found.shape == (20, 3, 8, 16)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert found.std() > 0.01


# .npz


def test_npz_holds_the_samples_and_is_read_back(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", blocks(GENERATOR, CONFIG, 300, 0, CPU), manifest())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert list(arrays) == ["x"]
        assert np.array_equal(arrays["x"], made(300)[:, 0])
    batch = concatenate(VIEW, list(open_path(str(tmp_path / "a.npz"), VIEW).batches()))
    assert np.array_equal(batch.values, made(300)[:, 0])
    said = msgspec.yaml.decode((tmp_path / "a.npz.yaml").read_bytes(), type=MusicManifest)
    assert msgspec.structs.asdict(said) == msgspec.structs.asdict(manifest())


def test_8_bit_values_are_rounded_to_the_nearest_level(tmp_path: Path) -> None:
    values = np.array([0, 0.4 / 255, 0.6 / 255, 127.4 / 255, 127.6 / 255, 254.6 / 255, 1], np.float32)
    block = np.resize(values, (1, 1, 8, 16))
    write_npz(tmp_path / "a.npz", [block], manifest(samples=1, values="8-bit"))
    with np.load(tmp_path / "a.npz") as arrays:
        found = arrays["x"]
    assert found.dtype == np.uint8
    assert found.shape == (1, 8, 16)
    assert found.ravel()[:7].tolist() == [0, 0, 1, 127, 128, 255, 255]


def test_three_channels_keep_their_axis(tmp_path: Path) -> None:
    config = msgspec.structs.replace(CONFIG, channels=3)
    write_npz(tmp_path / "a.npz", [np.zeros((2, 3, 8, 16), np.float32)], manifest(samples=2, generator=config))
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["x"].shape == (2, 3, 8, 16)


@pytest.mark.parametrize("values", ["raw", "8-bit"])
def test_memory_does_not_grow_with_the_number_of_samples(tmp_path: Path, values: Any) -> None:
    config = msgspec.structs.replace(CONFIG, rows=64, columns=64)

    def stream() -> Iterator[NDArray[np.float32]]:
        for i in range(20):
            yield np.full((64, 1, 64, 64), i / 20, np.float32)  # 1 MiB

    tracemalloc.start()
    write_npz(tmp_path / "a.npz", stream(), manifest(samples=20 * 64, generator=config, values=values))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2**20
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.getinfo("x.npy").file_size > 20 * 2 ** (20 if values == "raw" else 18)


def test_blocks_are_made_when_they_are_asked_for() -> None:
    endless = blocks(GENERATOR, CONFIG, 10**12, 0, CPU)
    assert len(next(endless)) == BLOCK


# MIDI


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(4, (480, 120)), (14.4, (432, 30)), (2.5, (480, 192)), (0.5, (480, 960)), (960, (960, 1)), (7, (476, 68))],
)
def test_a_step_is_a_whole_number_of_ticks(steps: float, expected: tuple[int, int]) -> None:
    quarter, step = resolution(PianoRollView(steps_per_quarter=steps))
    assert (quarter, step) == expected
    assert step * steps == pytest.approx(quarter, rel=1e-12)


def test_a_grid_that_midi_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at most 32,767 in a quarter note, found that it takes 314,159;"):
        resolution(PianoRollView(steps_per_quarter=3.14159))
    slow = PianoRollView(steps_per_quarter=1e-5, pitches=1)
    with pytest.raises(InputError, match="at most 268,435,455 ticks, found 64 steps of 48,000,000 each"):
        write_midi(tmp_path / "a.mid", np.ones((1, 64), np.bool_), slow)
    assert not list(tmp_path.iterdir())


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_midi_file_reads_back_as_the_roll_it_was_written_from(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lowest = data.draw(st.integers(0, 120))
    view = PianoRollView(
        steps_per_quarter=data.draw(st.sampled_from([4, 14.4, 2.5, 1 / 3, 0.3, 12, 960, 100.01])),
        lowest_pitch=lowest,
        pitches=data.draw(st.integers(4, 128 - lowest)),  # noise on one pitch alone can be a staccato of one ratio
        window=None,
    )
    if view.steps_per_quarter == 1 / 3:  # 0.333...: sixteen digits, and no whole ticks
        with pytest.raises(InputError):
            resolution(view)
        return
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    roll = random.random((view.pitches, data.draw(st.integers(1, 100)))) < data.draw(st.floats(0.01, 1))
    roll[0, 0] = True
    path = tmp_path_factory.getbasetemp() / "round.mid"
    write_midi(path, roll, view)
    read = read_notes(path, name="a", group="a")
    if read.guessed:  # few notes of one length, with rests between them, look as if that told nothing
        return
    found = piano_roll(read, view)
    assert np.array_equal(found, roll[:, : found.shape[1]])
    assert not roll[:, found.shape[1] :].any()


def test_midi_files_hold_what_reaches_the_threshold(tmp_path: Path) -> None:
    block = np.zeros((4, 1, 8, 16), np.float32)
    block[:, 0, 2, 3:] = 0.5
    block[1, 0, 5, 15] = np.nextafter(np.float32(0.5), np.float32(0))
    block[2] = 0.49
    block[3, 0, :, -1] = 0
    unreadable = write_midi_files(tmp_path / "out", [block[:3], block[3:]], manifest(samples=4, values=None))
    assert unreadable == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(f"{i:06}.mid" for i in range(4)),
        "manifest.yaml",
    ]
    samples = open_path(str(tmp_path / "out"), VIEW, on_error="skip")
    batch = concatenate(VIEW, list(samples.batches()))
    assert list(batch.names) == ["000000.mid", "000001.mid", "000002.mid"]  # the silent one is a sample, and empty
    assert np.array_equal(batch.values, block[:3, 0] >= 0.5)
    assert len(samples.unreadable) == 1


def test_a_view_that_keeps_remainders_reads_short_samples(tmp_path: Path) -> None:
    block = np.zeros((1, 1, 8, 16), np.float32)
    block[0, 0, 0, 0] = 1
    view = msgspec.structs.replace(VIEW, remainder="keep")
    assert write_midi_files(tmp_path / "out", [block], manifest(samples=1, view=view)) == 0
    (batch,) = open_path(str(tmp_path / "out"), view).batches()
    assert batch.lengths.tolist() == [1]


@pytest.mark.parametrize("changed", [{"channels": 3}, {"rows": 16}])
def test_samples_that_are_no_rolls_of_the_view_are_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    config = msgspec.structs.replace(CONFIG, **changed)
    with pytest.raises(InputError, match="1 channel and the 8 pitches of the view, found"):
        write_midi_files(tmp_path / "out", [], manifest(generator=config))


# Whole or not at all


@pytest.mark.parametrize("name", ["a.npz", "a"])
def test_what_fails_half_way_leaves_nothing(tmp_path: Path, name: str) -> None:
    def failing() -> Iterator[NDArray[np.float32]]:
        yield np.ones((2, 1, 8, 16), np.float32)
        raise RuntimeError("half way")

    write = write_npz if name == "a.npz" else write_midi_files
    with pytest.raises(RuntimeError, match="half way"):
        write(tmp_path / name, failing(), manifest())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("training", ["weights", "statistics"])
def test_a_generator_that_diverged_is_refused(trained: Path, capsys: pytest.CaptureFixture[str], training: str) -> None:
    weights = seeded(CONFIG)[0].state_dict()
    key = next(key for key in weights if key.endswith(".weight" if training == "weights" else "running_var"))
    weights[key][0] = float("nan")
    save_file(weights, trained / "generator.safetensors", {"step": "9"})
    assert run(trained, "-n", 4, "-o", trained / "a.npz") == 2
    assert "generator.safetensors: expected weights that give finite values" in capsys.readouterr().err
    assert not (trained / "a.npz").exists()
    assert not (trained / "a.npz.yaml").exists()


# The command


def test_the_command_writes_an_npz_and_its_manifest(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = trained.parent / "a.npz"
    assert run(trained, "-n", 300, "-o", out, "--seed", 3) == 0
    assert capsys.readouterr().out.strip().endswith("a.npz")
    with np.load(out) as arrays:
        found = arrays["x"]
    assert found.shape == (300, 8, 16)
    assert found.dtype == np.float32
    said = msgspec.yaml.decode((trained.parent / "a.npz.yaml").read_bytes(), type=MusicManifest)
    assert (said.samples, said.seed, said.values, said.weights.step) == (300, 3, "raw", 1)
    assert (said.generator, said.view) == (CONFIG, VIEW)
    again = trained.parent / "b.npz"
    assert run(trained, "-n", 300, "-o", again, "--seed", 3) == 0
    assert again.read_bytes() == out.read_bytes()
    assert run(trained, "-n", 300, "-o", again, "--seed", 4) == 0
    assert again.read_bytes() != out.read_bytes()


@pytest.mark.parametrize("name", ["midi", "midi.v1/"])
def test_the_command_writes_midi_files_of_the_same_samples(
    trained: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    root = trained.parent
    assert run(trained, "-n", 20, "-o", root / "a.npz") == 0
    assert run(trained, "-n", 20, "-o", f"{root}/{name}") == 0
    err = capsys.readouterr().err
    with np.load(root / "a.npz") as arrays:
        sounding = arrays["x"] >= 0.5
    assert sounding.any()
    assert not sounding.all()
    lost = 0
    for i, roll in enumerate(sounding):
        try:
            notes = read_notes(root / name / f"{i:06}.mid", name="a", group="a")
        except InputError:
            assert not roll.any()
            lost += 1
            continue
        found = piano_roll(notes, VIEW)
        assert np.array_equal(found, roll[:, : found.shape[1]])
        lost += found.shape[1] < 16
    assert ("end before" in err) == (lost > 0)
    assert run(trained, "-n", 20, "-o", f"{root}/{name}") == 2
    assert "expected an empty folder or none, found files in it" in capsys.readouterr().err


def test_silent_samples_are_written_as_any(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = {name: torch.zeros_like(value) for name, value in seeded(CONFIG)[0].state_dict().items()}
    weights[max(name for name in weights if name.endswith(".bias"))] -= 5
    save_file(weights, trained / "generator.safetensors", {"step": "9"})
    out = trained.parent / "out"
    out.mkdir()  # an empty folder is filled
    assert run(trained, "-n", 3, "-o", out) == 0
    assert "warning" not in capsys.readouterr().err  # a silent file is read, as an empty sample
    assert len(list(out.iterdir())) == 4
    assert out.stat().st_mode & 0o777 == trained.stat().st_mode & 0o777


def test_weights_by_name_and_by_path(trained: Path) -> None:
    found = {name: sample.load(trained, name) for name in ("newest", "best", str(trained / "best.safetensors"))}
    assert [one.weights.step for one in found.values()] == [1, 2, 2]
    digests = [one.weights.sha256 for one in found.values()]
    assert digests[1] == digests[2] != digests[0]
    assert [one.weights.file for one in found.values()] == ["generator.safetensors", *["best.safetensors"] * 2]


def test_the_digest_is_that_of_the_weights_even_while_training_replaces_them(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, calls = sample.load_generator, []

    def replaced_after_reading(generator: Any, path: Path) -> int:
        step = load(generator, path)
        if not calls:
            (trained / "best.safetensors").replace(path)
        calls.append(step)
        return step

    monkeypatch.setattr(sample, "load_generator", replaced_after_reading)
    assert sample.load(trained).weights.step == 2
    assert calls == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a.mid"], "a.mid: expected a file .npz, or a folder (no suffix, or / at the end), found .mid"),
        (["-o", "no/a.npz"], "no/a.npz: its folder does not exist: no"),
        (["-o", "no/a"], "no/a: its folder does not exist: no"),
        (["-o", "file"], "file: expected a folder to write, found a file"),
        (["-o", "a", "--values", "8-bit"], "--values: expected it beside a .npz"),
        (["-o", "a", "--weights", "x.safetensors"], "x.safetensors: expected a readable file, found: No such file"),
        (["-o", "a", "--weights", "file"], "file: expected a whole safetensors file, found damage"),
        (["-o", "a", "-n", "0"], "expected a number from 1, found 0"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    trained: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(trained.parent)
    Path("file").write_text("no weights")
    before = sorted(trained.parent.rglob("*"))
    assert run(trained, "-n", 3, *arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert sorted(trained.parent.rglob("*")) == before


def test_a_missing_package_is_named(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    assert run(trained, "-n", 3, "-o", trained / "a.npz") == 2
    assert capsys.readouterr().err == "verify: needs PyTorch: pip install 'media-verifier[generators]'\n"
