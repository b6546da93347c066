"""Which chords there are: the sets of pitch classes that the corpus has."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.chroma import CODES, chord_code, chord_name, transpose
from verifier.music.features.durations import sounding_pitches
from verifier.music.features.roll import scan
from verifier.music.features.runs import stretches
from verifier.rule.counted import Events, counts_of_names, names_of_counts
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts, option
from verifier.rule.vocabulary import Vocabulary


class PitchClassSets(Vocabulary, frozen=True, kw_only=True):
    """The chords: a violation is a chord, as a set of pitch classes, that the corpus does not have.

    A chord is a maximal stretch of steps with the same pitch classes, whichever octaves they stand in.
    """

    invariance: Annotated[
        Literal["none", "transposition"],
        option("whether a chord is also allowed in the keys in which the corpus does not have it"),
    ] = "transposition"
    chords: dict[str, Count] = {}
    """pitch classes -> stretches."""

    key_space = CODES

    def trial_name(self) -> str:
        return "chord"

    def events(self, batch: Batch) -> Events:
        found = stretches(scan(batch).codes, batch.lengths)
        return Events.single(found.samples, found.values)

    def from_yaml(self) -> SparseCounts:
        return counts_of_names(self.chords, chord_code)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"chords": names_of_counts(table, chord_name)}

    def orbit(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        semitones = range(12 if self.invariance == "transposition" else 1)
        return np.stack([transpose(keys, up) for up in semitones])

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found = stretches(scan(batch).codes[i : i + 1], batch.lengths[i : i + 1])
        for value, start, steps in zip(found.values.tolist(), found.starts.tolist(), found.steps.tolist(), strict=True):
            yield EventLocation(value, start, steps, sounding_pitches(batch, i, start))

    def key_name(self, key: int) -> str:
        return chord_name(key)

    def expected_text(self, key: int, table: SparseCounts) -> str:
        allowed = self.allowed(table)
        if not len(allowed):
            return "no chord at all"
        nearest = min(allowed.tolist(), key=lambda code: ((code ^ key).bit_count(), code))
        return f"nearest chord of the corpus: {chord_name(nearest)}"

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        yield f"{len(table.keys):,} chords; {len(self.allowed(table)):,} allowed (invariance: {self.invariance})"
        most = np.argsort(-table.counts, kind="stable")[:8]
        yield "most common: " + ", ".join(
            f"{chord_name(int(table.keys[at]))} ({int(table.counts[at]):,})" for at in most
        )
