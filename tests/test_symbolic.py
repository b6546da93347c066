"""Readers of symbolic music: agreement with another reader, and what is said of every kind of bad file."""

import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.base.errors import InputError
from verifier.data.windows import MAX_STEPS
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of, piano_roll, span
from verifier.music.read import score, symbolic
from verifier.music.read.symbolic import read_notes
from verifier.music.samples import music
from verifier.music.sections import cut_between_beats, sections
from verifier.music.view import PianoRollView

VIEW = PianoRollView(window=None)
ALL = PianoRollView(lowest_pitch=0, pitches=128, window=None)


def read(path: Path) -> Notes:
    return read_notes(path, name=path.name, group=path.name)


def vlq(value: int) -> bytes:
    out = [value & 127]
    while value := value >> 7:
        out.append(128 | value & 127)
    return bytes(reversed(out))


def midi(*events: tuple[int, bytes], ticks: int = 4, tracks: int = 1) -> bytes:
    body = b"".join(vlq(delta) + event for delta, event in (*events, (0, b"\xff\x2f\x00")))
    chunk = b"MTrk" + struct.pack(">I", len(body)) + body
    return b"MThd" + struct.pack(">IHHH", 6, 1, tracks, ticks) + chunk * tracks


def on(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x90 | channel, pitch, 64])


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x80 | channel, pitch, 0])


ONE_NOTE = midi((0, on(60)), (4, off(60)))

SCORE = """<?xml version="1.0"?>{prolog}
<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>a</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>2</divisions><time><beats>3</beats><beat-type>4</beat-type></time></attributes>
<note><grace/><pitch><step>G</step><octave>4</octave></pitch><voice>1</voice></note>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>2</duration><voice>1</voice></note>
<note><chord/><pitch><step>E</step><octave>4</octave></pitch><duration>2</duration><voice>1</voice></note>
<note><unpitched/><duration>2</duration><voice>1</voice></note>
<note><pitch><step>D</step><octave>4</octave></pitch><duration>2</duration><tie type="start"/><voice>1</voice></note>
</measure><measure number="2">
<note><pitch><step>D</step><octave>4</octave></pitch><duration>4</duration><tie type="stop"/><voice>1</voice></note>
</measure></part></score-partwise>"""
SCORE_NOTES = [(0.0, 1.0, 60), (0.0, 1.0, 64), (2.0, 5.0, 62)]


def triples(notes: Notes) -> list[tuple[float, float, int]]:
    return sorted(zip(notes.onsets.tolist(), notes.ends.tolist(), notes.pitches.tolist(), strict=True))


