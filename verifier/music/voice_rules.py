"""What rules about voices share: those of motions of two voices, and those of what all voices sound at once."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.features.motions import Motions
from verifier.music.features.passages import first_time
from verifier.music.features.sonorities import KEYS, Slices, sonority_key, sonority_name, sounding_voices
from verifier.music.samples import music
from verifier.music.words import pitch_name
from verifier.rule.counted import Events
from verifier.rule.events import EventLocation, EventRule
from verifier.rule.vocabulary import Vocabulary


class MotionRule(EventRule, frozen=True, kw_only=True):
    """A rule whose events are motions of two voices."""

    needs: ClassVar[tuple[str, ...]] = ("voices",)

    def find(self, batch: Batch) -> tuple[Motions, NDArray[np.int64]]:
        """The motions that are events, and the key of each. Uses no option: it is computed once a batch."""
        raise NotImplementedError

    def trial_name(self) -> str:
        return "motion"

    def events(self, batch: Batch) -> Events:
        found, keys = self._found(batch)
        return Events.single(found.samples, keys)

    def first_events(self, batch: Batch) -> Events:
        found, keys = self._found(batch)
        first = first_time(batch)[found.samples, found.starts]
        return self.only_trials(Events.single(found.samples[first], keys[first]))

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found, keys = self._found(batch)
        for at in found.of_sample(i):
            words = found.in_words(at, int(music(batch).voices.counts[i]))
            yield EventLocation(int(keys[at]), int(found.starts[at]), 1, found.pitches(at), words)

    def _found(self, batch: Batch) -> tuple[Motions, NDArray[np.int64]]:
        return batch.feature(self.name(), self.find)


class SonorityRule(Vocabulary, frozen=True, kw_only=True):
    """A vocabulary of sonorities with the step of their bass."""

    key_space = KEYS
    needs: ClassVar[tuple[str, ...]] = ("voices",)

    def find(self, batch: Batch) -> Slices:
        """The slices that are trials."""
        raise NotImplementedError

    def events(self, batch: Batch) -> Events:
        found = self.find(batch)
        return Events.single(found.samples, found.keys)

    def first_events(self, batch: Batch) -> Events:
        found = self.find(batch)
        found = found.where(first_time(batch)[found.samples, found.starts])
        return self.only_trials(Events.single(found.samples, found.keys))

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        found = self.find(batch.take([i]))
        for key, start, steps in zip(found.keys.tolist(), found.starts.tolist(), found.steps.tolist(), strict=True):
            pitches = sounding_voices(batch, i, start)
            yield EventLocation(key, start, steps, pitches, f"over {pitch_name(pitches[0])}")

    def key_name(self, key: int) -> str:
        return sonority_name(key)

    def key_of(self, name: str) -> int:
        return sonority_key(name, self.name())
