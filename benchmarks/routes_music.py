"""The routes by which music comes: what each keeps, and how it is written without the product's own writers."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import routes_libraries as libraries
from benchmarks import routes_rolls as rolls
from benchmarks import routes_scores as scores
from benchmarks.routes_midi import Style, empty_file, write
from benchmarks.routes_worlds import Route, Written
from verifier.music.notes import Notes

SEED = 12
FEW = 12
"""Pieces that music21 writes: it takes seconds for each."""


Edit = Callable[[Notes], Notes]


def moved(notes: Notes, semitones: int) -> Notes:
    return replace(notes, pitches=notes.pitches + semitones)


def timed(notes: Notes, times: Callable[[Any], Any]) -> Notes:
    """Each time in quarter notes mapped; the map rises."""
    return replace(notes, onsets=times(notes.onsets), ends=times(notes.ends), fermatas=times(notes.fermatas))


def padded(notes: Notes) -> Notes:
    """The pickup written out: a rest, then the upbeat, in a whole bar."""
    return replace(timed(notes, lambda at: at + (notes.meter - notes.pickup if notes.pickup else 0)), pickup=0.0)


def delayed(notes: Notes) -> Notes:
    """Two bars of rest before the first bar."""
    return timed(notes, lambda at: at + 2 * notes.meter)


def shortened(notes: Notes, share: float) -> Notes:
    return replace(notes, ends=notes.onsets + (notes.ends - notes.onsets) * share)


def held_over(notes: Notes, by: float) -> Notes:
    """Legato: each note lasts some part of a quarter longer, into the next."""
    return replace(notes, ends=notes.ends + by)


def all_as_long(notes: Notes, length: float) -> Notes:
    """Of a program that knows only where notes begin."""
    return replace(notes, ends=notes.onsets + length)


def merged(notes: Notes) -> Notes:
    """Repeated notes of a voice that touch are one."""
    order = np.lexsort((notes.onsets, notes.pitches, notes.parts))
    parts, pitches = notes.parts[order], notes.pitches[order]
    onsets, ends = notes.onsets[order], notes.ends[order]
    goes_on = (parts[1:] == parts[:-1]) & (pitches[1:] == pitches[:-1]) & (np.abs(onsets[1:] - ends[:-1]) < 1e-6)
    first, last = np.append(True, ~goes_on), np.append(~goes_on, True)
    return replace(notes, onsets=onsets[first], ends=ends[last], pitches=pitches[first], parts=parts[first])


def clips(notes: Notes, bars: int, within: float = 0.0) -> Iterator[Notes]:
    """Cuts of so many bars' length, from ``within`` quarters after the first bar line; what sounds at a cut begins or
    ends there.
    """
    length, total = bars * notes.meter, float(notes.ends.max())
    at = notes.pickup + within
    while at + length <= total + 1e-6:
        inside = (notes.onsets < at + length - 1e-6) & (notes.ends > at + 1e-6)
        if inside.any():
            yield replace(
                notes,
                onsets=np.maximum(notes.onsets[inside], at) - at,
                ends=np.minimum(notes.ends[inside], at + length) - at,
                pitches=notes.pitches[inside],
                parts=notes.parts[inside],
                pickup=0.0,
                fermatas=notes.fermatas[(notes.fermatas >= at) & (notes.fermatas < at + length)] - at,
            )
        at += length


def joined(pieces: Sequence[Notes], bars: float) -> Notes:
    """One piece after the other, with so many bars of silence between them; their pickups are forgotten."""
    at, found = 0.0, []
    for notes in pieces:
        found.append(timed(notes, lambda times, at=at: times + at))
        at = float(found[-1].ends.max()) + bars * notes.meter
    columns = {
        name: np.concatenate([getattr(notes, name) for notes in found])
        for name in ("onsets", "ends", "pitches", "parts", "fermatas")
    }
    return replace(found[0], **columns, pickup=0.0)


def jittered(notes: Notes) -> Notes:
    """Played by hand: onsets and ends off by some hundredths of a quarter."""
    rng = np.random.default_rng([SEED, len(notes.onsets)])
    onsets = np.maximum(notes.onsets + rng.normal(0, 0.08, len(notes.onsets)), 0)
    ends = np.maximum(notes.ends + rng.normal(0, 0.08, len(notes.ends)) - 0.05, onsets + 0.05)
    return replace(notes, onsets=onsets, ends=ends)


def swung(notes: Notes) -> Notes:
    """Every second eighth comes late, at two thirds of the beat."""

    def times(at: Any) -> Any:
        beat, within = np.floor(at), at - np.floor(at)
        return beat + np.interp(within, [0, 0.5, 1], [0, 2 / 3, 1])

    return timed(notes, times)


def _midi(edit: Edit | None = None, suffix: str = ".mid", **style: Any) -> Callable[[Sequence[Notes], Path], Written]:
    def written(pieces: Sequence[Notes], folder: Path) -> Written:
        for i, notes in enumerate(pieces):
            write(edit(notes) if edit else notes, folder / f"{i:03}{suffix}", Style(**style))
        return Written(folder)

    return written


def _clips(bars: int, anywhere: bool = False) -> Callable[[Sequence[Notes], Path], Written]:
    def written(pieces: Sequence[Notes], folder: Path) -> Written:
        rng = np.random.default_rng(SEED)
        for i, notes in enumerate(pieces):
            within = float(rng.integers(4 * notes.meter)) / 4 if anywhere else 0.0
            for j, clip in enumerate(clips(notes, bars, within)):
                write(clip, folder / f"{i:03}~{j:02}.mid")
        return Written(folder)

    return written


def _several(bars: float) -> Callable[[Sequence[Notes], Path], Written]:
    """Four pieces a file, with so many bars of silence between; what a file shows is told of the first."""

    def written(pieces: Sequence[Notes], folder: Path) -> Written:
        for i in range(0, len(pieces), 4):
            write(joined(pieces[i : i + 4], bars), folder / f"{i:03}.mid")
        return Written(folder)

    return written


def _third_slower(pieces: Sequence[Notes], folder: Path) -> Written:
    for i, notes in enumerate(pieces):
        write(timed(notes, lambda at: at * 2) if i % 3 == 0 else notes, folder / f"{i:03}.mid")
    return Written(folder)


def _half_empty(pieces: Sequence[Notes], folder: Path) -> Written:
    for i, notes in enumerate(pieces):
        write(notes, folder / f"{i:03}.mid")
        empty_file(float(notes.ends.max())).save(folder / f"{i:03}~empty.mid")
    return Written(folder)


def _text(suffix: str, text_of: Callable[[Notes], str]) -> Callable[[Sequence[Notes], Path], Written]:
    def written(pieces: Sequence[Notes], folder: Path) -> Written:
        for i, notes in enumerate(pieces):
            scores.write(text_of(notes), folder / f"{i:03}{suffix}")
        return Written(folder)

    return written


def _zipped(pieces: Sequence[Notes], folder: Path) -> Written:
    container = '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
    for i, notes in enumerate(pieces):
        with zipfile.ZipFile(folder / f"{i:03}.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("META-INF/container.xml", f'<?xml version="1.0"?>{container}')
            archive.writestr("score.xml", scores.xml_parts(notes))
    return Written(folder)


def _files(suffix: str, save: Callable[[Notes, Path], None]) -> Callable[[Sequence[Notes], Path], Written]:
    def written(pieces: Sequence[Notes], folder: Path) -> Written:
        for i, notes in enumerate(pieces):
            save(notes, folder / f"{i:03}{suffix}")
        return Written(folder)

    return written


def _objects(make: Callable[[Notes], Any]) -> Callable[[Sequence[Notes], Path], Written]:
    def written(pieces: Sequence[Notes], folder: Path) -> Written:
        return Written([make(notes) for notes in pieces], range(len(pieces)))

    return written


def _array(make: rolls.Layout, suffix: str = ".npz") -> Callable[[Sequence[Notes], Path], Written]:
    def written(pieces: Sequence[Notes], folder: Path) -> Written:
        table = rolls.windows(pieces)
        return Written(rolls.saved(make(table), folder / f"samples{suffix}"), table.pieces)

    return written


def _pieces_as_arrays(together: bool) -> Callable[[Sequence[Notes], Path], Written]:
    def written(pieces: Sequence[Notes], folder: Path) -> Written:
        found = {f"{i:03}": rolls.whole(notes) for i, notes in enumerate(pieces)}
        if together:
            np.savez_compressed(folder / "pieces.npz", **found)
            return Written(folder / "pieces.npz", range(len(pieces)))
        for name, roll in found.items():
            np.save(folder / f"{name}.npy", roll)
        return Written(folder)

    return written


def slowing(notes: Notes) -> list[tuple[float, float]]:
    """72 beats a minute, and a ritardando over the last two bars."""
    end = float(notes.ends.max())
    slow = np.linspace(max(end - 2 * notes.meter, 0), end, 9)[:-1]
    return [(0.0, 72.0), *((float(at), 72 - 4.0 * i) for i, at in enumerate(slow, 1) if at > 0)]


def varied(at: int) -> int:
    """A velocity from 40 to 110."""
    return 40 + at * 37 % 71


def _pickup_bar(notes: Notes) -> list[tuple[float, float]]:
    return [(0.0, notes.pickup), (notes.pickup, notes.meter)] if notes.pickup else [(0.0, notes.meter)]


SCORES = [
    Route("MusicXML, in parts", "", _text(".musicxml", scores.xml_parts)),
    Route("MusicXML, zipped (.mxl)", "", _zipped),
    Route("MusicXML by music21", "", _files(".musicxml", libraries.music21_xml), most=FEW),
    Route("MusicXML, closed score (2 parts, voices 1 and 2)", "", _text(".musicxml", scores.xml_closed)),
    Route("MusicXML, one part on two staves, four voices", "", _text(".musicxml", scores.xml_grand)),
    Route("MusicXML, two parts on two staves each", "", _text(".musicxml", scores.xml_each_two_staves)),
    Route("MusicXML, top part for B flat clarinet", "", _text(".musicxml", scores.xml_transposing)),
    Route("MusicXML, touching repeats tied", "attacks", _text(".musicxml", lambda n: scores.xml_parts(merged(n)))),
    Route("kern", "", _text(".krn", scores.kern)),
    Route("ABC", "", _text(".abc", scores.abc)),
]
NO_PICKUP = "pickup, fermatas"
MIDI = [
    Route("MIDI, a track a voice", NO_PICKUP, _midi()),
    Route("MIDI, a track and a channel a voice", NO_PICKUP, _midi(channels=True)),
    Route("MIDI, a track a voice, the lowest first", NO_PICKUP, _midi(layout="lowest first")),
    Route("MIDI, one track", f"voices, {NO_PICKUP}", _midi(layout="one track")),
    Route("MIDI, a track a hand", f"voices, {NO_PICKUP}", _midi(layout="hands")),
    Route("MIDI, a track a voice and a piano reduction", NO_PICKUP, _midi(layout="with a reduction")),
    Route("MIDI, type 0, one channel", f"voices, {NO_PICKUP}", _midi(kind=0)),
    Route("MIDI, type 0, a channel a voice", NO_PICKUP, _midi(kind=0, channels=True)),
    Route("MIDI, named .kar", NO_PICKUP, _midi(suffix=".kar")),
    Route("MIDI, notes end by note-on of velocity 0", NO_PICKUP, _midi(ends="on")),
    Route("MIDI, two bars of silence before", NO_PICKUP, _midi(delayed)),
    *(Route(f"MIDI, {n} ticks a quarter", NO_PICKUP, _midi(ticks=n)) for n in (24, 96, 120, 220, 960, 10080)),
    *(Route(f"MIDI, tempo {n}", NO_PICKUP, _midi(tempi=lambda _, n=n: [(0.0, n)])) for n in (60, 140)),
    Route("MIDI, ritardando in tempo events", NO_PICKUP, _midi(tempi=slowing)),
    Route("MIDI, program changes inside tracks", NO_PICKUP, _midi(programs=True)),
    *(
        Route(f"MIDI, transposed {n:+d}", f"register, {NO_PICKUP}", _midi(partial(moved, semitones=n)))
        for n in range(-5, 7)
        if n
    ),
    Route("MIDI, pickup as its own bar", "fermatas", _midi(meters=_pickup_bar)),
    Route("MIDI, pickup written out as a rest", "fermatas", _midi(padded)),
    Route("MIDI, no time signature", f"meter, {NO_PICKUP}", _midi(meters=lambda _: [])),
    *(
        Route(f"MIDI, clips of {n} bars, a file each", f"beginnings and ends, {NO_PICKUP}", _clips(n))
        for n in (1, 2, 4, 8)
    ),
    *(
        Route(f"MIDI, clips of {n} bars from any sixteenth", f"beginnings and ends, {NO_PICKUP}", _clips(n, True))
        for n in (2, 4)
    ),
    *(
        Route(f"MIDI, four pieces a file, {words} between", NO_PICKUP, _several(bars), joined=True)
        for words, bars in (("no silence", 0), ("a bar", 1), ("two bars and a half", 2.5))
    ),
    Route("MIDI, touching repeats merged", f"attacks, {NO_PICKUP}", _midi(merged)),
    Route(
        "MIDI, one track, touching repeats merged", f"voices, attacks, {NO_PICKUP}", _midi(merged, layout="one track")
    ),
    *(
        Route(f"MIDI, notes let go of after {share:g} of them", NO_PICKUP, _midi(partial(shortened, share=share)))
        for share in (0.95, 0.875, 0.8, 0.5)
    ),
    Route(
        "MIDI, one track, notes let go of after 0.95 of them",
        f"voices, {NO_PICKUP}",
        _midi(partial(shortened, share=0.95), layout="one track"),
    ),
    *(
        Route(f"MIDI, legato by {words}", f"ends, {NO_PICKUP}", _midi(partial(held_over, by=by)))
        for words, by in (("1/32 of a quarter", 1 / 32), ("a sixteenth", 1 / 4), ("an eighth", 1 / 2))
    ),
    *(
        Route(
            f"MIDI, each note {words} long",
            f"ends, rests, {NO_PICKUP}",
            _midi(partial(all_as_long, length=length)),
            said=True,
        )
        for words, length in (("a sixteenth", 1 / 4), ("a quarter", 1.0))
    ),
    Route("MIDI, velocities varied", NO_PICKUP, _midi(velocity=varied)),
]
TENSORS = [
    *(
        Route(f"rolls of whole pieces, {name}", rolls.NOTHING_BUT_PITCHES, _pieces_as_arrays(together), "bach-roll")
        for name, together in (("one .npz", True), ("a .npy a piece", False))
    ),
    *(
        Route(
            f"tensor {name}" + ", spec bach-roll" * (spec == "bach-roll"),
            loses,
            _array(make, suffix),
            spec,
            said=name.endswith("sigmoid"),  # it is how values are stored that fails it
        )
        for name, (make, suffix, loses) in rolls.LAYOUTS.items()
        for spec in ("bach-roll", "bach")
    ),
]
LIBRARIES = [
    *(
        Route(f"MIDI by {name}", loses, _files(".mid", save), most=FEW if name == "music21" else None)
        for name, (save, loses) in libraries.FILES.items()
    ),
    *(
        Route(f"object of {name}", loses, _objects(make), most=FEW if name == "music21" else None)
        for name, (make, loses) in libraries.OBJECTS.items()
    ),
]
FAULTY = [
    Route("off the grid: jitter", "the grid", _midi(jittered), said=True),
    Route("off the grid: swing", "the grid", _midi(swung), said=True),
    Route("off the grid: drift 1.3 %", "the grid", _midi(partial(timed, times=lambda at: at * 1.013)), said=True),
    Route("a quarter written as a sixteenth", "the unit", _midi(partial(timed, times=lambda at: at / 4)), said=True),
    Route("a quarter written as a half", "the unit", _midi(partial(timed, times=lambda at: at * 2)), said=True),
    Route("every third file in quarters twice as long", "the unit", _third_slower, said=True),
    Route("drums added", NO_PICKUP, _midi(drums=True), said=True),
    Route("two octaves higher: notes outside the view", "register", _midi(partial(moved, semitones=24)), said=True),
    Route("an octave lower: notes outside the view", "register", _midi(partial(moved, semitones=-12)), said=True),
    Route("MIDI, type 2", "what sounds together", _midi(kind=2), said=True),
    Route("MIDI, notes without an end", "ends", _midi(ends="nothing"), said=True),
    Route("half of the outputs empty", "", _half_empty, said=True),
    *(
        Route(f"tensor {name}, spec {spec}", loses, _array(make), spec, said=True)
        for name, (make, loses) in rolls.FAULTY.items()
        for spec in ("bach-roll", "bach")
    ),
]
ROUTES = [*SCORES, *MIDI, *TENSORS, *LIBRARIES, *FAULTY]
