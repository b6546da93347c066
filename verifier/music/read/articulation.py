"""Notes that are played shorter or longer than they are written: how long they are written.

Sequencers and notation programs let go of a note before the next begins, after nine tenths of it or some ticks early,
or hold it into that. What is left is no rest, and what sounds together no chord. The lengths are those of the score
again if one ratio, or one gap, takes nearly all of them to divisions of a quarter note, and most to the next note;
where none does, a note that lasts until shortly before or after the next begins lasts until that.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DIVISIONS = (8, 6)
"""Parts of a quarter note in which lengths are written: down to notes of 1/32, and triplets of 1/16."""
TICK = 1 / 250
"""Quarter notes by which a length may lie off a division."""
FEWEST = 16
"""Notes that must end early, or late: fewer may do so by chance."""
EARLY = 0.5
"""Share of the notes that must end before the next of their part begins, or after, for a file to be one that is played
so; and share of these that must end with it once they are mended."""
FITS = 0.9
"""Share of the lengths that must lie on divisions to be those of a score."""
SHORTEST = 0.4
"""Least share of its written length that a note is held for."""
DETACHED = 0.7
"""The same for lengths that lie on divisions as they are, unless they are one share: after shorter ones is a rest."""
OVERLAP = 0.25
"""Quarter notes for which a note is held into the next at most, as a manner of playing."""


class Written(NamedTuple):
    """The ends of notes (m,) in quarter notes, and how many of them are not those that were played."""

    ends: Floats
    mended: int


def written_ends(onsets: Floats, ends: Floats, parts: NDArray[np.int64]) -> Written:
    """The ends of notes as they are written; onsets, ends, in quarter notes, and parts (m,)."""
    lengths, room = ends - onsets, _following(onsets, parts) - onsets
    found = _let_go(onsets, lengths, room)
    if found is None:
        found = _held_over(onsets, lengths, room)
    if found is None:
        return Written(ends, 0)
    changed = np.abs(found - lengths) > TICK
    return Written(np.where(changed, onsets + found, ends), int(changed.sum()))


def _let_go(onsets: Floats, lengths: Floats, room: Floats) -> Floats | None:
    """The written lengths (m,) of notes that are let go of before the next of their part, which begins after ``room``
    (m,); None if they are not.
    """
    is_early = (lengths < room - TICK) & np.isfinite(room)
    if not _are_most(is_early, room):
        return None
    held = lengths[is_early] / room[is_early]
    as_played = _fit(lengths)
    least = SHORTEST if as_played < FITS or _is_one_ratio(held, room[is_early]) else DETACHED
    detached = held[held >= least]
    if len(detached) <= EARLY * len(held):
        return None
    gaps = (room - lengths)[is_early][held >= least]
    found = _written((lengths / np.median(detached), lengths + np.median(gaps)), room, is_early)
    if found is None and as_played < FITS and _fit(onsets) >= FITS:
        return np.where(is_early & (lengths >= DETACHED * room), room, lengths)
    return found


def _held_over(onsets: Floats, lengths: Floats, room: Floats) -> Floats | None:
    """The same of notes that are held into the next of their part."""
    over = lengths - room
    is_late = (over > TICK) & (over <= OVERLAP)
    if not _are_most(is_late, room):
        return None
    candidates = (lengths / np.median((lengths / room)[is_late]), lengths - np.median(over[is_late]))
    found = _written(candidates, room, is_late)
    return np.where(is_late, room, lengths) if found is None and _fit(onsets) >= FITS else found


def _are_most(is_off: NDArray[np.bool_], room: Floats) -> bool:
    return bool(is_off.sum() >= FEWEST and is_off.sum() > EARLY * np.isfinite(room).sum())


def _written(candidates: tuple[Floats, Floats], room: Floats, is_off: NDArray[np.bool_]) -> Floats | None:
    """The one of two guesses at the lengths that lies on divisions; None if neither does, or most do not then end where
    the next note begins.
    """
    found = max(candidates, key=_fit)
    reaches = np.abs(found - room)[is_off] <= TICK
    return _on_divisions(found) if _fit(found) >= FITS and reaches.mean() >= EARLY else None


def _is_one_ratio(held: Floats, room: Floats) -> bool:
    """Whether notes are held for one share of the time to the next, though that differs: rests are not written so."""
    is_usual = np.abs(held - np.median(held)) * room <= TICK
    return bool(is_usual.mean() >= FITS and np.ptp(room[is_usual]) > TICK)


def _following(onsets: Floats, parts: NDArray[np.int64]) -> Floats:
    """(m,) where the next note of the same part begins that begins later; infinite for the last."""
    order = np.lexsort((onsets, parts))
    first = np.flatnonzero(np.diff(parts[order], prepend=-1) | (np.diff(onsets[order], prepend=-np.inf) > TICK))
    of = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(order))))
    starts = np.append(onsets[order][first], np.inf)
    same = np.append(parts[order][first][1:] == parts[order][first][:-1], False)
    after = np.where(same, starts[1:], np.inf)
    found = np.empty(len(onsets))
    found[order] = after[of]
    return found


def _fit(quarters: Floats) -> float:
    """The share of times that lie on a division of a quarter note."""
    return float((np.abs(_on_divisions(quarters) - quarters) <= TICK).mean())


def _on_divisions(quarters: Floats) -> Floats:
    """The nearest division of each time."""
    near = np.stack([np.rint(quarters * each) / each for each in DIVISIONS])
    return np.asarray(np.take_along_axis(near, np.abs(near - quarters).argmin(axis=0)[None], axis=0)[0])
