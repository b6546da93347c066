"""Standard MIDI Files -> Notes.

The events are read here, as no library tells all that a verdict needs. symusic 0.6 keeps neither the type of a file nor
the notes that never end, and splits the tracks by program; mido 1.3 keeps them, but raises an error at key signatures
that other programs write, and takes three times as long on short clips.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.music.notes import Notes
from verifier.music.read.columns import (
    Signature,
    bar_of_fraction,
    bars_of,
    notes_of_columns,
    signatures_of,
    start_of,
)
from verifier.music.read.voice_parts import continued

MAX_TICK = 10**9
"""A MIDI event at this tick or after it is damage."""
PERCUSSION = 9
"""The channel of percussion, from 0."""
UNENDED = 0.01
"""Share of notes that are never ended from which on others of their pitch do not end them either."""
SEQUENTIAL = 2
"""The type of a file whose tracks are patterns that are played one after the other."""

_DATA_BYTES = {0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_META, _END_OF_TRACK, _TIME_SIGNATURE = 0xFF, 0x2F, 0x58


class _DamageError(Exception):
    """A track that is no sequence of events; the message says where."""


@dataclass
class _Song:
    """What the tracks of a file hold, in ticks: the notes, and where bars change. A key is 128 part + pitch."""

    onsets: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    signatures: list[tuple[int, float]] = field(default_factory=list)
    overlap: bool = True
    drums: int = 0
    unended: int = 0
    end: int = 0


def read(data: bytes, suffix: str, *, name: str, group: str) -> Notes:
    """The notes of a MIDI file. Raises InputError as ``notes_of_midi`` does."""
    return notes_of_midi(data, name=name, group=group)


def notes_of_midi(data: bytes, *, name: str, group: str) -> Notes:
    """The notes of a Standard MIDI File, without those on the channel of percussion.

    A part is what one channel of one track plays, whatever its programs, and goes on in another (see ``continued``); in
    a file of a single track (type 0), a part is a channel. The patterns of a file of type 2 follow each other, each
    after the end of the one before, and a part is a channel through all of them. A note lasts to its note-off, whatever
    the pedal does. Of two notes of one pitch that overlap in one part, the first note-off ends the one that began
    first; in a file in which many are never ended, the second shows that the first was not. Such a note lasts to the
    next one of its part, the last to the end of its track. Raises InputError for another file, or a damaged one.
    """
    data = unwrapped(data)
    if not data.startswith(b"MThd"):
        raise InputError(name, f"expected a Standard MIDI File, which starts with 'MThd', found {start_of(data)}")
    kind, declared, ticks = (int.from_bytes(data[at : at + 2], "big") for at in (8, 10, 12))
    tracks = list(_tracks(data))[:declared]
    if len(tracks) < declared:
        raise InputError(name, f"expected a whole Standard MIDI File of {declared} tracks, found {len(tracks)}")
    if ticks < 1:
        raise InputError(name, f"expected at least 1 tick in a quarter note, found {ticks}")
    if ticks >= 0x8000:
        raise InputError(name, "expected ticks of a quarter note, found frames of film (SMPTE); save it by ticks")
    song = _song_of(tracks, kind, name, overlap=True)
    if song.unended > UNENDED * len(song.onsets):
        song = _song_of(tracks, kind, name, overlap=False)
    return _notes(song, ticks, name, group, sequential=kind == SEQUENTIAL and len(tracks) > 1)


def _song_of(tracks: Sequence[bytes], kind: int, name: str, *, overlap: bool) -> _Song:
    """What the tracks hold. Where notes of one pitch do not ``overlap``, one that begins while another sounds shows
    that this was never ended.
    """
    song = _Song(overlap=overlap)
    for number, track in enumerate(tracks):
        first_part = 16 * number if kind not in (0, SEQUENTIAL) else 0
        try:
            _read_track(track, song, first_part, song.end if kind == SEQUENTIAL else 0, name)
        except (_DamageError, IndexError) as error:
            reason = error if isinstance(error, _DamageError) else "it stops within an event"
            text = f"expected a whole Standard MIDI File, found damage: track {number + 1}: {reason}"
            raise InputError(name, text) from error
    return song


def _notes(song: _Song, ticks: int, name: str, group: str, *, sequential: bool) -> Notes:
    keys = np.array(song.keys, np.int64)
    onsets, ends = np.array(song.onsets, np.float64) / ticks, np.array(song.ends, np.float64) / ticks
    return notes_of_columns(
        name,
        group,
        (onsets, ends, keys & 127, continued(onsets, ends, keys >> 7)),
        bars_of([Signature(at / ticks, bar) for at, bar in song.signatures]),
        length=song.end / ticks,
        drums=song.drums,
        played=True,
        unended=song.unended,
        sequential=len(keys) if sequential else 0,
    )


def unwrapped(data: bytes) -> bytes:
    """The Standard MIDI File in a RIFF file (``.rmi``); other data as they are."""
    at = 12 if data[:4] == b"RIFF" and data[8:12] == b"RMID" else len(data)
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return data


def _tracks(data: bytes) -> Iterator[bytes]:
    """The content of each track; the last may be cut."""
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            # A byte of an event is missing where the file was cut: what walks through it finds the end too early.
            yield data[at + 8 : at + 8 + length] if at + 8 + length <= len(data) else data[at + 8 :] + _CUT
        at += 8 + length


_CUT = b"\xf8\xff"
"""At the end of a track that was cut: the start of an event of which the rest is missing."""


def _read_track(track: bytes, song: _Song, first_part: int, start: int, name: str) -> None:
    """Add the notes of a track that starts at tick ``start`` to ``song``. Raises IndexError where it stops early."""
    at, tick, running = 0, start, 0
    onsets, ends, keys, first_note = song.onsets, song.ends, song.keys, len(song.onsets)
    sounding: dict[int, list[int]] = defaultdict(list)  # key -> the notes that sound, the oldest first
    unended: list[int] = []
    while at < len(track):
        delta = track[at]
        at += 1
        if delta >= 0x80:
            if track[at] < 0x80:  # two bytes, as most times that are not one: without a call
                delta, at = (delta & 0x7F) << 7 | track[at], at + 1
            else:
                delta, at = _rest_of_number(track, at, delta & 0x7F)
        tick += delta
        if tick >= MAX_TICK:
            raise InputError(name, f"expected all events before tick {MAX_TICK:,}, found one at tick {tick:,}")
        status = running
        if track[at] >= 0x80:
            status = track[at]
            at += 1
            running = status if status < 0xF0 else running
        if 0x80 <= status < 0xA0:
            pitch, velocity = track[at], track[at + 1]
            at += 2
            if pitch > 127 or velocity > 127:
                raise _DamageError(f"a note of pitch {pitch} and velocity {velocity} at tick {tick:,}")
            channel = status & 0x0F
            key = (first_part + channel) << 7 | pitch
            if channel == PERCUSSION:
                song.drums += status >= 0x90 and velocity > 0
            elif status >= 0x90 and velocity:
                if not song.overlap:
                    unended += sounding.pop(key, [])
                sounding[key].append(len(onsets))
                onsets.append(tick)
                ends.append(-1)
                keys.append(key)
            elif sounding[key]:
                ends[sounding[key].pop(0)] = tick
        elif status & 0xF0 in _DATA_BYTES:
            at += _DATA_BYTES[status & 0xF0]
        else:
            at, over = _read_system(track, at, status, tick, song)
            if over:
                break
    if at > len(track):
        raise IndexError
    _end_notes(song, [*unended, *(note for notes in sounding.values() for note in notes)], first_note, tick)
    song.end = max(song.end, tick)


def _read_system(track: bytes, at: int, status: int, tick: int, song: _Song) -> tuple[int, bool]:
    """The position after a meta event or a message of the system, whose status stands before ``at``, and whether it
    ends the track.
    """
    if status == 0:
        raise _DamageError(f"a data byte where an event must begin, at tick {tick:,}")
    meta = -1
    if status == _META:
        meta = track[at]
        at += 1
    if status not in (_META, 0xF0, 0xF7):
        return at + _SYSTEM_BYTES.get(status, 0), False
    length = track[at]
    at += 1
    if length >= 0x80:
        length, at = _rest_of_number(track, at, length & 0x7F)
    if at + length > len(track):
        raise IndexError
    if meta == _TIME_SIGNATURE and length >= 2:
        song.signatures.append((tick, bar_of_fraction(track[at], 2 ** track[at + 1] if track[at + 1] < 8 else 0)))
    return at + length, meta == _END_OF_TRACK


def _rest_of_number(track: bytes, at: int, value: int) -> tuple[int, int]:
    """A number of seven bits a byte of which the first byte, with its high bit set, stands before ``at``; at most
    MAX_TICK. And the position after it.
    """
    more = True
    while more:
        value = min(value << 7 | track[at] & 0x7F, MAX_TICK)
        more = track[at] >= 0x80
        at += 1
    return value, at


def _end_notes(song: _Song, unended: Sequence[int], first_note: int, end: int) -> None:
    """End notes of a track that were never ended: at the next onset of their part, or at the end of the track."""
    if not unended:
        return
    song.unended += len(unended)
    onsets: dict[int, list[int]] = defaultdict(list)
    for note in range(first_note, len(song.onsets)):
        onsets[song.keys[note] >> 7].append(song.onsets[note])
    for note in unended:
        later = onsets[song.keys[note] >> 7]
        after = bisect_right(later, song.onsets[note])
        song.ends[note] = later[after] if after < len(later) else end


def notes_of_score(score: Any, *, name: str, group: str) -> Notes:
    """The notes of a symusic score in ticks, without its tracks of percussion; a part is a track.

    symusic begins a track where the program changes: see ``parts_of_tracks``.
    """
    ticks = score.ticks_per_quarter
    if ticks < 1:
        raise InputError(name, f"expected at least 1 tick in a quarter note, found {ticks}")
    tracks = [track for track in score.tracks if not track.is_drum and len(track.notes)]
    columns = [track.notes.numpy() for track in tracks]
    nothing = np.zeros(0, np.int64)

    def column(key: str) -> NDArray[np.int64]:
        return np.concatenate([nothing, *(track[key] for track in columns)])

    onsets = column("time")
    ends = onsets + column("duration")
    parts = np.repeat(np.arange(len(tracks)), [len(track["time"]) for track in columns])
    same = parts_of_tracks(onsets, ends, parts, [(track.name, track.program) for track in tracks])
    return notes_of_columns(
        name,
        group,
        (onsets / ticks, ends / ticks, column("pitch"), same),
        bars_of(signatures_of(score.time_signatures, ticks)),
        length=score.end() / ticks,
        drums=sum(len(track.notes) for track in score.tracks if track.is_drum),
        played=True,
    )


def parts_of_tracks(
    onsets: NDArray[Any], ends: NDArray[Any], tracks: NDArray[np.int64], players: Sequence[tuple[str, int]]
) -> NDArray[np.int64]:
    """The part of each note. Libraries cut a track of a file where its program changes: tracks that follow each other
    under one name, each with another program, and never sound at once, are one part.

    onsets, ends, tracks (m,): times, and the track of each note; players: the name and the program of each track.
    """
    part_of = np.arange(len(players))
    for track in range(1, len(players)):
        (name, program), (other, changed) = players[track - 1], players[track]
        both = np.isin(tracks, np.flatnonzero(part_of == part_of[track - 1])) | (tracks == track)
        if name == other and program != changed and not _at_once(onsets[both], ends[both], tracks[both] == track):
            part_of[track] = part_of[track - 1]
    _, parts = np.unique(part_of[tracks] if len(tracks) else tracks, return_inverse=True)
    return parts.astype(np.int64)


def _at_once(onsets: NDArray[Any], ends: NDArray[Any], second: NDArray[np.bool_]) -> bool:
    """Whether a note of the first track and one of the ``second`` ever sound at once."""
    order = np.argsort(onsets, kind="stable")
    onsets, ends, second = onsets[order], ends[order], second[order]
    until = [np.maximum.accumulate(np.where(here, ends, -np.inf)) for here in (second, ~second)]
    return bool((onsets < np.where(second, until[1], until[0])).any())
