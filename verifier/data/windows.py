"""Pieces in windows: where a piece is cut."""

from collections.abc import Sequence
from typing import Literal

MAX_STEPS = 1_000_000
"""Longest piece in steps (about 17 hours of sixteenths at 60 quarters a minute); a longer one is a broken file."""


def windows(total: int, window: int | None, remainder: Literal["keep", "drop"]) -> Sequence[tuple[int, int]]:
    """(start, length) of each window of a piece of ``total`` steps; None keeps it whole."""
    if window is None:
        return [(0, total)]
    cuts = [(start, min(window, total - start)) for start in range(0, total, window)]
    return [cut for cut in cuts if remainder == "keep" or cut[1] == window]
