"""MusicXML, Humdrum and ABC -> Notes, by music21, which is imported where it is used."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from verifier.base.errors import InputError, printable
from verifier.music.notes import Notes
from verifier.music.read import abc, musicxml
from verifier.music.read.columns import SAME, Signature, bars_of, notes_of_columns
from verifier.music.read.musicxml import Mark
from verifier.music.read.voice_parts import parts_of_voices

if TYPE_CHECKING:
    from music21.stream import Stream


XML_SUFFIXES = (".xml", ".musicxml", ".mxl")


def read(data: bytes, suffix: str, *, name: str, group: str) -> Notes:
    """The notes of a score. Raises InputError for what is none, or is damaged."""
    return notes_of_stream(parse_score(data, suffix, name), name=name, group=group)


def parse_score(data: bytes, suffix: str, name: str) -> Stream[Any]:
    """The score by music21, from memory: nothing is looked up beside the file, stored or unpickled."""
    is_xml = suffix in XML_SUFFIXES
    # Some programs write compressed scores under any suffix, and plain ones under .mxl.
    if is_xml and data.startswith(b"PK\x03\x04"):
        data = musicxml.unpack(data, name)
    expected = {".krn": "a Humdrum **kern score", ".abc": "an ABC tune"}.get(suffix, "a MusicXML score")
    if is_xml:
        root = musicxml.parse(data, name)
        if root.tag != "score-partwise":
            raise InputError(name, f"expected {expected} (score-partwise), found <{printable(root.tag)}>")
        musicxml.mark_notes(root)

    def parsed(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            # music21 documents no class for malformed content and raises many, its own, KeyError and ZeroDivisionError
            # among them. Only its call stands in this block.
            found = printable(f"{type(error).__name__}: {error}")[:200]
            raise InputError(name, f"expected {expected}, found what music21 cannot read ({found})") from error

    from music21 import converter
    from music21.musicxml.xmlToM21 import MusicXMLImporter

    if is_xml:
        importer: Any = MusicXMLImporter()  # type: ignore[no-untyped-call]
        parsed(lambda: importer.xmlRootToScore(root, importer.stream))
        return importer.stream  # type: ignore[no-any-return]
    form = "humdrum" if suffix == ".krn" else "abc"

    def parse(text: str) -> Any:
        return parsed(lambda: converter.parseData(text, format=form))

    score: Stream[Any] = parse(_text(data)) if suffix == ".krn" else abc.score_of(_text(data), parse, name)
    return score


def _text(data: bytes) -> str:
    """Old Humdrum and ABC collections are in Latin-1, which accepts every byte."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@dataclass
class _Rows:
    """The notes of a score as they are found: a column each, and what else is counted on the way."""

    name: str
    onsets: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    pitches: list[int] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    staves: list[str] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    fermatas: set[float] = field(default_factory=set)
    drums: int = 0

    def add(self, onset: float, end: float, pitch: int, part: int, mark: Mark) -> int:
        """A note; its row."""
        if not 0 <= pitch <= 127:
            raise InputError(self.name, f"expected pitches from 0 to 127, found {pitch} at quarter {onset:g}")
        for column, value in zip(
            (self.onsets, self.ends, self.pitches, self.parts, self.staves, self.voices),
            (onset, end, pitch, part, mark.staff, mark.voice),
            strict=True,
        ):
            column.append(value)  # type: ignore[attr-defined]
        return len(self.onsets) - 1


def notes_of_stream(score: Stream[Any], *, name: str, group: str) -> Notes:
    """The notes of a music21 score, which is not changed, at the pitch that sounds. ``score.parts``, or all of it
    without, are its parts; where the voices on a staff go on through the piece, each of them is one.

    Tied notes become one, chords one note a pitch; grace and cue notes, chord symbols and percussion are left out.
    Raises InputError where the stream holds several pieces (an Opus).
    """
    from music21 import meter, stream

    if isinstance(score, stream.Opus):
        raise InputError(name, f"expected one piece in a file, found {len(score.scores)}; split it into files")
    rows = _Rows(name)
    for number, part in enumerate(score.getElementsByClass(stream.Part) or [score]):
        _read_part(part, number, 0.0 if part is score else float(part.offset), rows)
    columns = (
        np.array(rows.onsets, np.float64),
        np.array(rows.ends, np.float64),
        np.array(rows.pitches, np.int64),
        np.array(rows.parts, np.int64),
    )
    onsets, ends, pitches, parts = columns
    signatures = [
        Signature(float(found.getOffsetInHierarchy(score)), float(found.barDuration.quarterLength))
        for found in score.recurse().getElementsByClass(meter.TimeSignature)
    ]
    return notes_of_columns(
        name,
        group,
        (onsets, ends, pitches, parts_of_voices(onsets, ends, parts, rows.staves, rows.voices)),
        bars_of(signatures, _pickup(score, signatures)),
        fermatas=rows.fermatas,
        length=float(score.highestTime),
        drums=rows.drums,
    )


