"""Places in words: bars and beats, pitches by name."""

import math

from verifier.audio.view import MelView
from verifier.data.batch import Batch
from verifier.image.view import ImageView

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def pitch_name(pitch: int) -> str:
    """MIDI number 60 is ``C4``."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def where(batch: Batch, i: int, step: int) -> str:
    """``bar 3 beat 2.5``: a step of sample i, counted from the start of its piece; a beat is a quarter note. In sound
    ``1.28 s``; of a picture nothing.

    Bars are those of the piece's first meter, and bar 1 is the first full one. What stands before it is the pickup, and
    its beats are the last ones of a bar: ``pickup beat 4``.
    """
    view = batch.view
    if isinstance(view, MelView):
        return f"{(int(batch.starts[i]) + step) * view.hop_length / view.sample_rate:.2f} s"
    if isinstance(view, ImageView):
        return ""  # a rule says itself which pixels it means: many look at the whole picture
    meter, pickup = float(batch.meters[i]), float(batch.pickups[i])
    quarters = (int(batch.starts[i]) + step) / float(batch.roll.steps_per_quarter)
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


def piece_name(name: str, start: int) -> str:
    """The piece from whose step ``start`` a sample of that name was cut: the name without ``@`` and the step."""
    return name.removesuffix(f"@{start}")
