"""Pieces in windows: where a piece is cut."""

from collections.abc import Sequence

from verifier.audio.view import MelView
from verifier.music.view import PianoRollView

MAX_STEPS = 1_000_000
"""Longest piece in steps (about 17 hours of sixteenths at 60 quarters a minute); a longer one is a broken file."""


def windows(total: int, view: PianoRollView | MelView) -> Sequence[tuple[int, int]]:
    """(start, length) of each window of a piece of ``total`` steps."""
    if view.window is None:
        return [(0, total)]
    cuts = [(start, min(view.window, total - start)) for start in range(0, total, view.window)]
    return [cut for cut in cuts if view.remainder == "keep" or cut[1] == view.window]
