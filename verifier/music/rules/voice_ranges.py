"""How low and how high each voice goes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features.voice_notes import PARTS, in_time, lines, part_name, part_of
from verifier.music.words import pitch_name
from verifier.rule.charts import Histograms, Panel
from verifier.rule.counted import Events
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts
from verifier.rule.vocabulary import Vocabulary

_PITCHES = {pitch_name(pitch): pitch for pitch in range(128)}


class VoiceRanges(Vocabulary, frozen=True, kw_only=True):
    """The range of each voice: a violation is a note lower or higher than the same voice has anywhere in the corpus.

    A trial is a note of a voice. A pitch inside the range that the corpus happens not to have is allowed. Textbooks
    give each voice the range of an average singer (Aldwell and Schachter, Harmony and Voice Leading, chapter 5; Piston,
    Harmony, chapter 2); here it is that of the corpus. A voice is the same one only among as many voices: of a number
    that the corpus lacks, every note is a violation.
    """

    voices: dict[str, dict[str, Count]] = {}
    """voice -> pitch -> notes."""

    key_space = PARTS * 128
    needs_voices = True

    def trial_name(self) -> str:
        return "note"

    def events(self, batch: Batch) -> Events:
        found = lines(batch)
        return Events.single(found.samples, found.parts() * 128 + found.pitches)

    def from_yaml(self) -> SparseCounts:
        place = self.name()
        cells = [
            (part * 128 + _pitch_of(pitch, place), count)
            for part, pitches in ((part_of(name, place), pitches) for name, pitches in self.voices.items())
            for pitch, count in pitches.items()
        ]
        keys, counts = np.array(cells, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, counts)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        voices: dict[str, dict[str, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            voices.setdefault(part_name(key // 128), {})[pitch_name(key % 128)] = count
        return {"voices": voices}

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        keys = super().allowed(table)
        new = np.diff(keys // 128, prepend=-1) != 0
        last = np.append(new[1:], True)
        ranges = zip(keys[new].tolist(), keys[last[: len(keys)]].tolist(), strict=True)
        return np.concatenate([np.zeros(0, np.int64), *(np.arange(low, high + 1) for low, high in ranges)])

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found = lines(batch)
        keys = found.parts() * 128 + found.pitches
        for at in in_time(found, i):
            start, pitch = int(found.starts[at]), int(found.pitches[at])
            yield EventLocation(int(keys[at]), start, int(found.stops[at]) - start, (pitch,))

    def key_name(self, key: int) -> str:
        return f"{part_name(key // 128)} {pitch_name(key % 128)}"

    def key_of(self, name: str) -> int:
        part, _, pitch = name.rpartition(" ")
        return part_of(part, self.name()) * 128 + _pitch_of(pitch, self.name())

    def expected_text(self, key: int, table: SparseCounts) -> str:
        keys = self.allowed(table)
        pitches = keys[keys // 128 == key // 128] % 128
        if not len(pitches):
            return f"the corpus has no {part_name(key // 128)}"
        return f"{pitch_name(int(pitches[0]))} to {pitch_name(int(pitches[-1]))}"

    def panels(self) -> Iterator[Panel]:
        rows = {
            part: {_PITCHES[pitch]: count for pitch, count in pitches.items()} for part, pitches in self.voices.items()
        }
        if rows:
            names = {pitch: name for name, pitch in _PITCHES.items()}
            yield Histograms(title="how low and how high each voice goes", axis="pitch", rows=rows, names=names)

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        for part in np.unique(table.keys // 128).tolist():
            yield f"{part_name(part)}: {self.expected_text(part * 128, table)}"


def _pitch_of(name: str, place: str) -> int:
    if name not in _PITCHES:
        raise InputError(place, f"expected a pitch such as 'C4' or 'F#3', found {name!r}")
    return _PITCHES[name]
