"""Places in words: bars and beats, pitches by name."""

import math

from verifier.data.batch import Batch
from verifier.music.samples import music, roll_view
from verifier.music.view import PianoRollView

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def pitch_name(pitch: int) -> str:
    """MIDI number 60 is ``C4``."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def view_in_words(view: PianoRollView) -> str:
    """``4 steps a quarter, windows of 64 steps, pitches C2 to D#7``."""
    window = "whole pieces" if view.window is None else f"windows of {view.window} steps"
    low, high = pitch_name(view.lowest_pitch), pitch_name(view.highest_pitch)
    return f"{view.steps_per_quarter:g} steps a quarter, {window}, pitches {low} to {high}"


def where(batch: Batch, i: int, step: int) -> str:
    """``bar 3 beat 2.5``: a step of sample i, counted from the start of its piece; a beat is a quarter note.

    Bars are those of the piece's first meter, and bar 1 is the first full one. What stands before it is the pickup, and
    its beats are the last ones of a bar: ``pickup beat 4``.
    """
    meter, pickup = float(music(batch).meters[i]), float(music(batch).pickups[i])
    quarters = (int(batch.starts[i]) + step) / float(roll_view(batch).steps_per_quarter)
    bar = bar_of(quarters, meter, pickup)
    beat = max(0.0, quarters - pickup - (bar - 1) * meter)
    return f"{bar_name(bar)} beat {beat + 1:.4g}"


def bar_of(quarters: float, meter: float, pickup: float) -> int:
    """The bar in which a time in quarter notes from the start of the piece lies: 1 is the first full one, 0 the pickup.

    A millionth is added first: on a grid of 14.4 steps a quarter, a bar line is seldom met exactly.
    """
    return math.floor((quarters - pickup) / meter + 1e-6) + 1


def bar_name(bar: int) -> str:
    """``bar 3``; ``pickup`` for what stands before bar 1."""
    return f"bar {bar}" if bar > 0 else "pickup"


def bars_name(first: int, last: int) -> str:
    """``bars 3-5``; ``bar 3`` if both are the same; ``pickup to bar 2``."""
    if last <= first:
        return bar_name(first)
    return f"bars {first}-{last}" if first > 0 else f"{bar_name(first)} to {bar_name(last)}"
