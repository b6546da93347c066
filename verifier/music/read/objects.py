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
from verifier.music.read.columns import (
    Bars,
    Columns,
    Signature,
    bar_of_fraction,
    bars_of,
    notes_of_columns,
    signatures_of,
)
from verifier.music.read.midi import notes_of_midi, notes_of_score, parts_of_tracks
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

    tracks = [each for each in item.instruments if not each.is_drum and each.notes]
    rows = [
        (quarters(note.start), quarters(note.end), note.pitch, part)
        for part, instrument in enumerate(tracks)
        for note in instrument.notes
    ]
    onsets, ends, pitches, parts = _columns(rows, name)
    parts = parts_of_tracks(onsets, ends, parts, [(each.name, each.program) for each in tracks])
    changes = [
        Signature(quarters(each.time), bar_of_fraction(each.numerator, each.denominator))
        for each in item.time_signature_changes
    ]
    drums = sum(len(each.notes) for each in item.instruments if each.is_drum)
    notes = notes_of_columns(
        name,
        name,
        (onsets, ends, pitches, parts),
        bars_of(changes),
        length=quarters(item.get_end_time()),
        drums=drums,
        played=True,
    )
    return batch_of([notes], view)


def _of_muspy(item: Any, view: PianoRollView, name: str) -> Batch:
    ticks = float(item.resolution)
    rows = [
        (note.time / ticks, (note.time + note.duration) / ticks, note.pitch, part)
        for part, track in enumerate(item.tracks)
        if not track.is_drum
        for note in track.notes
    ]
    drums = sum(len(track.notes) for track in item.tracks if track.is_drum)
    bars = bars_of(signatures_of(item.time_signatures, ticks))
    return batch_of([notes_of_columns(name, name, _columns(rows, name), bars, drums=drums, played=True)], view)


def _of_pypianoroll(item: Any, view: PianoRollView, name: str) -> Batch:
    """Its tracks are velocities, (steps, 128); a run above 0 is a note, as the library itself takes it."""
    per_quarter = float(item.resolution)
    rows: list[tuple[float, float, int, int]] = []
    drums, steps = 0, 0
    for part, track in enumerate(item.tracks):
        sounds = np.asarray(track.pianoroll).T > 0
        _, pitches, starts, stops = runs(sounds[None])
        steps = max(steps, sounds.shape[1])
        if track.is_drum:
            drums += len(pitches)
            continue
        quarters = ((at / per_quarter).tolist() for at in (starts, stops))
        rows += [(*span, part) for span in zip(*quarters, pitches.tolist(), strict=True)]
    bars = _bars_of_downbeats(getattr(item, "downbeat", None), per_quarter)
    columns = _columns(rows, name)
    return batch_of([notes_of_columns(name, name, columns, bars, length=steps / per_quarter, drums=drums)], view)


def _bars_of_downbeats(downbeats: Any, per_quarter: float) -> Bars:
    """The bars of a Multitrack of pypianoroll, which marks the step on which each begins, if it does."""
    at = np.zeros(0, np.int64) if downbeats is None else np.flatnonzero(np.asarray(downbeats))
    if len(at) < 2:
        return bars_of([])
    spans = np.diff(at)
    meter, first = float(np.median(spans)), float(at[0])
    pickup = first if first else float(spans[0]) if spans[0] < meter else 0.0
    return Bars(meter / per_quarter, pickup / per_quarter, True)


def _columns(rows: list[tuple[float, float, int, int]], name: str) -> Columns:
    """The columns of notes as (onset, end, pitch, part), in quarter notes."""
    onsets, ends, pitches, parts = np.array(rows, np.float64).reshape(-1, 4).T.copy()
    if len(rows) and (pitches.min() < 0 or pitches.max() > 127):
        raise InputError(name, f"expected pitches from 0 to 127, found {pitches.min():g} to {pitches.max():g}")
    if len(rows) and (onsets.min() < 0 or (ends < onsets).any()):
        raise InputError(name, "expected notes that begin at 0 or later and end after that, found another")
    return onsets, ends, pitches.astype(np.int64), parts.astype(np.int64)


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
