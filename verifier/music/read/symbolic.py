"""Readers of symbolic music: MIDI by symusic; MusicXML, Humdrum and ABC by music21. Each file becomes Notes.

Both libraries are imported where they are used: a command that reads no such file does not wait for them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import struct
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError, printable
from verifier.base.files import open_regular
from verifier.music.notes import Notes

if TYPE_CHECKING:
    from music21.stream import Stream

MIDI_SUFFIXES = (".mid", ".midi")
XML_SUFFIXES = (".xml", ".musicxml", ".mxl")
TEXT_SUFFIXES = (".krn", ".abc")
SYMBOLIC_SUFFIXES = MIDI_SUFFIXES + XML_SUFFIXES + TEXT_SUFFIXES

MAX_BYTES = 64 * 2**20
"""Largest file, and largest score inside a compressed one, that is read."""
MAX_ARCHIVE_ENTRIES = 1000
"""Most files in a compressed score; real ones hold a score, a table of contents and a few pictures."""
MAX_TICK = 10**9
"""A MIDI event at this tick or after it is damage; symusic counts in 32 bits and would wrap around, unnoticed."""


def read_notes(path: Path, *, name: str, group: str) -> Notes:
    """The notes of one file, in quarter notes from its start; percussion and grace notes are left out.

    The format follows from the suffix (one of SYMBOLIC_SUFFIXES). Raises InputError if the file cannot be opened, is
    larger than MAX_BYTES, is not what its suffix says, is damaged, or holds no pitched note.
    """
    suffix = path.suffix.lower()
    data = _contents(path, name)
    if suffix in MIDI_SUFFIXES:
        return notes_of_midi(data, name=name, group=group)
    return notes_of_stream(parse_score(data, suffix, name), name=name, group=group)


def music21_work(name: str) -> Path | None:
    """The score that music21 brings under a name such as ``bwv66.6`` or ``palestrina/Agnus_00``; None if there is none.

    A name is the end of a path in music21's folder of scores, with or without its suffix, in upper or lower case.
    Neither music21 nor the network is asked. Raises InputError where several files have it.
    """
    package = importlib.util.find_spec("music21")
    if package is None or package.origin is None:
        return None
    top = Path(package.origin).parent / "corpus"
    wanted = f"/{name.lower()}"
    found = []
    for folder, _, names in os.walk(top):
        for file in names:
            inside, suffix = os.path.splitext(os.path.join(folder[len(str(top)) :], file).replace(os.sep, "/").lower())
            if suffix in SYMBOLIC_SUFFIXES and (inside.endswith(wanted) or f"{inside}{suffix}".endswith(wanted)):
                found.append(Path(folder, file))
    if len(found) > 1:
        paths = ", ".join(path.relative_to(top).as_posix() for path in sorted(found)[:5])
        raise InputError(name, f"expected the name of one score of music21, found {len(found)} of that name: {paths}")
    return found[0] if found else None


def _contents(path: Path, name: str) -> bytes:
    with open_regular(path, name) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise InputError(name, f"expected a score of at most {MAX_BYTES:,} bytes, found {size:,}")
        data = file.read(size)
    if not data:
        raise InputError(name, "expected a score, found an empty file")
    return data


def _notes(
    name: str,
    group: str,
    columns: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]],
    meter: float,
) -> Notes:
    onsets, ends, pitches, parts = columns
    if not len(onsets):
        raise InputError(name, "expected at least one pitched note, found none")
    return Notes(name=name, group=group, onsets=onsets, ends=ends, pitches=pitches, parts=parts, meter=meter)


# MIDI

_HIGH = b"0" * 128 + b"1" * 128


def notes_of_midi(data: bytes, *, name: str, group: str) -> Notes:
    """The notes of a Standard MIDI File (see ``notes_of_score``). Raises InputError for another or a damaged one."""
    if not data.startswith(b"MThd"):
        raise InputError(name, f"expected a Standard MIDI File, which starts with 'MThd', found {_start_of(data)}")
    last = _last_tick(data)
    if last >= MAX_TICK:
        raise InputError(name, f"expected all events before tick {MAX_TICK:,}, found one at tick {last:,}")
    # symusic reads on without a word where a file was cut between two tracks.
    declared, found = int.from_bytes(data[10:12], "big"), sum(1 for _ in _track_chunks(data))
    if found < declared:
        raise InputError(name, f"expected a whole Standard MIDI File of {declared} tracks, found {found}")

    from symusic import Score

    try:
        score: Any = Score.from_midi(data)  # its attributes are not in its type stubs
    except RuntimeError as error:  # what symusic raises on every malformed file
        reason = printable(str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error"))
        raise InputError(name, f"expected a whole Standard MIDI File, found damage: {reason}") from error
    return notes_of_score(score, name=name, group=group)


def notes_of_score(score: Any, *, name: str, group: str) -> Notes:
    """The notes of a symusic score in ticks, without those on the channel of percussion.

    From a file, a part is what one channel of one track plays with one program, so that a file of a single track (type
    0) has a part a channel, and a change of program begins a part. A note lasts to its note-off, whatever the pedal
    does. Of two notes of one pitch that overlap in one part, the first note-off ends the one that began first; a note
    that is never ended is left out. Raises InputError where no note remains.
    """
    ticks = score.ticks_per_quarter
    if ticks < 1:
        raise InputError(name, f"expected at least 1 tick in a quarter note, found {ticks}")
    tracks = [track.notes.numpy() for track in score.tracks if not track.is_drum and len(track.notes)]
    nothing = np.zeros(0, np.int64)

    def column(key: str) -> NDArray[np.int64]:
        return np.concatenate([nothing, *(track[key] for track in tracks)])

    onsets = column("time")
    parts = np.repeat(np.arange(len(tracks)), [len(track["time"]) for track in tracks])
    columns = (onsets / ticks, (onsets + column("duration")) / ticks, column("pitch"), parts)
    return _notes(name, group, columns, meter_of(score.time_signatures))


def meter_of(signatures: Sequence[Any]) -> float:
    """Quarter notes in a bar by the first of some time signatures, each with ``numerator`` and ``denominator``.

    A nonsensical one (0/4, or a denominator that overflowed) counts as none, 4: it only names places.
    """
    first = signatures[0] if len(signatures) else None
    return first.numerator * 4 / first.denominator if first and first.numerator > 0 and first.denominator > 0 else 4.0


def _last_tick(data: bytes) -> int:
    """Tick of the last event of the longest track, or 0 where a cheap bound shows that it lies below MAX_TICK.

    A time is one to four bytes of seven bits, all but the last with their high bit set, and an event takes at least one
    byte more. Only a file that exceeds the bound, or has a longer time than the format allows, is walked through.
    """
    high = data.translate(_HIGH)
    bound = (high.count(b"111") << 28) + (high.count(b"11") << 21) + (len(data) // 2 << 14)
    if bound < MAX_TICK and b"1111" not in high:
        return 0
    return max((_track_ticks(data[track]) for track in _track_chunks(data)), default=0)


def _track_chunks(data: bytes) -> Iterator[slice]:
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            yield slice(at + 8, at + 8 + length)
        at += 8 + length


def _track_ticks(track: bytes) -> int:
    """Sum of the times in one track; where it is damaged, of those before the damage (the reader will say the rest)."""
    data_bytes = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
    at, tick, status = 0, 0, 0

    def number() -> int:
        nonlocal at
        value = 0
        while track[at] >= 0x80:
            value = min(value << 7 | track[at] & 0x7F, MAX_TICK)
            at += 1
        at += 1
        return value << 7 | track[at - 1]

    try:
        while at < len(track):
            tick += number()
            if tick >= MAX_TICK:
                return tick
            if track[at] >= 0x80:
                status = track[at]
                at += 1
            if status == 0xFF:
                at += 1  # the kind of meta event
            if status in (0xFF, 0xF0, 0xF7):
                length = number()
                at += length
            elif status & 0xF0 in data_bytes:
                at += data_bytes[status & 0xF0]
            else:
                return tick
    except IndexError:
        pass
    return tick


# MusicXML, Humdrum, ABC


def parse_score(data: bytes, suffix: str, name: str) -> Stream[Any]:
    """The score by music21, from memory: nothing is looked up beside the file, stored or unpickled."""
    is_xml = suffix in XML_SUFFIXES
    # Some programs write compressed scores under any suffix, and plain ones under .mxl.
    if is_xml and data.startswith(b"PK\x03\x04"):
        data = _unpack(data, name)
    expected = {".krn": "a Humdrum **kern score", ".abc": "an ABC tune"}.get(suffix, "a MusicXML score")
    if is_xml:
        root = _parse_xml(data, name)
        if root.tag != "score-partwise":
            raise InputError(name, f"expected {expected} (score-partwise), found <{printable(root.tag)}>")

    from music21 import converter
    from music21.musicxml.xmlToM21 import MusicXMLImporter

    try:
        if is_xml:
            importer: Any = MusicXMLImporter  # without annotations
            score: Stream[Any] = importer().xmlRootToScore(root)
            return score
        return converter.parseData(_text(data), format="humdrum" if suffix == ".krn" else "abc")
    except Exception as error:
        # music21 documents no class for malformed content and raises many, its own, KeyError and ZeroDivisionError
        # among them. Only its call stands in this block.
        found = printable(f"{type(error).__name__}: {error}")[:200]
        raise InputError(name, f"expected {expected}, found what music21 cannot read ({found})") from error


def _text(data: bytes) -> str:
    """Old Humdrum and ABC collections are in Latin-1, which accepts every byte."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parse_xml(data: bytes, name: str) -> ET.Element:
    """The root element. A document that declares entities is refused unread: a few lines can expand to gigabytes."""

    class Prolog(Exception):  # noqa: N818  # no error: it ends the scan at the first element
        pass

    def refuse(entity: str, *_: object) -> None:
        raise InputError(name, f"expected MusicXML without entity declarations, found '{printable(entity)}'")

    def end_of_prolog(*_: object) -> None:
        raise Prolog

    scanner = expat.ParserCreate()
    scanner.EntityDeclHandler = refuse
    scanner.StartElementHandler = end_of_prolog
    try:
        with contextlib.suppress(Prolog):
            scanner.Parse(data, True)
        return ET.fromstring(data)
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError) as error:  # the last two: unknown encodings
        raise InputError(name, f"expected well-formed XML, found {_start_of(data)} ({error})") from error


