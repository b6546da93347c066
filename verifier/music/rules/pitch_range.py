"""How low and how high the notes go."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.extra import PITCHES
from verifier.music.features.durations import notes
from verifier.music.features.roll import scan
from verifier.music.registers import LEVELS, Invariance, axis_text, level_from, level_name, level_of, range_text
from verifier.music.samples import music, roll_view
from verifier.music.words import pitch_name
from verifier.rule.charts import Histograms, Panel
from verifier.rule.counted import counts_of_names, names_of_counts
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts
from verifier.rule.vocabulary import Vocabulary


class PitchRange(Vocabulary, frozen=True, kw_only=True):
    """The range of pitches: a violation is a note below the lowest or above the highest that the corpus has.

    Pitches are counted from the mean pitch of their sample, so that a piece is judged alike in every key, unless
    ``invariance: none``. A pitch inside the range that the corpus happens not to have is allowed. Notes that the view
    has no row for count as well.
    """

    invariance: Invariance = "transposition"
    pitches: dict[str, Count] = {}
    """pitch, or semitones from the mean -> notes."""

    key_space = LEVELS

    def trial_name(self) -> str:
        return "note"

    def histograms(self, batch: Batch) -> NDArray[Any]:
        notes = music(batch).outside.astype(np.int64)
        notes[:, roll_view(batch).lowest_pitch : roll_view(batch).highest_pitch + 1] += scan(batch).notes
        samples, pitches = np.nonzero(notes)
        counts = np.zeros((len(batch), LEVELS), np.int64)
        np.add.at(counts, (samples, level_of(batch, samples, pitches, self.invariance)), notes[samples, pitches])
        return counts

    def from_yaml(self) -> SparseCounts:
        return counts_of_names(self.pitches, lambda name: level_from(name, self.invariance, "pitches"))

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"pitches": names_of_counts(table, lambda level: level_name(level, self.invariance))}

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        keys = super().allowed(table)
        return np.arange(keys.min(), keys.max() + 1) if len(keys) else keys

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        outside = np.repeat(np.arange(PITCHES), music(batch).outside[i])
        every = [(int(pitch), 0, int(batch.lengths[i])) for pitch in outside]
        every += [(pitch, start, steps) for pitch, start, steps, _ in notes(batch, i)]
        for pitch, start, steps in every:
            key = int(level_of(batch, np.array([i]), np.array([pitch]), self.invariance)[0])
            words = "" if self.invariance == "none" else pitch_name(pitch)
            yield EventLocation(key, start, steps, (pitch,), words)

    def key_name(self, key: int) -> str:
        return f"{pitch_name(key)} (MIDI {key})" if self.invariance == "none" else level_name(key, self.invariance)

    def expected_text(self, key: int, table: SparseCounts) -> str:
        allowed = self.allowed(table)
        if not len(allowed):
            return "no note at all"
        midi = f" (MIDI {allowed[0]} to {allowed[-1]})" if self.invariance == "none" else ""
        return f"{range_text(int(allowed[0]), int(allowed[-1]), self.invariance)}{midi}"

    def panels(self) -> Iterator[Panel]:
        rows = {level_from(name, self.invariance, "pitches"): count for name, count in self.pitches.items()}
        if rows:
            names = {level: level_name(level, self.invariance) for level in range(LEVELS)}
            title = "how low and how high notes go"
            yield Histograms(title=title, axis=axis_text(self.invariance), rows={"notes": rows}, names=names)

    def summary(self) -> Iterator[str]:
        yield self.expected_text(0, self.from_yaml())
