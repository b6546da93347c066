"""Extra: what a medium knows of samples beside their values, such as voices, or the waves behind a spectrogram."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Extra(Protocol):
    """What a medium adds to the n samples of a Batch."""

    features: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    """Features of a Batch that the medium computes in a way of its own, by name."""

    def __len__(self) -> int:
        """How many samples it is of."""
        ...

    def take(self, at: NDArray[np.int64]) -> Self:
        """What is known of the samples at ``at``, in that order."""
        ...

    def after_edit(self, steps: int) -> Self:
        """What is still known once the values were edited; ``steps`` is how long the samples are now padded."""
        ...

    def differs(self, other: Any, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(n,) whether what is known of each sample differs; ``inside`` (n, steps) are the steps that belong to it."""
        ...

    @classmethod
    def none(cls, n: int, steps: int) -> Self:
        """n samples, padded to ``steps``, of which nothing is known."""
        ...

    @classmethod
    def concatenate(cls, parts: Sequence[Any], steps: int) -> Self:
        """What is known of all samples of ``parts``, padded to ``steps``."""
        ...


@dataclass(frozen=True)
class Nothing:
    """The extra of a medium whose samples are their values alone."""

    features: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    n: int

    def __len__(self) -> int:
        return self.n

    def take(self, at: NDArray[np.int64]) -> Self:
        return type(self)(len(at))

    def after_edit(self, steps: int) -> Self:
        return self

    def differs(self, other: Any, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.zeros(self.n, np.bool_)

    @classmethod
    def none(cls, n: int, steps: int) -> Self:
        return cls(n)

    @classmethod
    def concatenate(cls, parts: Sequence[Any], steps: int) -> Self:
        return cls(sum(map(len, parts)))
