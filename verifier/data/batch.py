"""Batch: n samples of one view, with the features that several rules share computed once and kept on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from verifier.data.extra import Extra
from verifier.data.view import View

T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """Samples of one view, padded with silence to the longest.

    Arrays of length n describe them:

    values    (n, rows, steps) bool, or float32 on the scale from 0 to 1; nothing after ``lengths`` counts
    lengths   (n,) int64, steps that belong to the sample
    names     n names, each unique within its sample set
    groups    n names of what the sample was cut from (file, piece, work); samples of one group are not independent
    starts    (n,) int64, step of the piece at which the sample starts
    begins    (n,) bool, whether the piece itself begins there, rather than being cut
    ends      (n,) bool, whether the piece itself ends at the end of the sample
    extra     what the medium of the view knows beside: voices, waves; by default nothing
    """

    view: View
    values: NDArray[Any]
    lengths: NDArray[np.int64]
    names: Sequence[str]
    groups: Sequence[str]
    starts: NDArray[np.int64]
    begins: NDArray[np.bool_]
    ends: NDArray[np.bool_]
    extra: Extra = None  # type: ignore[assignment]  # replaced by __post_init__: its shape follows from values
    _features: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        n, rows, steps = self.values.shape
        if self.values.dtype not in (np.bool_, np.float32):
            raise TypeError(f"values are bool or float32, not {self.values.dtype}")
        if rows != self.view.rows:
            raise ValueError(f"{rows} rows in a view of {self.view.rows}")
        if self.extra is None:
            object.__setattr__(self, "extra", self.view.extra.none(n, steps))
        for name in ("lengths", "names", "groups", "starts", "begins", "ends", "extra"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{len(getattr(self, name))} {name} for {n} samples")
        if n and int(self.lengths.max()) > steps:
            raise ValueError(f"a sample of {int(self.lengths.max())} steps in an array of {steps}")

    def __len__(self) -> int:
        return len(self.values)

    def feature(self, key: str, compute: Callable[[Self], T]) -> T:
        """The feature named ``key``, computed the first time it is asked for: by ``compute(self)``, unless the medium
        has a way of its own.
        """
        if key not in self._features:
            self._features[key] = self.extra.features.get(key, compute)(self)
        value: T = self._features[key]
        return value

    def inside(self) -> NDArray[np.bool_]:
        """(n, steps), the steps that belong to each sample."""
        return np.asarray(np.arange(self.values.shape[2]) < self.lengths[:, None])

    @classmethod
    def of(
        cls,
        view: View,
        values: NDArray[Any],
        *,
        lengths: NDArray[np.int64] | None = None,
        names: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
    ) -> Self:
        """Samples with no known piece around them: each is a cut of its own group, of which nothing else is known."""
        n, _, steps = values.shape
        names = [f"[{i}]" for i in range(n)] if names is None else names
        return cls(
            view=view,
            values=values,
            lengths=np.full(n, steps, np.int64) if lengths is None else lengths,
            names=names,
            groups=names if groups is None else groups,
            starts=np.zeros(n, np.int64),
            begins=np.zeros(n, np.bool_),
            ends=np.zeros(n, np.bool_),
        )

    def with_values(self, values: NDArray[Any], extra: Extra | None = None) -> Self:
        """The same samples with other values, and without the features of the old ones. Unless what is known of the
        new ones is given as ``extra``, it is what outlives an edit.
        """
        if extra is None:
            extra = self.extra.after_edit(values.shape[2])
        return replace(self, values=values, extra=extra, _features={})

    def take(self, indices: NDArray[np.int64] | Sequence[int]) -> Self:
        """The samples at ``indices``, in that order."""
        at = np.asarray(indices, np.int64)
        return type(self)(
            view=self.view,
            values=self.values[at],
            lengths=self.lengths[at],
            names=[self.names[i] for i in at],
            groups=[self.groups[i] for i in at],
            starts=self.starts[at],
            begins=self.begins[at],
            ends=self.ends[at],
            extra=self.extra.take(at),
        )


def concatenate(view: View, batches: Sequence[Batch]) -> Batch:
    """All samples of ``batches`` in one Batch, padded to the longest; no batches give a Batch of no samples."""
    steps = max((batch.values.shape[2] for batch in batches), default=view.window or 1)
    n = sum(len(batch) for batch in batches)
    dtype = np.result_type(*[batch.values.dtype for batch in batches]) if batches else np.dtype(np.bool_)
    values = np.zeros((n, view.rows, steps), dtype)
    at = 0
    for batch in batches:
        values[at : at + len(batch), :, : batch.values.shape[2]] = batch.values
        at += len(batch)

    def joined(name: str, dtype: Any) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype), *(getattr(batch, name) for batch in batches)]).astype(dtype)

    return Batch(
        view=view,
        values=values,
        lengths=joined("lengths", np.int64),
        names=[name for batch in batches for name in batch.names],
        groups=[group for batch in batches for group in batch.groups],
        starts=joined("starts", np.int64),
        begins=joined("begins", np.bool_),
        ends=joined("ends", np.bool_),
        extra=view.extra.concatenate([batch.extra for batch in batches], steps),
    )
