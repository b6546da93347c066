"""Objects in memory -> Batch: those of MIDI and score libraries, PyTorch and NumPy, known without importing these."""

import io
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from verifier.base.errors import InputError
from verifier.data.batch import Batch, concatenate
from verifier.data.pieces import batch_of
from verifier.data.tensor import array_of_torch, tensor_of
from verifier.data.view import View
from verifier.music.notes import Notes
from verifier.music.read.symbolic import meter_of, notes_of_midi, notes_of_score, notes_of_stream

Reader = Callable[[Any, View, str], Batch]


def batch_from(objects: object, view: View) -> Batch:
    """All windows of all objects, in order: one object, or an iterable of them. None gives a Batch of no samples.

    An object is a ``mido.MidiFile``, a ``pretty_midi.PrettyMIDI``, a stream of ``music21``, a score of ``symusic``, a
    ``muspy.Music``, ``Notes``, or an array of NumPy or PyTorch in one of the shapes that files hold (see ``tensor``).
    Notes keep their name and group; other objects are called ``[0]``, ``[1]`` and so on, and the samples of an array
    ``[0][0]``, or ``[0]`` where it stands alone. Raises InputError for an object of another type, and for one that
    holds nothing to read.
    """
    reader = _reader(objects)
    if reader is not None:
        alone = isinstance(objects, Notes) or getattr(objects, "ndim", 2) > 2
        return reader(objects, view, "" if alone else "[0]")
    if not isinstance(objects, Iterable):
        raise _unknown(objects, "")
    batches = []
    for i, item in enumerate(objects):
        reader = _reader(item)
        if reader is None:
            raise _unknown(item, f"[{i}]")
        batches.append(reader(item, view, f"[{i}]"))
    return concatenate(view, batches)


def _unknown(item: object, place: str) -> InputError:
    kinds = ", ".join(f"{module}.{name}" for module, name in READERS)
    return InputError(place, f"expected one of {kinds}, found {type(item).__module__}.{type(item).__qualname__}")


def _reader(item: object) -> Reader | None:
    """What reads an object, by the library and the name of its type or of one that it derives from."""
    for base in type(item).__mro__:
        found = READERS.get((base.__module__.split(".")[0], base.__name__))
        if found is not None:
            return found
    return None


def _of_notes(item: Notes, view: View, name: str) -> Batch:
    return batch_of([item], view)


def _of_array(item: Any, view: View, name: str) -> Batch:
    return concatenate(view, list(tensor_of(item, view, name=name).batches()))


def _of_torch(item: Any, view: View, name: str) -> Batch:
    return _of_array(array_of_torch(item, name), view, name)


def _of_mido(item: Any, view: View, name: str) -> Batch:
    file = io.BytesIO()
    item.save(file=file)
    return batch_of([notes_of_midi(file.getvalue(), name=name, group=name)], view)


def _of_symusic(item: Any, view: View, name: str) -> Batch:
    return batch_of([notes_of_score(item.to("tick"), name=name, group=name)], view)


def _of_music21(item: Any, view: View, name: str) -> Batch:
    return batch_of([notes_of_stream(item, name=name, group=name)], view)


def _of_pretty_midi(item: Any, view: View, name: str) -> Batch:
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


def _of_muspy(item: Any, view: View, name: str) -> Batch:
    ticks = float(item.resolution)
    rows = [
        (note.time / ticks, (note.time + note.duration) / ticks, note.pitch, part)
        for part, track in enumerate(item.tracks)
        if not track.is_drum
        for note in track.notes
    ]
    return _of_rows(rows, meter_of(item.time_signatures), view, name)


def _of_rows(rows: list[tuple[float, float, int, int]], meter: float, view: View, name: str) -> Batch:
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


READERS: dict[tuple[str, str], Reader] = {
    ("mido", "MidiFile"): _of_mido,
    ("pretty_midi", "PrettyMIDI"): _of_pretty_midi,
    ("music21", "Stream"): _of_music21,
    ("symusic", "ScoreTick"): _of_symusic,
    ("symusic", "ScoreQuarter"): _of_symusic,
    ("symusic", "ScoreSecond"): _of_symusic,
    ("muspy", "Music"): _of_muspy,
    ("verifier", "Notes"): _of_notes,
    ("numpy", "ndarray"): _of_array,
    ("torch", "Tensor"): _of_torch,
}
"""What reads each type, by the name of the library and of the class."""
