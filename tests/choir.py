"""A choir of four voices, two bars of it, and what writes and reads it."""

from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np

from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of
from verifier.music.read.symbolic import read_notes
from verifier.music.samples import music
from verifier.music.view import PianoRollView

VIEW = PianoRollView(window=16)
Line = list[tuple[float, float, int]]
SOPRANO: Line = [(i, i + 1, pitch) for i, pitch in enumerate((72, 74, 76, 77, 79, 77, 76, 74))]
ALTO: Line = [(i, i + 1, pitch) for i, pitch in enumerate((67, 67, 67, 69, 71, 69, 67, 65))]
TENOR: Line = [(i, i + 2, pitch) for i, pitch in zip(range(0, 8, 2), (60, 62, 64, 65), strict=True)]
BASS: Line = [(i, i + 1, pitch) for i, pitch in enumerate((48, 47, 45, 41, 43, 41, 43, 36))]
CHOIR = [SOPRANO, ALTO, TENOR, BASS]


def read(path: Path) -> Notes:
    return read_notes(path, name=path.name, group=path.name)


def lines(notes: Notes) -> list[Line]:
    """The notes of each part, highest part first."""
    found = []
    for part in np.unique(notes.parts):
        at = notes.parts == part
        columns = (notes.onsets[at].tolist(), notes.ends[at].tolist(), notes.pitches[at].tolist())
        found.append(sorted(zip(*columns, strict=True)))
    return sorted(found, key=lambda line: -np.mean([pitch for *_, pitch in line]))


def voices(notes: Notes) -> int:
    return int(music(batch_of([notes], VIEW)).voices.counts[0])


def track(line: Line, channel: int = 0, programs: Sequence[tuple[float, int]] = (), end: float = 0) -> mido.MidiTrack:
    events: list[tuple[float, int, mido.Message]] = [
        (at, 1, mido.Message("program_change", program=program, channel=channel)) for at, program in programs
    ]
    for onset, stop, pitch in line:
        events.append((onset, 2, mido.Message("note_on", note=pitch, velocity=64, channel=channel)))
        events.append((stop, 0, mido.Message("note_on", note=pitch, velocity=0, channel=channel)))
    made, now = mido.MidiTrack(), 0.0
    for at, _, message in sorted(events, key=lambda event: event[:2]):
        made.append(message.copy(time=round((at - now) * 480)))
        now = at
    made.append(mido.MetaMessage("end_of_track", time=max(0, round((end - now) * 480))))
    return made


def signatures(*changes: tuple[float, int, int]) -> mido.MidiTrack:
    made, now = mido.MidiTrack(), 0.0
    for at, top, bottom in changes:
        made.append(mido.MetaMessage("time_signature", numerator=top, denominator=bottom, time=round((at - now) * 480)))
        now = at
    return made


def save(path: Path, *tracks: mido.MidiTrack, kind: int = 1) -> Path:
    file = mido.MidiFile(type=kind, ticks_per_beat=480)
    file.tracks.extend(tracks)
    file.save(path)
    return path