def test_midi_notes_parts_and_meter(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    for pitch in (60, 48):
        track = mido.MidiTrack()
        file.tracks.append(track)
        track.append(mido.MetaMessage("time_signature", numerator=6, denominator=8))
        track.append(mido.Message("note_on", note=pitch, velocity=64, time=240))
        track.append(mido.Message("note_off", note=pitch, time=480))
    drums = mido.MidiTrack([mido.Message("note_on", note=35, velocity=64, channel=9, time=0)])
    drums.append(mido.Message("note_off", note=35, channel=9, time=960))
    file.tracks.append(drums)
    file.save(tmp_path / "a.MID")
    notes = read(tmp_path / "a.MID")
    assert triples(notes) == [(0.5, 1.5, 48), (0.5, 1.5, 60)]
    assert sorted(notes.parts.tolist()) == [0, 1]
    assert notes.meter == 3.0


def test_a_note_of_no_duration_sounds_for_one_step(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi((0, on(60)), (0, off(60)), (4, on(62)), (4, off(62))))
    roll = piano_roll(read(tmp_path / "a.mid"), VIEW)
    assert roll[60 - 36].tolist() == [True] + [False] * 7


def test_a_note_off_ends_the_note_that_began_first(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi((0, on(60)), (4, on(60)), (4, off(60)), (8, off(60))))
    assert triples(read(tmp_path / "a.mid")) == [(0.0, 2.0, 60), (1.0, 4.0, 60)]


def test_a_note_that_is_struck_as_it_ends_is_two(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi((0, on(60)), (4, on(60)), (0, off(60)), (4, off(60))))
    assert triples(read(tmp_path / "a.mid")) == [(0.0, 1.0, 60), (1.0, 2.0, 60)]


def test_a_note_that_is_never_ended_lasts_to_the_next_of_its_part_or_to_the_end(tmp_path: Path) -> None:
    events = [(0, on(60)), (0, on(62)), (4, off(62)), (4, on(64)), (0, on(48, 1)), (4, b"\xff\x01\x00")]
    (tmp_path / "a.mid").write_bytes(midi(*events))
    assert triples(read(tmp_path / "a.mid")) == [(0.0, 1.0, 62), (0.0, 2.0, 60), (2.0, 3.0, 48), (2.0, 3.0, 64)]


def test_note_ons_without_any_note_off_are_a_melody(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi((0, on(60)), (4, on(62)), (2, on(62)), (2, b"\xff\x01\x00")))
    assert triples(read(tmp_path / "a.mid")) == [(0.0, 1.0, 60), (1.0, 1.5, 62), (1.5, 2.0, 62)]


def test_the_pedal_does_not_lengthen_a_note(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi((0, b"\xb0\x40\x7f"), (0, on(60)), (4, off(60)), (8, b"\xb0\x40\x00")))
    assert triples(read(tmp_path / "a.mid")) == [(0.0, 1.0, 60)]


def test_the_channels_of_a_single_track_are_parts_and_voices(tmp_path: Path) -> None:
    events = [(0, on(48, 3)), (0, on(72, 0)), (4, off(72, 0)), (0, on(71, 0)), (4, off(71, 0)), (0, off(48, 3))]
    (tmp_path / "a.mid").write_bytes(midi(*events))
    voices = music(batch_of([read(tmp_path / "a.mid")], VIEW)).voices
    assert voices.counts.tolist() == [2]
    assert voices.pitches[0].tolist() == [[72] * 4 + [71] * 4, [48] * 8]


def test_a_change_of_program_is_the_same_part(tmp_path: Path) -> None:
    events = [(0, b"\xc0\x05"), (0, on(60)), (4, off(60)), (0, b"\xc0\x06"), (0, on(62)), (4, off(62))]
    (tmp_path / "a.mid").write_bytes(midi(*events))
    assert read(tmp_path / "a.mid").parts.tolist() == [0, 0]


@pytest.mark.parametrize("signature", [b"\x00\x02", b"\x03\xff"])
def test_a_nonsensical_time_signature_counts_as_none(tmp_path: Path, signature: bytes) -> None:
    meta = b"\xff\x58\x04" + signature + b"\x18\x08"
    (tmp_path / "a.mid").write_bytes(midi((0, meta), (0, on(60)), (4, off(60))))
    notes = read(tmp_path / "a.mid")
    assert (notes.meter, notes.meter_known) == (4.0, False)


@pytest.mark.parametrize("seed", range(5))
def test_piano_roll_agrees_with_pretty_midi_where_both_are_exact(tmp_path: Path, seed: int) -> None:
    # At 120 quarters a minute a sixteenth is 1/8 s: with whole sixteenths, both grids are exact.
    rng = np.random.default_rng(seed)
    file = pretty_midi.PrettyMIDI(resolution=480, initial_tempo=120)
    for _ in range(3):
        instrument = pretty_midi.Instrument(0)
        file.instruments.append(instrument)
        for pitch in rng.choice(128, 40, replace=False):
            start = int(rng.integers(0, 200))
            end = start + int(rng.integers(1, 30))
            instrument.notes.append(pretty_midi.Note(64, int(pitch), start / 8, end / 8))
    file.write(str(tmp_path / "a.mid"))
    ours = piano_roll(read(tmp_path / "a.mid"), ALL)
    theirs = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).get_piano_roll(fs=8) > 0
    assert np.array_equal(ours, theirs[:, : ours.shape[1]])
    assert not theirs[:, ours.shape[1] :].any()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_batch_of_is_the_piano_roll_of_each_piece_in_windows(data: st.DataObject) -> None:
    view = PianoRollView(
        window=data.draw(st.sampled_from([None, 5, 16])),
        remainder=data.draw(st.sampled_from(["keep", "drop"])),
        lowest_pitch=60,
        pitches=3,
        steps_per_quarter=data.draw(st.sampled_from([1, 4, 2.5])),
    )
    note = st.tuples(st.integers(0, 60), st.integers(0, 40), st.integers(58, 64))
    pieces = []
    for i in range(data.draw(st.integers(0, 3))):
        onsets, lengths, pitches = np.array(data.draw(st.lists(note, min_size=1, max_size=8))).T
        pieces.append(
            Notes(
                name=f"p{i}",
                group=f"p{i}",
                onsets=onsets / 4,
                ends=(onsets + lengths) / 4,
                pitches=pitches,
                parts=np.zeros(len(pitches), np.int64),
            )
        )
    batch = batch_of(pieces, view)
    for section in (section for piece in pieces for section in sections(piece)):
        first, end = span(section, view)
        roll = piano_roll(section, view)[:, first:]
        of_piece = [i for i, group in enumerate(batch.groups) if group == section.name]
        at = [i for i in of_piece if first <= batch.starts[i] < end]
        joined = [batch.values[i, :, : batch.lengths[i]] for i in at]
        whole = np.concatenate([np.zeros((3, 0), np.bool_), *joined], axis=1)
        if view.remainder == "keep" or view.window is None:
            assert whole.shape == roll.shape
        assert np.array_equal(whole, roll[:, : whole.shape[1]])
        assert all(not batch.values[i, :, batch.lengths[i] :].any() for i in at)
        begins_cut, _ = cut_between_beats(section)
        assert [bool(batch.begins[i]) for i in at] == [batch.starts[i] == first and not begins_cut for i in at]
    if view.window is None:
        outside = sum(int(np.count_nonzero((p.pitches < 60) | (p.pitches > 62))) for p in pieces)
        assert int(music(batch).clipped.sum()) == outside


