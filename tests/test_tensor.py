"""Readers of arrays: shapes, types and scales that are accepted, and what is said of the others."""

import contextlib
import io
import struct
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.audio.view import MelView
from verifier.base.errors import InputError
from verifier.data import array_files, tensor
from verifier.data.batch import Batch, concatenate
from verifier.data.intensity import LEVELS
from verifier.data.tensor import open_tensors
from verifier.data.view import View
from verifier.image.view import ImageView
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of
from verifier.music.samples import music
from verifier.music.view import PianoRollView

VIEW = PianoRollView(lowest_pitch=60, pitches=6, window=8)
RNG = np.random.default_rng(0)


def batches(path: Path, view: View = VIEW) -> Iterator[Batch]:
    for one in open_tensors(path, view, name=path.name):
        yield from one.batches()


def read(path: Path, view: View = VIEW) -> Batch:
    return concatenate(view, list(batches(path, view)))


def saved(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def fault(path: Path, view: View = VIEW) -> str:
    with pytest.raises(InputError) as caught:
        read(path, view)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("shape", [(5, 6, 8), (5, 6, 8, 1), (5, 1, 6, 8)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["npy", "npz", "npz-deflated"])
def test_shapes_orders_and_containers(tmp_path: Path, shape: tuple[int, ...], order: Any, kind: str) -> None:
    values = RNG.random((5, 6, 8), np.float32)
    array = np.asarray(values.reshape(shape), order=order)
    path = tmp_path / f"x.{kind[:3]}"
    {"npy": np.save, "npz": lambda p, a: np.savez(p, x=a), "npz-deflated": lambda p, a: np.savez_compressed(p, x=a)}[
        kind
    ](path, array)
    batch = read(path)
    assert np.array_equal(batch.values, values)
    stem = "x.npy" if kind == "npy" else "x.npz:x"
    assert list(batch.names) == list(batch.groups) == [f"{stem}[{i}]" for i in range(5)]
    assert not batch.begins.any()
    assert not batch.ends.any()
    assert music(batch).meters.tolist() == [4.0] * 5
    assert not music(batch).clipped.any()


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_matrix_is_one_sample(tmp_path: Path, order: Any) -> None:
    values = RNG.random((6, 8), np.float32)
    batch = read(saved(tmp_path / "x.npy", np.asarray(values, order=order)))
    assert list(batch.names) == ["x.npy"]
    assert np.array_equal(batch.values[0], values)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", ">i2", "i8", "u4"])
def test_zeros_and_ones_are_booleans(tmp_path: Path, dtype: str) -> None:
    values = RNG.integers(0, 2, (5, 6, 8)).astype(dtype)
    batch = read(saved(tmp_path / "x.npy", values))
    assert batch.values.dtype == np.bool_
    assert np.array_equal(batch.values, values != 0)


@pytest.mark.parametrize("dtype", ["u1", ">i2", "i8", "u4"])
def test_other_integers_are_eight_bit_wherever_the_first_large_one_stands(
    tmp_path: Path, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensor, "CHUNK_CELLS", 48)
    values = RNG.integers(0, 2, (5, 6, 8)).astype(dtype)
    values[4, 5, 7] = values[:4, 0, 0] = 255  # as loud that they sound
    values[4, 0, 0] = 255
    batch = read(saved(tmp_path / "x.npy", values))
    assert batch.values.dtype == np.float32
    assert np.array_equal(batch.values, (values / 255).astype(np.float32))


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f4", "f8"])
def test_floating_point(tmp_path: Path, dtype: str) -> None:
    values = RNG.random((5, 6, 8)).astype(dtype)
    batch = read(saved(tmp_path / "x.npy", values))
    assert batch.values.dtype == np.dtype("=f4")
    assert np.array_equal(batch.values, values.astype(np.float32))


def test_windows(tmp_path: Path) -> None:
    values = RNG.random((3, 6, 20), np.float32)
    path = saved(tmp_path / "x.npy", values)
    batch = read(path)
    assert list(batch.names[3:6]) == ["x.npy[1]@0", "x.npy[1]@8", "x.npy[1]@16"]
    assert list(batch.groups[3:6]) == ["x.npy[1]"] * 3
    assert batch.starts.tolist() == [0, 8, 16] * 3
    assert batch.lengths.tolist() == [8, 8, 4] * 3
    assert np.array_equal(batch.values[4], values[1, :, 8:16])
    assert np.array_equal(batch.values[5, :, :4], values[1, :, 16:])
    assert not batch.values[5, :, 4:].any()
    dropped = read(path, PianoRollView(lowest_pitch=60, pitches=6, window=8, remainder="drop"))
    assert dropped.starts.tolist() == [0, 8] * 3
    whole = read(path, PianoRollView(lowest_pitch=60, pitches=6, window=None))
    assert np.array_equal(whole.values, values)
    drop = PianoRollView(lowest_pitch=60, pitches=6, window=32, remainder="drop")
    assert fault(path, drop) == "x.npy: expected at least 32 steps for one window, found 20"


def test_batches_are_bounded_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor, "CHUNK_CELLS", 100)
    values = RNG.random((5, 6, 8), np.float32)
    parts = list(batches(saved(tmp_path / "x.npy", values)))
    assert [len(part) for part in parts] == [2, 2, 1]
    assert np.array_equal(np.concatenate([part.values for part in parts]), values)
    assert parts[2].names == ["x.npy[4]"]


def test_every_array_of_the_right_shape_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, a=np.zeros((2, 6, 8)), labels=np.arange(5), b=np.ones((6, 8)), o=np.array([None]))
    assert list(read(path).names) == ["x.npz:a[0]", "x.npz:a[1]", "x.npz:b"]
    np.savez(path, labels=np.arange(5))
    assert fault(path) == "x.npz:labels: expected samples x 6 pitches x steps, as the view has 6 pitches, found 5"
    np.savez(path)
    assert "expected at least one array, found none" in fault(path)


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((5, 8, 6), "found 5 x 8 x 6; if the axis of 6 holds the pitches, save x.transpose(0, 2, 1)"),
        ((5, 8, 6, 1), "save x[..., 0].transpose(0, 2, 1)"),
        ((5, 1, 8, 6), "save x[:, 0].transpose(0, 2, 1)"),
        ((8, 6), "save x.transpose(1, 0)"),
        ((5, 7, 8), "expected samples x 6 pitches x steps, as the view has 6 pitches, found 5 x 7 x 8"),
        ((5, 3, 6, 8), "found 5 x 3 x 6 x 8"),
        ((), "found a single number"),
        ((0, 6, 8), "expected at least one sample and one step"),
    ],
)
def test_wrong_shapes(tmp_path: Path, shape: tuple[int, ...], advice: str) -> None:
    assert advice in fault(saved(tmp_path / "x.npy", np.zeros(shape)))
    if shape[:1] == (5,) and "transpose" in advice:
        line = advice[advice.index("save ") + 5 :]
        assert len(read(saved(tmp_path / "x.npy", eval(line, {"x": np.zeros(shape)})))) == 5


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_number_that_is_not_finite_is_named(
    tmp_path: Path, dtype: str, bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensor, "CHUNK_CELLS", 100)
    values = np.zeros((15, 6, 8), dtype)
    values[12, 3, 4] = bad
    values[13, 0, 0] = np.nan
    path = saved(tmp_path / "x.npy", values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fault(path) == f"x.npy: sample 12, row 3, step 4: expected a finite number, found {bad}"
        with pytest.raises(InputError, match="sample 12"):
            open_tensors(path, VIEW, name="x")[0].check()


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (255, "f4", "expected values on the scale from 0 to 1, found values from 0 to 255"),
        (-9, "f8", "found values from -9 to 0"),
        (1e300, "f8", "found values from 0 to 1e+300"),
        (256, "i4", "expected integers 0 and 1, or 0 to 255, found values from 0 to 256"),
        (-1, "i1", "found values from -1 to 0"),
    ],
)
def test_wrong_scales(tmp_path: Path, value: float, dtype: str, message: str) -> None:
    values = np.zeros((5, 6, 8), dtype)
    values[4, 3, 2] = value
    assert message in fault(saved(tmp_path / "x.npy", values))


