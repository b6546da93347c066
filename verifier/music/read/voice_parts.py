"""Which notes of a part of a score are one voice: parts of a piece from part, staff and voice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

OVERLAP = 1e-3
"""Quarter notes by which a note may last into the next of its voice: times are rounded."""
PAUSE = 4.0
"""Quarter notes between two parts of a file of which the second goes on with the first."""
SHARE = 1 / 3
"""A voice sounds for more than this share of the time of the longest in its part. What sounds for less is a divisi of
the part: a second voice for a bar.
"""


def parts_of_voices(
    onsets: NDArray[np.float64],
    ends: NDArray[np.float64],
    parts: NDArray[np.int64],
    staves: Sequence[str],
    voices: Sequence[str],
) -> NDArray[np.int64]:
    """The part of each note, (m,): ``parts``, each of them split into its voices where that gives some that go on
    through the piece and sing one note at a time, or else into its staves.

    A part that sings one note at a time is one voice, whatever numbers its notes have; and so is a voice that moves
    to another staff and back. One that is no voice and has none, such as that of a piano, is left whole.
    """
    staff, voice = np.array(staves, np.str_), np.array(voices, np.str_)

    def one_at_a_time(at: NDArray[np.int64]) -> bool:
        order = at[np.lexsort((ends[at], onsets[at]))]
        later = onsets[order[1:]]
        return not ((later - onsets[order[:-1]] < OVERLAP) | (ends[order[:-1]] > later + OVERLAP)).any()

    def lasts(at: NDArray[np.int64]) -> float:
        return float((ends[at] - onsets[at]).sum())

    split = parts.copy()
    more = 0
    for part in np.unique(parts).tolist():
        streams = list(_streams(np.flatnonzero(parts == part), staff, voice, one_at_a_time, lasts))
        for number, at in enumerate(streams, part + more):
            split[at] = number
        more += len(streams) - 1
    return split


def continued(onsets: NDArray[np.float64], ends: NDArray[np.float64], parts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The part of each note, (m,), from 0: parts of which one begins when another has ended, at most ``PAUSE`` later,
    are one. So a voice goes on in another track or channel of a file, by a change of instrument or a new section. Of
    several that end and begin at once the first goes on in the first.
    """
    numbers = np.unique(parts)
    spans = [(float(onsets[parts == each].min()), float(ends[parts == each].max())) for each in numbers.tolist()]
    until: list[float] = []  # when each of the parts that are left ends
    of = np.zeros(len(numbers), np.int64)
    for at in sorted(range(len(numbers)), key=lambda at: (spans[at][0], at)):
        first, last = spans[at]
        free = [part for part, end in enumerate(until) if first - PAUSE <= end <= first + OVERLAP]
        of[at] = free[0] if free else len(until)
        if free:
            until[free[0]] = last
        else:
            until.append(last)
    # In the order of the first of each, as they stood.
    _, order = np.unique(of, return_index=True)
    rank = np.argsort(np.argsort(order))
    return np.asarray(rank[of][np.searchsorted(numbers, parts)], np.int64)


def _streams(
    at: NDArray[np.int64],
    staff: NDArray[np.str_],
    voice: NDArray[np.str_],
    one_at_a_time: Callable[[NDArray[np.int64]], bool],
    lasts: Callable[[NDArray[np.int64]], float],
) -> Iterator[NDArray[np.int64]]:
    """The notes of each voice of a part, of each of its staves, or of the part."""
    if one_at_a_time(at):
        yield at
        return
    found: list[NDArray[np.int64]] = []
    for each in _by(voice, at):
        found += [each] if one_at_a_time(each) else _by(staff, each)
    longest = max(map(lasts, found))
    if len(found) > 1 and all(one_at_a_time(each) and lasts(each) > SHARE * longest for each in found):
        yield from found
        return
    each_staff = _by(staff, at)
    if len(each_staff) == 1:
        yield at
        return
    for each in each_staff:
        yield from _streams(each, staff, voice, one_at_a_time, lasts)


def _by(names: NDArray[np.str_], at: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The notes ``at`` with each name, in the order of the names: 2 stands before 10."""

    def key(name: str) -> list[tuple[int, str]]:
        return [(int(digits or 0), text) for digits, text in re.findall(r"(\d{1,18})|(\D+)", name)]

    return [at[names[at] == name] for name in sorted(np.unique(names[at]).tolist(), key=key)]
