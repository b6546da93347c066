"""Objects of libraries of music in memory -> Batch, known without importing these."""

import io
from typing import Any

import numpy as np

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import ObjectReader
from verifier.music.features.runs import runs
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of
from verifier.music.read.columns import meter_of
from verifier.music.read.midi import notes_of_midi, notes_of_score
from verifier.music.read.score import notes_of_stream
from verifier.music.view import PianoRollView


def _of_notes(item: Notes, view: PianoRollView, name: str) -> Batch:
    return batch_of([item], view)


def _of_mido(item: Any, view: PianoRollView, name: str) -> Batch:
    file = io.BytesIO()
    item.save(file=file)
    return batch_of([notes_of_midi(file.getvalue(), name=name, group=name)], view)


def _of_symusic(item: Any, view: PianoRollView, name: str) -> Batch:
    return batch_of([notes_of_score(item.to("tick"), name=name, group=name)], view)


def _of_music21(item: Any, view: PianoRollView, name: str) -> Batch:
    return batch_of([notes_of_stream(item, name=name, group=name)], view)


def _of_pretty_midi(item: Any, view: PianoRollView, name: str) -> Batch:
    """It holds seconds, which are ticks of the file again by its own map of tempi."""

    def quarters(seconds: float) -> float:
        return float(item.time_to_tick(seconds)) / float(item.resolution)

    rows = [
        (quarters(note.start), quarters(note.end), note.pitch, part)
        for part, instrument in enumerate(item.instruments)
        if not instrument.is_drum
        for note in instrument.notes
    ]
    return _of_rows(rows, meter_of(item.time_signature_changes), view, name)


def _of_muspy(item: Any, view: PianoRollView, name: str) -> Batch:
    ticks = float(item.resolution)
    rows = [
        (note.time / ticks, (note.time + note.duration) / ticks, note.pitch, part)
        for part, track in enumerate(item.tracks)
        if not track.is_drum
        for note in track.notes
    ]
    return _of_rows(rows, meter_of(item.time_signatures), view, name)


def _of_pypianoroll(item: Any, view: PianoRollView, name: str) -> Batch:
    """Its tracks are velocities, (steps, 128); a run above 0 is a note, as the library itself takes it."""
    per_quarter = float(item.resolution)
    rows: list[tuple[float, float, int, int]] = []
    for part, track in enumerate(item.tracks):
        if track.is_drum:
            continue
        sounds = np.asarray(track.pianoroll).T > 0
        _, pitches, starts, stops = runs(sounds[None])
        quarters = ((steps / per_quarter).tolist() for steps in (starts, stops))
        rows += [(*span, part) for span in zip(*quarters, pitches.tolist(), strict=True)]
    return _of_rows(rows, 4.0, view, name)


def _of_rows(rows: list[tuple[float, float, int, int]], meter: float, view: PianoRollView, name: str) -> Batch:
    """The piece of notes as (onset, end, pitch, part), in quarter notes."""
    if not rows:
        raise InputError(name, "expected at least one pitched note, found none")
    onsets, ends, pitches, parts = np.array(rows, np.float64).T
    if pitches.min() < 0 or pitches.max() > 127:
        raise InputError(name, f"expected pitches from 0 to 127, found {pitches.min():g} to {pitches.max():g}")
    if onsets.min() < 0 or (ends < onsets).any():
        raise InputError(name, "expected notes that begin at 0 or later and end after that, found another")
    notes = Notes(
        name=name,
        group=name,
        onsets=onsets,
        ends=ends,
        pitches=pitches.astype(np.int64),
        parts=parts.astype(np.int64),
        meter=meter,
    )
    return batch_of([notes], view)


READERS: dict[tuple[str, str], ObjectReader] = {
    ("mido", "MidiFile"): _of_mido,
    ("pretty_midi", "PrettyMIDI"): _of_pretty_midi,
    ("music21", "Stream"): _of_music21,
    ("symusic", "ScoreTick"): _of_symusic,
    ("symusic", "ScoreQuarter"): _of_symusic,
    ("symusic", "ScoreSecond"): _of_symusic,
    ("muspy", "Music"): _of_muspy,
    ("pypianoroll", "Multitrack"): _of_pypianoroll,
    ("verifier", "Notes"): _of_notes,
}
"""What reads each type, by the name of the library and of the class."""