FAR = 10**9
MIDI_FAULTS = {
    "empty": (b"", "found an empty file"),
    "text": (b"hello, this is text\n", "starts with 'MThd', found 'hello, this is t'"),
    "header": (ONE_NOTE[:12], "of 1 tracks, found 0"),
    "cut": (ONE_NOTE[:-5], "found damage"),
    "track": (midi((0, on(60)), (4, off(60)), tracks=2)[:-20], "of 2 tracks, found 1"),
    "cut-track": (midi((0, on(60)), (4, off(60)), tracks=2)[:-10], "found damage"),
    "pitch": (
        midi((0, on(200)), (4, off(200))),
        "found damage: track 1: a note of pitch 200 and velocity 64 at tick 0",
    ),
    "no-status": (midi((0, b"\x3c\x40")), "found damage: track 1: a data byte where an event must begin, at tick 0"),
    "film": (midi((0, on(60)), (4, off(60)), ticks=0xE728), "found frames of film (SMPTE)"),
    "ticks": (midi((0, on(60)), (4, off(60)), ticks=0), "at least 1 tick in a quarter note, found 0"),
    "far": (midi((0, on(60)), (FAR, off(60))), "found one at tick 1,000,000,000"),
    "far-end": (midi((0, on(60)), (4, off(60)), (FAR, b"\xff\x01\x00")), "before tick 1,000,000,000"),
    # 2^32 and a little: a 32-bit counter comes round to where it was.
    "wrapped": (
        midi((0, on(60)), (4, off(60)), *[(2**28 - 1, b"\xff\x01\x00")] * 17, (0, on(61)), (4, off(61))),
        "expected all events before tick",
    ),
}


@pytest.mark.parametrize("fault", MIDI_FAULTS)
def test_bad_midi_is_one_clear_error(tmp_path: Path, fault: str) -> None:
    content, message = MIDI_FAULTS[fault]
    (tmp_path / "bad.mid").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "bad.mid")
    assert str(caught.value).startswith("bad.mid: expected ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_piece_that_is_too_long_is_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi((0, on(60)), (2**28 - 1, on(61)), (0, off(60)), (0, off(61)), ticks=1))
    with pytest.raises(InputError, match=f"at most {MAX_STEPS:,} steps, found a piece of"):
        piano_roll(read(tmp_path / "a.mid"), VIEW)


def test_a_late_event_below_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi((2**28 - 1, on(60)), (2**28 - 1, off(60)), (2**28 - 1, b"\xff\x01\x00")))
    assert read(tmp_path / "a.mid").onsets.tolist() == [(2**28 - 1) / 4]


def test_size_is_checked_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic, "MAX_BYTES", 10)
    (tmp_path / "a.mid").write_bytes(ONE_NOTE)
    with pytest.raises(InputError, match="at most 10 bytes, found"):
        read(tmp_path / "a.mid")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "a.mid")
    with pytest.raises(InputError, match="expected an ordinary file"):
        read_notes(tmp_path, name="x", group="x")


PIECE = midi(
    (0, b"\xff\x58\x04\x03\x02\x18\x08"),
    (0, b"\xff\x03\x04name"),
    *[event for p in range(50, 70) for event in ((3, on(p)), (300, off(p)))],
    (0, b"\xf0\x02\x01\xf7"),
    (0, b"\xc0\x05"),
    (70000, b"\xb0\x07\x64"),
    tracks=2,
)


