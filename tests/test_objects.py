"""Objects of the libraries of music in memory: one chorale is the same Batch whichever holds it."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mido
import numpy as np
import pretty_midi
import pytest
import symusic
from music21 import converter, stream

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.objects import batch_from
from verifier.music.piano_roll import batch_of
from verifier.music.read.midi import notes_of_score
from verifier.music.read.symbolic import music21_work, read_notes
from verifier.music.samples import music, sounding_cells
from verifier.music.view import PianoRollView

ROOT = Path(__file__).parents[1]
VIEW = PianoRollView(window=16)


@pytest.fixture(scope="module")
def chorale() -> Any:
    return converter.parse(music21_work("bwv66.6"), forceSource=True, storePickle=False)


@pytest.fixture(scope="module")
def expected() -> Batch:
    path = music21_work("bwv66.6")
    assert path is not None
    return batch_of([read_notes(path, name="[0]", group="[0]")], VIEW)


@pytest.fixture(scope="module")
def midi_file(expected: Batch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = music21_work("bwv66.6")
    assert path is not None
    notes = read_notes(path, name="", group="")
    file = mido.MidiFile(ticks_per_beat=480)
    for part in range(4):
        at = np.flatnonzero(notes.parts == part)
        events = [(int(notes.ends[i] * 480), 0, int(notes.pitches[i])) for i in at]
        events += [(int(notes.onsets[i] * 480), 64, int(notes.pitches[i])) for i in at]
        track = mido.MidiTrack([] if part else [mido.MetaMessage("time_signature", numerator=4, denominator=4)])
        tick = 0
        for time, velocity, pitch in sorted(events):
            track.append(mido.Message("note_on", note=pitch, velocity=velocity, time=time - tick, channel=part))
            tick = time
        file.tracks.append(track)
    saved = tmp_path_factory.mktemp("midi") / "chorale.mid"
    file.save(saved)
    return saved


class Music(SimpleNamespace):
    """What muspy.Music has that is read."""


Music.__module__ = "muspy.music"


def muspy_of(path: Path) -> Music:
    score = symusic.Score(path)
    tracks = [
        SimpleNamespace(
            is_drum=track.is_drum,
            notes=[SimpleNamespace(time=note.time, duration=note.duration, pitch=note.pitch) for note in track.notes],
        )
        for track in score.tracks
    ]
    drums = SimpleNamespace(is_drum=True, notes=[SimpleNamespace(time=0, duration=10, pitch=35)])
    signatures = [SimpleNamespace(time=0, numerator=4, denominator=4)]
    return Music(resolution=score.ticks_per_quarter, tracks=[drums, *tracks], time_signatures=signatures)


def same(a: Batch, b: Batch) -> bool:
    fields = ("values", "lengths", "starts", "begins", "ends")
    voices = ("pitches", "attacks", "counts")
    one, other = music(a), music(b)
    return (
        list(a.names) == list(b.names)
        and all(np.array_equal(getattr(a, field), getattr(b, field)) for field in fields)
        and all(np.array_equal(getattr(one, field), getattr(other, field)) for field in ("meters", "clipped"))
        and all(np.array_equal(getattr(one.voices, field), getattr(other.voices, field)) for field in voices)
    )


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(mido.MidiFile, id="mido"),
        pytest.param(lambda path: pretty_midi.PrettyMIDI(str(path)), id="pretty_midi"),
        pytest.param(symusic.Score, id="symusic"),
        pytest.param(lambda path: symusic.Score(path).to("quarter"), id="symusic-quarters"),
        pytest.param(lambda path: symusic.Score(path).to("second"), id="symusic-seconds"),
        pytest.param(muspy_of, id="muspy"),
        pytest.param(lambda path: notes_of_score(symusic.Score(path), name="[0]", group="[0]"), id="notes"),
    ],
)
def test_libraries_agree_on_a_chorale(expected: Batch, midi_file: Path, of: Any) -> None:
    batch = batch_from([of(midi_file)], VIEW)
    assert same(batch, expected)
    assert music(batch).voices.counts.tolist() == [4] * len(batch)
    assert same(batch_from(of(midi_file), VIEW), expected), "alone as in a list"


def test_a_stream_of_music21(chorale: Any, expected: Batch) -> None:
    batch = batch_from([chorale], VIEW)
    assert same(batch, expected)
    assert music(batch).pickups.tolist() == [1.0] * len(batch)
    assert len(batch_from(chorale.parts[0], VIEW)) == len(batch)


def test_arrays_in_memory(expected: Batch) -> None:
    rolls = expected.values[:2, :, :16]
    batch = batch_from([rolls, rolls[0]], VIEW)
    assert list(batch.names) == ["[0][0]", "[0][1]", "[1]"]
    assert np.array_equal(batch.values, rolls[[0, 1, 0]])
    assert list(batch_from(rolls, VIEW).names) == ["[0]", "[1]"]
    assert list(batch_from(rolls[0], VIEW).names) == ["[0]"]
    assert music(batch_from(music(expected).voices.pitches[:2].astype(np.int64), VIEW)).voices.counts.tolist() == [4, 4]
    with pytest.raises(InputError, match=r"^\[1\]: expected samples x 64 pitches"):
        batch_from([rolls, np.zeros((3, 5, 16))], VIEW)


def test_tensors_of_pytorch(expected: Batch) -> None:
    torch = pytest.importorskip("torch")
    rolls = torch.tensor(expected.values[:2, :, :16]).float().requires_grad_()
    batch = batch_from(torch.sigmoid((rolls - 0.5) * 30), VIEW)
    assert np.array_equal(sounding_cells(batch), expected.values[:2, :, :16])
    assert list(batch.names) == ["[0]", "[1]"]


def test_kinds_may_be_mixed(expected: Batch, midi_file: Path) -> None:
    batch = batch_from(iter([mido.MidiFile(midi_file), expected.values[:1]]), VIEW)
    assert len(batch) == len(expected) + 1
    assert music(batch).voices.counts.tolist() == [4] * len(expected) + [0]
    assert len(batch_from([], VIEW)) == 0


def test_percussion_of_pretty_midi_is_left_out() -> None:
    file = pretty_midi.PrettyMIDI()
    for drum in (True, False):
        instrument = pretty_midi.Instrument(0, is_drum=drum)
        instrument.notes.append(pretty_midi.Note(64, 60 + drum, 0.5, 1))  # 120 quarters a minute
        file.instruments.append(instrument)
    batch = batch_from([file], VIEW)
    assert np.argwhere(batch.values[0]).tolist() == [[24, 0], [24, 1], [24, 2], [24, 3]]


def broken(**changes: object) -> Music:
    note = {"time": 0, "duration": 4, "pitch": 60} | changes
    return Music(
        resolution=4, tracks=[SimpleNamespace(is_drum=False, notes=[SimpleNamespace(**note)])], time_signatures=[]
    )


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (3, "expected one of mido.MidiFile, .*, found builtins.int"),
        (["a.mid"], r"^\[0\]: expected one of mido.MidiFile, .*, found builtins.str"),
        ([None], r"^\[0\]: expected one of .*, found builtins.NoneType"),
        ([broken(pitch=128)], "expected pitches from 0 to 127, found 128 to 128"),
        ([broken(time=-1)], "expected notes that begin at 0 or later"),
        ([broken(duration=-1)], "expected notes that begin at 0 or later and end after that"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(objects: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        batch_from(objects, VIEW)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "empty",
    [mido.MidiFile(), pretty_midi.PrettyMIDI(), symusic.Score(480), stream.Score()],
    ids=lambda item: str(type(item)),
)
def test_an_object_without_notes_is_one_silent_sample(empty: Any) -> None:
    batch = batch_from([empty], VIEW)
    assert (list(batch.names), batch.values.shape, batch.values.any()) == (["[0]"], (1, 64, 16), False)
    assert music(batch).voices.counts.tolist() == [0]


def test_no_library_is_imported_for_an_array() -> None:
    code = (
        "import sys, numpy as np\n"
        "from verifier.data.objects import batch_from; from verifier.music.view import PianoRollView\n"
        "batch_from(np.zeros((2, 64, 16)), PianoRollView())\n"
        "print({'mido', 'pretty_midi', 'music21', 'muspy', 'symusic', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
