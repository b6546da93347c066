"""Direct (hidden) fifths and octaves between the outer voices."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.motions import FIFTH, OTHER, Motions, motions, perfect
from verifier.music.samples import music
from verifier.music.voice_rules import MotionRule
from verifier.rule.rule import option
from verifier.rule.textbook import TextbookRule

ARRIVALS = ("other interval", "fifth", "octave", "unison")
APPROACHES = (
    "in contrary motion",
    "in parallels",
    "in similar motion, upper voice by step",
    "in similar motion, upper voice leaps",
)
CONTRARY, PARALLEL, STEPWISE, DIRECT = range(4)
STEP = 2
"""Semitones of the largest step; a larger interval is a leap."""


class DirectIntervals(MotionRule, TextbookRule, frozen=True, kw_only=True):
    """Direct fifths and octaves, also called hidden: a violation is a perfect fifth, octave or unison of the two outer
    voices that both reach in the same direction, the upper one by a leap.

    A trial is a motion in which both outer voices change their pitch. A leap is more than two semitones. Where the
    voices stood at the same interval before, they make parallels, which have a rule of their own, and no direct
    interval (Aldwell and Schachter, Harmony and Voice Leading, chapter 5). From a chord under a fermata to the first of
    the next phrase they can be excused: see ``parallels`` for why that is not the default.
    """

    over_fermatas: Annotated[
        Literal["allow", "count"], option("direct intervals from the last chord under a fermata to the chord after it")
    ] = "count"

    key_space = len(ARRIVALS) * len(APPROACHES) * 2

    def find(self, batch: Batch) -> tuple[Motions, NDArray[np.int64]]:
        """The motions in which both outer voices move, and the key of each."""
        every = motions(batch)
        moving = (every.upper_from != every.upper_to) & (every.lower_from != every.lower_to)
        found = every.where(moving & every.outer(music(batch).voices.counts))
        before = perfect(found.upper_from, found.lower_from)
        after = perfect(found.upper_to, found.lower_to)
        # As in parallels, an octave and a unison are one.
        parallel = (before != OTHER) & (after != OTHER) & ((before == FIFTH) == (after == FIFTH))
        leaps = np.abs(found.upper_to - found.upper_from) > STEP
        approach = np.select([found.contrary(), parallel, ~leaps], [CONTRARY, PARALLEL, STEPWISE], DIRECT)
        return found, 8 * after + 2 * approach + found.boundaries

    def breaking(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        broken = (keys >> 3 != OTHER) & (keys >> 1 & 3 == DIRECT)
        if self.over_fermatas == "allow":
            broken &= keys & 1 == 0
        return np.asarray(broken)

    def key_name(self, key: int) -> str:
        return f"{ARRIVALS[key >> 3]} {APPROACHES[key >> 1 & 3]}{' over a fermata' * (key & 1)}"
