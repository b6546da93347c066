"""MIDI files of a piece by mido, in the shapes that other people's programs give them. Nothing of the product writes
here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np

from verifier.music.notes import Notes

Event = tuple[int, int, mido.Message | mido.MetaMessage]
"""Tick, rank among the events of that tick, and the event."""
VELOCITY = 64


LAYOUTS: dict[str, Callable[[list[int]], list[list[int]]]] = {
    "tracks": lambda parts: [[part] for part in parts],
    "lowest first": lambda parts: [[part] for part in reversed(parts)],
    "one track": lambda parts: [parts],
    "hands": lambda parts: [parts[:2], parts[2:]],
    "with a reduction": lambda parts: [*([part] for part in parts), parts],
}
"""Name -> the parts in each track."""


@dataclass(frozen=True)
class Style:
    """How a file is made: ``layout`` is a name of LAYOUTS; ``kind`` the type of the file; ``channels`` gives each part
    its own; ``meters`` are (quarter, quarters in a bar); ``tempi`` (quarter, beats a minute); ``velocity`` gives that
    of the i-th note; ``ends`` is what ends a note: off, on (of velocity 0), or nothing.
    """

    layout: str = "tracks"
    kind: int = 1
    channels: bool = False
    ticks: int = 480
    meters: Callable[[Notes], Sequence[tuple[float, float]]] = lambda notes: [(0.0, notes.meter)]
    tempi: Callable[[Notes], Sequence[tuple[float, float]]] = lambda notes: []
    velocity: Callable[[int], int] = lambda at: VELOCITY
    ends: str = "off"
    programs: bool = False
    drums: bool = False


def signature(quarters: float) -> tuple[int, int]:
    """(numerator, denominator) of a bar of so many quarter notes."""
    bar = Fraction(quarters).limit_denominator(16) / 4
    numerator, denominator = bar.numerator, bar.denominator
    return (numerator * 4 // denominator, 4) if denominator < 4 else (numerator, denominator)


def file_of(notes: Notes, style: Style = Style()) -> mido.MidiFile:
    """The piece as a MIDI file in memory."""
    head = list(_head(notes, style))
    parts = [int(part) for part in np.unique(notes.parts)]
    tracks = [[event for part in some for event in _voice(notes, part, style)] for some in LAYOUTS[style.layout](parts)]
    if style.drums:
        tracks.append(list(_drums(notes, style)))
    tracks = [head, *tracks] if style.kind else [head + [event for track in tracks for event in track]]
    file = mido.MidiFile(type=style.kind, ticks_per_beat=style.ticks)
    file.tracks.extend(map(_track, tracks))
    return file


def empty_file(quarters: float) -> mido.MidiFile:
    """A valid file without a note."""
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("end_of_track", time=round(quarters * 480))]))
    return file


def write(notes: Notes, path: Path, style: Style = Style()) -> None:
    file_of(notes, style).save(path)


def _track(events: Sequence[Event]) -> mido.MidiTrack:
    track, now = mido.MidiTrack(), 0
    for at, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=at - now))
        now = at
    return track


def _head(notes: Notes, style: Style) -> Iterator[Event]:
    for at, quarters in style.meters(notes):
        top, bottom = signature(quarters)
        yield round(at * style.ticks), 0, mido.MetaMessage("time_signature", numerator=top, denominator=bottom)
    for at, beats in style.tempi(notes):
        yield round(at * style.ticks), 0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(beats))


def _voice(notes: Notes, part: int, style: Style) -> Iterator[Event]:
    own = np.flatnonzero(notes.parts == part)
    channel = part if style.channels else 0
    if style.programs:
        half = round(float(notes.ends[own].max()) / 2 * style.ticks)
        yield 0, 0, mido.Message("program_change", program=0, channel=channel)
        yield half, 1, mido.Message("program_change", program=19, channel=channel)
    for i in own.tolist():
        pitch, velocity = int(notes.pitches[i]), style.velocity(i)
        start, end = (round(float(each[i]) * style.ticks) for each in (notes.onsets, notes.ends))
        yield start, 2, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)
        if style.ends != "nothing":
            yield max(end, start + 1), 0, mido.Message(f"note_{style.ends}", note=pitch, velocity=0, channel=channel)


def _drums(notes: Notes, style: Style) -> Iterator[Event]:
    for beat in range(int(notes.ends.max())):
        at = beat * style.ticks
        yield at, 2, mido.Message("note_on", note=42 if beat % 2 else 36, velocity=90, channel=9)
        yield at + style.ticks // 8, 0, mido.Message("note_off", note=42 if beat % 2 else 36, channel=9)
