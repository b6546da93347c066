"""Voices that overlap: one that moves past the pitch that its neighbour has just left."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.motions import Motions, motions
from verifier.music.features.voice_notes import PAIRS, pairs
from verifier.music.samples import music
from verifier.music.voice_rules import MotionRule
from verifier.rule.rule import option
from verifier.rule.textbook import TextbookRule

KINDS = ("without overlap", "overlapped from below", "overlapped from above")


class VoiceOverlap(MotionRule, TextbookRule, frozen=True, kw_only=True):
    """Overlapping voices: a violation is a voice that moves above the pitch which the next higher voice has just left,
    or below that which the next lower one has just left.

    A trial is a motion of two neighbouring voices in which both change their pitch and that does not begin or end
    crossed: crossed voices are past each other in any case, and have a rule of their own. Overlap makes the ear follow
    the wrong voice (Aldwell and Schachter, Harmony and Voice Leading, chapter 5; Piston, Harmony, chapter 2). From a
    chord under a fermata to the first of the next phrase it can be excused: see ``parallels`` for why that is not the
    default.
    """

    over_fermatas: Annotated[
        Literal["allow", "count"], option("overlap from the last chord under a fermata to the chord after it")
    ] = "count"

    key_space = len(PAIRS) * len(KINDS) * 2

    def find(self, batch: Batch) -> tuple[Motions, NDArray[np.int64]]:
        """The motions that are trials, and the key of each."""
        every = motions(batch)
        moving = (every.upper_from != every.upper_to) & (every.lower_from != every.lower_to)
        in_order = (every.upper_from >= every.lower_from) & (every.upper_to >= every.lower_to)
        found = every.where((every.lower == every.upper + 1) & moving & in_order)
        below, above = found.lower_to > found.upper_from, found.upper_to < found.lower_from
        pair = pairs(found.upper, music(batch).voices.counts[found.samples])
        return found, 2 * (len(KINDS) * pair + np.select([below, above], [1, 2], 0)) + found.boundaries

    def breaking(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        broken = keys // 2 % len(KINDS) != 0
        return np.asarray(broken & (keys % 2 == 0) if self.over_fermatas == "allow" else broken)

    def key_name(self, key: int) -> str:
        pair, kind = divmod(key // 2, len(KINDS))
        return f"{PAIRS[pair]} {KINDS[kind]}{' over a fermata' * (key % 2)}"