@pytest.mark.parametrize("dtype", ["O", "c8", "U3", "M8[s]", "i4,f4"])
def test_types_that_are_no_numbers_are_refused(tmp_path: Path, dtype: str) -> None:
    assert ": expected " in fault(saved(tmp_path / "x.npy", np.zeros((5, 6, 8), dtype)))


def header(text: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text.encode() + data


WHOLE = io.BytesIO()
np.save(WHOLE, np.zeros((5, 6, 8), np.float32))
FAULTS = {
    "empty": (b"", "damaged or foreign header"),
    "text": (b"hello", "damaged or foreign header"),
    "cut-header": (WHOLE.getvalue()[:50], "damaged or foreign header"),
    "cut": (WHOLE.getvalue()[:-1], "expected 1,088 bytes for an array of 5 x 6 x 8 float32, found 1,087"),
    "more": (WHOLE.getvalue() + b"x", "expected 1,088 bytes for an array of 5 x 6 x 8 float32, found 1,089"),
    "huge": (header("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"), "for an array of"),
    "negative": (header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 6, 8)}"), "the impossible shape (-1,"),
    "boolean": (header("{'descr': '<f4', 'fortran_order': False, 'shape': (True, 6, 8)}"), "the impossible shape"),
    "digits": (header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 4000},)}}"), "impossible shape"),
    "nested": (header("(" * 9000), "damaged or foreign header"),
    "bytes": (header("{'descr': '|b1', 'fortran_order': False, 'shape': (1, 6, 8)}", b"\2" * 48), "found others"),
    "long-header": (b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1), "damaged or foreign header"),
    "version": (header("{}", version=b"\7\0"), "damaged or foreign header"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_damaged_arrays_are_one_clear_error(tmp_path: Path, name: str) -> None:
    content, message = FAULTS[name]
    (tmp_path / "x.npy").write_bytes(content)
    assert message in fault(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", content)
    assert message in fault(tmp_path / "x.npz")


def archive_of(path: Path, method: int = zipfile.ZIP_DEFLATED, **arrays: bytes) -> bytes:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)
    return path.read_bytes()


def test_a_member_that_is_longer_than_it_says(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    data = archive_of(path, x=WHOLE.getvalue() + bytes(100))
    size = struct.pack("<I", len(WHOLE.getvalue()) + 100)
    assert data.count(size) == 2
    path.write_bytes(data.replace(size, struct.pack("<I", len(WHOLE.getvalue()))))
    assert "found damage: Bad CRC-32" in fault(path)


def test_unpacked_size_and_method_are_checked_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive_of(tmp_path / "x.npz", zipfile.ZIP_BZIP2, x=WHOLE.getvalue())
    assert "expected a stored or deflated array" in fault(tmp_path / "x.npz")
    archive_of(tmp_path / "x.npz", x=WHOLE.getvalue(), y=WHOLE.getvalue())
    monkeypatch.setattr(tensor, "MAX_UNPACKED", 2000)
    assert "expected at most 2,000 bytes of arrays, found 2,176" in fault(tmp_path / "x.npz")
    monkeypatch.setattr(array_files, "MAX_DIRECTORY", 50)
    assert "found damage: a directory of" in fault(tmp_path / "x.npz")


def test_large_fortran_order_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor, "MAX_WHOLE", 1000)
    path = saved(tmp_path / "x.npy", np.asfortranarray(np.zeros((5, 6, 8), np.float32)))
    assert "expected C order" in fault(path)


PACKED = io.BytesIO()
np.savez_compressed(PACKED, x=RNG.integers(0, 2, (5, 6, 8)).astype(np.uint8))


@given(
    plain=st.booleans(),
    edits=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4),
    end=st.one_of(st.none(), st.integers(0, 1100)),
)
@settings(max_examples=400, deadline=None)
def test_damaged_files_give_samples_or_an_input_error(  # type: ignore[no-untyped-def]  # hypothesis draws them
    tmp_path_factory: pytest.TempPathFactory, plain, edits, end
) -> None:
    data = bytearray((WHOLE if plain else PACKED).getvalue())
    for at, value in edits:
        data[at % len(data)] = value
    path = tmp_path_factory.getbasetemp() / ("fuzz.npy" if plain else "fuzz.npz")
    path.write_bytes(data[:end])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(InputError):
            assert len(read(path)) > 0


