"""How sounds are stored: their sample rates, and how far up they reach."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verifier.audio.samples import mel_view, waves
from verifier.data.batch import Batch
from verifier.data.storage import NOTICED, Count, StorageProfile, summed

NARROW = 0.8
"""A sound that ends below this share of the highest frequency of the view is narrow."""


class Sounds(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Of samples whose waves are known: ``rates``, samples a second of the file -> samples; how many of them are
    ``narrow``: they end, 60 dB below their loudest frequency, far below the highest of the view; and milliseconds of
    ``sound``, and of digital silence before and after it, the ``padding``. ``shifted``: of which a mean was taken away.
    """

    rates: dict[int, Count] = {}
    narrow: Count = 0
    sound: Count = 0
    padding: Count = 0
    shifted: Count = 0

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
                " bandwidth, dynamics and upsampling-peaks measure the file and take no part; the others see what"
                " resampling left of it"
            )
        padded, usual = (
            each.sounds.padding / max(each.sounds.sound + each.sounds.padding, 1) for each in (self, corpus)
        )
        if padded - usual > NOTICED:
            yield (
                f"{padded:.0%} of the time of the recordings is digital silence before or after the sound, {usual:.0%}"
                " in the corpus: it is left out"
            )
        if (shifted := self.sounds.shifted / tested) - corpus.sounds.shifted / real > NOTICED:
            yield f"{shifted:.0%} of the sounds lie off the middle (a DC offset): their mean is taken away"
        if (narrow := self.sounds.narrow / tested) - (of_corpus := corpus.sounds.narrow / real) > NOTICED:
            yield (
                f"{narrow:.0%} of the sounds end far below the highest frequency of the view, {of_corpus:.0%} in the"
                " corpus: they were made, sent or stored at a lower rate, and rules about the upper bands find that"
            )


def at_a_rate_of(corpus: SoundStorage, batch: Batch) -> NDArray[np.bool_]:
    """(n,) whether the wave of each sample has a sample rate that the corpus has, or is not known."""
    rates = waves(batch).rates
    total = sum(corpus.sounds.rates.values())
    usual = [rate for rate, count in corpus.sounds.rates.items() if count / total >= NOTICED]
    return np.isin(rates, [0, *usual]) if total else np.ones(len(rates), np.bool_)


def _rates(sounds: Sounds) -> str:
    """The rates in words, the most frequent first."""
    ordered = sorted(sounds.rates, key=lambda rate: (-sounds.rates[rate], rate))
    return ", ".join(f"{rate:,}" for rate in ordered[:3]) + (" and other" if len(ordered) > 3 else "")
