"""A copy of an explained piece with its violations written in: MusicXML for notation programs, MIDI for sequencers."""

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError, printable
from verifier.base.files import replacing
from verifier.data.batch import Batch
from verifier.draw.marks import first_numbers, piece_of
from verifier.music import voices as voices_of
from verifier.music.marks import NoteTable, marked, note_table
from verifier.music.midi_file import MidiTrack, require_room, write_tracks
from verifier.music.samples import music, roll_view, sounding_cells
from verifier.music.voices import SILENT, Voices, voice_name
from verifier.music.words import bar_of
from verifier.rule.rule import Violation

SUFFIXES = (".musicxml", ".mid")

RED = "#CC1122"
MIDDLE_C = 60
"""The lowest pitch on the upper staff, where voices are not known."""
MAX_QUARTERS = 10_000
"""Longest copy as MusicXML, in quarter notes: two hours and more of music; music21 takes minutes for it."""


def require_possible(path: Path, batch: Batch, found: Mapping[int, Sequence[Violation]], shown: int) -> None:
    """Raise InputError if ``write`` cannot write this: the samples to show are of several pieces, or the format has no
    room for their grid or length.
    """
    order = _order(found, shown)
    pieces = list(dict.fromkeys(piece_of(batch, i) for i in order))
    if len(pieces) > 1:
        raise InputError(
            path,
            f"expected samples of one piece to copy, found {len(pieces)}: {', '.join(pieces[:3])};"
            " --limit 1 takes the one with the most violations",
        )
    at = _windows(batch, found, pieces[0])
    per_quarter = roll_view(batch).steps_per_quarter
    steps = int((batch.starts[at] + batch.lengths[at]).max() - batch.starts[at].min())
    if path.suffix == ".mid":
        require_room(path, steps, roll_view(batch))
    elif steps / per_quarter > MAX_QUARTERS:
        raise InputError(path, f"expected at most {MAX_QUARTERS:,} quarter notes, found {steps / per_quarter:,.0f}")
    elif not _writable(_step(batch)):
        raise InputError(path, f"expected steps that notation has a sign for, found {_step(batch)} of a quarter note")


def write(path: Path, batch: Batch, found: Mapping[int, Sequence[Violation]], shown: int) -> None:
    """Write the piece of which the ``shown`` samples with the most violations are windows, as far as the batch has it.

    Each violation stands where it begins, with the number that the printed list has and the name of its rule: in
    MusicXML above the highest of its notes, whose heads are red; in MIDI as a marker that also says where and what.
    Raises InputError as ``require_possible``.
    """
    require_possible(path, batch, found, shown)
    piece = piece_of(batch, _order(found, shown)[0])
    at = _windows(batch, found, piece)
    numbers = first_numbers(batch, found)
    marks = [
        (number, msgspec.structs.replace(violation, start=violation.start + int(batch.starts[i] - batch.starts[at[0]])))
        for i in at
        for number, violation in enumerate(found[i], numbers[i])
    ]
    if path.suffix == ".mid":
        _write_midi(path, joined(batch, at), marks)
    else:
        _write_musicxml(path, piece, joined(batch, at), marks)


def _order(found: Mapping[int, Sequence[Violation]], shown: int) -> list[int]:
    """The ``shown`` samples with the most violations, those first."""
    return sorted(found, key=lambda i: (-len(found[i]), i))[:shown]


def _windows(batch: Batch, found: Mapping[int, Sequence[Violation]], piece: str) -> list[int]:
    """The samples that were cut from the piece, in order of time."""
    return sorted((i for i in found if piece_of(batch, i) == piece), key=lambda i: int(batch.starts[i]))


def _step(batch: Batch) -> Fraction:
    """A step in quarter notes. By its decimal digits: as a binary number 14.4 is no fraction with small terms."""
    return 1 / Fraction(str(roll_view(batch).steps_per_quarter))


