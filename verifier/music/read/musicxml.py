"""MusicXML before music21 sees it: unpacked, parsed, and each note marked with what music21 would lose."""

from __future__ import annotations

import contextlib
import io
import struct
import xml.etree.ElementTree as ET
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from xml.parsers import expat

from verifier.base.errors import InputError, printable
from verifier.music.read.columns import MAX_BYTES, start_of

MAX_ARCHIVE_ENTRIES = 1000
"""Most files in a compressed score; real ones hold a score, a table of contents and a few pictures."""
PERCUSSION_CHANNEL = "10"


class Mark(NamedTuple):
    """What a note is, beside its pitch and time: its staff and voice within the part, and the semitones from the
    written pitch to the one that sounds. ``left_out``: ``drum`` and ``cue`` are no notes of the piece.
    """

    staff: str
    voice: str
    shift: int
    left_out: str = ""


def parse(data: bytes, name: str) -> ET.Element:
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


def unpack(data: bytes, name: str) -> bytes:
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


def mark_notes(root: ET.Element) -> None:
    """Write a Mark into each note of a score, as a footnote, which music21 keeps with its note. It loses the voice
    where a measure has a single one, and puts notes without a staff on all staves of their part: so each part is made
    one of a single staff, without transposition.
    """
    drums = {
        player.get("id")
        for player in root.iterfind("part-list/score-part")
        if _texts(player, "midi-instrument/midi-channel") == {PERCUSSION_CHANNEL}
    }
    for part in root.iterfind("part"):
        state = _PartState(part.get("id") in drums)
        for measure in part.iterfind("measure"):
            for element in measure:
                if element.tag == "attributes":
                    state.read_attributes(element)
                elif element.tag == "note":
                    _write_mark(element, state.mark_of(element))


def mark_of(note: Any) -> Mark | None:
    """The Mark that ``mark_notes`` wrote into a note of music21; None if there is none."""
    if not note.hasEditorialInformation:
        return None
    for comment in note.editorial.footnotes:
        if comment.text and comment.text.startswith(_PREFIX):
            staff, voice, shift, left_out = comment.text.removeprefix(_PREFIX).split("\x1f")
            return Mark(staff, voice, int(shift), left_out)
    return None


_PREFIX = "verifier\x1f"


def _write_mark(note: ET.Element, mark: Mark) -> None:
    for tag in ("footnote", "level", "staff"):
        for element in note.findall(tag):
            note.remove(element)
    ET.SubElement(note, "footnote").text = _PREFIX + "\x1f".join(map(str, mark))


def _texts(element: ET.Element, path: str) -> set[str]:
    return {(found.text or "").strip() for found in element.iterfind(path)}


def _number(element: ET.Element, path: str) -> int:
    try:
        return round(float(element.findtext(path) or 0))
    except ValueError:
        return 0


@dataclass
class _PartState:
    """What holds from here on in a part: for each staff its transposition, and whether its clef is of percussion."""

    drums: bool
    shifts: dict[str, int] = field(default_factory=dict)
    percussion: set[str] = field(default_factory=set)
    last: tuple[str, str] = ("1", "1")

    def read_attributes(self, attributes: ET.Element) -> None:
        """Note the transpositions and clefs, and take what makes music21 split or transpose the part out of it."""
        for element in list(attributes):
            staff = element.get("number")
            if element.tag == "transpose":
                shift = _number(element, "chromatic") + 12 * _number(element, "octave-change")
                self.shifts = {**({} if staff is None else self.shifts), staff or "": shift}
            elif element.tag == "clef":
                of = self.percussion.add if element.findtext("sign") == "percussion" else self.percussion.discard
                of(staff or "1")
            if element.tag in ("transpose", "staves"):
                attributes.remove(element)

    def mark_of(self, note: ET.Element) -> Mark:
        """The Mark of a note; one of a chord has the voice of the first, unless it says another."""
        chord = note.find("chord") is not None
        staff = (note.findtext("staff") or (self.last[0] if chord else "1")).strip()
        voice = (note.findtext("voice") or self.last[1]).strip()
        self.last = (staff, voice)
        left_out = "cue" if note.find("cue") is not None else ""
        if self.drums or note.find("unpitched") is not None or staff in self.percussion:
            left_out = "drum"
        return Mark(staff, voice, self.shifts.get(staff, self.shifts.get("", 0)), left_out)
