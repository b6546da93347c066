"""The same notes, whatever wrote the MIDI file or holds them in memory; and files without notes."""

import dataclasses
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import symusic

from tests.choir import BASS, CHOIR, SOPRANO, VIEW, lines, read, save, signatures, track
from verifier.base.errors import InputError
from verifier.corpora import cache, folder
from verifier.data.medium import medium_named
from verifier.data.objects import batch_from
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of, piano_roll
from verifier.music.samples import music
from verifier.music.view import PianoRollView


@pytest.mark.parametrize("name", ["a.mid", "a.kar", "a.MIDI"])
def test_a_change_of_program_leaves_the_voices(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, *(track(line, i, [(0, 0), (4, 19), (6, 0)]) for i, line in enumerate(CHOIR)))
    assert lines(read(path)) == CHOIR
    if name == "a.mid":
        for item in (symusic.Score(path), pretty_midi.PrettyMIDI(str(path)), mido.MidiFile(path)):
            counts = music(batch_from([item], VIEW)).voices.counts
            assert set(counts.tolist()) == {4}, type(item)


def test_a_midi_file_in_a_riff_file_is_that_file(tmp_path: Path) -> None:
    data = save(tmp_path / "a.mid", *(track(line, i) for i, line in enumerate(CHOIR))).read_bytes()
    text = b"LIST" + (5).to_bytes(4, "little") + b"INFO " + b"\0"  # of an odd size, so that a byte follows
    chunks = text + b"data" + len(data).to_bytes(4, "little") + data
    wrapped = tmp_path / "a.rmi"
    wrapped.write_bytes(b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"RMID" + chunks)
    assert lines(read(wrapped)) == CHOIR
    wrapped.write_bytes(b"RIFF" + (4).to_bytes(4, "little") + b"RMID")
    with pytest.raises(InputError, match="starts with 'MThd'"):
        read(wrapped)


def test_the_channels_of_type_0_are_parts_whatever_their_programs(tmp_path: Path) -> None:
    merged = mido.merge_tracks([track(line, i, [(0, i), (4, 40 + i)]) for i, line in enumerate(CHOIR)])
    assert lines(read(save(tmp_path / "a.mid", merged, kind=0))) == CHOIR


def test_patterns_of_type_2_follow_each_other(tmp_path: Path) -> None:
    halves = [[(on - at, off - at, p) for on, off, p in SOPRANO if at <= on < at + 4] for at in (0, 4)]
    path = save(tmp_path / "a.mid", *(track(half, end=4) for half in halves), kind=2)
    assert lines(read(path)) == [SOPRANO]
    assert read(path).length == 8


def test_a_voice_goes_on_in_another_track_or_channel(tmp_path: Path) -> None:
    halves = [[[n for n in line if at <= n[0] < at + 4] for line in CHOIR] for at in (0, 4)]
    tracks = [track(line, i % 4) for i, line in enumerate([*halves[0], *halves[1]])]
    assert lines(read(save(tmp_path / "a.mid", *tracks))) == CHOIR
    channels = [track(line, i) for i, line in enumerate([*halves[0], *halves[1]])]
    assert lines(read(save(tmp_path / "b.mid", mido.merge_tracks(channels), kind=0))) == CHOIR
    later = [(on + 13, off + 13, pitch) for on, off, pitch in SOPRANO]
    path = save(tmp_path / "c.mid", *(track(line, i) for i, line in enumerate([SOPRANO[:2], BASS, later])))
    assert len(lines(read(path))) == 3  # a bar and more of rest lies between


@pytest.mark.parametrize("every", [2, 3])
def test_a_note_that_is_never_ended_is_not_ended_by_another_of_its_pitch(tmp_path: Path, every: int) -> None:
    tune = [(i, i + 1, pitch) for i, pitch in enumerate((60, 62, 64, 62, 60, 64, 62, 60, 62, 64, 60, 62))]
    messages, count = track(tune), 0
    kept = mido.MidiTrack()
    left = 0
    for message in messages:
        is_end = message.type == "note_on" and message.velocity == 0
        count += is_end
        if is_end and count % every == 0:
            left += message.time
            continue
        kept.append(message.copy(time=message.time + left))
        left = 0
    found = read(save(tmp_path / "a.mid", kept))
    assert lines(found) == [tune]
    assert found.mended == 12 // every