def joined(batch: Batch, at: Sequence[int]) -> Batch:
    """One sample of the windows ``at`` of one piece, in order of time, each where it stands in the piece."""
    first = int(batch.starts[at[0]])
    spans = [(i, int(batch.starts[i]) - first, int(batch.lengths[i])) for i in at]
    steps = max(start + length for _, start, length in spans)
    width = int(music(batch).voices.counts[at[0]])
    values = np.zeros((1, roll_view(batch).pitches, steps), np.bool_)
    pitches = np.full((1, width, steps), SILENT, np.int16)
    attacks = np.zeros((1, width, steps), np.bool_)
    fermatas = np.zeros((1, steps), np.bool_)
    sounding = sounding_cells(batch.take(at))
    for of, (i, start, length) in enumerate(spans):
        here = slice(start, start + length)
        values[0, :, here] = sounding[of, :, :length]
        pitches[0, :, here] = music(batch).voices.pitches[i, :width, :length]
        attacks[0, :, here] = music(batch).voices.attacks[i, :width, :length]
        fermatas[0, here] = music(batch).voices.fermatas[i, :length]
    voices = Voices(
        pitches=pitches, attacks=attacks, counts=music(batch).voices.counts[[at[0]]].copy(), fermatas=fermatas
    )
    one = batch.take([at[0]])
    return replace(
        one,
        values=values,
        lengths=np.array([steps]),
        ends=batch.ends[[at[-1]]],
        extra=replace(music(one), voices=voices if width else voices_of.none(1, steps)),
        _features={},
    )


def _parts(batch: Batch) -> list[tuple[str, NoteTable]]:
    """The voices of the one sample of ``batch`` with their names; without voices the notes on either side of middle C,
    as far as there are any.
    """
    table, count = note_table(batch, 0), int(music(batch).voices.counts[0])
    if count:
        return [(voice_name(voice, count), table.where(table.voices == voice)) for voice in range(count)]
    upper = table.pitches >= MIDDLE_C
    staves = [("upper staff", table.where(upper)), ("lower staff", table.where(~upper))]
    return [(name, notes) for name, notes in staves if len(notes.pitches)] or staves[:1]


def _meter(batch: Batch) -> tuple[int, int] | None:
    """The time signature of a bar of so many quarter notes; None if there is none. 3 is 3/4, whatever it was."""
    for denominator in (4, 8, 16, 32):
        beats = float(music(batch).meters[0]) * denominator / 4
        if beats == int(beats) and beats < 256:
            return int(beats), denominator
    return None


# MIDI


def _write_midi(path: Path, batch: Batch, marks: Sequence[tuple[int, Violation]]) -> None:
    parts = _parts(batch) if music(batch).voices.counts[0] else [("", note_table(batch, 0))]
    tracks = [MidiTrack(name, notes.pitches, notes.starts, notes.stops) for name, notes in parts]
    texts = [
        (violation.start, printable(f"{number} {violation.rule}, {violation.where}: {violation.observed}"))
        for number, violation in marks
    ]
    write_tracks(path, tracks, roll_view(batch), steps=int(batch.lengths[0]), meter=_meter(batch), markers=texts)


# MusicXML


class _Bar(NamedTuple):
    """A bar of the copy: its number, and where it begins and ends, in quarter notes from the start of the copy."""

    number: int
    start: Fraction
    stop: Fraction


class _Key(NamedTuple):
    """Sharps of a key signature (flats are negative), and whether the key is minor."""

    sharps: int
    minor: bool


def _write_musicxml(path: Path, piece: str, batch: Batch, marks: Sequence[tuple[int, Violation]]) -> None:
    score = _score(piece, batch, marks)
    with replacing(path) as temporary:
        temporary.write_bytes(_music21().musicxml.m21ToXml.GeneralObjectExporter(score).parse())


def _music21() -> Any:
    """The package, as Any: most of its constructors have no annotations."""
    import music21

    return music21


