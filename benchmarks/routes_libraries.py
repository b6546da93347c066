"""Pieces through the libraries of music that people use: files that they write, and objects in memory."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import routes_scores as scores
from benchmarks.routes_midi import VELOCITY, file_of, signature
from verifier.music.notes import Notes

RESOLUTION = 24
"""Steps of a quarter note in a pypianoroll, its default."""


def bytes_of(notes: Notes) -> bytes:
    """A MIDI file by mido, a track a voice."""
    file = io.BytesIO()
    file_of(notes).save(file=file)
    return file.getvalue()


def music21_stream(notes: Notes) -> Any:
    """What music21 makes of a MusicXML score."""
    from music21 import converter

    return converter.parseData(scores.xml_parts(notes), format="musicxml")


def music21_xml(notes: Notes, path: Path) -> None:
    music21_stream(notes).write("musicxml", fp=path)


def music21_midi(notes: Notes, path: Path) -> None:
    music21_stream(notes).write("midi", fp=path)


def pretty_midi_object(notes: Notes) -> Any:
    """Four instruments at 120 beats a minute."""
    import pretty_midi

    made = pretty_midi.PrettyMIDI(initial_tempo=120, resolution=480)
    top, bottom = signature(notes.meter)
    made.time_signature_changes.append(pretty_midi.TimeSignature(top, bottom, 0))
    for part in scores.parts_of(notes):
        instrument = pretty_midi.Instrument(program=0)
        instrument.notes = [
            pretty_midi.Note(VELOCITY, int(notes.pitches[i]), float(notes.onsets[i]) / 2, float(notes.ends[i]) / 2)
            for i in np.flatnonzero(notes.parts == part)
        ]
        made.instruments.append(instrument)
    return made


def pretty_midi_again(notes: Notes, path: Path) -> None:
    """A file that pretty_midi read and wrote."""
    import pretty_midi

    pretty_midi.PrettyMIDI(io.BytesIO(bytes_of(notes))).write(str(path))


def mido_again(notes: Notes, path: Path) -> None:
    import mido

    mido.MidiFile(file=io.BytesIO(bytes_of(notes))).save(path)


def symusic_object(notes: Notes, unit: str = "tick") -> Any:
    import symusic

    return symusic.Score.from_midi(bytes_of(notes)).to(unit)


def symusic_midi(notes: Notes, path: Path) -> None:
    symusic_object(notes).dump_midi(path)


def pypianoroll_object(notes: Notes) -> Any:
    """A binary roll a voice, 24 steps a quarter."""
    import pypianoroll

    length = int(np.ceil(notes.ends.max() * RESOLUTION))
    tracks = []
    for part in scores.parts_of(notes):
        roll = np.zeros((length, 128), np.bool_)
        for i in np.flatnonzero(notes.parts == part):
            first, last = (int(np.floor(each[i] * RESOLUTION + 0.5)) for each in (notes.onsets, notes.ends))
            roll[first:last, notes.pitches[i]] = True
        tracks.append(pypianoroll.BinaryTrack(name=str(part), program=0, is_drum=False, pianoroll=roll))
    tempo = np.full(length, 120.0)
    return pypianoroll.Multitrack(resolution=RESOLUTION, tempo=tempo, tracks=tracks)


def pypianoroll_midi(notes: Notes, path: Path) -> None:
    pypianoroll_object(notes).write(str(path))


def muspy_object(notes: Notes) -> Any:
    import muspy

    made = muspy.Music(resolution=RESOLUTION)
    top, bottom = signature(notes.meter)
    made.time_signatures.append(muspy.TimeSignature(time=0, numerator=top, denominator=bottom))
    for part in scores.parts_of(notes):
        track = muspy.Track(program=0, is_drum=False)
        for i in np.flatnonzero(notes.parts == part):
            first, last = (int(np.floor(each[i] * RESOLUTION + 0.5)) for each in (notes.onsets, notes.ends))
            track.notes.append(muspy.Note(first, int(notes.pitches[i]), last - first, VELOCITY))
        made.tracks.append(track)
    return made


def muspy_midi(notes: Notes, path: Path) -> None:
    muspy_object(notes).write_midi(path)


LOST = "pickup, fermatas"
FILES: dict[str, tuple[Callable[[Notes, Path], None], str]] = {
    "mido, read and written": (mido_again, LOST),
    "pretty_midi, read and written": (pretty_midi_again, LOST),
    "pretty_midi": (lambda notes, path: pretty_midi_object(notes).write(str(path)), LOST),
    "music21": (music21_midi, LOST),
    "symusic": (symusic_midi, LOST),
    "muspy": (muspy_midi, LOST),
    "pypianoroll": (pypianoroll_midi, f"attacks, meter, {LOST}"),
}
"""Name -> what writes a file, and what is lost."""
OBJECTS: dict[str, tuple[Callable[[Notes], Any], str]] = {
    "mido": (file_of, LOST),
    "pretty_midi": (pretty_midi_object, LOST),
    "music21": (music21_stream, ""),
    "symusic, ticks": (symusic_object, LOST),
    "symusic, quarters": (lambda notes: symusic_object(notes, "quarter"), LOST),
    "symusic, seconds": (lambda notes: symusic_object(notes, "second"), LOST),
    "muspy": (muspy_object, LOST),
    "pypianoroll": (pypianoroll_object, f"attacks, meter, {LOST}"),
}
"""Name -> what makes the object of a piece, and what is lost."""
