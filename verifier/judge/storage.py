"""The confound guard: what differs between corpus and samples because of how they are stored, not of what they say.

It is said before any verdict: a rule that only sees the container is right about the files, not about the generator.
"""

from typing import Annotated

import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType

from verifier.audio.rules.bandwidth import Bandwidth
from verifier.audio.view import MelView
from verifier.data.batch import Batch
from verifier.music.features.roll import scan
from verifier.music.view import PianoRollView
from verifier.values.intensity import BINS
from verifier.values.levels import levels

Count = Annotated[int, Meta(ge=0)]

NOTICED = 0.05
"""A difference of shares from which on it is said."""

SOME = 0.001
"""The same for what a corpus has next to none of."""
NARROW = 0.8
"""A sound that ends below this share of the highest frequency of the view is narrow."""


class Sounds(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Of samples whose waves are known: ``rates``, samples a second of the file -> samples; how many of them are
    ``narrow``: they end, 60 dB below their loudest frequency, far below the highest of the view.
    """

    rates: dict[int, Count] = {}
    narrow: Count = 0

    def __add__(self, other: "Sounds") -> "Sounds":
        rates = {rate: self.rates.get(rate, 0) + other.rates.get(rate, 0) for rate in {**self.rates, **other.rates}}
        return Sounds(rates=dict(sorted(rates.items())), narrow=self.narrow + other.narrow)

    @classmethod
    def of(cls, batch: Batch, view: MelView) -> "Sounds":
        """Those of a batch."""
        rates, counts = np.unique(batch.waves.rates[batch.waves.rates > 0], return_counts=True)
        ends = Bandwidth().measure(batch)[:, 0] if len(rates) else np.zeros(0)
        narrow = int(np.count_nonzero(ends < NARROW * view.ceiling_hz))  # silence, a nan, is not
        return cls(rates=dict(zip(rates.tolist(), counts.tolist(), strict=True)), narrow=narrow)


class StorageProfile(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Counts of what a container decides. They add up over batches.

    values: all cells; ``binary`` of them are exactly 0 or 1, ``eight_bit`` exactly a level of 1/255, ``outside`` below
    0 or above 1. samples: all samples; ``full`` of them as long as the window; ``steps`` in all of them. notes: all
    that were read; ``clipped`` of them have no row in the view. sounds: of the waves, in a view of sound.
    """

    values: Count = 0
    binary: Count = 0
    eight_bit: Count = 0
    outside: Count = 0
    samples: Count = 0
    full: Count = 0
    steps: Count = 0
    notes: Count = 0
    clipped: Count = 0
    sounds: Sounds | UnsetType = UNSET

    def merge(self, other: "StorageProfile") -> "StorageProfile":
        """The counts of both."""
        counts = [name for name in self.__struct_fields__ if name != "sounds"]
        sounds = [facts.sounds for facts in (self, other) if isinstance(facts.sounds, Sounds)]
        return StorageProfile(
            **{name: getattr(self, name) + getattr(other, name) for name in counts},
            sounds=sum(sounds[1:], sounds[0]) if sounds else UNSET,
        )


def storage_of(batch: Batch) -> StorageProfile:
    """The facts of a batch, from its scan."""
    music = isinstance(batch.view, PianoRollView)
    bins = levels(batch).sum(axis=0, dtype=np.int64)
    return StorageProfile(
        values=int(bins.sum()),
        binary=int(bins[1] + bins[3 * 255 + 1]),
        eight_bit=int(bins[1::3].sum()),
        outside=int(bins[0] + bins[BINS - 1]),
        samples=len(batch),
        full=int((batch.lengths == (batch.view.window or -1)).sum()),
        steps=int(batch.lengths.sum()),
        notes=int(scan(batch).notes.sum() + batch.clipped.sum()) if music else 0,
        clipped=int(batch.clipped.sum()),
        sounds=Sounds.of(batch, batch.view) if isinstance(batch.view, MelView) else UNSET,
    )


def confounds(corpus: StorageProfile, samples: StorageProfile) -> tuple[str, ...]:
    """What differs, each as a sentence that says what follows from it; nothing if either has no samples."""
    if not corpus.samples or not samples.samples:
        return ()
    found = []

    def share(part: str, whole: str) -> tuple[float, float]:
        of_corpus, of_samples = (getattr(facts, part) / max(getattr(facts, whole), 1) for facts in (corpus, samples))
        return of_corpus, of_samples

    real, tested = share("binary", "values")
    if abs(real - tested) > NOTICED:
        real_8, tested_8 = share("eight_bit", "values")
        found.append(
            f"{tested:.1%} of the values are exactly 0 or 1, {real:.1%} in the corpus"
            + (f" ({tested_8:.1%} and {real_8:.1%} lie on an 8-bit level)" if abs(real_8 - tested_8) > NOTICED else "")
            + ": the raw distances of intensity measure how values are stored; rely on those after rounding to 8 bit"
        )
    real, tested = share("outside", "values")
    if tested - real > SOME:
        found.append(f"{tested:.1%} of the values lie outside 0..1, {real:.1%} in the corpus: is the scale right?")
    real, tested = share("full", "samples")
    real_steps, tested_steps = share("steps", "samples")
    if real_steps and not 0.8 < tested_steps / real_steps < 1.25:
        found.append(
            f"a sample has {tested_steps:.1f} steps on average, {real_steps:.1f} in the corpus"
            f" ({tested:.0%} and {real:.0%} fill the window): compare rates per trial rather than shares of samples"
        )
    if corpus.notes and not samples.notes:
        found.append("not one value reaches the threshold of the view: nothing sounds; is the scale right?")
    real, tested = share("clipped", "notes")
    if tested - real > SOME:
        found.append(
            f"{tested:.2%} of the notes lie outside the pitches of the view, {real:.2%} in the corpus: they count for"
            " pitch-range, and no other rule sees them"
        )
    if isinstance(corpus.sounds, Sounds) and isinstance(samples.sounds, Sounds):
        found += _of_sounds(corpus.sounds, samples.sounds)
    return tuple(found)


def _of_sounds(corpus: Sounds, samples: Sounds) -> list[str]:
    real, tested = (sum(sounds.rates.values()) for sounds in (corpus, samples))
    if not real or not tested:
        return []
    found = []
    other = sum(count for rate, count in samples.rates.items() if corpus.rates.get(rate, 0) / real < NOTICED)
    if other / tested > NOTICED:
        found.append(
            f"the sounds have {_rates(samples)} samples a second, {_rates(corpus)} in the corpus: bandwidth, dynamics"
            " and upsampling-peaks measure the file, the others what resampling left of it"
        )
    if (narrow := samples.narrow / tested) - (of_corpus := corpus.narrow / real) > NOTICED:
        found.append(
            f"{narrow:.0%} of the sounds end far below the highest frequency of the view, {of_corpus:.0%} in the"
            " corpus: they were made, sent or stored at a lower rate, and rules about the upper bands find that"
        )
    return found


def _rates(sounds: Sounds) -> str:
    """The rates in words, the most frequent first."""
    ordered = sorted(sounds.rates, key=lambda rate: (-sounds.rates[rate], rate))
    return ", ".join(f"{rate:,}" for rate in ordered[:3]) + (" and other" if len(ordered) > 3 else "")