def _unpack(data: bytes, name: str) -> bytes:
    """The score in a compressed MusicXML file, of at most MAX_BYTES whatever its directory claims."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ARCHIVE_ENTRIES:
                raise InputError(name, f"expected at most {MAX_ARCHIVE_ENTRIES} files inside, found {len(entries):,}")
            for entry in entries:
                inside = entry.filename
                if inside.startswith("META-INF/") or not inside.lower().endswith((".xml", ".musicxml")):
                    continue
                # Other methods cannot be unpacked in bounded memory, and the standard allows none.
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.flag_bits & 1:
                    raise InputError(f"{name}:{inside}", "expected a deflated entry, found another method")
                with archive.open(entry) as file:
                    score = file.read(MAX_BYTES + 1)
                if len(score) > MAX_BYTES:
                    raise InputError(f"{name}:{inside}", f"expected at most {MAX_BYTES:,} bytes, found more")
                return score
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError) as error:
        # ValueError: an offset before the start, or a name in no encoding.
        raise InputError(name, f"expected a whole compressed MusicXML file, found damage: {error}") from error
    raise InputError(name, "expected a .musicxml or .xml file inside, found none")


def notes_of_stream(score: Stream[Any], *, name: str, group: str) -> Notes:
    """The notes of a music21 score, which is not changed: one part each of ``score.parts``, or one for all without.

    Tied notes become one, chords one note a pitch; grace notes, chord symbols and unpitched percussion are left out.
    Raises InputError where there is no note, or where the stream holds several pieces (an Opus).
    """
    from music21 import chord, expressions, harmony, meter, note, stream

    if isinstance(score, stream.Opus):
        raise InputError(name, f"expected one piece in a file, found {len(score.scores)}; split it into files")
    rows: list[tuple[float, float, int, int]] = []
    fermatas: set[float] = set()
    for part, voice in enumerate(score.getElementsByClass(stream.Part) or [score]):
        offset = 0.0 if voice is score else float(voice.offset)
        tied: dict[int, int] = {}  # pitch -> row of the note that waits for its continuation
        for element in voice.flatten().notes:
            if element.duration.isGrace or isinstance(element, harmony.ChordSymbol):
                continue
            onset = offset + float(element.offset)
            end = onset + float(element.quarterLength)
            if any(isinstance(mark, expressions.Fermata) for mark in element.expressions):
                fermatas.add(onset)
            for sounding in element.notes if isinstance(element, chord.Chord) else [element]:
                if not isinstance(sounding, note.Note):
                    continue
                pitch = round(sounding.pitch.ps)
                if not 0 <= pitch <= 127:
                    raise InputError(name, f"expected pitches from 0 to 127, found {pitch} at quarter {onset:g}")
                kind = sounding.tie.type if sounding.tie else ""
                row = tied.pop(pitch, None)
                # Times are sums of fractions such as 1/3, so that equal ones may differ in the last digits.
                # A tie counts by its start alone: many editions leave out the mark at its end.
                if row is not None and abs(rows[row][1] - onset) < 1e-4:
                    rows[row] = (rows[row][0], end, pitch, part)
                else:
                    row = len(rows)
                    rows.append((onset, end, pitch, part))
                if kind in ("start", "continue"):
                    tied[pitch] = row
    first = score.recurse().getElementsByClass(meter.TimeSignature).first()
    table = np.array(rows, np.float64).reshape(-1, 4)
    columns = (table[:, 0].copy(), table[:, 1].copy(), table[:, 2].astype(np.int64), table[:, 3].astype(np.int64))
    quarters = float(first.barDuration.quarterLength) if first is not None else 0.0
    quarters = quarters if quarters > 0 else 4.0
    return replace(
        _notes(name, group, columns, quarters),
        pickup=_pickup(score, quarters),
        fermatas=np.array(sorted(fermatas), np.float64),
    )


def _pickup(score: Stream[Any], bar: float) -> float:
    """Quarter notes in the first measure, if it is shorter than a bar; else 0."""
    from music21 import stream

    first = score.recurse().getElementsByClass(stream.Measure).first()
    length = float(first.duration.quarterLength) if first is not None else 0.0
    return length if 0 < length < bar - 1e-4 else 0.0


def _start_of(data: bytes) -> str:
    return repr(data[:16].decode("latin-1")) if data else "nothing"
