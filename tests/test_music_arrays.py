"""Arrays of music in the layouts and on the scales that generators write: read alike, or told what to type.

Each line of NumPy that is printed is run here, and what it makes is read.
"""

import contextlib
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.corpora.corpus import load
from verifier.data.batch import Batch, concatenate
from verifier.data.medium import medium_named
from verifier.data.paths import open_path
from verifier.data.tensor import open_tensors
from verifier.image.view import ImageView
from verifier.judge.storage import storage_of
from verifier.music.samples import music, sounding_cells
from verifier.music.view import PianoRollView

VIEW = PianoRollView()
RNG = np.random.default_rng(5)


def voices(n: int) -> NDArray[np.int16]:
    """(n, 4, 64) pitches of four voices that move by a few semitones, with notes of 1 to 8 steps and some rests."""
    found = np.zeros((n, 4, 64), np.int16)
    for i in range(n):
        for voice, centre in enumerate((72, 65, 58, 48)):
            at, pitch = 0, centre
            while at < 64:
                length = int(RNG.choice([1, 2, 4, 4, 8]))
                pitch = int(np.clip(pitch + RNG.integers(-4, 5), centre - 9, centre + 9))
                found[i, voice, at : at + length] = -1 if RNG.random() < 0.05 else pitch
                at += length
    return found


def rolls_of(pitches: NDArray[Any], rows: int = 64, lowest: int = 36) -> NDArray[np.bool_]:
    return np.asarray((pitches[:, None] == np.arange(lowest, lowest + rows)[:, None, None]).any(2))


VOICES = voices(40)
ROLLS = rolls_of(VOICES)
ALL = rolls_of(VOICES, 128, 0)
KEYS = rolls_of(VOICES, 88, 21)
LOUD = (ROLLS * RNG.integers(25, 120, (40, 1, 1))).astype(np.uint8)


def turned(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array.swapaxes(-1, -2))


def read(path: Path, array: NDArray[Any], view: PianoRollView = VIEW) -> Batch:
    np.save(path / "x.npy", array)
    return concatenate(view, [b for one in open_tensors(path / "x.npy", view, name="x.npy") for b in one.batches()])


def mended(path: Path, array: NDArray[Any], lines: int = 1, view: PianoRollView = VIEW) -> Batch:
    """What is read when every line that is printed has been followed, the first where there are several."""
    for _ in range(lines):
        with pytest.raises(InputError) as caught:
            read(path, array, view)
        assert "\n" not in str(caught.value)
        line = re.search(r"save (.*?)(; if |$)", str(caught.value))
        assert line, str(caught.value)
        array = eval(line[1], {"x": array, "numpy": np})
    return read(path, array, view)


