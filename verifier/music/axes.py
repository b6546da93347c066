"""Arrays of music: piano rolls of cells or bits, or the pitches of four voices.

samples x rows x steps      the pitches of the view; or all 128 of MIDI; or the 88 keys of a piano, 21 to 108
samples x rows/8 x steps    uint8, eight rows a byte as by ``numpy.packbits(x, axis=1)``, the first row the highest bit
samples x 4 x steps         integers, the MIDI number that each of VOICES voices sounds; 0 and -1 are rests

Where a shape leaves open which axis is time, or a type which scale, the content decides, if it is clear.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.axes import Axes, Chunks, Cuts, WrongShapeError, by, cut
from verifier.data.extra import Extra
from verifier.data.view import View
from verifier.music import array_content as content
from verifier.music.array_advice import (
    MOST_VOICES,
    VOICES,
    channel_free,
    likely_widths,
    refusal,
    rolls_line,
    voices_line,
    widths,
)
from verifier.music.extra import PITCHES, READ, Music
from verifier.music.view import PianoRollView
from verifier.music.voices import SILENT, Voices

DENSE = 0.4
"""Share of pitches from which on numbers are not taken for a roll of velocities."""
HOLDS = 0.3
"""Share of the number 128 from which on it is a note that goes on, as no music rests so much."""


@dataclass(frozen=True, kw_only=True)
class RollAxes(Axes):
    """Cells of a piano roll: booleans, and integers that are all 0 or 1, give bool; others are divided by 255. Numbers
    that are velocities give bool too: all that are not 0 sound.

    first_pitch  MIDI number of the first row; other rows than the view's are left out
    turned       what to type if the last axis is that of pitches; nothing where the shape excludes it
    straight     the same if it is not, of a shape that is read only where the content says which it is
    """

    integers = (0, 255, "integers 0 and 1, or 0 to 255")
    lowest = -np.inf
    first_pitch: int
    turned: str = ""
    straight: str = ""
    velocities: bool = False

    def settled(self, dtype: np.dtype[Any], chunks: Chunks, view: View, name: str) -> Self:
        assert isinstance(view, PianoRollView)
        above = dtype.kind in "iu" and any(chunk.max() > 1 for chunk in chunks())
        first = self.unpacked(content.seen(chunks()), view)
        self._require_cells(first, dtype, above, view, name)
        if dtype.kind == "f" and np.isfinite(first).all():
            _require_unit_scale(first, name)
        threshold = view.threshold * (255 if above else 1)
        velocities = dtype.kind != "b" and content.are_velocities(first, threshold)
        if above and dtype == np.int8 and not velocities and first.min() >= 0:
            raise InputError(name, "expected levels up to 255, found int8, which ends at 127; save x / 127")
        self._require_order(first > 0 if velocities else first >= threshold, view, name)
        return replace(self, divides=above and not velocities, velocities=velocities)

    def _require_cells(
        self, first: NDArray[Any], dtype: np.dtype[Any], above: bool, view: PianoRollView, name: str
    ) -> None:
        """Raise InputError for what has the shape of cells but is the pitches of voices, or bits."""
        shape = self.stored if self.single else (self.samples, *self.stored)
        expected = f"expected pitches x steps, found {by(shape)}"
        least = 0.1 if self.steps == VOICES else DENSE
        if self.steps <= MOST_VOICES and dtype.kind != "b" and content.are_pitches(first, least):
            floating = dtype.kind == "f"
            line = voices_line("x", self.steps, view, steps_first=True, single=self.single, floating=floating)
            raise InputError(name, f"{expected} of pitches: if the axis of {self.steps} holds the voices, save {line}")
        if dtype == np.uint8 and above and self.plain and self.steps * 8 == view.window:
            raise InputError(
                name,
                f"{expected} bytes: if these are packed bits, save numpy.unpackbits(x, axis={len(shape) - 1}); if they"
                f" are {self.steps} steps of intensities, save x / 255",
            )

    def _require_order(self, on: NDArray[np.bool_], view: PianoRollView, name: str) -> None:
        """Raise InputError if the content says that steps come before pitches, or does not say what it must."""
        rows, steps = self.stored[0], self.steps
        if steps > PITCHES:
            return  # there are no more: a longer axis holds steps
        expected = f"expected samples x {view.rows} pitches x steps"
        if content.looks_swapped(on):
            swapped = f"{expected}, found notes along the other axis: the axes look swapped"
            if not self.turned:
                pitches = f"{view.lowest_pitch} to {view.highest_pitch}"
                raise InputError(name, f"{swapped}; transpose them, and cut or pad {steps} pitches to MIDI {pitches}")
            raise InputError(name, f"{swapped}; save {self.turned}")
        if self.straight and not content.looks_ordered(on):
            raise InputError(
                name,
                f"{expected}, found {rows} x {steps}, which the content does not explain: if the axis of {rows} holds"
                f" the pitches, save {self.straight}; if that of {steps} does, save {self.turned}",
            )

    def advice(self, low: float, high: float, *, integers: bool) -> str:
        if integers:
            return "if all above 0 sound, save x > 0"
        if low < 0:
            return LOGITS
        return "if these are velocities, save x > 0" + ("; if they go to 255, save x / 255" if high <= 255 else "")

    def extents(self, chunk: NDArray[Any], view: View) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """From the quarter in which the first note begins to the end of the last; all of a silent sample."""
        assert isinstance(view, PianoRollView)
        sounds = self.sounding(chunk, view)
        steps = sounds.shape[1]
        quarter = float(view.steps_per_quarter)
        some, first = sounds.any(axis=1), sounds.argmax(axis=1)
        first = np.floor(np.floor(first / quarter + 1e-6) * quarter + 0.5).astype(np.int64)
        return np.where(some, first, 0), np.where(some, steps - sounds[:, ::-1].argmax(axis=1), steps)

    def sounding(self, chunk: NDArray[Any], view: PianoRollView) -> NDArray[np.bool_]:
        """(n, steps) whether anything sounds."""
        if chunk.dtype == np.bool_:
            return np.asarray(chunk.any(axis=1))
        highest = chunk.max(axis=1)
        return np.asarray(highest > 0 if self.velocities else highest >= view.threshold * (255 if self.divides else 1))

    def noted(self, extra: Extra | None, padding: NDArray[np.int64], steps: int) -> Extra:
        known = extra if isinstance(extra, Music) else Music.none(len(padding), steps)
        read = known.read.copy()
        read[:, READ.index("padding")] = padding
        return replace(known, read=read)

    def values(self, chunk: NDArray[Any]) -> NDArray[Any]:
        if self.velocities:
            return np.asarray(chunk > 0)
        if chunk.dtype.kind in "biu" and not self.divides:
            return chunk.view(np.bool_) if chunk.dtype in (np.uint8, np.int8, np.bool_) else chunk.astype(np.bool_)
        return super().values(chunk)


@dataclass(frozen=True, kw_only=True)
class WideAxes(RollAxes):
    """Other rows than those of the view: these are taken, and notes outside are counted."""

    plain = False

    def samples_of(self, chunk: NDArray[Any], cuts: Cuts, view: View) -> tuple[NDArray[Any], Extra | None]:
        assert isinstance(view, PianoRollView)
        values = self.values(chunk)
        pitches = np.arange(values.shape[1]) + self.first_pitch
        inside = (pitches >= view.lowest_pitch) & (pitches <= view.highest_pitch)
        taken = np.zeros((len(values), view.rows, values.shape[2]), values.dtype)
        taken[:, pitches[inside] - view.lowest_pitch] = values[:, inside]
        left_out = values[:, ~inside]
        on = left_out if left_out.dtype == np.bool_ else left_out >= np.float32(view.threshold)
        begins = on & ~np.pad(on[:, :, :-1], ((0, 0), (0, 0), (1, 0)))
        taken, begins = cut(taken, cuts, 0), cut(begins, cuts, False)
        outside = np.zeros((len(taken), PITCHES), np.int32)
        outside[:, pitches[~inside]] = begins.sum(2)
        return taken, replace(Music.none(len(taken), taken.shape[2]), outside=outside)


@dataclass(frozen=True, kw_only=True)
class BitAxes(RollAxes):
    """Eight rows a byte."""

    plain = False

    def settled(self, dtype: np.dtype[Any], chunks: Chunks, view: View, name: str) -> Self:
        assert isinstance(view, PianoRollView)
        _require_above(self, chunks, view, name)
        self._require_order(self.unpacked(content.seen(chunks()), view) > 0, view, name)
        return self

    def unpacked(self, chunk: NDArray[Any], view: View) -> NDArray[Any]:
        return np.unpackbits(chunk, axis=1, count=view.rows)


@dataclass(frozen=True, kw_only=True)
class VoiceAxes(RollAxes):
    """The pitches of voices: a note lasts while its pitch stays, and a row without a note is no voice."""

    plain = False
    integers = (SILENT, 127, f"pitches from 0 to 127, or {SILENT}")

    def settled(self, dtype: np.dtype[Any], chunks: Chunks, view: View, name: str) -> Self:
        _require_above(self, chunks, view, name)
        first = content.seen(chunks())
        share = float((first == 128).mean())
        if HOLDS <= share < 1 and first.max() == 128:
            at = "numpy.where(x != 128, numpy.arange(x.shape[-1]), 0)"
            line = f"numpy.take_along_axis(x, numpy.maximum.accumulate({at}, axis=-1), axis=-1)"
            raise InputError(
                name, f"expected pitches from 0 to 127, found {share:.0%} of 128: if it holds a note, save {line}"
            )
        return self

    def sounding(self, chunk: NDArray[Any], view: PianoRollView) -> NDArray[np.bool_]:
        return np.asarray((chunk > 0).any(axis=1))

    def advice(self, low: float, high: float, *, integers: bool) -> str:
        rest = int(high if high > 127 else low)
        return f"if {rest} is a rest, save numpy.where(x == {rest}, 0, x)"

    def samples_of(self, chunk: NDArray[Any], cuts: Cuts, view: View) -> tuple[NDArray[Any], Extra | None]:
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


LOGITS = "if these are logits, save 1 / (1 + numpy.exp(-x))"
TANH = "if they go from -1 to 1, save (x + 1) / 2"


def _require_unit_scale(first: NDArray[Any], name: str) -> None:
    """Raise InputError for floating-point numbers whose bulk, or edge, says that silence is not 0."""
    low, high = float(first.min()), float(first.max())
    if low >= -0.5 or max(-low, high) > 8:  # another message, with the place, is for what is larger
        return
    bounded, most_below = low >= -1.001 and high <= 1.001, float(np.median(first)) < -0.5
    found = f"expected values on the scale from 0 to 1, found values from {low:g} to {high:g}"
    if bounded and (first == 0).any() and np.isin(first, (-1, 0, 1)).all():
        raise InputError(name, f"{found}, and nothing between; if -1 is padding, save x > 0")
    if bounded:
        raise InputError(
            name, f"{found}; {TANH}" + ("" if most_below else "; if they overshoot 0 to 1, save x.clip(0, 1)")
        )
    if most_below:
        raise InputError(name, f"{found}, most of them below 0; {LOGITS}")


def _require_above(axes: RollAxes, chunks: Chunks, view: View, name: str) -> None:
    """Raise InputError for zeros and ones alone: cells of another view."""
    if not any(chunk.max() > 1 for chunk in chunks()):
        rows = f"{axes.stored[0]} rows of 0 and 1 alone"
        raise InputError(name, f"expected {view.rows} rows, as the view has pitches, found {rows}")


def roll_axes(shape: tuple[int, ...], dtype: np.dtype[Any], view: PianoRollView, name: str) -> Axes:
    """What the axes of an array of music are; plain cells with one channel may have it first or last. Raises
    WrongShapeError that says what to do.
    """
    x, axes = channel_free(shape, view)
    if len(axes) != 3:
        raise WrongShapeError(name, refusal(shape, dtype, view))
    n, rows, steps = axes
    single = len(shape) == 2
    common: dict[str, Any] = {"samples": n, "steps": steps, "stored": (rows, steps), "single": single}
    known = widths(view)
    turned = rolls_line(x, steps, view, steps_first=True, single=single) if steps in likely_widths(view) else ""
    if rows == view.rows:
        return RollAxes(**common, first_pitch=view.lowest_pitch, turned=turned)
    packed = -(-view.rows // 8) if dtype == np.uint8 and len(shape) < 4 else 0
    voices = dtype.kind in "iu" and len(shape) < 4
    if rows == VOICES and voices and packed != VOICES:
        return VoiceAxes(**common, first_pitch=view.lowest_pitch)
    if rows == packed > 1 and rows != VOICES:
        bits = "numpy.unpackbits(x, axis=1)"
        if steps == view.rows:
            turned = f"{bits}.transpose(0, 2, 1)"
        return BitAxes(**common, first_pitch=view.lowest_pitch, turned="" if single else turned)
    if rows in known and not (steps == VOICES and dtype.kind != "b"):
        straight = rolls_line(x, rows, view, steps_first=False, single=single) if steps == view.rows else ""
        return WideAxes(**common, first_pitch=known[rows], turned=turned, straight=straight)
    raise WrongShapeError(name, refusal(shape, dtype, view))


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