def _read_part(part: Stream[Any], number: int, offset: float, rows: _Rows) -> None:
    """Add the notes of a part that begins at ``offset`` to ``rows``."""
    from music21 import chord, expressions, harmony, note

    voices, shift_at, ottavas = _voices_of(part), _transpositions(part), _ottavas(part)
    tied: dict[int, list[int]] = {}  # pitch -> rows of notes that wait for their continuation
    for element in part.flatten().notes:
        if element.duration.isGrace or isinstance(element, harmony.ChordSymbol):
            continue
        onset = offset + float(element.offset)
        end = onset + float(element.quarterLength)
        if any(isinstance(mark, expressions.Fermata) for mark in element.expressions):
            rows.fermatas.add(onset)
        plain = Mark("", voices.get(id(element), ""), shift_at(float(element.offset)) + ottavas.get(id(element), 0))
        for sounding in element.notes if isinstance(element, chord.ChordBase) else [element]:
            mark = musicxml.mark_of(sounding) or plain
            if mark.left_out or not isinstance(sounding, note.Note):
                rows.drums += mark.left_out != "cue"
                continue
            pitch = round(sounding.pitch.ps) + mark.shift
            kind = sounding.tie.type if sounding.tie else ""
            row = _continued(tied.get(pitch, []), onset, mark, kind in ("stop", "continue"), rows)
            if row is not None:
                rows.ends[row] = end
            else:
                row = rows.add(onset, end, pitch, number, mark)
            if kind in ("start", "continue"):
                tied.setdefault(pitch, []).append(row)


def _continued(waiting: list[int], onset: float, mark: Mark, marked: bool, rows: _Rows) -> int | None:
    """The tied note that one at ``onset`` continues, which waits no more; None if there is none. In a voice a tie
    counts by its start alone: many editions leave out the mark at its end. From another voice it counts if ``marked``.
    """
    waiting[:] = [row for row in waiting if rows.ends[row] > onset - SAME]
    found = [row for row in waiting if abs(rows.ends[row] - onset) < SAME]
    own = [row for row in found if (rows.staves[row], rows.voices[row]) == (mark.staff, mark.voice)]
    chosen = own or (found if marked else [])
    if not chosen:
        return None
    waiting.remove(chosen[-1])
    return chosen[-1]


def _voices_of(part: Stream[Any]) -> dict[int, str]:
    """The voice of each element that stands in one, by the identity of the element. What stands in none, where a
    measure has a single voice, is taken for the first of the part.
    """
    from music21 import stream

    found: dict[int, str] = {}
    for holder in [part, *part.recurse().getElementsByClass(stream.Measure)]:
        for position, voice in enumerate(holder.getElementsByClass(stream.Voice)):
            # Without an id of its own, a voice has that of the object.
            called = str(position + 1) if voice.id == id(voice) else str(voice.id)
            found.update((id(element), called) for element in voice.notes)
    if not found:
        return found
    first = min(found.values(), key=lambda voice: (len(voice), voice))
    return {**{id(element): first for element in part.flatten().notes}, **found}


def _transpositions(part: Stream[Any]) -> Callable[[float], int]:
    """Semitones from written to sounding pitch at a time in the part: those of its instrument then, if it is written
    for that.
    """
    from music21 import instrument

    if part.atSoundingPitch is not False:
        return lambda offset: 0
    changes = [
        (float(each.offset), each.transposition.semitones if each.transposition else 0)
        for each in part.flatten().getElementsByClass(instrument.Instrument)
    ]
    offsets = [offset for offset, _ in changes]

    def shift_at(offset: float) -> int:
        before = bisect_right(offsets, offset + SAME)
        return round(changes[before - 1][1]) if before else 0

    return shift_at


def _ottavas(part: Stream[Any]) -> dict[int, int]:
    """Semitones of the octave marks under which notes are written at another octave, by identity of the element."""
    from music21 import spanner

    found: dict[int, int] = {}
    marks: Any = part.recurse().getElementsByClass(spanner.Ottava)  # most of its methods have no annotations
    for mark in marks:
        if mark.transposing:
            shift = round(mark.interval().semitones)
            found.update((id(element), shift) for element in mark.getSpannedElements())
    return found


def _pickup(score: Stream[Any], signatures: list[Signature]) -> float:
    """Quarter notes in the first measure, if it is shorter than a bar; else 0."""
    from music21 import stream

    first = score.recurse().getElementsByClass(stream.Measure).first()
    length = float(first.duration.quarterLength) if first is not None else 0.0
    return length if 0 < length < bars_of(signatures).meter - SAME else 0.0
