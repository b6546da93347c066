"""How sounds are stored: their sample rates, and how far up they reach."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verifier.audio.samples import mel_view, waves
from verifier.audio.waveform import Waves
from verifier.data.batch import Batch
from verifier.data.storage import NOTICED, Count, StorageProfile, summed

COARSE = 256
"""Different values of a sound of 8 bits, or of mu-law or A-law, at most."""
ENOUGH = 4 * COARSE
"""Samples from which on so few values are no accident."""
LOUDER = 4
"""Decibels between the mean levels of two sets that are worth a word: speakers differ by some."""
FLOOR = 120
"""Decibels below full scale that are held to be silence."""
NARROW = 0.8
"""A sound that ends below this share of the highest frequency of the view is narrow."""


NO_PART = "bandwidth, dynamics and upsampling-peaks measure the file and take no part"


class Sounds(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Of samples whose waves are known: ``rates``, samples a second of the file -> samples; how many of them are
    ``narrow``: they end, 60 dB below their loudest frequency, far below the highest of the view; and milliseconds of
    ``sound``, and of silence before and after it, the ``padding``. ``shifted``: of which a mean was taken away;
    ``coarse``: that have few different values; and the sum of the decibels by which their levels lie ``below`` full
    scale.
    """

    rates: dict[int, Count] = {}
    narrow: Count = 0
    sound: Count = 0
    padding: Count = 0
    shifted: Count = 0
    coarse: Count = 0
    below: Count = 0

    def __add__(self, other: "Sounds") -> "Sounds":
        return Sounds(**{name: summed(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__})

    @classmethod
    def of(cls, batch: Batch) -> Self:
        """Those of a batch."""
        from verifier.audio.rules.bandwidth import Bandwidth

        own = waves(batch)
        known = own.rates
        rates, counts = np.unique(known[known > 0], return_counts=True)
        ends = Bandwidth().measure(batch)[:, 0] if len(rates) else np.zeros(0)
        narrow = int(np.count_nonzero(ends < NARROW * mel_view(batch).ceiling_hz))  # silence, a nan, is not
        sound, padding = (
            int((1000 * samples[known > 0] // known[known > 0]).sum()) for samples in (own.samples, own.padding)
        )
        return cls(
            rates=dict(zip(rates.tolist(), counts.tolist(), strict=True)),
            narrow=narrow,
            sound=sound,
            padding=padding,
            shifted=int(np.count_nonzero(own.offsets)),
            coarse=int(np.count_nonzero(_coarse(own))),
            below=int(np.rint(_decibels_below(own.levels[known > 0])).sum()),
        )


class SoundStorage(StorageProfile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """sounds: of the waves."""

    sounds: Sounds = Sounds()

    def against(self, corpus: Any) -> Iterator[str]:
        """What differs from the corpus, in sentences."""
        real, tested = (sum(profile.sounds.rates.values()) for profile in (corpus, self))
        if not real or not tested:
            return
        rates = corpus.sounds.rates
        other = sum(count for rate, count in self.sounds.rates.items() if rates.get(rate, 0) / real < NOTICED)
        if other / tested > NOTICED:
            yield (
                f"the sounds have {_rates(self.sounds)} samples a second, {_rates(corpus.sounds)} in the corpus:"
                f" {NO_PART}; the others see what resampling left of it"
            )
        if (coarse := self.sounds.coarse / tested) - (usual := corpus.sounds.coarse / real) > NOTICED:
            yield (
                f"{coarse:.0%} of the sounds have at most {COARSE} different values (8 bit, mu-law or A-law),"
                f" {usual:.0%} in the corpus: {NO_PART} in these"
            )
        padded, usual = (
            each.sounds.padding / max(each.sounds.sound + each.sounds.padding, 1) for each in (self, corpus)
        )
        if padded - usual > NOTICED:
            yield (
                f"{padded:.0%} of the time of the recordings is silence before or after the sound, {usual:.0%}"
                " in the corpus: it is left out"
            )
        if (shifted := self.sounds.shifted / tested) - corpus.sounds.shifted / real > NOTICED:
            yield f"{shifted:.0%} of the sounds lie off the middle (a DC offset): their mean is taken away"
        level, of_corpus = (-each.sounds.below / sum(each.sounds.rates.values()) for each in (self, corpus))
        if abs(level - of_corpus) > LOUDER and corpus.sounds.below:
            yield (
                f"the sounds are {'louder' if level > of_corpus else 'softer'} than the corpus ({level:.0f} dB of full"
                f" scale on average, {of_corpus:.0f}); scaled by {of_corpus - level:+.0f} dB that has no part in the"
                " verdict"
            )
        if (narrow := self.sounds.narrow / tested) - (of_corpus := corpus.sounds.narrow / real) > NOTICED:
            yield (
                f"{narrow:.0%} of the sounds end far below the highest frequency of the view, {of_corpus:.0%} in the"
                " corpus: they were made, sent or stored at a lower rate, and rules about the upper bands find that"
            )


def stored_alike(corpus: SoundStorage, batch: Batch) -> NDArray[np.bool_]:
    """(n,) whether the wave of each sample has a sample rate of the corpus, and no fewer values, or is not known."""
    own = waves(batch)
    total = sum(corpus.sounds.rates.values())
    if not total:
        return np.ones(len(batch), np.bool_)
    usual = [rate for rate, count in corpus.sounds.rates.items() if count / total >= NOTICED]
    fine = ~_coarse(own) | (corpus.sounds.coarse / total >= NOTICED)
    return np.asarray(np.isin(own.rates, [0, *usual]) & fine)


def _decibels_below(levels: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) by how much each level, a root mean square, lies below 1."""
    return np.asarray(np.clip(-20 * np.log10(np.maximum(levels.astype(np.float64), 1e-9)), 0, FLOOR))


def _coarse(sounds: Waves) -> NDArray[np.bool_]:
    """(n,) which sounds have so few values that they were stored in 8 bits."""
    # What is faint has few values in 16 bits too.
    return np.asarray((sounds.values <= COARSE) & (sounds.samples >= ENOUGH) & (sounds.peaks >= 4 * COARSE / 2**16))


def _rates(sounds: Sounds) -> str:
    """The rates in words, the most frequent first."""
    ordered = sorted(sounds.rates, key=lambda rate: (-sounds.rates[rate], rate))
    return ", ".join(f"{rate:,}" for rate in ordered[:3]) + (" and other" if len(ordered) > 3 else "")
