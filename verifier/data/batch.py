"""Batch: n samples of one view, with the features that several rules share computed once and kept on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from verifier.audio import waveform as waves_of
from verifier.audio.waveform import Waves
from verifier.data.view import View, kind_of
from verifier.music import voices as voices_of
from verifier.music.view import PianoRollView
from verifier.music.voices import Voices

T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """Samples of one view, padded with silence to the longest.

    A sample is a window of a piece, or a whole one. Arrays of length n describe it:

    values    (n, rows, steps) bool, or float32 on the scale from 0 to 1; nothing after ``lengths`` counts
    lengths   (n,) int64, steps that belong to the sample
    names     n names, each unique within its sample set
    groups    n names of what the sample was cut from (file, piece, work); samples of one group are not independent
    starts    (n,) int64, step of the piece at which the sample starts
    begins    (n,) bool, whether the piece itself begins there, rather than being cut
    ends      (n,) bool, whether the piece itself ends at the end of the sample
    meters    (n,) float64, quarter notes in a bar; 4 where unknown
    pickups   (n,) float64, quarter notes of the piece before its first full bar; 0 where unknown
    clipped   (n,) int64, notes that start in the sample but lie outside the pitches of the view
    voices    the voices of the n samples, padded like ``values``; by default of none are they known
    waves     what a mel spectrogram does not say of the n sounds; by default nothing is known

    Meters, pickups, clipped notes and voices are those of music, waves those of sound.
    """

    view: View
    values: NDArray[Any]
    lengths: NDArray[np.int64]
    names: Sequence[str]
    groups: Sequence[str]
    starts: NDArray[np.int64]
    begins: NDArray[np.bool_]
    ends: NDArray[np.bool_]
    meters: NDArray[np.float64]
    pickups: NDArray[np.float64]
    clipped: NDArray[np.int64]
    voices: Voices = None  # type: ignore[assignment]  # replaced by __post_init__: its shape follows from values
    waves: Waves = None  # type: ignore[assignment]  # likewise
    _features: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        n, rows, steps = self.values.shape
        if self.values.dtype not in (np.bool_, np.float32):
            raise TypeError(f"values are bool or float32, not {self.values.dtype}")
        if rows != self.view.rows:
            raise ValueError(f"{rows} rows in a view of {self.view.rows}")
        if self.voices is None:
            object.__setattr__(self, "voices", voices_of.none(n, steps))
        if self.waves is None:
            object.__setattr__(self, "waves", waves_of.none(n))
        for name in (
            "lengths",
            "names",
            "groups",
            "starts",
            "begins",
            "ends",
            "meters",
            "pickups",
            "clipped",
            "voices",
            "waves",
        ):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{len(getattr(self, name))} {name} for {n} samples")
        if n and int(self.lengths.max()) > steps:
            raise ValueError(f"a sample of {int(self.lengths.max())} steps in an array of {steps}")
        if self.voices.pitches.shape[2] != steps:
            raise ValueError(f"voices of {self.voices.pitches.shape[2]} steps in an array of {steps}")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def roll(self) -> PianoRollView:
        """The view of a Batch of music. Raises TypeError for any other: its rules must not have been asked."""
        if not isinstance(self.view, PianoRollView):
            raise TypeError(f"expected piano rolls, found a {kind_of(self.view)}")
        return self.view

    def feature(self, key: str, compute: Callable[[Self], T]) -> T:
        """The feature named ``key``, computed by ``compute(self)`` the first time it is asked for."""
        if key not in self._features:
            self._features[key] = compute(self)
        value: T = self._features[key]
        return value

    def inside(self) -> NDArray[np.bool_]:
        """(n, steps), the steps that belong to each sample."""
        return np.asarray(np.arange(self.values.shape[2]) < self.lengths[:, None])

    def sounding(self) -> NDArray[np.bool_]:
        """(n, rows, steps), a new array of the cells that sound."""
        values = self.values
        on = values if values.dtype == np.bool_ else values >= np.float32(self.roll.threshold)
        return np.asarray(on & self.inside()[:, None, :])

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
        """Samples with no known piece around them: each is a cut of its own group, in four quarters a bar."""
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
            meters=np.full(n, 4.0),
            pickups=np.zeros(n),
            clipped=np.zeros(n, np.int64),
        )

    def with_values(self, values: NDArray[Any], voices: Voices | None = None) -> Self:
        """The same samples with other values, and without the features of the old ones. Their voices are those given:
        none, if the edit does not know what became of them; and of their waves nothing is known any more.
        """
        n, _, steps = values.shape
        return replace(
            self, values=values, voices=voices or voices_of.none(n, steps), waves=waves_of.none(n), _features={}
        )

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
            meters=self.meters[at],
            pickups=self.pickups[at],
            clipped=self.clipped[at],
            voices=self.voices.take(at),
            waves=self.waves.take(at),
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
        meters=joined("meters", np.float64),
        pickups=joined("pickups", np.float64),
        clipped=joined("clipped", np.int64),
        voices=voices_of.concatenate([batch.voices for batch in batches], steps),
        waves=waves_of.concatenate([batch.waves for batch in batches]),
    )
