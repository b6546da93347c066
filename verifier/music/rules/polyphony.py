"""How many pitches sound together."""

from collections.abc import Iterator
from typing import Any

from verifier.data.batch import Batch
from verifier.music.features.durations import sounding_pitches
from verifier.music.features.roll import scan
from verifier.music.features.runs import stretches
from verifier.rule.counted import Events, counts_of_map, map_of_counts
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts
from verifier.rule.vocabulary import Vocabulary


class Polyphony(Vocabulary, frozen=True, kw_only=True):
    """The numbers of pitches that sound together: a violation is a stretch of steps with a number the corpus lacks.

    A stretch is a maximal run of steps with the same number of sounding pitches; two voices on one pitch count as one.
    """

    pitches: dict[int, Count] = {}
    """number of sounding pitches -> stretches."""

    key_space = 129

    def trial_name(self) -> str:
        return "stretch"

    def events(self, batch: Batch) -> Events:
        found = stretches(scan(batch).polyphony, batch.lengths)
        return Events.single(found.samples, found.values)

    def from_yaml(self) -> SparseCounts:
        return counts_of_map(self.pitches, self.key_space, "pitches")

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"pitches": map_of_counts(table)}

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found = stretches(scan(batch).polyphony[i : i + 1], batch.lengths[i : i + 1])
        for value, start, steps in zip(found.values.tolist(), found.starts.tolist(), found.steps.tolist(), strict=True):
            yield EventLocation(value, start, steps, sounding_pitches(batch, i, start))

    def key_name(self, key: int) -> str:
        return f"{key} pitch{'es' * (key != 1)} together"

    def expected_text(self, key: int, table: SparseCounts) -> str:
        return "the corpus has " + (", ".join(str(number) for number in self.allowed(table)) or "none")

    def summary(self) -> Iterator[str]:
        yield "together: " + ", ".join(
            f"{number} ({count:,})" for number, count in map_of_counts(self.from_yaml()).items()
        )
