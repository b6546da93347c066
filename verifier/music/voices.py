"""Voices: the pitch that each part of a sample sounds at each step, where its parts sing one note at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

SILENT = -1
"""The pitch of a voice that rests."""

_NAMES = {
    1: ("melody",),
    2: ("upper voice", "lower voice"),
    3: ("upper voice", "middle voice", "lower voice"),
    4: ("soprano", "alto", "tenor", "bass"),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Voices:
    """The voices of n samples; voice 0 is the highest by its mean pitch over the whole piece.

    pitches   (n, voices, steps) int16, MIDI number, or SILENT; all SILENT beyond a sample's own voices
    attacks   (n, voices, steps) bool, whether a note of the voice begins at the step
    counts    (n,) int64, voices of each sample; 0 where they are not known
    fermatas  (n, steps) bool, whether a fermata stands over a note that sounds; all False where the source has none
    """

    pitches: NDArray[np.int16]
    attacks: NDArray[np.bool_]
    counts: NDArray[np.int64]
    fermatas: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.counts)

    def take(self, at: NDArray[np.int64]) -> Self:
        """The samples at ``at``, in that order."""
        return type(self)(**{field.name: getattr(self, field.name)[at] for field in fields(self)})

    def only(self, kept: NDArray[np.bool_]) -> Self:
        """The voices of the samples ``kept`` (n,); those of the others are not known."""
        cells = kept[:, None, None]
        return replace(
            self,
            pitches=np.where(cells, self.pitches, np.int16(SILENT)),
            attacks=self.attacks & cells,
            counts=np.where(kept, self.counts, 0),
            fermatas=self.fermatas & kept[:, None],
        )

    def with_notes(self, pitches: NDArray[np.int16], attacks: NDArray[np.bool_]) -> Self:
        """The same samples with other notes, both (n, voices, steps). A note also begins with every change of pitch,
        none begins in a rest, and no fermata stands where all voices rest.
        """
        sounding = pitches != SILENT
        begins = attacks.copy()
        begins[:, :, 1:] |= pitches[:, :, 1:] != pitches[:, :, :-1]
        return replace(self, pitches=pitches, attacks=begins & sounding, fermatas=self.fermatas & sounding.any(axis=1))

    def at_steps(self, steps: NDArray[np.int64]) -> Self:
        """The same samples in another order of time: (n, steps) the step that comes at each. What was attacked is; a
        pitch that goes on where another stretch of time was put next to it is held.
        """
        moved = replace(self, fermatas=np.take_along_axis(self.fermatas, steps, axis=1))
        pitches = np.take_along_axis(self.pitches, steps[:, None, :], axis=2)
        attacks = np.take_along_axis(self.attacks, steps[:, None, :], axis=2)
        return moved.with_notes(pitches, attacks)

    def painted(self, lowest_pitch: int, rows: int) -> NDArray[np.bool_]:
        """(n, rows, steps), the cells in which a voice sounds; row 0 is ``lowest_pitch``, others are left out."""
        n, _, steps = self.pitches.shape
        row = self.pitches - lowest_pitch
        sample, voice, step = np.nonzero((self.pitches != SILENT) & (row >= 0) & (row < rows))
        cells = np.zeros((n, rows, steps), np.bool_)
        cells[sample, row[sample, voice, step], step] = True
        return cells


def none(n: int, steps: int) -> Voices:
    """Samples of which no voices are known."""
    return Voices(
        pitches=np.zeros((n, 0, steps), np.int16),
        attacks=np.zeros((n, 0, steps), np.bool_),
        counts=np.zeros(n, np.int64),
        fermatas=np.zeros((n, steps), np.bool_),
    )


def concatenate(parts: Sequence[Voices], steps: int) -> Voices:
    """All samples of ``parts``, padded with silence to the most voices and to ``steps``."""
    n = sum(map(len, parts))
    width = max((part.pitches.shape[1] for part in parts), default=0)
    pitches = np.full((n, width, steps), SILENT, np.int16)
    attacks = np.zeros((n, width, steps), np.bool_)
    fermatas = np.zeros((n, steps), np.bool_)
    at = 0
    for part in parts:
        rows = slice(at, at + len(part))
        _, own, length = part.pitches.shape
        pitches[rows, :own, :length] = part.pitches
        attacks[rows, :own, :length] = part.attacks
        fermatas[rows, :length] = part.fermatas
        at += len(part)
    counts = np.concatenate([np.zeros(0, np.int64), *(part.counts for part in parts)])
    return Voices(pitches=pitches, attacks=attacks, counts=counts, fermatas=fermatas)


def voice_name(voice: int, count: int) -> str:
    """``tenor`` for voice 2 of 4; ``voice 3 of 6`` where there are no names."""
    return _NAMES[count][voice] if count in _NAMES else f"voice {voice + 1} of {count}"
