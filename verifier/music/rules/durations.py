"""How long a note may last: the lengths that the corpus has."""

from collections.abc import Iterator
from typing import Annotated, Any

from numpy.typing import NDArray

from verifier.base.text import times
from verifier.data.batch import Batch
from verifier.music.features.durations import LONGEST, CutRuns, duration_histograms, notes
from verifier.rule.charts import Histograms, Panel
from verifier.rule.counted import counts_of_map, map_of_counts
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts, option
from verifier.rule.vocabulary import Vocabulary


class Durations(Vocabulary, frozen=True, kw_only=True):
    """The set of note lengths, in steps: a violation is a pitch that sounds for a length the corpus does not have.

    A note is a maximal run on one pitch: a repeated pitch with no gap on the grid is one note. A run that is cut by the
    edge of a window has an unknown length and is skipped unless ``cut-runs: count``.
    """

    cut_runs: Annotated[CutRuns, option("what to do with a run that the edge of a window cuts")] = "skip"
    durations: dict[int, Count] = {}
    """steps -> notes."""

    key_space = LONGEST

    def trial_name(self) -> str:
        return "note"

    def histograms(self, batch: Batch) -> NDArray[Any]:
        return duration_histograms(batch, self.cut_runs)

    def from_yaml(self) -> SparseCounts:
        return counts_of_map(self.durations, self.key_space, "durations")

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"durations": map_of_counts(table)}

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        for pitch, start, steps, cut in notes(batch, i):
            if self.cut_runs == "count" or not cut:
                yield EventLocation(steps, start, steps, (pitch,))

    def key_name(self, key: int) -> str:
        return f"a note of {key} step{'s' * (key != 1)}"

    def expected_text(self, key: int, table: SparseCounts) -> str:
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
        table = self.from_yaml()
        yield f"{len(table.keys)} lengths, in steps: " + ", ".join(
            f"{steps} ({count:,})" for steps, count in map_of_counts(table).items()
        )
