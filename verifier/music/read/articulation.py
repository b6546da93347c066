"""Notes that are played shorter or longer than they are written: how long they are written.

Sequencers and notation programs let go of a note before the next begins, after nine tenths of it or some ticks early,
or hold it into that. What is left is no rest, and what sounds together no chord. The lengths are those of the score
again if one ratio, or one gap, of the piece or of a part takes nearly all of them to divisions of a quarter note, and
most to the next note; where none does, a note that lasts until about where the next begins lasts until that.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DIVISIONS = (8, 6)
"""Parts of a quarter note in which lengths are written: down to notes of 1/32, and triplets of 1/16."""
FINEST = 12
"""Parts of a quarter note of a grid, as of a tensor: ends that nearly all lie on it are no player's."""
TICK = 1 / 250
"""Quarter notes by which a length may lie off a division."""
FEWEST = 16
"""Notes that must end early, or late, or begin apart and end off the divisions: fewer may do so by chance."""
PLACES = 4
"""Times at which notes that end early, or late, must begin at least: of a chord that is left or held all notes do."""
EARLY = 0.5
"""Share of the notes that must end before the next of their part begins, or after, for a file to be one that is played
so; and share of these that must end with it once they are mended."""
FITS = 0.9
"""Share of the lengths that must lie on divisions to be those of a score."""
SHORTEST = 0.4
"""Least share of its written length that a note is held for."""
DETACHED = 0.7
"""The same for lengths that lie on divisions as they are, unless they are one share: after shorter ones is a rest."""
NEARLY = 0.6
"""The same for lengths that lie on no division, times what notes usually last of the time to the next."""
OVERLAP = 0.25
"""Quarter notes for which a note is held into the next at most, as a manner of playing, unless all are for as long."""
LONGEST = 4.0
"""Quarter notes for which a note lasts at most, where nothing says how long."""


class Written(NamedTuple):
    """The ends of notes (m,) in quarter notes; how many of them are not those that were played, and of how many nothing
    tells how long they last.
    """

    ends: Floats
    mended: int
    guessed: int = 0


class _Manner(NamedTuple):
    """The written lengths (m,) of notes let go of in one manner, which ``tells`` nothing where all have one length."""

    lengths: Floats
    tells: bool


def written_ends(onsets: Floats, ends: Floats, parts: NDArray[np.int64]) -> Written:
    """The ends of notes as they are written; onsets, ends, in quarter notes, and parts (m,). Those of notes that begin
    on no divisions stay.
    """
    if not len(onsets) or _fit(onsets) < FITS:
        return Written(ends, 0)  # no score
    lengths, room = ends - onsets, _following(onsets, parts) - onsets
    one_by_one = len(np.unique(onsets + parts * 2.0**20)) >= FITS * len(onsets)
    manner = _of_one_manner(onsets, lengths, room, one_by_one)
    if manner is not None:
        found, guessed = manner.lengths, 0 if manner.tells else len(lengths)
    else:
        found, guessed = lengths.copy(), 0
        unruly = np.ones(len(lengths), np.bool_)
        for part in np.unique(parts).tolist():
            own = parts == part
            manner = _of_one_manner(onsets[own], lengths[own], room[own], one_by_one)
            if manner is not None:
                found[own], unruly[own] = manner.lengths, False
                guessed += 0 if manner.tells else int(own.sum())
        enough = len(np.unique(onsets[unruly])) >= FEWEST
        if enough and _fit(lengths[unruly], (*DIVISIONS, FINEST)) < FITS:
            found[unruly] = _one_by_one(onsets, lengths, room)[unruly]
    if np.isinf(found).any():  # the last of their parts, which end together
        last = (onsets + np.where(np.isinf(found), np.median(found), found)).max()
        found = np.minimum(found, np.minimum(last - onsets, LONGEST))
    changed = np.abs(found - lengths) > TICK
    return Written(np.where(changed, onsets + found, ends) if changed.any() else ends, int(changed.sum()), guessed)


