"""Scores of a piece as text: MusicXML, kern and ABC, written by hand. Nothing of the product writes here."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.routes_midi import signature
from verifier.music.notes import Notes

UNIT = 8
"""Units of duration in a quarter note: every note of the chorales lies on a thirty-second."""
STEPS = [
    (name[0], {"#": 1, "b": -1}.get(name[1:], 0))
    for name in ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
]
"""The name and the alteration of each pitch class."""


class Sounding(NamedTuple):
    """A note, or a rest (pitch None), inside one bar: its units, whether it is tied from before and to after, and
    whether it stands under a fermata.
    """

    pitch: int | None
    units: int
    before: bool = False
    after: bool = False
    fermata: bool = False


Bar = list[Sounding]


def bars(notes: Notes, part: int) -> list[Bar]:
    """One voice, bar by bar, the pickup first."""
    own = notes.parts == part
    order = np.argsort(notes.onsets[own], kind="stable")
    rows = [
        (round(float(onset) * UNIT), round(float(end) * UNIT), int(pitch))
        for onset, end, pitch in zip(
            notes.onsets[own][order], notes.ends[own][order], notes.pitches[own][order], strict=True
        )
    ]
    fermatas = {round(float(at) * UNIT) for at in notes.fermatas}
    return [list(_bar(rows, first, last, fermatas)) for first, last in bar_lines(notes)]


def bar_lines(notes: Notes) -> list[tuple[int, int]]:
    """First unit and end of each bar; the last is as long as the others."""
    total, length, at = round(float(notes.ends.max()) * UNIT), round(notes.meter * UNIT), round(notes.pickup * UNIT)
    lines = [(0, at)] if at else []
    while at < total:
        lines.append((at, at + length))
        at += length
    return lines


def _bar(rows: Sequence[tuple[int, ...]], first: int, last: int, fermatas: set[int]) -> Iterator[Sounding]:
    at = first
    for onset, end, pitch in rows:
        if end <= first or onset >= last:
            continue
        if onset > at:
            yield Sounding(None, onset - at)
            at = onset
        stop = min(end, last)
        yield Sounding(pitch, stop - at, onset < first, end > last, onset in fermatas)
        at = stop
    if at < last:
        yield Sounding(None, last - at)


class Stave(NamedTuple):
    """A part of a score: its voices as (part of the piece, voice number, staff), how many staves it has, and by how
    many semitones it is written above what sounds.
    """

    voices: Sequence[tuple[int, int, int | None]]
    staves: int = 1
    written: int = 0


def parts_of(notes: Notes) -> list[int]:
    return [int(part) for part in np.unique(notes.parts)]


def xml(notes: Notes, staves: Sequence[Stave]) -> str:
    """A partwise MusicXML score."""
    listed = "".join(f'<score-part id="P{i}"><part-name>{i}</part-name></score-part>' for i, _ in enumerate(staves, 1))
    parts = "".join(f'<part id="P{i}">{_xml_part(notes, stave)}</part>' for i, stave in enumerate(staves, 1))
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<score-partwise version="3.1">'
    return f"{head}<part-list>{listed}</part-list>{parts}</score-partwise>"


def _xml_part(notes: Notes, stave: Stave) -> str:
    measures = []
    voices = [(bars(notes, part), voice, staff) for part, voice, staff in stave.voices]
    pickup = bool(notes.pickup)
    for j, (first, last) in enumerate(bar_lines(notes)):
        back = f"<backup><duration>{last - first}</duration></backup>"
        texts = [
            "".join(_xml_note(sound, voice, staff, stave.written) for sound in of_voice[j])
            for of_voice, voice, staff in voices
        ]
        number = f'number="{j + (not pickup)}"' + (' implicit="yes"' if pickup and not j else "")
        measures.append(f"<measure {number}>{'' if j else _attributes(notes, stave)}{back.join(texts)}</measure>")
    return "".join(measures)


def _attributes(notes: Notes, stave: Stave) -> str:
    top, bottom = signature(notes.meter)
    several = f"<staves>{stave.staves}</staves>" if stave.staves > 1 else ""
    moved = f"<transpose><chromatic>{-stave.written}</chromatic></transpose>" if stave.written else ""
    time = f"<time><beats>{top}</beats><beat-type>{bottom}</beat-type></time>"
    return f"<attributes><divisions>{UNIT}</divisions>{time}{several}{moved}</attributes>"


def _xml_note(sound: Sounding, voice: int, staff: int | None, written: int) -> str:
    pitch = "<rest/>"
    if sound.pitch is not None:
        step, alter = STEPS[(sound.pitch + written) % 12]
        octave = (sound.pitch + written) // 12 - 1
        altered = f"<alter>{alter}</alter>" if alter else ""
        pitch = f"<pitch><step>{step}</step>{altered}<octave>{octave}</octave></pitch>"
    kinds = ["stop"] * sound.before + ["start"] * sound.after
    ties = "".join(f'<tie type="{kind}"/>' for kind in kinds)
    marks = "".join(f'<tied type="{kind}"/>' for kind in kinds) + ("<fermata/>" if sound.fermata else "")
    notations = f"<notations>{marks}</notations>" if marks else ""
    on = f"<staff>{staff}</staff>" if staff else ""
    return f"<note>{pitch}<duration>{sound.units}</duration>{ties}<voice>{voice}</voice>{on}{notations}</note>"


def xml_parts(notes: Notes) -> str:
    return xml(notes, [Stave([(part, 1, None)]) for part in parts_of(notes)])


def xml_closed(notes: Notes) -> str:
    """Two parts, each of two voices on one staff: a hymnal."""
    of = parts_of(notes)
    return xml(notes, [Stave([(of[0], 1, None), (of[1], 2, None)]), Stave([(of[2], 1, None), (of[3], 2, None)])])


def xml_grand(notes: Notes) -> str:
    """One part on two staves, four voices."""
    of = parts_of(notes)
    return xml(notes, [Stave([(of[0], 1, 1), (of[1], 2, 1), (of[2], 5, 2), (of[3], 6, 2)], staves=2)])


def xml_each_two_staves(notes: Notes) -> str:
    """Two parts on two staves each, a voice a staff."""
    of = parts_of(notes)
    pairs = [(of[0], of[1]), (of[2], of[3])]
    return xml(notes, [Stave([(one, 1, 1), (other, 5, 2)], staves=2) for one, other in pairs])


def xml_transposing(notes: Notes) -> str:
    """The top part is for a clarinet in B flat: written a tone higher than it sounds."""
    of = parts_of(notes)
    return xml(notes, [Stave([(part, 1, None)], written=2 if part == of[0] else 0) for part in of])


def _powers(units: int) -> list[tuple[int, bool]]:
    """The note values (units, dotted) that add up to a duration, the longest first."""
    found = []
    while units:
        value = 1 << (units.bit_length() - 1)
        dotted = value > 1 and units >= value + value // 2
        found.append((value, dotted))
        units -= value + (value // 2 if dotted else 0)
    return found


def kern(notes: Notes) -> str:
    """A Humdrum file: a spine a voice, the lowest first."""
    voices = [bars(notes, part) for part in reversed(parts_of(notes))]
    top, bottom = signature(notes.meter)
    count = len(voices)
    lines = ["\t".join([word] * count) for word in ("**kern", f"*M{top}/{bottom}")]
    number = int(not notes.pickup)
    for j in range(len(voices[0])):
        if j or number:
            lines.append("\t".join([f"={number + j if number else j}"] * count))
        columns = [dict(_kern_tokens(voice[j])) for voice in voices]
        times = sorted(set().union(*columns))
        lines += ["\t".join(column.get(at, ".") for column in columns) for at in times]
    lines += ["\t".join([word] * count) for word in ("==", "*-")]
    return "\n".join(lines) + "\n"


def _kern_tokens(bar: Bar) -> Iterator[tuple[int, str]]:
    at = 0
    for sound in bar:
        values = _powers(sound.units)
        for i, (value, dotted) in enumerate(values):
            recip = "0" if value == 8 * UNIT else str(4 * UNIT // value)
            text = recip + "." * dotted
            if sound.pitch is None:
                yield at, text + "r"
            else:
                before, after = sound.before or i > 0, sound.after or i < len(values) - 1
                mark = ";" if sound.fermata else ""
                name = _kern_pitch(sound.pitch)
                yield at, ("[" if after and not before else "") + text + name + mark + _kern_tie(before, after)
            at += value + (value // 2 if dotted else 0)


def _kern_tie(before: bool, after: bool) -> str:
    return "_" if before and after else "]" if before else ""


def _kern_pitch(pitch: int) -> str:
    step, alter = STEPS[pitch % 12]
    octave = pitch // 12 - 1
    name = step.lower() * (octave - 3) if octave > 3 else step * (4 - octave)
    return name + {0: "", 1: "#", -1: "-"}[alter]


def abc(notes: Notes) -> str:
    """An ABC tune with a voice a part; every accidental is written."""
    top, bottom = signature(notes.meter)
    lines = ["X:1", "T:1", f"M:{top}/{bottom}", f"L:1/{4 * UNIT}", "K:C"]
    for part in parts_of(notes):
        lines.append(f"V:{part + 1}")
        lines.extend("".join(_abc_tokens(bar)) + "|" for bar in bars(notes, part))
    return "\n".join(lines) + "\n"


def _abc_tokens(bar: Bar) -> Iterator[str]:
    for sound in bar:
        if sound.pitch is None:
            yield f"z{sound.units} "
            continue
        step, alter = STEPS[sound.pitch % 12]
        octave = sound.pitch // 12 - 1
        name = step + "," * (4 - octave) if octave < 5 else step.lower() + "'" * (octave - 5)
        mark = "!fermata!" if sound.fermata else ""
        yield f"{mark}{'_=^'[alter + 1]}{name}{sound.units}{'-' if sound.after else ''} "


def write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
