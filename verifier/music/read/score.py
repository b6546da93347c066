"""MusicXML, Humdrum and ABC -> Notes, by music21, which is imported where it is used."""

from __future__ import annotations

import contextlib
import io
import struct
import xml.etree.ElementTree as ET
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

import numpy as np

from verifier.base.errors import InputError, printable
from verifier.music.notes import Notes
from verifier.music.read.columns import MAX_BYTES, notes_of_columns, start_of

if TYPE_CHECKING:
    from music21.stream import Stream


XML_SUFFIXES = (".xml", ".musicxml", ".mxl")
MAX_ARCHIVE_ENTRIES = 1000
"""Most files in a compressed score; real ones hold a score, a table of contents and a few pictures."""


def read(data: bytes, suffix: str, *, name: str, group: str) -> Notes:
    """The notes of a score. Raises InputError for what is none, or is damaged."""
    return notes_of_stream(parse_score(data, suffix, name), name=name, group=group)


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
        raise InputError(name, f"expected well-formed XML, found {start_of(data)} ({error})") from error


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
        notes_of_columns(name, group, columns, quarters),
        pickup=_pickup(score, quarters),
        fermatas=np.array(sorted(fermatas), np.float64),
    )


def _pickup(score: Stream[Any], bar: float) -> float:
    """Quarter notes in the first measure, if it is shorter than a bar; else 0."""
    from music21 import stream

    first = score.recurse().getElementsByClass(stream.Measure).first()
    length = float(first.duration.quarterLength) if first is not None else 0.0
    return length if 0 < length < bar - 1e-4 else 0.0
