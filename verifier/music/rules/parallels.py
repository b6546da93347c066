"""Parallel fifths and octaves between two voices."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.motions import FIFTH, OCTAVE, UNISON, Motions, motions, perfect
from verifier.music.samples import music
from verifier.music.voice_rules import MotionRule
from verifier.rule.rule import option
from verifier.rule.textbook import TextbookRule

KINDS = (
    "other motion",
    "fifth to fifth",
    "octave to octave",
    "unison to unison",
    "octave to unison",
    "unison to octave",
)
CONTRARY, OUTER, FERMATA = 4, 2, 1
"""The bits of a key; what lies above them is the kind."""

_KIND = np.zeros((4, 4), np.int64)  # from interval, to interval
_KIND[FIFTH, FIFTH], _KIND[OCTAVE, OCTAVE], _KIND[UNISON, UNISON] = 1, 2, 3
_KIND[OCTAVE, UNISON], _KIND[UNISON, OCTAVE] = 4, 5


class Parallels(MotionRule, TextbookRule, frozen=True, kw_only=True):
    """Parallel fifths and octaves: a violation is two voices that both move, up or down together, from a perfect fifth
    to a perfect fifth, or from an octave or unison to an octave or unison.

    A fifth may be a twelfth, an octave two. A trial is a motion of two voices in which both change their pitch: a note
    that is repeated does not move. Every textbook forbids these parallels (Fux, Gradus ad Parnassum, 1725; Aldwell and
    Schachter, Harmony and Voice Leading, chapter 5), and chorales nevertheless have some, so that it is their rate
    which a sample is held against. In contrary motion (a fifth to a twelfth, "antiparallels") they count on demand.

    From the last chord under a fermata to the first of the next phrase the literature excuses them, and real pieces
    have more there. They count all the same unless ``over-fermatas: allow``: MIDI has no fermatas, so that the same
    piece would have more of them as MIDI than as a score, and every generator of MIDI more than real scores.
    """

    antiparallels: Annotated[Literal["allow", "count"], option("the same intervals in contrary motion")] = "allow"
    over_fermatas: Annotated[
        Literal["allow", "count"], option("parallels from the last chord under a fermata to the chord after it")
    ] = "count"

    key_space = len(KINDS) * 8

    def find(self, batch: Batch) -> tuple[Motions, NDArray[np.int64]]:
        """The motions in which both voices move, and the key of each."""
        every = motions(batch)
        found = every.where((every.upper_from != every.upper_to) & (every.lower_from != every.lower_to))
        before = perfect(found.upper_from, found.lower_from)
        after = perfect(found.upper_to, found.lower_to)
        keys = 8 * _KIND[before, after] + CONTRARY * found.contrary() + OUTER * found.outer(music(batch).voices.counts)
        return found, keys + FERMATA * found.boundaries

    def breaking(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        broken = keys >= 8
        if self.antiparallels == "allow":
            broken &= keys & CONTRARY == 0
        if self.over_fermatas == "allow":
            broken &= keys & FERMATA == 0
        return broken

    def key_name(self, key: int) -> str:
        name = KINDS[key >> 3]
        name += " in contrary motion" * bool(key & CONTRARY)
        name += " of the outer voices" * bool(key & OUTER)
        return name + " over a fermata" * bool(key & FERMATA)
