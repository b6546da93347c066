"""What a Batch of music knows beside its rolls: meters, pickups, notes outside the view, and voices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from verifier.music import voices as voices_of
from verifier.music.voices import Voices

PITCHES = 128
"""MIDI numbers."""
GRIDS = (4, 6, 8, 12, 16, 24)
"""Steps in a quarter note that are tried where notes do not lie on those of the view, the coarsest that fits first."""
READ = ("drums", "mended", "guessed", "doubled", "sequential", "octaves", "padding")
"""What reading left out of a piece, or mended, in notes: fields of Notes, and of MusicStorage."""


def _levels(batch: Any) -> NDArray[np.int32]:
    """See ``data.levels``: the scan of a roll counts its values too."""
    from verifier.music.features.roll import scan

    return scan(batch).intensity


@dataclass(frozen=True, eq=False, kw_only=True)
class Music:
    """Of n samples of music:

    meters    (n,) float64, quarter notes in a bar; 4 where unknown
    pickups   (n,) float64, quarter notes of the piece before its first full bar; 0 where unknown
    outside   (n, 128) int32, notes that start in the sample but lie outside the pitches of the view, by MIDI number
    off_grid  (n,) int64, notes that begin between the steps of the view, in the sample
    off_grids (n, grids) int64, the same for the steps of each of ``GRIDS``
    read      (n, fields) int64, the fields of Notes that ``READ`` names, told of the first sample of a piece
    totals    (n,) int64, steps of the piece that ends with the sample; 0 where none does, or nothing says so
    cut       (n,) bool, whether a piece begins with the sample, and between two beats
    repeats   (n,) bool, whether the piece tells a repeated note from one that is held: whether it has any of the former
    voices    the voices of the samples, padded like their values; by default of none are they known
    """

    features: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"levels": _levels}
    meters: NDArray[np.float64]
    pickups: NDArray[np.float64]
    outside: NDArray[np.int32]
    off_grid: NDArray[np.int64]
    off_grids: NDArray[np.int64]
    read: NDArray[np.int64]
    totals: NDArray[np.int64]
    cut: NDArray[np.bool_]
    repeats: NDArray[np.bool_]
    voices: Voices

    def __post_init__(self) -> None:
        for field in fields(self):
            if len(getattr(self, field.name)) != len(self):
                raise ValueError(f"{len(getattr(self, field.name))} {field.name} for {len(self)} samples")

    def __len__(self) -> int:
        return len(self.meters)

    @property
    def clipped(self) -> NDArray[np.int64]:
        """(n,), how many notes lie outside the pitches of the view."""
        return np.asarray(self.outside.sum(axis=1, dtype=np.int64))

    def take(self, at: NDArray[np.int64]) -> Self:
        kept = {field.name: getattr(self, field.name)[at] for field in fields(self) if field.name != "voices"}
        return type(self)(**kept, voices=self.voices.take(at))

    def after_edit(self, steps: int) -> Self:
        """Voices are forgotten: an edit that does not say what became of them does not know."""
        return replace(self, voices=voices_of.none(len(self), steps))

    def differs(self, other: Any, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """By the notes of voices."""
        changed = self.voices.counts != other.voices.counts
        some = np.flatnonzero(~changed & (self.voices.counts > 0))
        if len(some):
            one, another = self.voices.take(some), other.voices.take(some)
            different = (one.pitches != another.pitches) | (one.attacks != another.attacks)
            changed[some] = (different & inside[some][:, None, :]).any(axis=(1, 2))
        return np.asarray(changed)

    @classmethod
    def none(cls, n: int, steps: int) -> Self:
        return cls(
            meters=np.full(n, 4.0),
            pickups=np.zeros(n),
            outside=np.zeros((n, PITCHES), np.int32),
            off_grid=np.zeros(n, np.int64),
            off_grids=np.zeros((n, len(GRIDS)), np.int64),
            read=np.zeros((n, len(READ)), np.int64),
            totals=np.zeros(n, np.int64),
            cut=np.zeros(n, np.bool_),
            repeats=np.zeros(n, np.bool_),
            voices=voices_of.none(n, steps),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Any], steps: int) -> Self:
        def joined(name: str, dtype: Any) -> NDArray[Any]:
            return np.concatenate([getattr(cls.none(0, 0), name), *(getattr(part, name) for part in parts)]).astype(
                dtype
            )

        return cls(
            meters=joined("meters", np.float64),
            pickups=joined("pickups", np.float64),
            outside=joined("outside", np.int32),
            off_grid=joined("off_grid", np.int64),
            off_grids=joined("off_grids", np.int64),
            read=joined("read", np.int64),
            totals=joined("totals", np.int64),
            cut=joined("cut", np.bool_),
            repeats=joined("repeats", np.bool_),
            voices=voices_of.concatenate([part.voices for part in parts], steps),
        )
