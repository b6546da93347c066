"""Voices that cross: a lower voice that sounds above a higher one."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.voice_notes import PAIRS, dyads, in_time, pairs
from verifier.rule.counted import Events
from verifier.rule.events import EventLocation
from verifier.rule.textbook import TextbookRule


class VoiceCrossing(TextbookRule, frozen=True, kw_only=True):
    """Crossed voices: a violation is a moment at which a voice sounds above the next higher one. A unison is none.

    A trial is a moment of two neighbouring voices: two notes of them that sound together, for as long as both do.
    Voices are ordered by their mean pitch over the piece, not moment by moment, so that a crossing can be seen.
    Textbooks forbid it to beginners (Aldwell and Schachter, Harmony and Voice Leading, chapter 5; Piston, Harmony,
    chapter 2); chorales cross their inner voices now and then, to keep a line.
    """

    key_space = 2 * len(PAIRS)
    needs = ("voices",)

    def trial_name(self) -> str:
        return "moment"

    def events(self, batch: Batch) -> Events:
        return Events.single(dyads(batch).samples, _keys(batch))

    def breaking(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(keys % 2 == 1)

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found, keys = dyads(batch), _keys(batch)
        for at in in_time(found, i):
            start = int(found.starts[at])
            yield EventLocation(int(keys[at]), start, int(found.stops[at]) - start, found.both(at), found.in_words(at))

    def key_name(self, key: int) -> str:
        return f"{PAIRS[key // 2]} {'crossed' if key % 2 else 'in order'}"


def _keys(batch: Batch) -> NDArray[np.int64]:
    found = dyads(batch)
    keys: NDArray[np.int64] = 2 * pairs(found.voices, found.counts) + (found.lower > found.upper)
    return keys
