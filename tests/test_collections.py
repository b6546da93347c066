"""Files of many samples as a corpus: arrays, IDX and CIFAR files, alone and in folders."""

import gzip
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

import verifier as vf
from verifier.api.load import view_for
from verifier.base.errors import InputError
from verifier.cli.main import main
from verifier.corpora import corpus as corpora
from verifier.corpora.sample_sets import open_samples
from verifier.data.tensor import open_tensors
from verifier.image.read import is_image
from verifier.image.view import ImageView
from verifier.music.view import PianoRollView
from verifier.spec.spec import Spec, load

ROLLS = np.random.default_rng(0).random((40, 64, 64)) < 0.03
GROUPS = [f"piece {i // 4}" for i in range(40)]
PICTURES = np.random.default_rng(1).integers(0, 256, (30, 28, 28)).astype(np.uint8)
COLOUR = np.random.default_rng(2).integers(0, 256, (30, 3, 32, 32)).astype(np.uint8)
OF_ROLLS: dict[str, Any] = {"rules": ["polyphony", "pitch-range"], "name": "rolls", "hold_out": 0.5}
OF_PICTURES: dict[str, Any] = {"rules": ["intensity-distribution"], "name": "pictures"}


def idx(array: NDArray[np.uint8]) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def cifar(pictures: NDArray[np.uint8]) -> bytes:
    labels = np.arange(len(pictures), dtype=np.uint8)[:, None] % 10
    return np.concatenate([labels, pictures.reshape(len(pictures), -1)], axis=1).tobytes()


def saved(folder: Path, name: str, **arrays: Any) -> Path:
    folder.mkdir(exist_ok=True)
    np.savez(folder / name, **arrays)
    return folder / name


def without_files(spec: Spec) -> Spec:
    """A spec that was learned from files, without what it knows of these."""
    return structs.replace(spec, corpus=structs.replace(spec.corpus, files=None))


def test_an_array_is_learned_alike_by_its_path_in_a_folder_and_in_memory(tmp_path: Path) -> None:
    spec = vf.learn(ROLLS, **OF_ROLLS)
    np.save(tmp_path / "samples.npy", ROLLS)
    saved(tmp_path, "samples.npz", x=ROLLS, labels=np.arange(40))
    assert without_files(vf.learn(tmp_path / "samples.npy", **OF_ROLLS)) == spec
    assert without_files(vf.learn(tmp_path / "samples.npz", **OF_ROLLS)) == spec
    saved(tmp_path / "samples", "train.npz", x=ROLLS)
    (tmp_path / "samples" / "readme.txt").write_text("")
    assert without_files(vf.learn(tmp_path / "samples", **OF_ROLLS)) == spec
    assert spec.calibration is not None
    assert len(spec.calibration.samples) == 40


def test_long_and_single_samples_are_called_as_in_memory(tmp_path: Path) -> None:
    for array in (np.tile(ROLLS[:4], 3)[:, :, :150], ROLLS[0]):
        np.save(tmp_path / "x.npy", array)
        of_file = corpora.load(str(tmp_path / "x.npy"), view=PianoRollView())
        in_memory = corpora.of_batch(vf_batch(array), "x")
        assert [piece.name for piece in of_file.pieces] == [piece.name for piece in in_memory.pieces]
        assert of_file.provenance == in_memory.provenance


def vf_batch(array: NDArray[Any]) -> Any:
    from verifier.data.objects import batch_from

    return batch_from(array, PianoRollView())


