"""Which pieces of a corpus are the same work: found by content, so that no work is both learned and held out.

The measure sees the intervals of each part, and is blind to what differs between two editions or two keys of a work:
transposition, note values, how often a note is repeated for the syllables of a verse, the order of the parts. It does
not find a work whose notes are divided among the parts in another way.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.music.notes import Notes

VERSION = 1
"""To be raised by whoever changes which groups come out: cached groups are then found anew."""

THRESHOLD = 0.58
"""Score from which two pieces are one work: the middle of the widest gap among the scores of the 368 chorales of Bach.

There 14 pairs score 0.67 and more: one harmonisation in two keys, two texts, two editions, or whole and in part. The
next score 0.49 and less: other harmonisations of the same tune, with the soprano in common.
"""

INTERVALS = 8
"""Intervals in a fingerprint, a byte each, so that one fingerprint is one 64-bit word."""

FEWEST = 16
"""A piece of fewer fingerprints is not taken for a part of a longer one: every scale is somewhere in every piece."""

NEIGHBOURS = 32
"""A fingerprint that many pieces have pairs each of them with this many others, which keeps the search near linear."""


class Pair(NamedTuple):
    """Indices of two pieces, ``first`` < ``second``, and the share of their fingerprints that they have in common."""

    first: int
    second: int
    score: float


def fingerprints(notes: Notes) -> NDArray[np.int64]:
    """The distinct runs of INTERVALS melodic intervals in the parts of a piece, sorted; a unison is no interval.

    The notes of a part follow each other by onset, those of a chord from low to high. A part with fewer intervals, but
    at least one, has one fingerprint.
    """
    found = [np.zeros(0, np.int64)]
    for part in np.unique(notes.parts):
        at = np.flatnonzero(notes.parts == part)
        line = notes.pitches[at[np.lexsort((notes.pitches[at], notes.onsets[at]))]]
        intervals = np.diff(line)
        intervals = intervals[intervals != 0].astype(np.int8)
        if 0 < len(intervals) < INTERVALS:
            # No interval is 0, so that a padded run equals no full one.
            intervals = np.pad(intervals, (0, INTERVALS - len(intervals)))
        if len(intervals):
            runs = np.lib.stride_tricks.sliding_window_view(intervals, INTERVALS)
            found.append(np.ascontiguousarray(runs).view(np.int64).ravel())
    return np.unique(np.concatenate(found))


def similar_pairs(pieces: Sequence[Notes], lowest: float = THRESHOLD) -> list[Pair]:
    """The pairs of pieces that score at least ``lowest`` (above 0), best first.

    The score is the number of fingerprints in common over that of the shorter piece, or over FEWEST if it has fewer and
    the longer has not. Pairs are found through an index of the fingerprints, never by comparing all pieces with all.
    """
    prints = [fingerprints(piece) for piece in pieces]
    sizes = np.array([len(found) for found in prints], np.int64)
    if not sizes.sum():
        return []
    word = np.concatenate(prints)
    piece = np.repeat(np.arange(len(pieces)), sizes)
    order = np.argsort(word, kind="stable")
    word, piece = word[order], piece[order]
    codes, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for step in range(1, min(NEIGHBOURS, len(word) - 1) + 1):
        same = word[step:] == word[:-step]
        if not same.any():
            break
        new, often = np.unique(piece[:-step][same] * len(pieces) + piece[step:][same], return_counts=True)
        codes, at = np.unique(np.concatenate([codes, new]), return_inverse=True)
        counts = np.bincount(at, np.concatenate([counts, often]), len(codes)).astype(np.int64)
    first, second = np.divmod(codes, len(pieces))
    shorter, longer = np.minimum(sizes[first], sizes[second]), np.maximum(sizes[first], sizes[second])
    out_of = np.maximum(shorter, np.minimum(FEWEST, longer))
    # These counts can be too low, for pieces that stand far apart in the index; the few likely pairs are counted fully.
    close = np.flatnonzero(counts >= lowest / 2 * out_of)
    pairs = [
        Pair(int(a), int(b), len(np.intersect1d(prints[a], prints[b], assume_unique=True)) / int(whole))
        for a, b, whole in zip(first[close], second[close], out_of[close], strict=True)
    ]
    return sorted((pair for pair in pairs if pair.score >= lowest), key=lambda pair: (-pair.score, pair))


def duplicate_groups(pieces: Sequence[Notes], works: Sequence[str] | None = None) -> list[str]:
    """The group of each piece: the name of the first piece that is, directly or through others, the same work.

    ``works`` says of each piece what it is known to belong to: equal ones are one group, which is then named after the
    work of its first piece.
    """
    import networkx as nx  # takes longer to import than a corpus in the cache takes to load

    names = [piece.name for piece in pieces] if works is None else works
    graph = nx.Graph()
    graph.add_nodes_from(range(len(pieces)))
    graph.add_edges_from((pair.first, pair.second) for pair in similar_pairs(pieces))
    first: dict[str, int] = {}
    graph.add_edges_from((first.setdefault(work, i), i) for i, work in enumerate(works or ()))
    groups = [""] * len(pieces)
    for component in nx.connected_components(graph):
        for i in component:
            groups[i] = names[min(component)]
    return groups


def grouped(pieces: Sequence[Notes]) -> list[Notes]:
    """The pieces, those that are one work in one group."""
    groups = duplicate_groups(pieces, [piece.group for piece in pieces])
    return [replace(piece, group=group) for piece, group in zip(pieces, groups, strict=True)]
