"""Piano roll, or notes on its grid, -> MIDI file: the way back from ``symbolic``, under the same view."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.base.files import replacing
from verifier.music.features.runs import runs
from verifier.music.view import PianoRollView

MAX_TICKS_PER_QUARTER = 2**15 - 1
"""The header of a Standard MIDI File has 15 bits for it."""
TICKS_PER_QUARTER = 480
"""What other programs expect; the nearest number below it in which a step is whole ticks is taken, if there is one."""
MAX_DELTA = 2**28 - 1
"""Longest time between two events, in ticks: four bytes of seven bits."""
VELOCITY = 64


def resolution(view: PianoRollView) -> tuple[int, int]:
    """Ticks in a quarter note and ticks in a step of ``view``, both whole. Raises InputError if the file has no room.

    >>> resolution(PianoRollView(steps_per_quarter=14.4))
    (432, 30)
    """
    # By its decimal digits: as a binary number 14.4 is no fraction with small terms.
    steps = Fraction(str(view.steps_per_quarter))
    if steps.numerator > MAX_TICKS_PER_QUARTER:
        raise InputError(
            f"steps-per-quarter {view.steps_per_quarter}",
            f"expected a step to be whole ticks of at most {MAX_TICKS_PER_QUARTER:,} in a quarter note,"
            f" found that it takes {steps.numerator:,}; MIDI files cannot hold this grid",
        )
    times = max(1, TICKS_PER_QUARTER // steps.numerator)
    return times * steps.numerator, times * steps.denominator


def require_room(path: Path, steps: int, view: PianoRollView) -> None:
    """Raise InputError if the grid of the view or a length in steps does not fit into the format."""
    _, ticks_per_step = resolution(view)
    if steps * ticks_per_step > MAX_DELTA:
        raise InputError(path, f"expected at most {MAX_DELTA:,} ticks, found {steps} steps of {ticks_per_step:,} each")


class MidiTrack(NamedTuple):
    """One track: its name, and its notes, all (m,) int64; ``starts`` and ``stops`` are in steps, the stop excluded."""

    name: str
    pitches: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]


def write_midi(path: Path, roll: NDArray[np.bool_], view: PianoRollView) -> None:
    """Write ``roll`` (pitches, steps) as a MIDI file of one track: each run of sounding steps is one note.

    Read under the same view, the file gives the same roll up to the silence at its end. A roll without any note gives a
    sound file, which is read as a piece without notes. Raises InputError if the grid of the view or the length of the
    roll does not fit into the format.
    """
    if roll.shape[0] != view.pitches:
        raise ValueError(f"{roll.shape[0]} rows in a view of {view.pitches} pitches")
    _, rows, starts, stops = runs(roll[None])
    write_tracks(path, [MidiTrack("", rows + view.lowest_pitch, starts, stops)], view, steps=roll.shape[1])


def write_tracks(
    path: Path,
    tracks: Sequence[MidiTrack],
    view: PianoRollView,
    *,
    steps: int,
    meter: tuple[int, int] | None = None,
    markers: Sequence[tuple[int, str]] = (),
) -> None:
    """Write tracks of ``steps`` steps, in a meter such as (3, 4), with texts as markers at steps.

    Raises InputError if the grid of the view or the length does not fit into the format.
    """
    require_room(path, steps, view)
    ticks_per_quarter, ticks_per_step = resolution(view)

    from symusic import Note, Score, TextMeta, TimeSignature, Track

    score: Any = Score(ticks_per_quarter)  # its attributes are not in its type stubs
    for track in tracks:
        made: Any = Track(name=track.name)
        made.notes = Note.from_numpy(
            time=(track.starts * ticks_per_step).astype(np.int32),
            duration=((track.stops - track.starts) * ticks_per_step).astype(np.int32),
            pitch=track.pitches.astype(np.int8),
            velocity=np.full(len(track.pitches), VELOCITY, np.int8),
        )
        score.tracks.append(made)
    if meter is not None:
        score.time_signatures.append(TimeSignature(0, *meter))
    for step, text in markers:
        score.markers.append(TextMeta(step * ticks_per_step, text))
    with replacing(path) as temporary:
        temporary.write_bytes(score.dumps_midi())