@pytest.mark.parametrize(
    "array",
    [
        ROLLS,
        ROLLS.astype(np.uint8),
        ROLLS.astype(np.uint8) * 255,
        ROLLS.astype(np.float16),
        ROLLS[:, None],
        ROLLS[..., None],
        np.packbits(ROLLS, axis=1),
        ALL,
        ALL.astype(np.float32),
        KEYS,
        KEYS[..., None],
        LOUD,
        LOUD.astype(np.int8),
        LOUD / 127,
        ROLLS.astype(np.int64) * 2,
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_the_same_music_in_every_layout_that_is_read(tmp_path: Path, array: NDArray[Any]) -> None:
    batch = read(tmp_path, array)
    assert np.array_equal(sounding_cells(batch), ROLLS)
    assert not music(batch).voices.counts.any()
    assert not music(batch).clipped.any()


@pytest.mark.parametrize(
    ("array", "lines"),
    [
        (turned(ROLLS), 1),
        (turned(LOUD), 1),
        (turned(ROLLS).astype(np.float32), 1),
        (turned(ALL), 1),
        (turned(KEYS), 1),
        (turned(ROLLS)[:, None], 1),
        (turned(ROLLS)[..., None], 1),
        (turned(ALL)[:, None], 1),
        (np.packbits(turned(ROLLS), axis=1), 1),
        (np.packbits(ROLLS, axis=2), 1),
        (np.packbits(turned(ROLLS), axis=2), 2),
        (np.packbits(ROLLS), 1),
        (np.packbits(ROLLS.reshape(40, -1), axis=1), 1),
        (ROLLS.reshape(40, -1), 1),
        (np.stack([ROLLS, ROLLS & False], axis=1), 1),
        (np.stack([turned(ALL), turned(ALL) & False], axis=1), 2),
        (np.stack([ROLLS, ROLLS & False], axis=-1), 1),
        (np.stack([turned(rolls_of(VOICES, 84, 24)).reshape(40, 4, 16, 84)] * 5, axis=-1), 1),
        (np.stack([turned(ALL).reshape(40, 4, 16, 128)] * 5, axis=1), 1),
        (turned(rolls_of(VOICES, 84, 24)), 1),
        (LOUD.astype(np.float32), 1),
        (np.where(ROLLS, 1.0, -(np.arange(64) >= 60).astype(float)), 1),
        (ROLLS * 2.0 - 1, 1),
        (ROLLS * 1.9 - 0.97, 1),
        (ROLLS * 9.0 - 4 + RNG.normal(0, 0.3, ROLLS.shape), 1),
        (ROLLS * 30.0 - 15, 1),
        ((ROLLS * 2 - 1).astype(np.int8), 1),
        ((ROLLS * (64 + RNG.integers(0, 60, ROLLS.shape))).astype(np.int8), 1),
        (turned(rolls_of(np.concatenate([VOICES, VOICES], axis=2))), 0),
    ],
    ids=lambda value: f"{value.shape} {value.dtype}" if isinstance(value, np.ndarray) else str(value),
)
def test_the_lines_that_are_printed_put_an_array_right(tmp_path: Path, array: NDArray[Any], lines: int) -> None:
    if not lines:  # 128 steps x 64 pitches: not what its shape alone would say, 128 pitches x 64 steps
        doubled = mended(tmp_path, array)
        assert np.array_equal(sounding_cells(doubled), np.repeat(ROLLS, 2, axis=0))
        return
    assert np.array_equal(sounding_cells(mended(tmp_path, array, lines)), ROLLS)


def test_one_roll_is_turned_too(tmp_path: Path) -> None:
    for array in (ROLLS[0].T, ALL[0].T, ROLLS[0, :, :40].T):
        assert np.array_equal(sounding_cells(mended(tmp_path, array)), ROLLS[:1, :, : array.shape[0]])
    assert np.array_equal(sounding_cells(read(tmp_path, ALL[0])), ROLLS[:1])


def test_what_is_said_of_the_axes(tmp_path: Path) -> None:
    said = {
        "square": (turned(ROLLS), "found notes along the other axis: the axes look swapped; save x.transpose(0, 2, 1)"),
        "wide": (turned(ALL), "the axes look swapped; save x[:, :, 36:100].transpose(0, 2, 1)"),
        "short": (
            turned(ALL[:, :, :50]),
            "if the axis of 128 holds the pitches, save x[:, :, 36:100].transpose(0, 2, 1)",
        ),
        "keys": (turned(KEYS), "the axes look swapped; save x[:, :, 15:79].transpose(0, 2, 1)"),
        "other": (
            turned(ROLLS[:, :50]),
            "the axes look swapped; transpose them, and cut or pad 50 pitches to MIDI 36 to",
        ),
    }
    for array, message in said.values():
        with pytest.raises(InputError, match=re.escape(message)):
            read(tmp_path, array)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("n", [1, 3, 100])
def test_noise_has_no_order(tmp_path: Path, share: float, n: int) -> None:
    noise = np.random.default_rng(n).random((n, 64, 64)) < share
    noise[:, 30, 0] = True  # no silence is before it
    assert np.array_equal(read(tmp_path, noise).values, noise)
    wide = np.random.default_rng(n).random((n, 128, 64)) < share
    with pytest.raises(
        InputError, match=r"holds the pitches, save x\[:, 36:100\]; if that of 64 does, save x.transpose"
    ):
        read(tmp_path, wide)


def test_what_is_no_music_is_read_as_it_stands(tmp_path: Path) -> None:
    bars = np.zeros((20, 64, 64), np.bool_)
    bars[:, :, ::16] = True  # all pitches at once: no note ends
    burst = np.zeros((20, 64, 64), np.bool_)
    burst[:, 20:24, [0, *RNG.integers(0, 64, 8)]] = True  # short clusters
    for array in (bars, burst, np.zeros_like(bars), ~np.zeros_like(bars)):
        assert np.array_equal(read(tmp_path, array).values, array)
    dim = RNG.random((20, 64, 64)) ** 3 * 0.4  # nothing reaches the threshold, and no value stays
    assert read(tmp_path, dim).values.dtype == np.float32
    assert read(tmp_path, (dim * 255).astype(np.uint8)).values.dtype == np.float32


def test_notes_outside_the_view_are_counted(tmp_path: Path) -> None:
    wide = ALL.copy()
    wide[0, 10, 3:7] = wide[0, 110, 3] = wide[0, 110, 5] = True
    wide[1, 120] = True
    batch = read(tmp_path, wide, PianoRollView(window=32))
    assert music(batch).clipped[:4].tolist() == [3, 0, 1, 0]
    low = PianoRollView(lowest_pitch=12, pitches=20)
    padded = read(tmp_path, KEYS, low)
    assert padded.values.shape == (40, 20, 64)
    assert not padded.values[:, :9].any()


def test_a_view_wider_than_the_array_is_padded(tmp_path: Path) -> None:
    view = PianoRollView(lowest_pitch=0, pitches=128)
    assert np.array_equal(read(tmp_path, KEYS, view).values, ALL)
    assert np.array_equal(mended(tmp_path, turned(KEYS), view=view).values, ALL)


@pytest.mark.parametrize(
    ("array", "lines"),
    [
        (VOICES, 0),
        (np.where(VOICES < 0, 0, VOICES).astype(np.uint8), 0),
        (turned(VOICES), 1),
        (np.where(turned(VOICES) < 0, 0, turned(VOICES)).astype(np.uint8), 1),
        (np.where(VOICES < 0, 128, VOICES), 1),
        (np.where(VOICES < 0, 255, VOICES).astype(np.uint8), 1),
        (turned(np.where(VOICES < 0, 128, VOICES)), 2),
        (np.where(VOICES < 0, np.nan, VOICES), 1),
        (np.where(VOICES < 0, np.nan, VOICES).astype(np.float16), 1),
        (turned(np.where(VOICES < 0, np.nan, VOICES)), 1),
        (np.where(VOICES < 0, 0.0, VOICES), 1),
    ],
    ids=lambda value: f"{value.shape} {value.dtype}" if isinstance(value, np.ndarray) else str(value),
)
def test_pitches_of_voices_however_rests_are_written(tmp_path: Path, array: NDArray[Any], lines: int) -> None:
    batch = mended(tmp_path, array, lines)
    assert np.array_equal(sounding_cells(batch), ROLLS)
    assert np.array_equal(music(batch).voices.pitches, music(read(tmp_path, VOICES)).voices.pitches)


def test_other_lengths_and_numbers_of_voices(tmp_path: Path) -> None:
    assert np.array_equal(mended(tmp_path, turned(VOICES[:, :, :50])).values, ROLLS[:, :, :50])
    assert np.array_equal(mended(tmp_path, VOICES[0, :, :50].T).values, ROLLS[:1, :, :50])
    twice = np.concatenate([VOICES, VOICES], axis=2)
    assert np.array_equal(mended(tmp_path, turned(twice)).values, np.repeat(ROLLS, 2, axis=0))
    three = mended(tmp_path, VOICES[:, :3])
    assert music(three).voices.counts.max() == 3
    assert np.array_equal(three.values, rolls_of(VOICES[:, :3]))
    five = np.concatenate([VOICES, VOICES[:, :1]], axis=1)
    assert np.array_equal(mended(tmp_path, five).values, ROLLS)
    assert np.array_equal(mended(tmp_path, turned(five)).values, ROLLS)
    assert np.array_equal(mended(tmp_path, VOICES[:, 0, :50]).values, rolls_of(VOICES[:, :1, :50]))


def test_a_number_for_a_note_that_goes_on_is_filled(tmp_path: Path) -> None:
    held = VOICES.copy()
    held[:, :, 1:][VOICES[:, :, 1:] == VOICES[:, :, :-1]] = 128
    assert np.array_equal(mended(tmp_path, held).values, ROLLS)


# Objects, JSON, pickles: pieces of different lengths

PIECES = [piece[:, :length].T for piece, length in zip(VOICES[:6], (64, 40, 50, 64, 33, 64), strict=True)]
"""Steps x voices, as in the files of JSB Chorales."""


def followed(error: InputError, folder: Path, made: str) -> Batch:
    """What is read of the file that the printed line makes."""
    assert "\n" not in str(error)
    with contextlib.chdir(folder):
        exec(str(error).rsplit(": ", 1)[1], {"numpy": np})
    return concatenate(VIEW, list(open_path(str(folder / made), VIEW).batches()))


def require_pieces(batch: Batch) -> None:
    assert batch.lengths.tolist() == [len(piece) for piece in PIECES]
    for values, piece in zip(sounding_cells(batch), PIECES, strict=True):
        assert np.array_equal(values[:, : len(piece)], rolls_of(piece.T[None])[0])


@pytest.mark.parametrize("kind", ["int", "nan", "lists", "npy"])
def test_arrays_of_objects_are_told_how_to_be_saved(tmp_path: Path, kind: str) -> None:
    objects = np.empty(len(PIECES), object)
    objects[:] = {
        "int": PIECES,
        "npy": PIECES,
        "nan": [np.where(piece < 0, np.nan, piece) for piece in PIECES],
        "lists": [[tuple(step) for step in piece.tolist()] for piece in PIECES],
    }[kind]
    path = tmp_path / ("it's.npy" if kind == "npy" else "jsb.npz")
    np.save(path, objects) if kind == "npy" else np.savez(path, train=objects, test=objects[:2])
    with pytest.raises(InputError, match="found Python objects, which are never loaded; if you trust") as caught:
        open_path(str(path), VIEW)
    batch = followed(caught.value, tmp_path, "samples.npz")
    require_pieces(batch)
    assert music(batch).voices.counts.tolist() == [4] * len(PIECES)


def test_pictures_in_an_array_of_objects(tmp_path: Path) -> None:
    objects = np.empty(2, object)
    objects[:] = [np.zeros((6, 8)), np.ones((6, 8))]
    np.save(tmp_path / "x.npy", objects)
    view = ImageView(height=6, width=8)
    with pytest.raises(InputError) as caught:
        open_path(str(tmp_path / "x.npy"), view)
    with contextlib.chdir(tmp_path):
        exec(str(caught.value).rsplit(": ", 1)[1], {"numpy": np})
    assert len(concatenate(view, list(open_path(str(tmp_path / "samples.npz"), view).batches()))) == 2


@pytest.mark.parametrize("suffix", ["json", "pkl", "pickle"])
def test_json_and_pickles_of_pieces(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"Jsb16thSeparated.{suffix}"
    if suffix == "json":
        path.write_text(json.dumps({"test": [piece.tolist() for piece in PIECES]}))
    else:
        sounding = [[tuple({int(p) for p in step if p > 0}) for step in piece] for piece in PIECES]
        path.write_bytes(pickle.dumps({"test": sounding}))
    with pytest.raises(InputError, match="if it holds lists of steps of") as caught:
        open_path(str(path), VIEW)
    require_pieces(followed(caught.value, tmp_path, "test.npz"))
    with pytest.raises(InputError, match="if it holds lists of steps of"):
        load(str(path), view=VIEW)


def test_the_largest_array_of_an_archive_says_what_is_wrong(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", labels=np.arange(40), rolls=turned(ROLLS[:, :, :50]))
    with pytest.raises(InputError, match=re.escape("x.npz:rolls: expected samples x 64 pitches x steps")):
        open_tensors(tmp_path / "x.npz", VIEW, name="x.npz")


@pytest.mark.parametrize("dtype", ["?", "u1", "f4"])
def test_silence_around_the_music_of_a_sample_is_padding(tmp_path: Path, dtype: str) -> None:
    """What stands in an array of one length as in a file of its own: a pickup after a rest, and an end."""
    music = np.zeros((3, 64, 64), np.bool_)
    music[:, 30, 0:30] = music[:, 34, 30:56] = True
    late = np.roll(music, 6, axis=2)  # a quarter and a half of rest before it
    late[2] = False
    plain, padded = read(tmp_path, music.astype(dtype)), read(tmp_path, late.astype(dtype))
    assert plain.lengths.tolist() == [56, 56, 56]
    assert padded.lengths.tolist() == [58, 58, 64]  # from a whole quarter on; silence is a silent sample
    assert np.array_equal(padded.values[:2, :, 2:58], plain.values[:2, :, :56])
    facts = storage_of(padded)
    assert facts.padding == 12
    assert list(medium_named("piano-roll").confounds(storage_of(plain.take([])), facts)) == [
        "6% of the time is silence before the first note or after the last of a sample, or of three quarters and more"
        " between: left out"
    ]


def test_windows_of_a_long_array_that_lie_after_the_music_are_none(tmp_path: Path) -> None:
    long = np.zeros((2, 64, 200), np.bool_)
    long[0, 30, 8:80] = long[1, 30, 0:200] = True
    batch = read(tmp_path, long)
    assert batch.lengths.tolist() == [64, 8, 64, 64, 64, 8]
    assert [name.partition("[")[2] for name in batch.names] == ["0]@0", "0]@64", "1]@0", "1]@64", "1]@128", "1]@192"]
    silent = read(tmp_path, np.zeros((1, 64, 200), np.bool_))
    assert silent.lengths.tolist() == [64, 64, 64, 8]


def test_the_pitches_of_voices_are_padded_too(tmp_path: Path) -> None:
    voices = np.full((2, 4, 64), -1, np.int64)
    voices[:, 0, 4:40], voices[:, 1, 8:30] = 72, 60
    batch = read(tmp_path, voices)
    assert batch.lengths.tolist() == [36, 36]
    assert batch.extra.voices.attacks[0, 0].nonzero()[0].tolist() == [0]
