"""By how much each voice moves from one note to the next."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features.voice_notes import PARTS, VoiceNotes, in_time, part_name, part_of, sounds
from verifier.music.words import pitch_name
from verifier.rule.charts import Histograms, Panel
from verifier.rule.counted import Events
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts
from verifier.rule.vocabulary import Vocabulary

SPAN = 256
"""Keys of one part: an interval of s semitones is key s + 128."""


class MelodicIntervals(Vocabulary, frozen=True, kw_only=True):
    """The melodic intervals of each voice: a violation is a step or leap, up or down, that the same voice does not make
    anywhere in the corpus.

    A trial is two notes of a voice of which the second begins where the first ends; a repeated note is an interval of
    0. Over a rest there is no trial: where a line begins anew, the interval is sung by nobody and kept by no rule (a
    "dead interval": Jeppesen, Counterpoint, 1939). The end of a phrase under a fermata is not left out, because other
    formats do not say where it is. Intervals are counted in semitones, up and down apart, whatever the pitch; a voice
    is the same one only among as many voices.
    """

    voices: dict[str, dict[int, Count]] = {}
    """voice -> semitones, up is positive -> times."""

    key_space = PARTS * SPAN
    needs = ("voices",)

    def trial_name(self) -> str:
        return "interval"

    def events(self, batch: Batch) -> Events:
        found, _, keys = _keyed(batch)
        return Events.single(found.samples, keys)

    def from_yaml(self) -> SparseCounts:
        place = self.name()
        cells = [
            (_key(part, semitones, place), count)
            for part, intervals in ((part_of(name, place), intervals) for name, intervals in self.voices.items())
            for semitones, count in intervals.items()
        ]
        keys, counts = np.array(cells, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, counts)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        voices: dict[str, dict[int, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            voices.setdefault(part_name(key // SPAN), {})[key % SPAN - 128] = count
        return {"voices": voices}

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found, before, keys = _keyed(batch)
        for at in in_time(found, i):
            start, pitches = int(found.starts[at]), (int(before[at]), int(found.pitches[at]))
            words = "-".join(map(pitch_name, pitches))
            yield EventLocation(int(keys[at]), start, int(found.stops[at]) - start, pitches, words)

    def key_name(self, key: int) -> str:
        return f"{part_name(key // SPAN)} {_in_words(key % SPAN - 128)}"

    def key_of(self, name: str) -> int:
        match = re.fullmatch(r"(.+?) (?:(up|down) (\d+)|repeats)", name)
        if not match:
            raise InputError(self.name(), f"expected an interval such as 'tenor up 10', found {name!r}")
        part, direction, semitones = match.groups()
        sign = -1 if direction == "down" else 1
        return _key(part_of(part, self.name()), sign * int(semitones or 0), self.name())

    def expected_text(self, key: int, table: SparseCounts) -> str:
        keys = self.allowed(table)
        semitones = keys[keys // SPAN == key // SPAN] % SPAN - 128
        if not len(semitones):
            return f"the corpus has no {part_name(key // SPAN)}"
        runs = np.split(semitones, np.flatnonzero(np.diff(semitones) > 1) + 1)
        spans = [f"{run[0]:+d}" if len(run) == 1 else f"{run[0]:+d} to {run[-1]:+d}" for run in runs]
        return f"semitones in the corpus: {', '.join(spans)}"

    def panels(self) -> Iterator[Panel]:
        if self.voices:
            title = "by how much each voice moves"
            yield Histograms(title=title, axis="semitones, up is positive", rows=self.voices)

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        for part in np.unique(table.keys // SPAN).tolist():
            yield f"{part_name(part)}: {self.expected_text(part * SPAN, table)}"


def _key(part: int, semitones: int, place: str) -> int:
    if abs(semitones) > 127:
        raise InputError(place, f"expected an interval of at most 127 semitones, found {semitones}")
    return part * SPAN + semitones + 128


def _in_words(semitones: int) -> str:
    return f"{'up' if semitones > 0 else 'down'} {abs(semitones)}" if semitones else "repeats"


def _keyed(batch: Batch) -> tuple[VoiceNotes, NDArray[np.int64], NDArray[np.int64]]:
    """The notes that follow another without a rest, the pitch of that other, and the key of the interval; in order of
    sample, voice and time.
    """
    return batch.feature("melodic-intervals", _find)


def _find(batch: Batch) -> tuple[VoiceNotes, NDArray[np.int64], NDArray[np.int64]]:
    every = sounds(batch)
    at = every.following()
    found, before = VoiceNotes(*(column[at] for column in every)), every.pitches[at - 1]
    return found, before, found.parts() * SPAN + 128 + found.pitches - before
