"""How samples are stored: counts of what a container decides, not of what the samples say."""

from typing import Annotated, Any, Self

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]

NOTICED = 0.05
"""A difference of shares from which on it is said."""
SOME = 0.001
"""The same for what a corpus has next to none of."""
SHORT = 0.6
"""Times as long as real ones samples must be for what they hold as a set to be judged."""


class StorageProfile(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Counts that add up over batches. A medium derives its own, with further counts.

    values: all cells; ``binary`` of them are exactly 0 or 1, ``eight_bit`` exactly a level of 1/255, ``outside`` below
    0 or above 1. samples: all samples; ``full`` of them as long as the window; ``steps`` in all of them.
    """

    values: Count = 0
    binary: Count = 0
    eight_bit: Count = 0
    outside: Count = 0
    samples: Count = 0
    full: Count = 0
    steps: Count = 0

    def share(self, part: str, whole: str) -> float:
        """How many of the ``whole`` a ``part`` is, both names of fields; 0 of nothing."""
        return float(getattr(self, part) / max(getattr(self, whole), 1))

    def relative_length(self, corpus: "StorageProfile") -> float:
        """The mean length of these samples, where that of the corpus is 1."""
        real = corpus.share("steps", "samples")
        return self.share("steps", "samples") / real if real else 1.0

    def holds_less(self, corpus: "StorageProfile") -> str:
        """Why as many real samples may well hold what these do not: a reason not to fail them for what they lack."""
        length = self.relative_length(corpus)
        return f"the samples are {length:.0%} as long as real ones" if length < SHORT else ""

    def merge(self, other: Any) -> Self:
        """The counts of both."""
        return type(self)(
            **{name: summed(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__}
        )


def summed(a: Any, b: Any) -> Any:
    """Of two numbers, or of two histograms value by value, in order of the values."""
    if isinstance(a, dict):
        return {value: a.get(value, 0) + b.get(value, 0) for value in sorted({*a, *b})}
    return a + b
