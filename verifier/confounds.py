"""The confound guard: what differs between corpus and samples because of how they are stored, not of what they say.

It is said before any verdict: a rule that only sees the container is right about the files, not about the generator.
"""

from typing import Annotated

import numpy as np
from msgspec import Meta, Struct

from verifier.batch import Batch
from verifier.features.intensity import BINS
from verifier.features.roll import scan

Count = Annotated[int, Meta(ge=0)]

NOTICED = 0.05
"""A difference of shares from which on it is said."""


class Facts(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Counts of what a container decides. They add up over batches.

    values: all cells; ``binary`` of them are exactly 0 or 1, ``eight_bit`` exactly a level of 1/255, ``outside`` below
    0 or above 1. samples: all samples; ``full`` of them as long as the window; ``steps`` in all of them. notes: all
    that were read; ``clipped`` of them have no row in the view.
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

    def merge(self, other: "Facts") -> "Facts":
        """The counts of both."""
        return Facts(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


def facts_of(batch: Batch) -> Facts:
    """The facts of a batch, from its scan."""
    found = scan(batch)
    bins = found.intensity.sum(axis=0, dtype=np.int64)
    return Facts(
        values=int(bins.sum()),
        binary=int(bins[1] + bins[3 * 255 + 1]),
        eight_bit=int(bins[1::3].sum()),
        outside=int(bins[0] + bins[BINS - 1]),
        samples=len(batch),
        full=int((batch.lengths == (batch.view.window or -1)).sum()),
        steps=int(batch.lengths.sum()),
        notes=int(found.notes.sum() + batch.clipped.sum()),
        clipped=int(batch.clipped.sum()),
    )


def confounds(corpus: Facts, samples: Facts) -> tuple[str, ...]:
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
    if tested > real:
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
    if tested - real > 0.001:
        found.append(
            f"{tested:.2%} of the notes lie outside the pitches of the view, {real:.2%} in the corpus: they count for"
            " pitch-range, and no other rule sees them"
        )
    return tuple(found)
