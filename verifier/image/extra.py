"""What is known of pictures beside their pixels: whether anything in their files was transparent, and of what kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Backed:
    """transparent (n,) bool: whether pixels of the file were, and were put on black; jpeg (n,) bool: whether it is one
    of JPEG.
    """

    features: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    transparent: NDArray[np.bool_]
    jpeg: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.transparent)

    def take(self, at: NDArray[np.int64]) -> Self:
        return type(self)(self.transparent[at], self.jpeg[at])

    def after_edit(self, steps: int) -> Self:
        return self

    def differs(self, other: Any, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Never: the pixels say all that a rule asks."""
        return np.zeros(len(self), np.bool_)

    @classmethod
    def none(cls, n: int, steps: int) -> Self:
        return cls(np.zeros(n, np.bool_), np.zeros(n, np.bool_))

    @classmethod
    def concatenate(cls, parts: Sequence[Any], steps: int) -> Self:
        of_none = cls.none(0, steps)
        return cls(
            *(np.concatenate([getattr(part, name) for part in (of_none, *parts)]) for name in ("transparent", "jpeg"))
        )
