"""Direct (hidden) fifths and octaves between the outer voices."""

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from verifier.batch import Batch
from verifier.counted import Events, Habit, Place
from verifier.features.motions import FIFTH, OTHER, Motions, motions, perfect
from verifier.rule import option

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


class DirectIntervals(Habit, frozen=True, kw_only=True):
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
    needs_voices = True

    def unit(self) -> str:
        return "motion"

    def events(self, batch: Batch) -> Events:
        found, keys = _keyed(batch)
        return Events.single(found.samples, keys)

    def breaking(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        broken = (keys >> 3 != OTHER) & (keys >> 1 & 3 == DIRECT)
        if self.over_fermatas == "allow":
            broken &= keys & 1 == 0
        return np.asarray(broken)

    def places(self, batch: Batch, i: int) -> Iterator[Place]:
        found, keys = _keyed(batch)
        for at in found.of_sample(i):
            words = found.in_words(at, int(batch.voices.counts[i]))
            yield Place(int(keys[at]), int(found.starts[at]), 1, found.pitches(at), words)

    def key_name(self, key: int) -> str:
        return f"{ARRIVALS[key >> 3]} {APPROACHES[key >> 1 & 3]}{' over a fermata' * (key & 1)}"


def _keyed(batch: Batch) -> tuple[Motions, NDArray[np.int64]]:
    """The motions in which both outer voices move, and the key of each."""
    return batch.feature("direct-intervals", _find)


def _find(batch: Batch) -> tuple[Motions, NDArray[np.int64]]:
    every = motions(batch)
    moving = (every.upper_from != every.upper_to) & (every.lower_from != every.lower_to)
    found = every.where(moving & every.outer(batch.voices.counts))
    before = perfect(found.upper_from, found.lower_from)
    after = perfect(found.upper_to, found.lower_to)
    # As in parallels, an octave and a unison are one.
    parallel = (before != OTHER) & (after != OTHER) & ((before == FIFTH) == (after == FIFTH))
    leaps = np.abs(found.upper_to - found.upper_from) > STEP
    approach = np.select([found.contrary(), parallel, ~leaps], [CONTRARY, PARALLEL, STEPWISE], DIRECT)
    return found, 8 * after + 2 * approach + found.boundaries
