"""How far apart neighbouring voices are."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.voice_notes import PAIRS, dyads, in_time, pairs
from verifier.rule.counted import Events
from verifier.rule.events import EventLocation
from verifier.rule.rule import option
from verifier.rule.textbook import TextbookRule

FARTHEST = 63
"""Semitones from which distances are no longer told apart; no limit lies above."""
LOWER = (PAIRS.index("both voices"), PAIRS.index("lower voices"))
"""The pairs that the bass is one of."""


class VoiceSpacing(TextbookRule, frozen=True, kw_only=True):
    """The distance of neighbouring voices: a violation is a moment at which two are more than an octave apart; the
    lowest two may be two octaves apart.

    A trial is a moment of two neighbouring voices: two notes of them that sound together, for as long as both do. That
    the upper voices keep within an octave of each other, and that the bass may lie farther off, is in every textbook
    (Aldwell and Schachter, Harmony and Voice Leading, chapter 5; Piston, Harmony, chapter 2). They set no limit for the
    bass: two octaves is the usual reading. Both are options, in semitones. Voices that cross have no spacing to keep,
    and count as 0 apart.
    """

    upper: Annotated[int, option("semitones that neighbouring voices may be apart", ge=0, lt=FARTHEST)] = 12
    lowest: Annotated[int, option("semitones that the lowest two voices may be apart", ge=0, lt=FARTHEST)] = 24

    key_space = len(PAIRS) * (FARTHEST + 1)
    needs = ("voices",)

    def trial_name(self) -> str:
        return "moment"

    def events(self, batch: Batch) -> Events:
        return Events.single(dyads(batch).samples, _keys(batch))

    def breaking(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        pair, apart = np.divmod(keys, FARTHEST + 1)
        return np.asarray(apart > np.where(np.isin(pair, LOWER), self.lowest, self.upper))

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found, keys = dyads(batch), _keys(batch)
        for at in in_time(found, i):
            start = int(found.starts[at])
            yield EventLocation(int(keys[at]), start, int(found.stops[at]) - start, found.both(at), found.in_words(at))

    def key_name(self, key: int) -> str:
        pair, apart = divmod(key, FARTHEST + 1)
        return f"{PAIRS[pair]} {apart}{' or more' * (apart == FARTHEST)} semitone{'s' * (apart != 1)} apart"

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        pair, apart = np.divmod(table.keys, FARTHEST + 1)
        broken = self.breaking(table.keys)
        for at in np.unique(pair).tolist():
            moments, breaches = (int(table.counts[mask & (pair == at)].sum()) for mask in (pair >= 0, broken))
            limit = self.lowest if at in LOWER else self.upper
            yield (
                f"{PAIRS[at]}: {breaches:,} of {moments:,} moments are more than {limit} semitones apart,"
                f" at most {apart[pair == at].max()}"
            )


def _keys(batch: Batch) -> NDArray[np.int64]:
    found = dyads(batch)
    apart: NDArray[np.int64] = np.clip(found.upper - found.lower, 0, FARTHEST)
    return pairs(found.voices, found.counts) * (FARTHEST + 1) + apart