@pytest.mark.parametrize("labels", [GROUPS, [i // 4 for i in range(40)], [b"piece %d" % (i // 4) for i in range(40)]])
def test_groups_stand_in_the_file_or_beside_it(tmp_path: Path, labels: list[Any]) -> None:
    texts = [label.decode() if isinstance(label, bytes) else str(label) for label in labels]
    spec = vf.learn(ROLLS, groups=texts, **OF_ROLLS)
    assert spec.corpus.groups == 10
    path = saved(tmp_path, "x.npz", x=ROLLS, groups=np.array(labels))
    assert vf.learn(path, **OF_ROLLS).corpus.sha256 == spec.corpus.sha256
    assert vf.learn(path, **OF_ROLLS).rules == spec.rules
    np.save(tmp_path / "x.npy", ROLLS)
    assert vf.learn(tmp_path / "x.npy", groups=texts, **OF_ROLLS).rules == spec.rules
    batch = next(iter(open_tensors(path, PianoRollView(), name="x.npz")[0].batches()))
    assert len(set(batch.groups)) == 10  # and they are known where the file is checked


@pytest.mark.parametrize("kind", ["npy", "txt"])
def test_groups_on_the_command_line(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "rolls.npy", ROLLS)
    if kind == "npy":
        np.save(tmp_path / "groups.npy", np.array(GROUPS))
    else:
        (tmp_path / "groups.txt").write_text("\n".join(GROUPS) + "\n")
    options = ["--rule", "polyphony", "-q", "-o", str(tmp_path / "x.yaml")]
    assert main(["learn", str(tmp_path / "rolls.npy"), "--groups", str(tmp_path / f"groups.{kind}"), *options]) == 0
    assert load(tmp_path / "x.yaml").corpus.groups == 10


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"x": ROLLS, "groups": np.arange(3)}, "x.npz:groups: expected one for each of 40 samples, found 3"),
        ({"x": ROLLS, "y": ROLLS, "groups": np.arange(40)}, "expected one array of samples beside it, found 2"),
        (
            {"x": ROLLS, "groups": np.zeros((40, 2), int)},
            "expected one axis of whole numbers or texts, found 40 x 2 int64",
        ),
        ({"x": ROLLS, "groups": np.array(GROUPS, object)}, "found 40 object; save numpy.array(x, str)"),
    ],
)
def test_groups_that_say_nothing_are_refused(tmp_path: Path, arrays: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=re.escape(problem)):
        vf.learn(saved(tmp_path, "x.npz", **arrays), **OF_ROLLS)


def test_pictures_of_idx_are_pieces_and_their_labels_are_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = vf.learn(PICTURES, view=ImageView(), **OF_PICTURES)
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(PICTURES)))
    for name in ("train-labels-idx1-ubyte.gz", "train_labels.gz"):
        (folder / name).write_bytes(gzip.compress(idx(PICTURES[:, 0, 0])))
    assert without_files(vf.learn(folder, **OF_PICTURES)) == spec
    assert vf.learn(folder / "train-images-idx3-ubyte.gz", **OF_PICTURES).rules == spec.rules
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(PICTURES[:20] // 2))
    assert vf.learn(folder, **OF_PICTURES).corpus.pieces == 50
    assert sum(map(len, open_samples(str(folder), spec.view).batches())) == 50
    assert capfd.readouterr().err == ""


def test_binary_batches_of_cifar_are_pieces(tmp_path: Path) -> None:
    view = ImageView(height=32, width=32, channels=3)
    spec = vf.learn(COLOUR, view=view, **OF_PICTURES)
    (tmp_path / "data_batch_1.bin").write_bytes(cifar(COLOUR[:20]))
    assert vf.learn(tmp_path, **OF_PICTURES).corpus.pieces == 20
    (tmp_path / "test_batch.bin").write_bytes(cifar(COLOUR[20:]))
    (tmp_path / "batches.meta.txt").write_text("airplane")
    both = vf.learn(tmp_path, **OF_PICTURES)
    assert both.corpus.pieces == both.corpus.groups == 30
    assert both.view == view == spec.view


def test_equal_samples_are_one_work(tmp_path: Path) -> None:
    doubled = np.concatenate([ROLLS, ROLLS[:10]])
    spec = vf.learn(saved(tmp_path, "x.npz", x=doubled), **OF_ROLLS)
    assert (spec.corpus.pieces, spec.corpus.groups) == (50, 40)


def test_a_folder_of_arrays_and_other_files(tmp_path: Path) -> None:
    mido = pytest.importorskip("mido")
    saved(tmp_path / "own", "a.npz", x=ROLLS[:20])
    saved(tmp_path / "own", "b.npz", x=ROLLS[20:], y=ROLLS[:5])
    track = mido.MidiTrack([mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=960)])
    with (tmp_path / "own" / "c.mid").open("wb") as file:
        mido.MidiFile(tracks=[track]).save(file=file)
    corpus = corpora.load(str(tmp_path / "own"), view=PianoRollView())
    names = {piece.name for piece in corpus.pieces}
    assert {"a.npz:[0]", "b.npz:x[19]", "b.npz:y[4]", "c.mid"} <= names
    assert (len(names), corpus.provenance.groups) == (46, 41)
    assert vf.learn(tmp_path / "own", **OF_ROLLS).corpus.sha256 == corpus.provenance.sha256


