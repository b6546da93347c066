"""What files of music tell beside the music: format, tracks, tempo, velocities, texts; and making them alike."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from verifier.base.errors import InputError, printable
from verifier.base.files import open_regular
from verifier.data.container import Container, Equaliser, Property, Stored, counted
from verifier.music.notes import Notes
from verifier.music.read.midi import notes_of_midi, unwrapped
from verifier.music.read.symbolic import MIDI_SUFFIXES, read_notes

PROPERTIES = {
    "format": Property("format", False),
    "file-size": Property("file size", unit="bytes", of_coding=True),
    "tracks": Property("number of tracks with notes"),
    "ticks": Property("ticks in a quarter note"),
    "tempo": Property("tempo", unit="quarter notes a minute"),
    "tempo-changes": Property("changes of tempo"),
    "time-signature": Property("time signature", False),
    "key-signature": Property("key signature", False),
    "programs": Property("programs", False),
    "controls": Property("control changes"),
    "velocity": Property("velocity", False),
    "velocities": Property("different velocities", part_of="velocity"),
    "texts": Property("texts", False),
    "software": Property("software that wrote it", False),
    "notes": Property("number of notes", of_content=True),
    "length": Property("length", unit="quarter notes"),
    "off-grid": Property("share of notes off the grid of 16ths and triplets", of_content=True),
}
GRID = 12
"""Places in a quarter note: those of sixteenths and of triplets of eighths."""
TICKS = 480
"""Ticks in a quarter note of equalised files."""
TEMPO = 120
VELOCITY = 64


class MusicContainer(Container):
    """Files of symbolic music."""

    properties = PROPERTIES

    def read(self, path: Path, name: str) -> Iterator[Stored]:
        with open_regular(path, name) as file:
            data = file.read()
        suffix = path.suffix.lower()
        if suffix in MIDI_SUFFIXES:
            notes = notes_of_midi(data, name=name, group=name)
            facts = {**_of_notes(notes), **_midi(unwrapped(data)), "file-size": len(data)}
            yield _stored(notes, facts, path)
            return
        facts = _score(data, suffix, name)
        content = hashlib.sha256(data).digest()
        facts |= {"file-size": len(data)}
        yield Stored(name=name, group=name, content=content, facts=counted(facts, PROPERTIES), source=path)

    def of_piece(self, piece: Any) -> Iterator[Stored]:
        if isinstance(piece, Notes):
            return iter([_stored(piece, _of_notes(piece), piece)])
        return self.read(piece.path, piece.name)

    def equaliser(self, stored: Sequence[Stored]) -> Equaliser:
        pieces = [_notes(each) for each in stored]
        empty = next((notes.name for notes in pieces if not len(notes.onsets)), None)
        if empty is not None:
            raise InputError("--equalise", f"{empty} holds no note; leave it out")
        length = min(map(_length, pieces))
        parts = {len(np.unique(notes.parts)) for notes in pieces}
        return _Equaliser(length, parts.pop() if len(parts) == 1 else 1)


class _Equaliser:
    """MIDI files of one length, resolution, tempo and velocity: ``tracks`` of them, without texts."""

    suffix = ".mid"

    def __init__(self, length: float, tracks: int) -> None:
        self.length = length
        self.tracks = tracks
        self.words: Sequence[str] = (
            f"the first {length:g} quarter notes",
            f"MIDI of {tracks} track{'s' * (tracks > 1)}, {TICKS} ticks in a quarter note, tempo {TEMPO}",
            f"program 0, velocity {VELOCITY}, without time signature and texts",
        )

    def write(self, stored: Stored, path: Path) -> None:
        from symusic import Note, Score, Tempo, Track

        notes = _notes(stored)
        score: Any = Score(TICKS)  # its attributes are not in its type stubs
        score.tempos.append(Tempo(0, TEMPO))
        _, parts = np.unique(notes.parts, return_inverse=True)
        inside = notes.onsets < self.length
        for part in range(self.tracks):
            own = inside & ((parts == part) | (self.tracks == 1))
            begin = np.rint(notes.onsets[own] * TICKS)
            end = np.rint(np.minimum(notes.ends[own], self.length) * TICKS)
            track: Any = Track()
            track.notes = Note.from_numpy(
                time=begin.astype(np.int32),
                duration=np.maximum(1, end - begin).astype(np.int32),
                pitch=notes.pitches[own].astype(np.int8),
                velocity=np.full(int(own.sum()), VELOCITY, np.int8),
            )
            score.tracks.append(track)
        path.write_bytes(score.dumps_midi())


def _notes(stored: Stored) -> Notes:
    if isinstance(stored.source, Notes):
        return stored.source
    return read_notes(stored.source, name=stored.name, group=stored.group)


def _length(notes: Notes) -> float:
    return float(notes.ends.max()) if len(notes.ends) else notes.length


def _of_notes(notes: Notes) -> dict[str, Any]:
    places = notes.onsets * GRID
    return {
        "tracks": len(np.unique(notes.parts)),
        "notes": len(notes.onsets),
        "length": _length(notes),
        "off-grid": np.mean(np.abs(places - np.rint(places)) > 1e-3) if len(places) else None,
    }


def _stored(notes: Notes, facts: dict[str, Any], source: Any) -> Stored:
    columns = (np.rint(notes.onsets * 480), np.rint(notes.ends * 480), notes.pitches)
    rows = np.stack([column.astype(np.int64) for column in columns], axis=1)
    content = hashlib.sha256(rows[np.lexsort(rows.T)].tobytes()).digest()
    known = counted(facts, PROPERTIES)
    return Stored(name=notes.name, group=notes.group, content=content, facts=known, source=source)


def _midi(data: bytes) -> dict[str, Any]:
    """What a MIDI file, which was read before, says beside its notes."""
    from symusic import Score

    score: Any = Score.from_midi(data)  # its attributes are not in its type stubs
    sounding = [track for track in score.tracks if len(track.notes)]
    velocities = {int(velocity) for track in sounding for velocity in track.notes.numpy()["velocity"]}
    texts = any(track.name for track in score.tracks) or len(score.markers) or any(map(_lyrics, score.tracks))
    meter = score.time_signatures[0] if len(score.time_signatures) else None
    return {
        "format": f"MIDI of type {int.from_bytes(data[8:10], 'big')}",
        "ticks": int(score.ticks_per_quarter),
        "tempo": round(float(score.tempos[0].qpm), 2) if len(score.tempos) else 120.0,
        "tempo-changes": max(0, len(score.tempos) - 1),
        "time-signature": f"{meter.numerator}/{meter.denominator}" if meter else "none",
        "key-signature": len(score.key_signatures) > 0,
        "programs": ", ".join(map(str, sorted({int(track.program) for track in sounding})))[:60],
        "controls": sum(len(track.controls) + len(track.pedals) + len(track.pitch_bends) for track in score.tracks),
        "velocity": _velocity(velocities),
        "velocities": len(velocities) or None,
        "texts": bool(texts),
    }


def _velocity(found: set[int]) -> str | None:
    """How loud notes are, in words; None where there is no note."""
    return f"always {min(found)}" if len(found) == 1 else "not constant" if found else None


def _lyrics(track: Any) -> bool:
    return len(track.lyrics) > 0


def _score(data: bytes, suffix: str, name: str) -> dict[str, Any]:
    """What a score says in words, without its music."""
    from verifier.music.read.musicxml import unpack
    from verifier.music.read.score import XML_SUFFIXES

    if suffix in XML_SUFFIXES:
        packed = data.startswith(b"PK\x03\x04")
        text = unpack(data, name) if packed else data
        beats = re.search(rb"<beats>\s*(\d+).*?<beat-type>\s*(\d+)", text, re.DOTALL)
        software = re.search(rb"<software>([^<]*)<", text)
        tempo = re.search(rb'<sound[^>]* tempo="([\d.]+)"', text)
        return {
            "format": "MusicXML, compressed" if packed else "MusicXML",
            "tracks": len(re.findall(rb"<score-part[ >]", text)),
            "ticks": int(found[1]) if (found := re.search(rb"<divisions>\s*(\d+)", text)) else None,
            "tempo": float(tempo[1]) if tempo else None,
            "time-signature": "/".join(group.decode() for group in beats.groups()) if beats else "none",
            "key-signature": b"<key" in text,
            "texts": any(mark in text for mark in (b"<work-title", b"<creator", b"<movement-title", b"<lyric")),
            "software": printable(software[1].decode("utf-8", "replace"))[:60] if software else "none",
            "notes": len(re.findall(rb"<note[ >]", text)) - text.count(b"<rest"),
        }
    is_kern = suffix == ".krn"
    marks = re.findall(rb"^!!!" if is_kern else rb"^[A-Z]:", data, re.MULTILINE)
    return {"format": "Humdrum" if is_kern else "ABC", "texts": len(marks) > 4}
