"""How low and how high the notes go."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.durations import notes
from verifier.music.features.roll import scan
from verifier.music.samples import music, roll_view
from verifier.music.words import pitch_name
from verifier.rule.charts import Histograms, Panel
from verifier.rule.counted import counts_of_map, map_of_counts
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts
from verifier.rule.vocabulary import Vocabulary

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

    def trial_name(self) -> str:
        return "note"

    def histograms(self, batch: Batch) -> NDArray[Any]:
        counts = np.zeros((len(batch), OUTSIDE_VIEW + 1), np.int64)
        counts[:, roll_view(batch).lowest_pitch : roll_view(batch).highest_pitch + 1] = scan(batch).notes
        counts[:, OUTSIDE_VIEW] = music(batch).clipped
        return counts

    def from_yaml(self) -> SparseCounts:
        return counts_of_map(self.pitches, self.key_space, "pitches")

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"pitches": map_of_counts(table)}

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        keys = super().allowed(table)
        keys = keys[keys != OUTSIDE_VIEW]
        return np.arange(keys.min(), keys.max() + 1) if len(keys) else keys

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        for _ in range(int(music(batch).clipped[i])):
            yield EventLocation(OUTSIDE_VIEW, 0, int(batch.lengths[i]), ())
        for pitch, start, steps, _ in notes(batch, i):
            yield EventLocation(pitch, start, steps, (pitch,))

    def key_name(self, key: int) -> str:
        return "a note outside the pitches of the view" if key == OUTSIDE_VIEW else f"{pitch_name(key)} (MIDI {key})"

    def expected_text(self, key: int, table: SparseCounts) -> str:
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
        yield self.expected_text(0, self.from_yaml())