def test_the_parts_of_a_file_are_those_that_were_learned(tmp_path: Path) -> None:
    path = saved(tmp_path, "x.npz", x=ROLLS)
    (tmp_path / "images.idx").write_bytes(idx(PICTURES))
    for file, view, n in ((path, PianoRollView(), 40), (tmp_path / "images.idx", ImageView(), 30)):
        parts = [list(open_samples(f"{file}:{part}", view).batches()) for part in ("learn", "hold-out", "all")]
        learned, held_out, every = ({name for batch in part for name in batch.names} for part in parts)
        assert len(every) == n
        assert learned | held_out == every
        assert not learned & held_out


def test_the_view_fits_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.idx").write_bytes(idx(PICTURES[:, :20]))
    assert view_for(str(tmp_path / "a.idx"), {}) == ImageView(height=20, width=28)
    assert view_for(str(tmp_path), {"height": 10}) == ImageView(height=10, width=28)
    assert view_for(str(tmp_path), {"kind": "piano-roll"}) == PianoRollView()
    (tmp_path / "b.mid").write_bytes(b"")
    assert view_for(str(tmp_path), {}) == PianoRollView()
    assert view_for(str(tmp_path / "missing"), {}) == PianoRollView()


def test_an_array_that_is_no_music_says_how_to_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", PICTURES)
    options = ["--rule", "intensity-distribution", "-q", "-o", str(tmp_path / "x.yaml")]
    assert main(["learn", str(tmp_path / "x.npy"), *options]) == 2
    assert "if this is no music, say what it is: --view kind=image --view height=28" in capsys.readouterr().err
    view = ["--view", "kind=image", "--view", "height=28", "--view", "width=28"]
    assert main(["learn", str(tmp_path / "x.npy"), *options, *view]) == 0
    assert main(["check", "--spec", str(tmp_path / "x.yaml"), str(tmp_path / "x.npy")]) in (0, 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train-images-idx3-ubyte", True),
        ("t10k-images.idx3-ubyte.gz", True),
        ("train-labels-idx1-ubyte", False),
        ("train-labels.idx1-ubyte.gz", False),
        ("emnist-letters-train-labels-idx1-ubyte.gz", False),
        ("label.idx", False),
        ("digits.idx", True),
    ],
)
def test_names_of_labels(name: str, expected: bool) -> None:
    assert is_image(name) is expected


@pytest.mark.parametrize(
    ("array", "view"),
    [
        (PICTURES.reshape(30, -1), ImageView()),
        (COLOUR.reshape(30, -1), ImageView(height=32, width=32, channels=3)),
        (COLOUR.reshape(30, -1), ImageView(height=32, width=32)),
        (COLOUR, ImageView(height=32, width=32)),
        (COLOUR.transpose(0, 2, 3, 1) / 255, ImageView(height=32, width=32)),
        (
            np.concatenate([COLOUR, COLOUR[:, :1]], axis=1).transpose(0, 2, 3, 1),
            ImageView(height=32, width=32, channels=3),
        ),
        (PICTURES, ImageView(channels=3)),
        (PICTURES.transpose(1, 2, 0), ImageView()),
        (COLOUR.transpose(2, 3, 1, 0), ImageView(height=32, width=32, channels=3)),
        (PICTURES[:, :20].transpose(0, 2, 1), ImageView(height=20, width=28)),
        (PICTURES.astype(np.float32), ImageView()),
        (PICTURES / 127.5 - 1, ImageView()),
    ],
    ids=lambda value: f"{value.shape} {value.dtype}" if isinstance(value, np.ndarray) else "",
)
def test_the_lines_that_are_printed_make_pictures(tmp_path: Path, array: NDArray[Any], view: ImageView) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(InputError) as caught:
        list(open_samples(str(tmp_path / "x.npy"), view).batches())
    line = re.search(r"save (.*?)(; if |$)", str(caught.value))
    assert line, str(caught.value)
    np.save(tmp_path / "x.npy", eval(line[1], {"x": array, "numpy": np}))
    found = [batch.values for batch in open_samples(str(tmp_path / "x.npy"), view).batches()]
    assert np.concatenate(found).shape == (30, view.rows, view.width)
