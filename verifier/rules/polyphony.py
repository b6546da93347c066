"""How many pitches sound together."""

from collections.abc import Iterator
from typing import Any

from verifier.batch import Batch
from verifier.counted import Events, Place, Vocabulary, kinds_of_map, map_of_kinds
from verifier.features.durations import sounding_pitches
from verifier.features.roll import scan
from verifier.features.stretches import stretches
from verifier.rule import Count, Kinds


class Polyphony(Vocabulary, frozen=True, kw_only=True):
    """The numbers of pitches that sound together: a violation is a stretch of steps with a number the corpus lacks.

    A stretch is a maximal run of steps with the same number of sounding pitches; two voices on one pitch count as one.
    """

    pitches: dict[int, Count] = {}
    """number of sounding pitches -> stretches."""

    key_space = 129

    def unit(self) -> str:
        return "stretch"

    def events(self, batch: Batch) -> Events:
        found = stretches(scan(batch).polyphony, batch.lengths)
        return Events.single(found.samples, found.values)

    def table(self) -> Kinds:
        return kinds_of_map(self.pitches, self.key_space, "pitches")

    def record(self, table: Kinds) -> dict[str, Any]:
        return {"pitches": map_of_kinds(table)}

    def places(self, batch: Batch, i: int) -> Iterator[Place]:
        found = stretches(scan(batch).polyphony[i : i + 1], batch.lengths[i : i + 1])
        for value, start, steps in zip(found.values.tolist(), found.starts.tolist(), found.steps.tolist(), strict=True):
            yield Place(value, start, steps, sounding_pitches(batch, i, start))

    def key_name(self, key: int) -> str:
        return f"{key} pitch{'es' * (key != 1)} together"

    def allowance(self, key: int, table: Kinds) -> str:
        return "the corpus has " + (", ".join(str(number) for number in self.allowed(table)) or "none")

    def summary(self) -> Iterator[str]:
        yield "together: " + ", ".join(f"{number} ({count:,})" for number, count in map_of_kinds(self.table()).items())
