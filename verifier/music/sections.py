"""What a file holds: several pieces with silence between them, or a stretch cut out of one between its beats."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verifier.music.notes import Notes

PAUSE = 3.0
"""Quarter notes of silence, a bar of three, from which on what follows is taken for another piece: of 3,440 pieces of
three corpora of music21 72 have such a rest in all parts, 64 of them movements of masses."""
PHASES = 24
"""Places in a quarter note at which beats are looked for."""
SELDOM = 0.5
"""As many notes begin at most at a place in a quarter note that is no beat, where one begin at another."""


def sections(notes: Notes) -> Sequence[Notes]:
    """The stretches of a file between rests of PAUSE quarters or more in all of its parts, each at the times that it
    has in the file; the file itself where there is no such rest.
    """
    order = np.argsort(notes.onsets, kind="stable")
    onsets, until = notes.onsets[order], np.maximum.accumulate(notes.ends[order])
    begins = onsets[1:][onsets[1:] - until[:-1] > PAUSE - 1e-6]
    if not len(begins):
        return [notes]
    of, of_fermatas = (np.searchsorted(begins, at, side="right") for at in (notes.onsets, notes.fermatas))
    return [
        replace(
            notes,
            **{name: getattr(notes, name)[of == section] for name in ("onsets", "ends", "pitches", "parts")},
            fermatas=notes.fermatas[of_fermatas == section],
        )
        for section in range(len(begins) + 1)
    ]


def cut_between_beats(notes: Notes) -> tuple[bool, bool]:
    """Whether a piece was cut where it begins, and where it ends: between its beats, at a place in a quarter note where
    next to none of its notes begin after the first ones, of SELDOM as many as where most do.
    """
    later = notes.onsets[notes.onsets > notes.onsets.min(initial=0) + 1e-6]
    if not len(later):
        return False, False
    counts = np.bincount(np.rint(later % 1 * PHASES).astype(np.int64) % PHASES, minlength=PHASES)
    at = np.rint(np.array([notes.onsets.min(), notes.ends.max()]) % 1 * PHASES).astype(np.int64) % PHASES
    begins, ends = counts[at] <= SELDOM * counts.max()
    return bool(begins), bool(ends)