def _score(piece: str, batch: Batch, marks: Sequence[tuple[int, Violation]]) -> Any:
    """The annotated copy, a music21 score. Pitches are spelled in the key that music21 finds in it."""
    m21 = _music21()
    score = m21.stream.Score()
    score.metadata = m21.metadata.Metadata(title=printable(piece), composer="annotated by verify")
    table, bars, key = note_table(batch, 0), _bars(batch), _key(batch)
    about = [marked(table, violation) for _, violation in marks]
    red = np.zeros(len(table.pitches), np.bool_)
    red[np.concatenate([np.zeros(0, np.int64), *about])] = True
    parts, voiced = _parts(batch), bool(music(batch).voices.counts[0])
    measures: list[list[Any]] = []
    for name, notes in parts:
        part = m21.stream.Part(partName=name)
        player = m21.instrument.Instrument(name)
        # music21 would draw these by lot.
        player.partId, player.instrumentId = f"P{len(measures) + 1}", f"I{len(measures) + 1}"
        part.insert(0, player)
        measures.append(_measures(notes, batch, bars, key))
        _fill(measures[-1], notes, set(table.where(red).rows()), batch, bars, key)
        for measure in measures[-1]:
            part.append(measure)
        score.insert(0, part)
    for (number, violation), of in zip(marks, about, strict=True):
        staff = _staff(table.where(np.isin(np.arange(len(red)), of)), violation.start, len(parts), voiced)
        offset = violation.start * _step(batch)
        at = next(at for at, bar in enumerate(bars) if offset < bar.stop)
        text = m21.expressions.TextExpression(f"{number} {violation.rule}")
        text.style.color, text.style.fontSize, text.placement = RED, 8, "above"
        measures[staff][at].insert(offset - bars[at].start, text)
    if not voiced and len(parts) > 1:
        score.insert(0, m21.layout.StaffGroup(list(score.parts), symbol="brace", barTogether=True))
    return score


def _staff(about: NoteTable, start: int, staves: int, voiced: bool) -> int:
    """The part above which a violation of these notes is written: that of the highest of those that sound then."""
    sounding = about.where((about.starts <= start) & (about.stops > start))
    notes = sounding if len(sounding.pitches) else about
    if not len(notes.pitches):
        return 0
    highest = int(notes.pitches.argmax())
    if voiced:
        return int(notes.voices[highest])
    return 0 if notes.pitches[highest] >= MIDDLE_C else staves - 1


def _bars(batch: Batch) -> list[_Bar]:
    """The bars of the copy; the first and the last may be shorter than the meter."""
    step = _step(batch)
    meter = Fraction(float(music(batch).meters[0])).limit_denominator(1024)
    pickup = Fraction(float(music(batch).pickups[0])).limit_denominator(1024)
    start, total = int(batch.starts[0]) * step, int(batch.lengths[0]) * step
    number = bar_of(float(start), float(meter), float(pickup))
    bars, at = [], Fraction(0)
    while at < total:
        end = min(pickup + number * meter - start, total)
        bars.append(_Bar(number, at, end))
        at, number = end, number + 1
    return bars


def _measures(notes: NoteTable, batch: Batch, bars: Sequence[_Bar], key: _Key) -> list[Any]:
    """The measures of a part, empty but for clef, key and time signature."""
    m21 = _music21()
    full, signature = Fraction(float(music(batch).meters[0])).limit_denominator(1024), _meter(batch)
    measures = [m21.stream.Measure(number=bar.number) for bar in bars]
    low = len(notes.pitches) and notes.pitches.mean() < MIDDLE_C - 3
    measures[0].insert(0, m21.clef.BassClef() if low else m21.clef.TrebleClef())
    measures[0].insert(0, m21.key.KeySignature(key.sharps))
    if signature is not None:
        measures[0].insert(0, m21.meter.TimeSignature("/".join(map(str, signature))))
    # Bars that are cut: without the padding music21 would fill them with rests.
    measures[-1].paddingRight = full - (bars[-1].stop - bars[-1].start)
    if bars[0].stop - bars[0].start < full:
        measures[0].paddingLeft, measures[0].paddingRight = full - (bars[0].stop - bars[0].start), 0.0
        measures[0].showNumber = m21.stream.enums.ShowNumber.NEVER  # written as implicit="yes": it counts as no bar
    return measures


