"""From a path that a person typed to Batches: what is found, in which order, under which names, and what is refused."""

import os
from pathlib import Path

import mido
import numpy as np
import pytest

from verifier.base.errors import InputError
from verifier.data import paths
from verifier.data.batch import concatenate
from verifier.data.paths import FileSamples, open_path
from verifier.music.samples import music
from verifier.music.view import PianoRollView

VIEW = PianoRollView(lowest_pitch=60, pitches=6, window=8)
DROP = PianoRollView(lowest_pitch=60, pitches=6, window=8, remainder="drop")


def tune(path: Path, steps: int = 8, pitch: int = 62) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    track = mido.MidiTrack()
    track.append(mido.Message("note_on", note=pitch, velocity=64, time=0))
    track.append(mido.Message("note_off", note=pitch, time=steps))
    file = mido.MidiFile(ticks_per_beat=4)
    file.tracks.append(track)
    with path.open("wb") as target:  # mido opens no path that is not valid Unicode
        file.save(file=target)
    return path


def tensor(path: Path, n: int = 2, steps: int = 8, value: float = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.full((n, 6, steps), value, np.float32))
    return path


def names(samples: FileSamples) -> list[str]:
    return [name for batch in samples.batches() for name in batch.names]


def test_a_folder_is_read_in_order_with_names_relative_to_it(tmp_path: Path) -> None:
    tune(tmp_path / "b.mid", steps=20)
    tune(tmp_path / "a" / "z.MIDI")
    tensor(tmp_path / "a" / "y.npy")
    (tmp_path / "readme.txt").write_text("x")
    (tmp_path / "._b.mid").write_text("x")
    samples = open_path(str(tmp_path), VIEW)
    expected = ["a/y.npy[0]", "a/y.npy[1]", "a/z.MIDI", "b.mid@0", "b.mid@8", "b.mid@16"]
    assert names(samples) == expected
    assert names(samples) == expected, "a second iteration gives the same"
    assert (samples.label, samples.ignored) == (str(tmp_path), 2)
    assert (samples.total, samples.unit, samples.done) == (3, "files", 3)
    whole = concatenate(VIEW, list(samples.batches()))
    assert list(whole.groups) == ["a/y.npy[0]", "a/y.npy[1]", "a/z.MIDI", "b.mid", "b.mid", "b.mid"]
    assert whole.lengths.tolist() == [8, 8, 8, 8, 8, 4]


def test_single_files(tmp_path: Path) -> None:
    assert names(open_path(str(tune(tmp_path / "x.mid")), VIEW)) == ["x.mid"]
    samples = open_path(str(tensor(tmp_path / "x.npy", n=3)), VIEW)
    assert (samples.total, samples.unit) == (3, "samples")
    assert names(samples) == ["x.npy[0]", "x.npy[1]", "x.npy[2]"]
    assert samples.done == 3


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.mid", ["a.mid", "b.mid"]),
        ("[ab].mid", ["a.mid", "b.mid"]),
        ("c/*/e.mid", ["d/e.mid"]),
        ("c/?", ["d/e.mid"]),
        ("**/*.mid", ["a.mid", "b.mid", "c/d/e.mid"]),
        ("**", ["a.mid", "b.mid", "c/d/e.mid", "c/t.npy[0]"]),
        ("c/**/e.mid", ["d/e.mid"]),
        ("**/d", ["c/d/e.mid"]),
        ("**/[!ab].mid", ["c/d/e.mid"]),
    ],
)
def test_globs(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    for name in ("a.mid", "b.mid", "c/d/e.mid"):
        tune(tmp_path / name)
    tensor(tmp_path / "c" / "t.npy", n=1)
    (tmp_path / "readme.txt").write_text("x")
    assert names(open_path(str(tmp_path / pattern), VIEW)) == expected


def test_a_name_that_looks_like_a_glob_is_a_name_first(tmp_path: Path) -> None:
    tune(tmp_path / "a[1].mid")
    assert names(open_path(str(tmp_path / "a[1].mid"), VIEW)) == ["a[1].mid"]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file, a folder or a glob, found nothing there"):
        open_path(str(tmp_path / "missing"), VIEW)
    with pytest.raises(InputError, match=r"suffixes \.mid, .*\.npz, \.pt, found none$"):
        open_path(str(tmp_path), VIEW)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match=r"suffixes \.mid, .*, found none among 1 files"):
        open_path(str(tmp_path), VIEW)
    with pytest.raises(InputError, match=r"found \.txt"):
        open_path(str(tmp_path / "a.txt"), VIEW)
    with pytest.raises(InputError, match="expected files that match, found none"):
        open_path(str(tmp_path / "*.mid"), VIEW)
    with pytest.raises(InputError, match="found none among 1 files"):
        open_path(str(tmp_path / "*.txt"), VIEW)
    (tmp_path / "dangling.mid").symlink_to(tmp_path / "gone.mid")
    with pytest.raises(InputError, match=r"dangling\.mid: expected a readable file, found: No such file"):
        names(open_path(str(tmp_path / "dangling.mid"), VIEW))


