"""MIDI files -> Notes, by symusic, which is imported where it is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError, printable
from verifier.music.notes import Notes
from verifier.music.read.columns import meter_of, notes_of_columns, start_of

MAX_TICK = 10**9
"""A MIDI event at this tick or after it is damage; symusic counts in 32 bits and would wrap around, unnoticed."""


_HIGH = b"0" * 128 + b"1" * 128


def read(data: bytes, suffix: str, *, name: str, group: str) -> Notes:
    """The notes of a MIDI file. Raises InputError as ``notes_of_midi`` does."""
    return notes_of_midi(data, name=name, group=group)


def notes_of_midi(data: bytes, *, name: str, group: str) -> Notes:
    """The notes of a Standard MIDI File (see ``notes_of_score``). Raises InputError for another or a damaged one."""
    if not data.startswith(b"MThd"):
        raise InputError(name, f"expected a Standard MIDI File, which starts with 'MThd', found {start_of(data)}")
    last = _last_tick(data)
    if last >= MAX_TICK:
        raise InputError(name, f"expected all events before tick {MAX_TICK:,}, found one at tick {last:,}")
    # symusic reads on without a word where a file was cut between two tracks.
    declared, found = int.from_bytes(data[10:12], "big"), sum(1 for _ in _track_chunks(data))
    if found < declared:
        raise InputError(name, f"expected a whole Standard MIDI File of {declared} tracks, found {found}")

    from symusic import Score

    try:
        score: Any = Score.from_midi(data)  # its attributes are not in its type stubs
    except RuntimeError as error:  # what symusic raises on every malformed file
        reason = printable(str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error"))
        raise InputError(name, f"expected a whole Standard MIDI File, found damage: {reason}") from error
    return notes_of_score(score, name=name, group=group)


def notes_of_score(score: Any, *, name: str, group: str) -> Notes:
    """The notes of a symusic score in ticks, without those on the channel of percussion.

    From a file, a part is what one channel of one track plays with one program, so that a file of a single track (type
    0) has a part a channel, and a change of program begins a part. A note lasts to its note-off, whatever the pedal
    does. Of two notes of one pitch that overlap in one part, the first note-off ends the one that began first; a note
    that is never ended is left out. Raises InputError where no note remains.
    """
    ticks = score.ticks_per_quarter
    if ticks < 1:
        raise InputError(name, f"expected at least 1 tick in a quarter note, found {ticks}")
    tracks = [track.notes.numpy() for track in score.tracks if not track.is_drum and len(track.notes)]
    nothing = np.zeros(0, np.int64)

    def column(key: str) -> NDArray[np.int64]:
        return np.concatenate([nothing, *(track[key] for track in tracks)])

    onsets = column("time")
    parts = np.repeat(np.arange(len(tracks)), [len(track["time"]) for track in tracks])
    columns = (onsets / ticks, (onsets + column("duration")) / ticks, column("pitch"), parts)
    return notes_of_columns(name, group, columns, meter_of(score.time_signatures))


def _last_tick(data: bytes) -> int:
    """Tick of the last event of the longest track, or 0 where a cheap bound shows that it lies below MAX_TICK.

    A time is one to four bytes of seven bits, all but the last with their high bit set, and an event takes at least one
    byte more. Only a file that exceeds the bound, or has a longer time than the format allows, is walked through.
    """
    high = data.translate(_HIGH)
    bound = (high.count(b"111") << 28) + (high.count(b"11") << 21) + (len(data) // 2 << 14)
    if bound < MAX_TICK and b"1111" not in high:
        return 0
    return max((_track_ticks(data[track]) for track in _track_chunks(data)), default=0)


def _track_chunks(data: bytes) -> Iterator[slice]:
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            yield slice(at + 8, at + 8 + length)
        at += 8 + length


def _track_ticks(track: bytes) -> int:
    """Sum of the times in one track; where it is damaged, of those before the damage (the reader will say the rest)."""
    data_bytes = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
    at, tick, status = 0, 0, 0

    def number() -> int:
        nonlocal at
        value = 0
        while track[at] >= 0x80:
            value = min(value << 7 | track[at] & 0x7F, MAX_TICK)
            at += 1
        at += 1
        return value << 7 | track[at - 1]

    try:
        while at < len(track):
            tick += number()
            if tick >= MAX_TICK:
                return tick
            if track[at] >= 0x80:
                status = track[at]
                at += 1
            if status == 0xFF:
                at += 1  # the kind of meta event
            if status in (0xFF, 0xF0, 0xF7):
                length = number()
                at += length
            elif status & 0xF0 in data_bytes:
                at += data_bytes[status & 0xF0]
            else:
                return tick
    except IndexError:
        pass
    return tick