def _fill(
    measures: Sequence[Any],
    notes: NoteTable,
    red: set[tuple[int, ...]],
    batch: Batch,
    bars: Sequence[_Bar],
    key: _Key,
) -> None:
    """Write the notes of a part into its measures, tied where a bar line or another note cuts them."""
    m21 = _music21()
    step, under = _step(batch), music(batch).voices.fermatas[0]
    cuts = sorted({0, int(batch.lengths[0]), *notes.starts.tolist(), *notes.stops.tolist()})
    waiting = notes.rows()[::-1]
    sounding: list[tuple[int, ...]] = []
    at = 0
    for first, last in itertools.pairwise(cuts):
        sounding = [row for row in sounding if row[3] > first]
        while waiting and waiting[-1][2] <= first:
            sounding.append(waiting.pop())
        for low, high in _pieces(first * step, last * step, bars[at:], step):
            while bars[at].stop <= low:
                at += 1
            heads = []
            for row in sorted(sounding, key=lambda row: row[1]):
                letter, octave = _spelled(row[1], key)
                head = m21.note.Note(m21.pitch.Pitch(letter, octave=octave), quarterLength=high - low)
                before, after = row[2] * step < low, row[3] * step > high
                if before or after:
                    head.tie = m21.tie.Tie("continue" if before and after else "stop" if before else "start")
                if row in red:
                    head.style.color = RED
                heads.append(head)
            element = heads[0] if heads else m21.note.Rest(quarterLength=high - low)
            if len(heads) > 1:
                element = m21.chord.Chord(heads, quarterLength=high - low)
            if heads and low == first * step and under[first] and (first == 0 or not under[first - 1]):
                fermata = m21.expressions.Fermata()
                fermata.type = "upright"
                element.expressions.append(fermata)
            measures[at].insert(low - bars[at].start, element)


def _pieces(low: Fraction, high: Fraction, bars: Sequence[_Bar], step: Fraction) -> Iterator[tuple[Fraction, Fraction]]:
    """A span of time cut at bar lines, and where no one sign stands for its length, at beats."""
    for bar in bars:
        if bar.start >= high:
            break
        start, stop = max(low, bar.start), min(high, bar.stop)
        while start < stop:
            end = stop
            if not _writable(stop - start):
                # At the last beat that can be reached with one sign, or else after as many steps as can be.
                beats = (bar.start + beat for beat in range(int(stop - bar.start), int(start - bar.start), -1))
                steps = (start + count * step for count in range(int((stop - start) / step) - 1, 0, -1))
                end = next(cut for cut in (*beats, *steps) if start < cut < stop and _writable(cut - start))
            yield start, end
            start = end


@functools.cache
def _writable(quarters: Fraction) -> bool:
    """Whether one sign stands for the length: dotted at most twice, and in no tuplet but the usual ones, which put a
    number of notes in the time of the next lower power of two (3 in 2, 5 in 4; not 7 in 5, which music21 finds too).
    """
    found = _music21().duration.Duration(quarters)
    ratios = [(tuplet.numberNotesActual, tuplet.numberNotesNormal) for tuplet in found.tuplets]
    usual = all(normal.bit_count() == 1 and normal < actual < 2 * normal for actual, normal in ratios)
    return found.type not in ("complex", "inexpressible", "zero") and found.dots < 3 and usual


def _key(batch: Batch) -> _Key:
    """The key that music21 finds in the notes; C major if there are none."""
    m21, table = _music21(), note_table(batch, 0)
    if not len(table.pitches):
        return _Key(0, False)
    line = m21.stream.Stream()
    for number, count in enumerate(_held(table)):
        if count:
            line.append(m21.note.Note(number, quarterLength=int(count) * _step(batch)))
    found = line.analyze("key")
    return _Key(found.sharps, found.mode == "minor")


def _held(table: NoteTable) -> NDArray[np.int64]:
    """(128,) for how many steps each pitch sounds."""
    return np.bincount(table.pitches, weights=table.stops - table.starts, minlength=128).astype(np.int64)


_LETTERS = "FCGDAEB"


def _spelled(pitch: int, key: _Key) -> tuple[str, int]:
    """``B-`` and the octave 4 for MIDI number 70 in a key with two flats: its name on the line of fifths near the key.

    In major the names reach from three fifths below the tonic to eight above, from E flat to G sharp in C: the third
    and the seventh lowered, the other degrees raised. In minor they reach one fifth higher than those of the relative
    major: in A minor the fourth, sixth and seventh raised, the second lowered.
    """
    lowest = key.sharps - 3 + key.minor
    fifths = (pitch * 7 - lowest) % 12 + lowest
    letter, signs = _LETTERS[(fifths + 1) % 7], (fifths + 1) // 7
    return f"{letter}{'#' * signs if signs > 0 else '-' * -signs}", (pitch - signs) // 12 - 1
