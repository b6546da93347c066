"""How low and how high the notes go."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.batch import Batch
from verifier.counted import Place, Vocabulary, kinds_of_map, map_of_kinds
from verifier.features.durations import notes
from verifier.features.roll import scan
from verifier.panels import Histograms, Panel
from verifier.places import pitch_name
from verifier.rule import Count, Kinds

OUTSIDE_VIEW = 128
"""Stands for every pitch that the view has no row for; no corpus allows it."""


class PitchRange(Vocabulary, frozen=True, kw_only=True):
    """The range of pitches: a violation is a note below the lowest or above the highest that the corpus has.

    A pitch inside the range that the corpus happens not to have is allowed. Notes that lie outside the rows of the view
    are counted, as violations, by the number of them that the reader met; their pitch is not kept.
    """

    pitches: dict[int, Count] = {}
    """MIDI number -> notes."""

    key_space = 129

    def unit(self) -> str:
        return "note"

    def histograms(self, batch: Batch) -> NDArray[Any]:
        counts = np.zeros((len(batch), OUTSIDE_VIEW + 1), np.int64)
        counts[:, batch.roll.lowest_pitch : batch.roll.highest_pitch + 1] = scan(batch).notes
        counts[:, OUTSIDE_VIEW] = batch.clipped
        return counts

    def table(self) -> Kinds:
        return kinds_of_map(self.pitches, self.key_space, "pitches")

    def record(self, table: Kinds) -> dict[str, Any]:
        return {"pitches": map_of_kinds(table)}

    def allowed(self, table: Kinds) -> NDArray[np.int64]:
        keys = super().allowed(table)
        keys = keys[keys != OUTSIDE_VIEW]
        return np.arange(keys.min(), keys.max() + 1) if len(keys) else keys

    def places(self, batch: Batch, i: int) -> Iterator[Place]:
        for _ in range(int(batch.clipped[i])):
            yield Place(OUTSIDE_VIEW, 0, int(batch.lengths[i]), ())
        for pitch, start, steps, _ in notes(batch, i):
            yield Place(pitch, start, steps, (pitch,))

    def key_name(self, key: int) -> str:
        return "a note outside the pitches of the view" if key == OUTSIDE_VIEW else f"{pitch_name(key)} (MIDI {key})"

    def allowance(self, key: int, table: Kinds) -> str:
        allowed = self.allowed(table)
        if not len(allowed):
            return "no note at all"
        return f"{pitch_name(int(allowed[0]))} to {pitch_name(int(allowed[-1]))} (MIDI {allowed[0]} to {allowed[-1]})"

    def panels(self) -> Iterator[Panel]:
        inside = {pitch: count for pitch, count in self.pitches.items() if pitch != OUTSIDE_VIEW}
        if inside:
            names = {pitch: pitch_name(pitch) for pitch in range(128)}
            yield Histograms(title="how low and how high notes go", axis="pitch", rows={"notes": inside}, names=names)

    def summary(self) -> Iterator[str]:
        yield self.allowance(0, self.table())
