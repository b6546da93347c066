"""How low and how high each voice goes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.voice_notes import PARTS, VoiceNotes, in_time, part_name, part_of, sounds
from verifier.music.registers import LEVELS, Invariance, axis_text, level_from, level_name, level_of, range_text
from verifier.music.words import pitch_name
from verifier.rule.charts import Histograms, Panel
from verifier.rule.counted import Events
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts
from verifier.rule.vocabulary import Vocabulary


class VoiceRanges(Vocabulary, frozen=True, kw_only=True):
    """The range of each voice: a violation is a note lower or higher than the same voice has anywhere in the corpus.

    A trial is a note of a voice. Pitches are counted from the mean pitch of their sample, so that a piece is judged
    alike in every key, unless ``invariance: none``. A pitch inside the range that the corpus happens not to have is
    allowed. Textbooks give each voice the range of an average singer (Aldwell and Schachter, Harmony and Voice Leading,
    chapter 5; Piston, Harmony, chapter 2); here it is that of the corpus. A voice is the same one only among as many
    voices: of a number that the corpus lacks, every note is a violation.
    """

    invariance: Invariance = "transposition"
    voices: dict[str, dict[str, Count]] = {}
    """voice -> pitch, or semitones from the mean -> notes."""

    key_space = PARTS * LEVELS
    needs = ("voices",)

    def trial_name(self) -> str:
        return "note"

    def events(self, batch: Batch) -> Events:
        found = sounds(batch)
        return Events.single(found.samples, self._keys(batch, found))

    def _keys(self, batch: Batch, found: VoiceNotes) -> NDArray[np.int64]:
        return found.parts() * LEVELS + level_of(batch, found.samples, found.pitches, self.invariance)

    def from_yaml(self) -> SparseCounts:
        place = self.name()
        cells = [
            (part * LEVELS + level_from(pitch, self.invariance, place), count)
            for part, pitches in ((part_of(name, place), pitches) for name, pitches in self.voices.items())
            for pitch, count in pitches.items()
        ]
        keys, counts = np.array(cells, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, counts)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        voices: dict[str, dict[str, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            voices.setdefault(part_name(key // LEVELS), {})[level_name(key % LEVELS, self.invariance)] = count
        return {"voices": voices}

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        keys = super().allowed(table)
        new = np.diff(keys // LEVELS, prepend=-1) != 0
        last = np.append(new[1:], True)
        ranges = zip(keys[new].tolist(), keys[last[: len(keys)]].tolist(), strict=True)
        return np.concatenate([np.zeros(0, np.int64), *(np.arange(low, high + 1) for low, high in ranges)])

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found = sounds(batch)
        keys = self._keys(batch, found)
        for at in in_time(found, i):
            start, pitch = int(found.starts[at]), int(found.pitches[at])
            words = "" if self.invariance == "none" else pitch_name(pitch)
            yield EventLocation(int(keys[at]), start, int(found.stops[at]) - start, (pitch,), words)

    def key_name(self, key: int) -> str:
        return f"{part_name(key // LEVELS)} {level_name(key % LEVELS, self.invariance)}"

    def key_of(self, name: str) -> int:
        part, _, pitch = name.rpartition(" ")
        return part_of(part, self.name()) * LEVELS + level_from(pitch, self.invariance, self.name())

    def expected_text(self, key: int, table: SparseCounts) -> str:
        keys = self.allowed(table)
        pitches = keys[keys // LEVELS == key // LEVELS] % LEVELS
        if not len(pitches):
            return f"the corpus has no {part_name(key // LEVELS)}"
        return range_text(int(pitches[0]), int(pitches[-1]), self.invariance)

    def panels(self) -> Iterator[Panel]:
        rows = {
            part: {level_from(pitch, self.invariance, part): count for pitch, count in pitches.items()}
            for part, pitches in self.voices.items()
        }
        if rows:
            names = {level: level_name(level, self.invariance) for level in range(LEVELS)}
            title = "how low and how high each voice goes"
            yield Histograms(title=title, axis=axis_text(self.invariance), rows=rows, names=names)

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        for part in np.unique(table.keys // LEVELS).tolist():
            yield f"{part_name(part)}: {self.expected_text(part * LEVELS, table)}"
