"""What to type where an array of music has another layout: lines of NumPy that make what is read of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from verifier.data.axes import by, without_channel
from verifier.music.view import PianoRollView

VOICES = 4
"""Rows of an array that holds the pitches of voices."""
FIRST_PITCH = {128: 0, 88: 21}
"""Rows of a roll of all MIDI pitches, and of the keys of a piano -> the pitch of the first."""
LIKELY_FIRST_PITCH = {84: 24}
"""The same where it is a habit of some (MuseGAN) alone."""
MOST_VOICES = 16
"""Most rows of integers that are taken for voices in advice."""


def widths(view: PianoRollView) -> dict[int, int]:
    """Number of pitches in an array that is read -> the MIDI number of the first."""
    return {**FIRST_PITCH, view.rows: view.lowest_pitch}


def likely_widths(view: PianoRollView) -> dict[int, int]:
    """The same, and those that are no more than a habit."""
    return {**LIKELY_FIRST_PITCH, **widths(view)}


def channel_free(shape: tuple[int, ...], view: PianoRollView) -> tuple[str, tuple[int, ...]]:
    """An array without its one channel, in NumPy, and its shape with an axis for samples."""
    axes = without_channel(shape, view.rows)
    if len(shape) < 4 or len(axes) == len(shape):
        return "x", axes
    return ("x[..., 0]" if shape[3] == 1 and axes == shape[:3] else "x[:, 0]"), axes


def rolls_line(x: str, width: int, view: PianoRollView, *, steps_first: bool, single: bool) -> str:
    """What makes rows of the view, before steps, of ``x``, in which one of the last two axes is that of ``width``
    pitches.
    """
    axes = 2 if single else 3
    at = axes - 1 if steps_first else axes - 2
    low = view.lowest_pitch - likely_widths(view)[width]
    high = low + view.rows
    if low < 0 or high > width:
        pads = ["(0, 0)"] * axes
        below = max(-low, 0)
        pads[at] = f"({below}, {max(high - width, 0)})"
        x, low, high, width = (
            f"numpy.pad({x}, ({', '.join(pads)}))",
            low + below,
            high + below,
            max(high, width) + below,
        )
    if (low, high) != (0, width):
        x = f"{x}[{', '.join([*[':'] * at, f'{low}:{high}'])}]"
    turned = "(1, 0)" if single else "(0, 2, 1)"
    return f"{x}.transpose{turned}" if steps_first else x


def voices_line(x: str, count: int, view: PianoRollView, *, steps_first: bool, single: bool, floating: bool) -> str:
    """What makes integers of VOICES rows of pitches of ``x``, or a roll if there are more voices."""
    if floating:
        x = f"numpy.nan_to_num({x}, nan=-1).astype(int)"
    if steps_first:
        x = f"{x}.transpose({'1, 0' if single else '0, 2, 1'})"
    if count > VOICES:
        pitches = f"numpy.arange({view.lowest_pitch}, {view.highest_pitch + 1})"
        return f"({x} == {pitches}[:, None, None]).any(1)" if single else _each(x, pitches)
    if count < VOICES:
        pads = f"(0, {VOICES - count}), (0, 0)"
        return f"numpy.pad({x}, ({pads if single else f'(0, 0), {pads}'}))"
    return x


def _each(x: str, pitches: str) -> str:
    return f"({x}[:, None] == {pitches}[:, None, None]).any(2)"


def advice(shape: tuple[int, ...], dtype: np.dtype[np.generic], view: PianoRollView) -> str:
    """What to type for an array of a shape that is not read; nothing if that is unclear. A condition comes first, as
    the shape alone seldom proves anything.
    """
    return "; ".join(f"if {condition}, save {line}" for condition, line in _lines(shape, dtype, view))


def _lines(shape: tuple[int, ...], dtype: np.dtype[np.generic], view: PianoRollView) -> Iterator[tuple[str, str]]:
    x, axes = channel_free(shape, view)
    if len(axes) == 3:
        yield from _of_three(x, axes, dtype, view, single=len(shape) == 2)
        if len(shape) == 2:
            yield from _flat(shape, dtype, view)
    elif len(shape) == 1:
        cells = view.rows * (view.window or 0)
        if dtype == np.uint8 and cells and shape[0] and shape[0] * 8 % cells == 0:
            yield "these are packed bits", f"numpy.unpackbits(x).reshape(-1, {view.rows}, {view.window})"
    elif len(shape) == 4:
        yield from _tracks(shape, view)
    elif len(shape) == 5:
        yield from _bars_and_tracks(shape, view)


def _of_three(
    x: str, axes: tuple[int, ...], dtype: np.dtype[np.generic], view: PianoRollView, *, single: bool
) -> Iterator[tuple[str, str]]:
    _, rows, steps = axes
    floating, numbers = dtype.kind == "f", dtype.kind in "iuf"
    known = likely_widths(view)
    if numbers and steps == VOICES:
        line = voices_line(x, steps, view, steps_first=True, single=single, floating=floating)
        yield f"the axis of {steps} holds the voices", line
        return
    few = numbers and rows <= MOST_VOICES and (rows > 1 or not single)
    if few and (rows == VOICES if floating else rows != VOICES):
        line = voices_line(x, rows, view, steps_first=False, single=single, floating=floating)
        yield f"these are the pitches of {rows} voices" if rows > 1 else "these are the pitches of a melody", line
        if floating or steps not in known:
            return
    if steps in known:
        line = rolls_line(x, steps, view, steps_first=True, single=single)
        yield f"the axis of {steps} holds the pitches{_from(steps, view)}", line
    if rows in known:
        line = rolls_line(x, rows, view, steps_first=False, single=single)
        yield f"the axis of {rows} holds the pitches{_from(rows, view)}", line
    elif steps not in known and numbers and steps <= MOST_VOICES and rows > MOST_VOICES:
        line = voices_line(x, steps, view, steps_first=True, single=single, floating=floating)
        yield f"the axis of {steps} holds the voices", line


def _from(width: int, view: PianoRollView) -> str:
    return f" from MIDI {LIKELY_FIRST_PITCH[width]} on" if width not in widths(view) else ""


def _flat(shape: tuple[int, ...], dtype: np.dtype[np.generic], view: PianoRollView) -> Iterator[tuple[str, str]]:
    window = view.window or 0
    into = f"reshape(len(x), {view.rows}, {window})"
    if shape[1] == view.rows * window:
        yield "each row is a sample", f"x.{into}"
    elif dtype == np.uint8 and shape[1] * 8 == view.rows * window:
        yield "each row is a sample in bits", f"numpy.unpackbits(x, axis=1).{into}"
    elif dtype.kind in "iu" and shape[1] > MOST_VOICES:
        yield "each row is a melody", "numpy.pad(x[:, None], ((0, 0), (0, 3), (0, 0)))"


def _tracks(shape: tuple[int, ...], view: PianoRollView) -> Iterator[tuple[str, str]]:
    """samples x tracks x pitches x steps, the last two in any order, or tracks last; or bars in place of tracks."""
    _, a, b, c = shape
    known = likely_widths(view)
    first = a <= c
    merged, of = ("x.max(axis=1)", (b, c)) if first else ("x.max(axis=-1)", (a, b))
    tracks = a if first else c
    line = _merged(merged, of, view)
    if line:
        yield f"the axis of {tracks} holds tracks", line
    if first and c in known and a * b == view.window:
        bars = rolls_line(f"x.reshape(len(x), -1, {c})", c, view, steps_first=True, single=False)
        yield "it holds bars", bars


def _merged(x: str, of: tuple[int, int], view: PianoRollView) -> str:
    """Of samples x ``of``, one of which is the number of pitches."""
    known = likely_widths(view)
    rows, steps = of
    if rows in known:
        return rolls_line(x, rows, view, steps_first=False, single=False)
    return rolls_line(x, steps, view, steps_first=True, single=False) if steps in known else ""


def _bars_and_tracks(shape: tuple[int, ...], view: PianoRollView) -> Iterator[tuple[str, str]]:
    """samples x bars x steps x pitches x tracks, or tracks before bars."""
    known = likely_widths(view)
    for pitches, tracks, axis in ((shape[3], shape[4], -1), (shape[4], shape[1], 1)):
        if pitches in known:
            joined = f"x.max(axis={axis}).reshape(len(x), -1, {pitches})"
            line = rolls_line(joined, pitches, view, steps_first=True, single=False)
            yield f"the axis of {tracks} holds tracks and that of {pitches} the pitches{_from(pitches, view)}", line
            return


def refusal(shape: tuple[int, ...], dtype: np.dtype[np.generic], view: PianoRollView) -> str:
    """Why an array of that shape is not read, and what to type."""
    wanted = f"samples x {view.rows} pitches x steps, as the view has {view.rows} pitches"
    what = advice(shape, dtype, view)
    return f"expected {wanted}, found {by(shape)}" + (f"; {what}" if what else "")


def of_lists(path: Path, view: PianoRollView) -> str:
    """What to type for JSON and pickles as those of JSB Chorales: train, valid and test, each of pieces of steps."""
    file = str(path)
    if path.suffix.lower() == ".json":
        pieces, piece = f'json.loads(pathlib.Path({file!r}).read_text())["test"]', "numpy.array(p).T"
        imports, holds = "import json, numpy, pathlib", "steps of 4 pitches, as JSB Chorales do"
    elif path.suffix.lower() in (".pkl", ".pickle", ".p"):
        pieces = f'pickle.loads(pathlib.Path({file!r}).read_bytes(), encoding="latin1")["test"]'
        # A step lists the pitches that sound, however many: there are no voices in it.
        piece = (
            f"numpy.array([[i in step for step in p] for i in range({view.lowest_pitch}, {view.highest_pitch + 1})])"
        )
        imports, holds = "import numpy, pathlib, pickle", "steps of pitches, as JSB Chorales do, and you trust it"
    else:
        return ""
    line = f'{imports}; numpy.savez("test.npz", *[{piece} for p in {pieces}])'
    return f"if it holds lists of {holds}, save a part of it: {line}"