MEMORY = """
import resource, sys
from pathlib import Path
from verifier.base.errors import InputError
from verifier.data.tensor import open_tensors
from verifier.music.view import PianoRollView
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for one in open_tensors(Path(sys.argv[1]), PianoRollView(), name="x"):
        print(sum(len(batch) for batch in one.batches()))
except InputError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, file=sys.stderr)
"""


def memory(path: Path) -> tuple[str, int]:
    """What reading printed, and by how many MiB the process grew."""
    done = subprocess.run([sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True)
    return done.stdout.strip(), int(done.stderr)


def test_memory_stays_flat_for_a_large_array(tmp_path: Path) -> None:
    n = 20_000  # 0.3 GiB; the file is sparse
    start = io.BytesIO()
    np.lib.format.write_array_header_1_0(start, {"descr": "<f4", "fortran_order": False, "shape": (n, 64, 64)})
    with (tmp_path / "x.npy").open("wb") as file:
        file.write(start.getvalue())
        file.truncate(len(start.getvalue()) + n * 64 * 64 * 4)
    printed, grown = memory(tmp_path / "x.npy")
    assert printed == str(n)
    assert grown < 200


def test_bombs_are_refused_in_bounded_memory(tmp_path: Path) -> None:
    start = io.BytesIO()
    np.lib.format.write_array_header_1_0(start, {"descr": "<f4", "fortran_order": False, "shape": (65536, 64, 64)})
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("a.npy", "w") as entry:
            entry.write(start.getvalue() + bytes(2**26))
        with archive.open("header.npy", "w") as entry:
            entry.write(b"\x93NUMPY\2\0" + struct.pack("<I", 2**28))
            for _ in range(256):
                entry.write(b" " * 2**20)
    printed, grown = memory(tmp_path / "x.npz")
    assert "x:a: expected 1,073,741,952 bytes for an array of 65536 x 64 x 64 float32, found 67,108,992" in printed
    assert grown < 60


# Voices and bits

WIDE = PianoRollView(lowest_pitch=60, pitches=12, window=8)
TUNE = np.array(
    [
        [[0, 0, 0, 0, 0, 0, 0, 0], [60, 60, 0, 60, 59, 59, 59, 60], [70, 70, 71, 71, -1, -1, 70, 70], [65] * 8],
        [[71] * 8, [70] * 8, [69] * 8, [68, 67, 66, 65, 64, 63, 62, 61]],
    ]
)


@pytest.mark.parametrize("dtype", ["i1", "u1", ">i2", "i8"])
def test_four_rows_of_pitches_are_voices(tmp_path: Path, dtype: str) -> None:
    rests = 0 if dtype == "u1" else -1
    batch = read(saved(tmp_path / "x.npy", np.where(TUNE == -1, rests, TUNE).astype(dtype)), WIDE)
    voices = music(batch).voices
    assert voices.counts.tolist() == [3, 4]  # a row without a note is no voice
    assert voices.pitches[0].tolist() == [
        [70, 70, 71, 71, -1, -1, 70, 70],
        [65] * 8,
        [60, 60, -1, 60, 59, 59, 59, 60],
        [-1] * 8,
    ]
    assert np.flatnonzero(voices.attacks[0, 0]).tolist() == [0, 2, 6]
    assert np.flatnonzero(voices.attacks[0, 2]).tolist() == [0, 3, 4, 7]
    assert not voices.attacks[0, 3].any()
    expected = np.zeros((12, 8), np.bool_)
    for line in TUNE[0]:
        for step, pitch in enumerate(line):
            if pitch >= 60:
                expected[pitch - 60, step] = True
    assert np.array_equal(batch.values[0], expected)
    assert music(batch).clipped.tolist() == [1, 0]


def test_voices_in_windows(tmp_path: Path) -> None:
    view = PianoRollView(lowest_pitch=60, pitches=12, window=3)
    batch = read(saved(tmp_path / "x.npy", TUNE), view)
    assert batch.names[:3] == ["x.npy[0]@0", "x.npy[0]@3", "x.npy[0]@6"]
    assert music(batch).voices.counts.tolist() == [3, 3, 3, 4, 4, 4]
    assert music(batch).voices.pitches[1, 0].tolist() == [71, -1, -1]
    assert not music(batch).voices.attacks[1, 0].any()  # it goes on from the window before
    assert music(batch).voices.pitches[2, 0].tolist() == [70, 70, -1]
    assert music(batch).clipped.tolist() == [0, 1, 0, 0, 0, 0]
    assert read(saved(tmp_path / "x.npy", TUNE[1]), view).names == ["x.npy@0", "x.npy@3", "x.npy@6"]


def test_voices_from_an_array_are_those_of_the_same_notes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    pitches = np.repeat(rng.integers(48, 84, (3, 4, 16)), 2, axis=2) + np.array([36, 24, 12, 0])[:, None]
    view = PianoRollView(window=32)
    pieces = []
    for i, sample in enumerate(pitches):
        changes = np.diff(sample, prepend=0, axis=1) != 0
        part, step = np.nonzero(changes)
        ends = [
            np.flatnonzero(np.append(changes[p, s + 1 :], True))[0] + s + 1 for p, s in zip(part, step, strict=True)
        ]
        columns = {"onsets": step / 4, "ends": np.array(ends) / 4, "pitches": sample[part, step], "parts": part}
        pieces.append(Notes(name=f"x.npy[{i}]", group=f"x.npy[{i}]", **columns))
    ours, theirs = read(saved(tmp_path / "x.npy", pitches), view), batch_of(pieces, view)
    assert np.array_equal(ours.values, theirs.values)
    assert np.array_equal(music(ours).voices.pitches, music(theirs).voices.pitches)
    assert np.array_equal(music(ours).voices.attacks, music(theirs).voices.attacks)
    assert np.array_equal(music(ours).clipped, music(theirs).clipped)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.full((2, 4, 8), 128),
            "expected pitches from 0 to 127, or -1, found values from 128 to 128 from sample 0 on",
        ),
        (np.full((4, 8), -2) + 70 * np.eye(4, 8, dtype=int), "or -1, found values from -2 to 68"),
        (np.ones((2, 4, 8), int), "expected 12 rows, as the view has pitches, found 4 rows of 0 and 1 alone"),
        (np.ones((2, 2, 8), np.uint8), "found 2 rows of 0 and 1 alone"),
        (np.ones((2, 8, 4), int), "if the axis of 4 holds the voices, save x.transpose(0, 2, 1)"),
        (np.ones((2, 4, 8)), "expected samples x 12 pitches x steps"),
    ],
)
def test_what_is_neither_voices_nor_bits(tmp_path: Path, array: Any, message: str) -> None:
    assert message in fault(saved(tmp_path / "x.npy", array), WIDE)


