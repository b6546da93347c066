"""Arrays of music: piano rolls of cells or bits, or the pitches of four voices.

samples x rows x steps      the pitches of the view
samples x rows/8 x steps    uint8, eight rows a byte as by ``numpy.packbits(x, axis=1)``, the first row the highest bit
samples x 4 x steps         integers, the MIDI number that each of VOICES voices sounds; 0 and -1 are rests
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.axes import Axes, Chunks, Cuts, cell_axes, cut, without_channel
from verifier.data.extra import Extra
from verifier.data.view import View
from verifier.music.extra import PITCHES, Music
from verifier.music.view import PianoRollView
from verifier.music.voices import SILENT, Voices

VOICES = 4
"""Rows of an array that holds the pitches of voices."""


@dataclass(frozen=True, kw_only=True)
class RollAxes(Axes):
    """Cells of a piano roll: booleans, and integers that are all 0 or 1, give bool; others are divided by 255."""

    integers = (0, 255, "integers 0 and 1, or 0 to 255")
    lowest = -np.inf

    def divides(self, dtype: np.dtype[Any], chunks: Chunks, view: View, name: str) -> bool:
        above = dtype.kind in "iu" and any(chunk.max() > 1 for chunk in chunks())
        if not self.plain and not above:  # of zeros and ones alone: cells of another view
            rows = f"{self.stored[0]} rows of 0 and 1 alone"
            raise InputError(name, f"expected {view.rows} rows, as the view has pitches, found {rows}")
        return above and self.plain

    def values(self, chunk: NDArray[Any], divides: bool) -> NDArray[Any]:
        if chunk.dtype.kind in "biu" and not divides:
            return chunk.view(np.bool_) if chunk.dtype in (np.uint8, np.int8, np.bool_) else chunk.astype(np.bool_)
        return super().values(chunk, divides)


@dataclass(frozen=True, kw_only=True)
class BitAxes(RollAxes):
    """Eight rows a byte."""

    plain = False

    def unpacked(self, chunk: NDArray[Any], view: View) -> NDArray[Any]:
        return np.unpackbits(chunk, axis=1, count=view.rows)


@dataclass(frozen=True, kw_only=True)
class VoiceAxes(RollAxes):
    """The pitches of voices: a note lasts while its pitch stays, and a row without a note is no voice."""

    plain = False
    integers = (SILENT, 127, f"pitches from 0 to 127, or {SILENT}")

    def samples_of(
        self, chunk: NDArray[Any], cuts: Cuts, view: View, divides: bool
    ) -> tuple[NDArray[Any], Extra | None]:
        assert isinstance(view, PianoRollView)
        values, voices, outside = _of_voices(chunk.astype(np.int16), view)
        values = cut(values, cuts, 0)
        n, _, steps = values.shape
        outside = cut(outside, cuts, SILENT)
        sample, voice, step = np.nonzero(outside != SILENT)
        counts = np.zeros((n, PITCHES), np.int32)
        np.add.at(counts, (sample, outside[sample, voice, step]), 1)
        return values, replace(
            Music.none(n, steps),
            outside=counts,
            voices=Voices(
                pitches=cut(voices.pitches, cuts, SILENT),
                attacks=cut(voices.attacks, cuts, False),
                counts=np.repeat(voices.counts, len(cuts)),
                fermatas=cut(voices.fermatas, cuts, False),
            ),
        )


def roll_axes(shape: tuple[int, ...], dtype: np.dtype[Any], view: PianoRollView, name: str) -> Axes:
    """What the axes of an array of music are; plain cells with one channel may have it first or last. Raises
    WrongShapeError that says what to do.
    """
    axes = without_channel(shape, view.rows)
    flat = len(axes) == 3 and len(shape) < 4
    if flat and axes[1] != view.rows:
        packed = -(-view.rows // 8) if dtype == np.uint8 else 0
        layouts: dict[int, type[RollAxes]] = {VOICES: VoiceAxes} if dtype.kind in "iu" else {}
        if packed > 1:
            layouts[packed] = BitAxes
        if axes[1] in layouts and not axes[1] == packed == VOICES:
            kind = layouts[axes[1]]
            return kind(samples=axes[0], steps=axes[2], stored=axes[1:], single=len(shape) == 2)
    other = {VOICES: "voices"} if dtype.kind in "iu" and len(shape) < 4 else {}
    return cell_axes(shape, view, name, words=("pitches", "steps"), other=other, kind=RollAxes)


def _of_voices(chunk: NDArray[np.int16], view: PianoRollView) -> tuple[NDArray[np.bool_], Voices, NDArray[np.int16]]:
    """The piano rolls, the voices, and (n, VOICES, steps) the pitches that begin outside the rows, SILENT elsewhere, of
    (n, VOICES, steps) pitches.

    Without a mark where a note is struck anew, one begins where the pitch changes. Pitch 0 is a rest.
    """
    n, _, steps = chunk.shape
    sounds = chunk > 0
    attacks = sounds & (chunk != np.pad(chunk[:, :, :-1], ((0, 0), (0, 0), (1, 0))))
    values = np.zeros((n, view.pitches, steps), np.bool_)
    inside = sounds & (chunk >= view.lowest_pitch) & (chunk <= view.highest_pitch)
    sample, voice, step = np.nonzero(inside)
    values[sample, chunk[sample, voice, step] - view.lowest_pitch, step] = True
    notes = attacks.sum(2)
    # As with parts of a score: the highest mean pitch of the notes is voice 0, and rows without a note come last.
    mean = np.where(notes, (chunk * attacks).sum(2) / np.maximum(notes, 1), -1.0)
    order = np.argsort(-mean, axis=1, kind="stable")[:, :, None]
    voices = Voices(
        pitches=np.take_along_axis(np.where(sounds, chunk, np.int16(SILENT)), order, 1),
        attacks=np.take_along_axis(attacks, order, 1),
        counts=np.count_nonzero(notes, axis=1).astype(np.int64),
        fermatas=np.zeros((n, steps), np.bool_),
    )
    return values, voices, np.where(attacks & ~inside, chunk, np.int16(SILENT))
