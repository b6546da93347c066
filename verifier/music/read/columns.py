"""Columns of notes -> Notes: what readers of music share."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.music.notes import Notes
from verifier.music.read.articulation import Written, written_ends

MAX_BYTES = 64 * 2**20
"""Largest file, and largest score inside a compressed one, that is read."""

Columns = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]
"""Onsets, ends, pitches and parts of notes, (m,) each."""

SAME = 1e-4
"""Quarter notes between times that are the same: sums of fractions such as 1/3 differ in the last digits."""
CLICKS = 16
"""Beats that a metronome beats at least."""
GRID = 24
"""Divisions of a quarter note on which the first note of a piece may begin, sixteenths and triplets among them."""


class Signature(NamedTuple):
    """A time signature: where it stands, and how long its bar is, in quarter notes."""

    at: float
    bar: float


class Bars(NamedTuple):
    """The bars of a piece: quarter notes in each, and before the first full one; whether a signature says so."""

    meter: float
    pickup: float
    known: bool


def notes_of_columns(
    name: str,
    group: str,
    columns: Columns,
    bars: Bars,
    *,
    fermatas: Iterable[float] = (),
    length: float = 0.0,
    drums: int = 0,
    played: bool = False,
    unended: int = 0,
    sequential: int = 0,
) -> Notes:
    """The piece of notes as (onsets, ends, pitches, parts), in quarter notes from the start of the file; ``played`` if
    they end where they are let go of rather than where they are written to end, ``unended`` of them nowhere;
    ``sequential`` of them in patterns that follow each other. Parts that only double others are left out, and so are
    the clicks of a metronome in what is played.

    A pickup that is written out as a full bar with rests before it is as one that is not: the piece then begins with
    its first note. So it is where those rests fill at least half of the bar; shorter ones, and whole bars, are rests.
    """
    columns, doubled = _without_doubles(columns)
    if played:
        columns, clicks = _without_clicks(columns)
        drums += clicks
    onsets, ends, pitches, parts = columns
    written = written_ends(onsets, ends, parts) if played else Written(ends, 0)
    ends = written.ends
    rest = _rest_before_pickup(onsets, bars)
    return Notes(
        name=name,
        group=group,
        onsets=onsets - rest if rest else onsets,
        ends=ends - rest if rest else ends,
        pitches=pitches,
        parts=parts,
        meter=bars.meter,
        meter_known=bars.known,
        pickup=bars.meter - rest if rest else bars.pickup,
        fermatas=np.array(sorted(fermatas), np.float64) - rest,
        length=max(0.0, length - rest),
        drums=drums,
        mended=max(written.mended, unended),
        guessed=written.guessed,
        doubled=doubled,
        sequential=sequential,
        octaves=_octave_doubles(columns),
    )


def _without_doubles(columns: Columns) -> tuple[Columns, int]:
    """The notes without those of parts of which every note stands in other parts too, such as a piano reduction or a
    choir that doubles the strings; and how many these were. Of parts that double each other the first one stays, of
    those that are chords and those that are voices, the voices.
    """
    onsets, ends, pitches, parts = columns
    names = np.unique(parts)
    if len(names) < 2:
        return columns, 0
    notes = np.stack([np.rint(onsets / SAME), np.rint(ends / SAME), pitches]).astype(np.int64)
    _, note = np.unique(notes, axis=1, return_inverse=True)
    note = note.ravel()
    in_part = {part: np.unique(note[parts == part]) for part in names.tolist()}
    standing = np.bincount(np.concatenate(list(in_part.values())))
    at_once = {part: len(np.unique(onsets[parts == part])) < (parts == part).sum() for part in in_part}
    left_out = []
    for part in sorted(in_part, key=lambda part: (not at_once[part], -part)):
        if (standing[in_part[part]] > 1).all():
            standing[in_part[part]] -= 1
            left_out.append(part)
    return _without(columns, left_out)


def _without(columns: Columns, left_out: Collection[int]) -> tuple[Columns, int]:
    """The notes of all other parts, which are numbered from 0; and how many are left out."""
    onsets, ends, pitches, parts = columns
    kept = ~np.isin(parts, list(left_out))
    if kept.all():
        return columns, 0
    _, numbers = np.unique(parts[kept], return_inverse=True)
    return (onsets[kept], ends[kept], pitches[kept], numbers.astype(np.int64)), int((~kept).sum())


def _without_clicks(columns: Columns) -> tuple[Columns, int]:
    """The notes without those of a metronome: of a part that beats one or two pitches at even distances, each for at
    most half of these, from the first beat of the piece to the last; and how many these were.
    """
    onsets, ends, pitches, parts = columns
    left_out = []
    for part in np.unique(parts).tolist():
        own = parts == part
        first, others = onsets[own], onsets[~own]
        if len(first) < CLICKS or not len(others) or len(np.unique(pitches[own])) > 2:
            continue
        beat = float(np.median(np.diff(first)))
        is_even = np.ptp(np.diff(first)) < SAME and (ends[own] - first <= beat / 2 + SAME).all()
        if is_even and first[0] <= others.min() + beat and first[-1] >= others.max() - 2 * beat:
            left_out.append(part)
    return _without(columns, left_out)


def _octave_doubles(columns: Columns) -> int:
    """The notes of parts that go with a part before them, note by note, one or more octaves apart."""
    onsets, ends, pitches, parts = columns
    seen: dict[bytes, list[NDArray[np.int64]]] = {}
    found = 0
    for part in np.unique(parts).tolist():
        own = np.flatnonzero(parts == part)
        own = own[np.lexsort((pitches[own], onsets[own]))]
        rhythm = np.rint(np.stack([onsets[own], ends[own]]) / SAME).astype(np.int64).tobytes()
        apart = [pitches[own] - other for other in seen.get(rhythm, [])]
        found += len(own) * any(each[0] % 12 == 0 and not np.ptp(each) for each in apart)
        seen.setdefault(rhythm, []).append(pitches[own])
    return found


def bars_of(signatures: Sequence[Signature], pickup: float = 0.0) -> Bars:
    """The bars by some time signatures. Those of no length (0/4, or a denominator that overflowed) count as none.

    Notation programs write a pickup as a bar with a signature of its own, 1/4 before 4/4: that of the piece is then the
    second. ``pickup`` is what the first measure of a score says.
    """
    found = sorted((each for each in signatures if each.bar > 0), key=lambda each: each.at)
    if not found:
        return Bars(4.0, pickup, False)
    first = found[0]
    after = next((each for each in found if each.at > first.at + SAME), None)
    if after is not None and first.at < SAME and after.at <= first.bar + SAME < after.bar:
        return Bars(after.bar, after.at, True)
    return Bars(first.bar, pickup, True)


def bar_of_fraction(numerator: int, denominator: int) -> float:
    """Quarter notes in a bar of a time signature; 0 for a nonsensical one."""
    return numerator * 4 / denominator if numerator > 0 and denominator > 0 else 0.0


def _rest_before_pickup(onsets: NDArray[np.float64], bars: Bars) -> float:
    """Quarter notes of rest at the start of a first bar that holds a pickup alone; 0 for any other beginning."""
    first = float(onsets.min()) if len(onsets) else 0.0
    if bars.pickup or not bars.meter / 2 - SAME <= first < bars.meter - SAME:
        return 0.0
    # What is played off the grid keeps its place between the beats.
    on_grid = abs(first * GRID - round(first * GRID)) < GRID * SAME
    return first if on_grid else float(math.floor(first))


def signatures_of(found: Iterable[Any], per_quarter: float = 1.0) -> list[Signature]:
    """Time signatures of a library, each with ``time``, ``numerator`` and ``denominator``."""
    return [
        Signature(float(each.time) / per_quarter, bar_of_fraction(each.numerator, each.denominator)) for each in found
    ]


def start_of(data: bytes) -> str:
    """The first bytes, for a message."""
    return repr(data[:16].decode("latin-1")) if data else "nothing"