@given(
    edits=st.lists(st.tuples(st.integers(0, len(PIECE) - 1), st.integers(0, 255)), max_size=6),
    end=st.one_of(st.just(len(PIECE)), st.integers(0, len(PIECE))),
)
@settings(max_examples=400, deadline=None)
def test_damaged_midi_gives_notes_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, edits, end) -> None:  # type: ignore[no-untyped-def]  # hypothesis draws them
    data = bytearray(PIECE)
    for at, value in edits:
        data[at] = value
    path = tmp_path_factory.getbasetemp() / "fuzz.mid"
    path.write_bytes(data[:end])
    try:
        notes = read(path)
        piano_roll(notes, VIEW)
    except InputError:
        return
    assert len(notes.onsets) == len(notes.ends) == len(notes.pitches) == len(notes.parts)
    assert (notes.ends >= notes.onsets).all()
    assert notes.onsets.min(initial=0) >= 0
    assert 0 <= notes.pitches.min(initial=0) <= notes.pitches.max(initial=0) <= 127
    assert notes.meter > 0


@pytest.mark.parametrize("suffix", [".xml", ".musicxml", ".mxl"])
def test_musicxml_ties_chords_grace_notes_and_percussion(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    doctype = '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://x.invalid/p.dtd">'
    text = SCORE.format(prolog=doctype)
    if suffix == ".mxl":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("META-INF/container.xml", "<container/>")
            archive.writestr("score.xml", text)
    else:
        path.write_text(text)
    notes = read(path)
    assert triples(notes) == SCORE_NOTES
    assert notes.meter == 3.0
    assert set(notes.parts.tolist()) == {0}


def test_humdrum_and_abc(tmp_path: Path) -> None:
    (tmp_path / "a.krn").write_bytes(
        "!! \xfcber\n**kern\t**kern\n*M2/4\t*M2/4\n4C\t4c\n4D\t4d\n*-\t*-\n".encode("latin-1")
    )
    notes = read(tmp_path / "a.krn")
    assert triples(notes) == [(0.0, 1.0, 48), (0.0, 1.0, 60), (1.0, 2.0, 50), (1.0, 2.0, 62)]
    assert notes.meter == 2.0
    assert set(notes.parts.tolist()) == {0, 1}
    (tmp_path / "a.abc").write_text("X:1\nT:a\nM:6/8\nL:1/8\nK:C\nCDE [CE]3|\n")
    assert triples(read(tmp_path / "a.abc"))[-2:] == [(1.5, 3.0, 60), (1.5, 3.0, 64)]
    (tmp_path / "b.abc").write_text("X:1\nM:2/4\nL:1/4\nK:C\nCD|\n\nX:2\nM:2/4\nL:1/4\nK:C\nCD|\n")
    with pytest.raises(InputError, match="expected one piece in a file, found 2"):
        read(tmp_path / "b.abc")


BOMB = '<!DOCTYPE x [<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{i + 1} "{f"&a{i};" * 10}">' for i in range(10)) + "]>"
SCORE_FAULTS = {
    "a.xml": (b"hello", "expected well-formed XML, found 'hello'"),
    "b.xml": (SCORE.format(prolog="")[:-40].encode(), "expected well-formed XML"),
    "c.xml": (b"<html></html>", "expected a MusicXML score (score-partwise), found <html>"),
    "d.xml": (SCORE.format(prolog=BOMB).encode(), "without entity declarations, found 'a0'"),
    "e.xml": (SCORE.format(prolog="").replace(">2</divisions", ">0</divisions").encode(), "music21 cannot read"),
    "f.mxl": (b"PK\x03\x04 broken", "compressed MusicXML file, found damage"),
    "g.krn": (b"hello", "expected a Humdrum **kern score, found what music21 cannot read"),
    "h.abc": (b"\x00\x01", "expected an ABC tune, found what music21 cannot read"),
    "i.xml": (b'<?xml version="1.0" encoding="nonsense"?><a/>', "expected well-formed XML"),
}


@pytest.mark.parametrize("name", SCORE_FAULTS)
def test_bad_scores_are_one_clear_error(tmp_path: Path, name: str) -> None:
    content, message = SCORE_FAULTS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(tmp_path / name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_our_own_faults_are_not_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.xml").write_text(SCORE.format(prolog=""))
    monkeypatch.setattr(score, "notes_of_columns", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        read(tmp_path / "a.xml")


def test_compressed_scores_unpack_in_bounded_memory(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "bomb.mxl", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("score.xml", "w") as entry,
    ):
        for _ in range(300):
            entry.write(bytes(2**20))
    program = (
        "import resource, sys; from pathlib import Path; from verifier.music.read.symbolic import read_notes\n"
        "from verifier.base.errors import InputError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_notes(Path(sys.argv[1]), name='bomb', group='bomb')\n"
        "except InputError as error: print(error)\n"
        "assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250_000\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "bomb.mxl"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "bomb:score.xml: expected at most 67,108,864 bytes, found more\n"