def test_a_score_of_music21_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bwv66.6", "bach/BWV66.6", "bwv66.6.mxl"):
        samples = open_path(name, PianoRollView(window=None))
        assert names(samples) == [name]
    (batch,) = samples.batches()
    assert music(batch).voices.counts.tolist() == [4]
    assert music(batch).pickups.tolist() == [1.0]
    with pytest.raises(InputError, match=r"found 2 of that name: bach/bwv277\.krn, bach/bwv277\.mxl"):
        open_path("bwv277", VIEW)
    monkeypatch.chdir(tmp_path)
    tune(tmp_path / "bwv66.6")
    with pytest.raises(InputError, match=r"suffixes .* found \.6"):
        open_path("bwv66.6", VIEW)  # what lies there comes first


@pytest.mark.parametrize("pattern", ["", "**/*.mid"])
def test_links_in_circles_end(tmp_path: Path, pattern: str) -> None:
    tune(tmp_path / "a" / "x.mid")
    for i in range(3):
        (tmp_path / "a" / f"loop{i}").symlink_to(tmp_path)
    (tmp_path / "a" / "self.mid").symlink_to("self.mid")
    samples = open_path(str(tmp_path / pattern), VIEW, on_error="skip")
    assert names(samples) == ["a/x.mid"]
    assert [error.place for error in samples.unreadable] == ["a/self.mid"]


def test_names_in_no_encoding_are_read_and_escaped(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\x1b.mid")
    tune(tmp_path / name)
    assert names(open_path(str(tmp_path), VIEW)) == ["caf\\udce9\x1b.mid"]  # so that reports can hold it
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError) as caught:
        names(open_path(str(tmp_path), VIEW))
    assert str(caught.value).startswith("caf\\udce9\\x1b.mid: expected")


def test_unreadable_files_stop_or_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_text("text")
    tune(tmp_path / "b.mid")
    bad = tensor(tmp_path / "c.npy", n=3, value=0.5)
    np.save(bad, np.concatenate([np.zeros((1, 6, 8)), np.full((1, 6, 8), np.nan)]))
    tune(tmp_path / "d.mid", steps=5)
    with pytest.raises(InputError, match=r"^a\.mid: expected a Standard MIDI File"):
        names(open_path(str(tmp_path), VIEW))
    samples = open_path(str(tmp_path), DROP, on_error="skip")
    for _ in range(2):
        assert names(samples) == ["b.mid"], "a file that is skipped gives nothing, not its first samples"
        assert [str(error) for error in samples.unreadable] == [
            "a.mid: expected a Standard MIDI File, which starts with 'MThd', found 'text'",
            "c.npy: sample 1, row 0, step 0: expected a finite number, found nan",
            "d.mid: expected at least 8 steps for one window, found 5",
        ]
        assert samples.done == samples.total == 4
    (tmp_path / "b.mid").unlink()
    with pytest.raises(InputError, match=r"expected a readable file, found none among 3; the first: a\.mid"):
        names(open_path(str(tmp_path), DROP, on_error="skip"))


def test_a_single_unreadable_tensor_under_skip(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 5, 8)))
    with pytest.raises(InputError, match="6 pitches"):
        names(open_path(str(tmp_path / "x.npy"), VIEW, on_error="skip"))


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 7, 100])
def test_limit_counts_samples(tmp_path: Path, limit: int) -> None:
    tune(tmp_path / "a.mid", steps=20)
    tensor(tmp_path / "b.npy", n=3, steps=9)
    assert names(open_path(str(tmp_path), VIEW, limit=limit)) == names(open_path(str(tmp_path), VIEW))[:limit]


@pytest.mark.parametrize("window", [8, None])
def test_batches_are_bounded(tmp_path: Path, window: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    view = PianoRollView(lowest_pitch=60, pitches=6, window=window)
    for i in range(6):
        tune(tmp_path / f"{i}.mid", steps=8 * (i + 1))
    whole = names(open_path(str(tmp_path), view))
    monkeypatch.setattr(paths, "CHUNK_CELLS", 6 * 8 * 4)
    batches = list(open_path(str(tmp_path), view).batches())
    assert [name for batch in batches for name in batch.names] == whole
    assert all(batch.values.size <= 6 * 8 * 4 or len(batch) == 1 for batch in batches)
