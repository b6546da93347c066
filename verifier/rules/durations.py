"""How long a note may last: the lengths that the corpus has."""

from collections.abc import Iterator
from typing import Annotated, Any

from numpy.typing import NDArray

from verifier.batch import Batch
from verifier.counted import Place, Vocabulary, kinds_of_map, map_of_kinds
from verifier.features.durations import LONGEST, CutRuns, duration_histograms, notes
from verifier.panels import Histograms, Panel
from verifier.places import times
from verifier.rule import Count, Kinds, option


class Durations(Vocabulary, frozen=True, kw_only=True):
    """The set of note lengths, in steps: a violation is a pitch that sounds for a length the corpus does not have.

    A note is a maximal run on one pitch: a repeated pitch with no gap on the grid is one note. A run that is cut by the
    edge of a window has an unknown length and is skipped unless ``cut-runs: count``.
    """

    cut_runs: Annotated[CutRuns, option("what to do with a run that the edge of a window cuts")] = "skip"
    durations: dict[int, Count] = {}
    """steps -> notes."""

    key_space = LONGEST

    def unit(self) -> str:
        return "note"

    def histograms(self, batch: Batch) -> NDArray[Any]:
        return duration_histograms(batch, self.cut_runs)

    def table(self) -> Kinds:
        return kinds_of_map(self.durations, self.key_space, "durations")

    def record(self, table: Kinds) -> dict[str, Any]:
        return {"durations": map_of_kinds(table)}

    def places(self, batch: Batch, i: int) -> Iterator[Place]:
        for pitch, start, steps, cut in notes(batch, i):
            if self.cut_runs == "count" or not cut:
                yield Place(steps, start, steps, (pitch,))

    def key_name(self, key: int) -> str:
        return f"a note of {key} step{'s' * (key != 1)}"

    def allowance(self, key: int, table: Kinds) -> str:
        allowed = dict(zip(table.keys.tolist(), table.counts.tolist(), strict=True))
        allowed = {int(steps): allowed[int(steps)] for steps in self.allowed(table)}
        if not allowed:
            return "no note at all"
        nearest = min(allowed, key=lambda steps: (abs(steps - key), steps))
        return f"nearest length in the corpus: {nearest} steps ({times(allowed[nearest])})"

    def panels(self) -> Iterator[Panel]:
        if self.durations:
            yield Histograms(title="how long notes last", axis="steps", rows={"notes": self.durations})

    def summary(self) -> Iterator[str]:
        table = self.table()
        yield f"{len(table.keys)} lengths, in steps: " + ", ".join(
            f"{steps} ({count:,})" for steps, count in map_of_kinds(table).items()
        )