@pytest.mark.parametrize("order", ["C", "F"])
def test_packed_bits(tmp_path: Path, order: Any) -> None:
    values = RNG.random((5, 12, 8)) < 0.5
    packed = np.asarray(np.packbits(values, axis=1), order=order)
    assert packed.shape == (5, 2, 8)
    batch = read(saved(tmp_path / "x.npy", packed), WIDE)
    assert np.array_equal(batch.values, values)
    assert music(batch).voices.counts.tolist() == [0] * 5
    assert np.array_equal(read(saved(tmp_path / "x.npy", packed[0]), WIDE).values, values[:1])


def test_four_rows_that_could_be_bits_or_voices_are_refused(tmp_path: Path) -> None:
    view = PianoRollView(lowest_pitch=60, pitches=32, window=8)
    assert "expected samples x 32 pitches" in fault(saved(tmp_path / "x.npy", np.full((2, 4, 8), 70, np.uint8)), view)
    assert len(read(saved(tmp_path / "x.npy", np.full((2, 4, 8), 70, np.int16)), view)) == 2


def test_plain_piano_rolls_come_before_voices_and_bits(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, rolls=np.zeros((2, 12, 8)), chords=np.full((2, 4, 8), 70), codes=np.full((2, 2, 8), 70, np.uint8))
    assert list(read(path, WIDE).names) == ["x.npz:rolls[0]", "x.npz:rolls[1]"]
    np.savez(path, voices=TUNE, codes=np.arange(3))
    assert list(read(path, WIDE).names) == ["x.npz:voices[0]", "x.npz:voices[1]"]


