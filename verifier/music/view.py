"""The view of symbolic music: notes on a grid."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from verifier.data.view import View
from verifier.data.windows import windows
from verifier.music.extra import Music


class PianoRollView(View, frozen=True, kw_only=True, tag="piano-roll"):
    """Notes on a grid of time steps: rows are pitches (row 0 is ``lowest_pitch``), columns are steps.

    A note sounds from the step nearest its onset up to the step nearest its end, and for at least one step. A piece is
    cut into consecutive windows from its start; ``remainder`` says whether a last window that is shorter is kept.
    """

    extra = Music

    steps_per_quarter: Annotated[float, Meta(gt=0, le=960)] = 4
    """Time steps in a quarter note; 4 is a grid of sixteenths."""
    lowest_pitch: Annotated[int, Meta(ge=0, le=127)] = 36
    """MIDI number of the first row."""
    pitches: Annotated[int, Meta(ge=1, le=128)] = 64
    """Number of rows."""
    window: Annotated[int, Meta(ge=1, le=65536)] | None = 64
    """Steps in a window; null keeps every piece whole."""
    remainder: Literal["keep", "drop"] = "keep"
    """What becomes of the steps after the last full window."""
    threshold: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """A cell sounds if its value, on the scale from 0 to 1, is at least this."""

    @property
    def rows(self) -> int:
        """Rows of a sample."""
        return self.pitches

    @property
    def highest_pitch(self) -> int:
        """MIDI number of the last row."""
        return self.lowest_pitch + self.pitches - 1

    def cuts(self, steps: int) -> Sequence[tuple[int, int]]:
        return windows(steps, self.window, self.remainder)

    def __post_init__(self) -> None:
        if self.highest_pitch > 127:
            raise ValueError(
                f"lowest-pitch {self.lowest_pitch} and {self.pitches} pitches reach MIDI number {self.highest_pitch};"
                " the highest there is is 127"
            )
