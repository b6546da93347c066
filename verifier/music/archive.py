"""The content of a corpus as plain arrays: to name it by a digest, and to keep it on disk."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.music.extra import READ
from verifier.music.notes import Notes

TICKS = 10080
"""Ticks in a quarter note: so many that every division that is written in music gives a whole number of ticks."""

Arrays = dict[str, NDArray[Any]]


def digest(pieces: Sequence[Notes]) -> str:
    """sha256 of the names, meters and notes of ``pieces``, whatever the order of the notes within a piece."""
    state = hashlib.sha256()
    for piece in pieces:
        name = piece.name.encode("utf-8", "surrogateescape")
        notes = np.stack([_ticks(piece.onsets), _ticks(piece.ends), piece.pitches, piece.parts], axis=1)
        notes = notes[np.lexsort(notes.T[::-1])]
        state.update(np.array([len(name), len(notes), _ticks(piece.meter)], "<i8").tobytes())
        state.update(name)
        state.update(np.ascontiguousarray(notes, "<i8").tobytes())
    return state.hexdigest()


def _ticks(quarters: NDArray[np.float64] | float) -> NDArray[np.int64]:
    return np.asarray(np.rint(np.asarray(quarters) * TICKS), np.int64)


def pack(pieces: Sequence[Notes]) -> Arrays:
    """All pieces in a few arrays; ``unpack`` gives them back unchanged."""
    return {
        "names": np.array([piece.name for piece in pieces], np.str_),
        "groups": np.array([piece.group for piece in pieces], np.str_),
        "meters": np.array([piece.meter for piece in pieces], np.float64),
        "meters_known": np.array([piece.meter_known for piece in pieces], np.bool_),
        "pickups": np.array([piece.pickup for piece in pieces], np.float64),
        "lengths": np.array([piece.length for piece in pieces], np.float64),
        **{name: np.array([getattr(piece, name) for piece in pieces], np.int64) for name in READ},
        "fermata_counts": np.array([len(piece.fermatas) for piece in pieces], np.int64),
        "fermatas": np.concatenate([np.zeros(0), *(piece.fermatas for piece in pieces)]),
        "counts": np.array([len(piece.onsets) for piece in pieces], np.int64),
        "onsets": np.concatenate([np.zeros(0), *(piece.onsets for piece in pieces)]),
        "ends": np.concatenate([np.zeros(0), *(piece.ends for piece in pieces)]),
        "pitches": np.concatenate([np.zeros(0, np.int64), *(piece.pitches for piece in pieces)]),
        "parts": np.concatenate([np.zeros(0, np.int64), *(piece.parts for piece in pieces)]),
    }


def unpack(arrays: Mapping[str, NDArray[Any]]) -> list[Notes]:
    """The pieces that ``pack`` put into ``arrays``. Raises KeyError or ValueError for arrays that it did not make."""
    names, groups, counts, under = (arrays[key] for key in ("names", "groups", "counts", "fermata_counts"))
    notes = {key: arrays[key] for key in ("onsets", "ends", "pitches", "parts")}
    if any(len(values) != counts.sum() for values in notes.values()) or len(arrays["fermatas"]) != under.sum():
        raise ValueError("the arrays of notes differ in length")
    onsets, ends, pitches, parts = (np.split(values, np.cumsum(counts))[:-1] for values in notes.values())
    fermatas = np.split(arrays["fermatas"], np.cumsum(under))[:-1]
    each = {key: arrays[key] for key in ("meters", "meters_known", "pickups", "lengths", *READ)}
    if any(len(values) != len(names) for values in (groups, counts, under, *each.values())):
        raise ValueError("the arrays of pieces differ in length")
    return [
        Notes(
            name=str(names[i]),
            group=str(groups[i]),
            onsets=onsets[i],
            ends=ends[i],
            pitches=pitches[i],
            parts=parts[i],
            meter=float(each["meters"][i]),
            meter_known=bool(each["meters_known"][i]),
            pickup=float(each["pickups"][i]),
            fermatas=fermatas[i],
            length=float(each["lengths"][i]),
            **{name: int(each[name][i]) for name in READ},
        )
        for i in range(len(names))
    ]