# Pictures and spectrograms

GREY = ImageView(height=6, width=8)
COLOUR = ImageView(height=6, width=8, channels=3)
MEL = MelView(bands=6, window=8)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(5, 6, 8), (5, 1, 6, 8), (5, 6, 8, 1)])
def test_grey_pictures(tmp_path: Path, shape: tuple[int, ...], order: Any) -> None:
    levels = RNG.integers(0, 256, (5, 6, 8)).astype(np.uint8)
    batch = read(saved(tmp_path / "x.npy", np.asarray(levels.reshape(shape), order=order)), GREY)
    assert batch.values.dtype == np.float32
    assert np.array_equal(batch.values, LEVELS[levels])
    assert list(batch.names) == list(batch.groups) == [f"x.npy[{i}]" for i in range(5)]
    assert batch.lengths.tolist() == [8] * 5


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("last", [False, True])
def test_pictures_in_colour(tmp_path: Path, order: Any, last: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor, "CHUNK_CELLS", 300)
    values = RNG.random((5, 3, 6, 8), np.float32)
    array = np.asarray(values.transpose(0, 2, 3, 1) if last else values, order=order)
    path = saved(tmp_path / "x.npy", array)
    assert [len(part) for part in batches(path, COLOUR)] == [2, 2, 1]
    assert np.array_equal(read(path, COLOUR).values, values.reshape(5, 18, 8))
    one = read(saved(tmp_path / "y.npy", np.asarray(array[0], order=order)), COLOUR)
    assert list(one.names) == ["y.npy"]
    assert np.array_equal(one.values[0], values[0].reshape(18, 8))


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1)])
def test_one_grey_picture(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = RNG.random((6, 8), np.float32)
    batch = read(saved(tmp_path / "x.npy", values.reshape(shape)), GREY)
    assert list(batch.names) == ["x.npy"]
    assert np.array_equal(batch.values[0], values)


@pytest.mark.parametrize("dtype", ["u1", "i8"])
@pytest.mark.parametrize("view", [GREY, MEL])
def test_integers_of_pictures_and_spectrograms_are_eight_bit_even_if_all_are_0_or_1(
    tmp_path: Path, dtype: str, view: View
) -> None:
    levels = RNG.integers(0, 2, (5, 6, 8)).astype(dtype)
    assert np.array_equal(read(saved(tmp_path / "x.npy", levels), view).values, LEVELS[levels.astype(int)])
    black_or_white = read(saved(tmp_path / "x.npy", levels > 0), view).values
    assert black_or_white.dtype == np.float32
    assert np.array_equal(black_or_white, levels.astype(np.float32))


def test_every_level_is_the_nearest_single_to_its_255th(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    batch = read(saved(tmp_path / "x.npy", levels), ImageView(height=16, width=16))
    assert np.array_equal(batch.values, LEVELS[levels])


@pytest.mark.parametrize("shape", [(2, 6, 8), (2, 1, 6, 8)])
def test_spectrograms(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = RNG.random((2, 6, 8), np.float32)
    assert np.array_equal(read(saved(tmp_path / "x.npy", values.reshape(shape)), MEL).values, values)
    long = read(saved(tmp_path / "x.npy", RNG.random((2, 6, 19))), MEL)  # the rest is dropped, as the view says
    assert list(long.names[:2]) == ["x.npy[0]@0", "x.npy[0]@8"]
    assert long.lengths.tolist() == [8] * 4
    short = read(saved(tmp_path / "x.npy", RNG.random((2, 6, 5))), MEL)
    assert short.lengths.tolist() == [5, 5]


@pytest.mark.parametrize(
    ("shape", "view", "message"),
    [
        (
            (5, 3, 6, 8),
            GREY,
            "expected samples x 6 x 8, samples x 1 x 6 x 8 or samples x 6 x 8 x 1, as the view has 6 l",
        ),
        (
            (5, 6, 8),
            COLOUR,
            "expected samples x 3 x 6 x 8 or samples x 6 x 8 x 3, as the view has 6 lines of 8, found 5",
        ),
        ((5, 8, 6), GREY, "as the view has 6 lines of 8, found 5 x 8 x 6"),
        ((0, 6, 8), GREY, "expected at least one sample"),
        (
            (5, 8, 6),
            MEL,
            "expected samples x 6 bands x frames, as the view has 6 bands, found 5 x 8 x 6; if the axis of",
        ),
        ((5, 4, 8), MEL, "expected samples x 6 bands x frames"),
    ],
)
@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_wrong_shapes_of_pictures_and_spectrograms(
    tmp_path: Path, shape: tuple[int, ...], view: View, message: str, dtype: str
) -> None:
    assert message in fault(saved(tmp_path / "x.npy", np.zeros(shape, dtype)), view)


def test_wrong_scales_of_pictures_and_spectrograms(tmp_path: Path) -> None:
    values = 2 * RNG.random((5, 6, 8)) - 1
    for view in (GREY, MEL):
        assert "found values from -0.9" in fault(saved(tmp_path / "x.npy", values), view)
        assert fault(tmp_path / "x.npy", view).endswith("if they go from -1 to 1, save (x + 1) / 2")
        assert "expected integers from 0 to 255, found" in fault(
            saved(tmp_path / "y.npy", np.full((5, 6, 8), 256)), view
        )
    assert len(read(saved(tmp_path / "x.npy", values / 4), GREY)) == 5  # the overshoot of a generator
    bad = RNG.random((5, 3, 6, 8))
    bad[3, 1, 2, 4] = np.nan
    for array in (bad, bad.transpose(0, 2, 3, 1)):
        found = fault(saved(tmp_path / "x.npy", array), COLOUR)
        assert found == "x.npy: sample 3, channel 1, row 2, column 4: expected a finite number, found nan"


# PyTorch


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def test_tensors_of_a_pt_file(tmp_path: Path, torch: Any) -> None:
    values = RNG.random((3, 6, 20), np.float32)
    path = tmp_path / "x.pt"
    torch.save(torch.tensor(values).requires_grad_(), path)
    saved(tmp_path / "x.npy", values)
    ours, theirs = read(path), read(tmp_path / "x.npy")
    assert np.array_equal(ours.values, theirs.values)
    assert [name.replace("x.npy", "x.pt") for name in theirs.names] == ours.names
    torch.save({"a": torch.tensor(values), "loss": torch.ones(5), "epoch": 3, "b": torch.ones(6, 8)}, path)
    assert [name for name in read(path).names if "@" not in name] == ["x.pt:b"]
    torch.save(torch.tensor(values).transpose(1, 2).contiguous().transpose(1, 2), path)
    assert np.array_equal(read(path).values, theirs.values)
    torch.save(torch.tensor([[[60, 61], [59, -1], [0, 0], [48, 48]]]), path)
    assert music(read(path, PianoRollView(window=2))).voices.counts.tolist() == [3]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "uint8", "bool"])
def test_types_of_tensors(tmp_path: Path, torch: Any, dtype: str) -> None:
    cells = torch.tensor(RNG.integers(0, 2, (3, 6, 8))).to(getattr(torch, dtype))
    torch.save(cells, tmp_path / "x.pt")
    batch = read(tmp_path / "x.pt")
    assert batch.values.dtype == (np.bool_ if dtype in ("uint8", "bool") else np.float32)
    assert np.array_equal(batch.values, cells.double().numpy())


class Code:
    """What a pickle could call."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.unlink, (Path("x"),)  # type: ignore[return-value]  # it is refused before it is called


def test_a_pt_file_is_never_executed(tmp_path: Path, torch: Any) -> None:
    torch.save({"x": Code()}, tmp_path / "x.pt")
    message = fault(tmp_path / "x.pt")
    assert message.startswith(
        "x.pt: expected a tensor or a dict of tensors, found other objects (Weights only load failed"
    )


def test_pt_files_that_hold_no_piano_rolls(tmp_path: Path, torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.pt"
    for content, message in [
        ([1, 2], "expected a tensor or a dict of tensors, found an object of the type list"),
        ({"epoch": 3}, "expected at least one array, found none"),
        ({"x": torch.ones(5)}, "x.pt:x: expected samples x 6 pitches x steps"),
        (torch.ones(2, 6, 8).to_sparse(), "expected a dense tensor"),
        (torch.full((2, 6, 8), torch.nan), "expected a finite number, found nan"),
        (torch.ones(1, 1, 1).expand(2**20, 6, 1000), "expected at most 1,073,741,824 bytes, found 1048576 x 6 x 1000"),
    ]:
        torch.save(content, path)
        assert message in fault(path)
    torch.save(torch.ones(2, 6, 8), path)
    whole = path.read_bytes()
    for damaged in (b"", b"text", whole[:200], whole[:-30]):
        path.write_bytes(damaged)
        assert "expected a file saved by torch.save, found damage" in fault(path)
    path.write_bytes(whole)
    monkeypatch.setattr(tensor, "MAX_WHOLE", 100)
    assert "bytes of tensors, found" in fault(path)


def test_a_pt_file_without_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.pt").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert fault(tmp_path / "x.pt") == "x.pt: a .pt file needs PyTorch: pip install 'media-verifier[generators]'"