@pytest.mark.parametrize(
    ("changes", "rest", "expected"),
    [
        ([(0, 1, 4), (1, 4, 4)], 0, (4, 1, 0)),
        ([(0, 3, 8), (1.5, 6, 8)], 0, (3, 1.5, 0)),
        ([(0, 4, 4)], 3, (4, 1, 0)),
        ([(0, 4, 4)], 3.5, (4, 0.5, 0)),
        ([(0, 3, 4)], 2, (3, 1, 0)),
        ([(0, 4, 4)], 1, (4, 0, 1)),  # less than half of a bar is a rest
        ([(0, 4, 4)], 4, (4, 0, 4)),  # a bar of rest
        ([(0, 4, 4)], 2.93, (4, 2, 0.93)),  # off the grid: beats stay where they are
        ([(0, 4, 4), (4, 3, 4)], 0, (4, 0, 0)),
        ([(0, 2, 4), (8, 4, 4)], 0, (2, 0, 0)),
        ([], 3, (4, 1, 0)),
    ],
)
def test_pickups_of_midi(
    tmp_path: Path, changes: list[tuple[float, int, int]], rest: float, expected: tuple[float, float, float]
) -> None:
    line = [(onset + rest, end + rest, pitch) for onset, end, pitch in SOPRANO]
    notes = read(save(tmp_path / "a.mid", signatures(*changes), track(line)))
    assert (notes.meter, notes.pickup, notes.onsets.min()) == pytest.approx(expected, abs=1e-2)
    assert notes.meter_known == bool(changes)


def test_drums_are_counted_and_nothing_else_is_known_of_them(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mid", track(SOPRANO[:3], 9), track(BASS, 0))
    assert (read(path).drums, lines(read(path))) == (3, [BASS])


# Files without notes


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    save(tmp_path / "set" / "drums.mid", track(BASS, 9))
    return save(tmp_path / "set" / "empty.mid", track([], end=6))


@pytest.mark.parametrize(
    ("view", "shape"),
    [
        (PianoRollView(window=16), (1, 64, 16)),
        (PianoRollView(window=64, remainder="drop"), (1, 64, 64)),
        (PianoRollView(window=None), (1, 64, 24)),
    ],
)
def test_a_file_of_rests_is_one_silent_sample(silent: Path, view: PianoRollView, shape: tuple[int, int, int]) -> None:
    notes = read(silent)
    assert (len(notes.onsets), notes.length) == (0, 6)
    batch = batch_of([notes], view)
    assert (batch.values.shape, batch.values.any(), list(batch.names)) == (shape, False, ["empty.mid"])
    assert (batch.lengths.tolist(), batch.groups) == ([shape[2]], ["empty.mid"])
    assert not piano_roll(notes, view).any()
    drums = read(silent.with_name("drums.mid"))
    assert (len(drums.onsets), drums.drums, drums.length) == (0, 8, 8)


def test_silent_pieces_stand_among_others(silent: Path) -> None:
    choir = read(save(silent.with_name("choir.mid"), *(track(line, i) for i, line in enumerate(CHOIR))))
    batch = batch_of([read(silent), choir, read(silent)], VIEW)
    assert music(batch).voices.counts.tolist() == [0, 4, 4, 0]
    alone = batch_of([choir], VIEW)
    assert np.array_equal(batch.values[1:3], alone.values)


def test_nothing_is_learned_from_a_file_without_notes(silent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    medium = medium_named("piano-roll")
    with pytest.raises(InputError, match=r"none of 2 files can be read; the first: drums.mid: expected at least one"):
        folder.read(silent.parent, medium)
    save(silent.with_name("choir.mid"), *(track(line, i) for i, line in enumerate(CHOIR)))
    assert [piece.name for piece in folder.read(silent.parent, medium)] == ["choir.mid"]
    assert "empty.mid: expected at least one pitched note, found none" in capsys.readouterr().err


def test_the_cache_keeps_what_is_known_of_a_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_CACHE", str(tmp_path / "cache"))
    path = save(tmp_path / "a.mid", track(SOPRANO, 0, end=12), track(BASS, 9))
    piece = dataclasses.replace(read(path), pickup=1.0, fermatas=np.array([3.0]))
    kept = cache.cached("a", lambda: [piece]), cache.cached("a", lambda: [])
    for field in dataclasses.fields(Notes):
        assert np.array_equal(getattr(kept[1][0], field.name), getattr(piece, field.name)), field.name


# Objects that know the same


def test_objects_know_meters_drums_and_pickups(tmp_path: Path) -> None:
    tracks = (track(SOPRANO, 0), track(BASS[:2], 9))
    path = save(tmp_path / "a.mid", signatures((0, 1, 4), (1, 4, 4)), *tracks)
    objects = [symusic.Score(path), pretty_midi.PrettyMIDI(str(path)), mido.MidiFile(path)]
    for item in objects:
        extra = music(batch_from([item], VIEW))
        assert (extra.meters[0], extra.pickups[0]) == (4, 1), type(item)


def test_downbeats_of_pypianoroll_are_bars() -> None:
    pypianoroll = pytest.importorskip("pypianoroll")
    roll = np.zeros((52, 128), np.uint8)
    roll[:, 60] = 1
    starts = np.zeros(52, np.bool_)
    starts[[4, 16, 28, 40]] = True
    tracks = [pypianoroll.StandardTrack(pianoroll=roll), pypianoroll.StandardTrack(is_drum=True, pianoroll=roll)]
    for downbeat, expected in ((starts, (3, 1)), (None, (4, 0))):
        extra = music(batch_from([pypianoroll.Multitrack(resolution=4, tracks=tracks, downbeat=downbeat)], VIEW))
        assert (extra.meters[0], extra.pickups[0]) == expected