def _of_one_manner(onsets: Floats, lengths: Floats, room: Floats, one_by_one: bool) -> _Manner | None:
    """That of notes (m,) that are all let go of early, or all held over, by one ratio or gap, where the next of their
    part begins after ``room`` (m,); None if they are not. Where notes begin ``one_by_one`` in their parts, not in
    chords, also that of notes of which all have one length; the last of its part is infinite then.
    """
    over = lengths - room
    is_early = (over < -TICK) & np.isfinite(room)
    is_late = (over > TICK) & (over <= OVERLAP)
    if np.isfinite(room).sum() >= FEWEST and _are_usual(room).mean() < FITS:  # unlike a rhythm that goes on and on
        tells_nothing = _are_most(is_early, room, onsets) or (is_early.any() and (over > TICK).any())
        if one_by_one and tells_nothing and _are_usual(lengths).mean() >= FITS:
            # One length stands for any, as programs write that know only where notes begin.
            return _Manner(np.where((room <= LONGEST) | np.isinf(room), room, np.median(room)), tells=False)
        is_late |= (over > TICK) & _are_usual(over)
    if _are_most(is_early, room, onsets):
        held = lengths[is_early] / room[is_early]
        one_ratio = _fit(lengths) < FITS or _is_one_ratio(held, room[is_early])
        detached = held >= (SHORTEST if one_ratio else DETACHED)
        if detached.mean() <= EARLY:
            return None
        gap = np.median(-over[is_early][detached])
        return _written((lengths / np.median(held[detached]), lengths + gap), room, is_early)
    if _are_most(is_late, room, onsets):
        return _written(
            (lengths / np.median((lengths / room)[is_late]), lengths - np.median(over[is_late])), room, is_late
        )
    return None


def _one_by_one(onsets: Floats, lengths: Floats, room: Floats) -> Floats:
    """The written lengths of notes that begin on divisions and end anywhere: until the next of their part begins if
    they nearly do, or, of notes that sound on, until about where another does; if a rest follows, the nearest number of
    eighths or sixteenths.
    """
    # Of lengths that are anything some lie on divisions by chance.
    off = (np.abs(_on_divisions(lengths) - lengths) > TICK) | (_fit(lengths) < EARLY)
    followed = np.isfinite(room)
    usual = np.median(np.minimum(lengths / room, 1)[followed]) if followed.any() else 1
    reaches = (lengths >= np.where(off, NEARLY * usual, DETACHED) * room) & (lengths <= room + OVERLAP)
    starts = np.unique(onsets)
    after = np.searchsorted(starts, onsets + lengths)
    around = np.stack([starts[np.maximum(after - 1, 0)], starts[np.minimum(after, len(starts) - 1)]]) - onsets
    nearest = np.take_along_axis(around, np.abs(around - lengths).argmin(axis=0)[None], axis=0)[0]
    sounds_on = off & (lengths > room + OVERLAP) & (np.abs(nearest - lengths) <= (1 - DETACHED) * lengths)
    step = np.where(lengths >= 3 / 8, 1 / 2, 1 / 4)
    rested = np.minimum(np.maximum(np.rint(lengths / step), 1) * step, room)
    return np.select([reaches, sounds_on, off & (lengths < room)], [room, nearest, rested], lengths)


def _are_usual(quarters: Floats) -> NDArray[np.bool_]:
    """(m,) which times are the usual one."""
    return np.asarray(np.abs(quarters - np.median(quarters)) <= TICK) if len(quarters) else np.zeros(0, np.bool_)


def _are_most(is_off: NDArray[np.bool_], room: Floats, onsets: Floats) -> bool:
    enough = is_off.sum() >= FEWEST and len(np.unique(onsets[is_off])) >= PLACES
    return bool(enough and is_off.sum() > EARLY * np.isfinite(room).sum())


def _written(candidates: tuple[Floats, Floats], room: Floats, is_off: NDArray[np.bool_]) -> _Manner | None:
    """The one of two guesses at the lengths that lies on divisions, of both that by which more notes end where the next
    begins; None if neither does, or most notes do not.
    """

    def reaches(found: Floats) -> float:
        return float((np.abs(found - room)[is_off] <= TICK).mean())

    fitting = [found for found in candidates if _fit(found) >= FITS]
    if not fitting or reaches(best := max(fitting, key=reaches)) < EARLY:
        return None
    return _Manner(_on_divisions(best), tells=True)


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


def _fit(quarters: Floats, divisions: tuple[int, ...] = DIVISIONS) -> float:
    """The share of times that lie on a division of a quarter note."""
    return float((np.abs(_on_divisions(quarters, divisions) - quarters) <= TICK).mean())


def _on_divisions(quarters: Floats, divisions: tuple[int, ...] = DIVISIONS) -> Floats:
    """The nearest division of each time."""
    near = np.stack([np.rint(quarters * each) / each for each in divisions])
    return np.asarray(np.take_along_axis(near, np.abs(near - quarters).argmin(axis=0)[None], axis=0)[0])
