"""Pitches as a rule about ranges counts them: MIDI numbers, or semitones from the mean pitch of the sample."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features.scalars import registers
from verifier.music.words import pitch_name
from verifier.rule.rule import option

Invariance = Annotated[
    Literal["none", "transposition"],
    option("whether pitches are counted from the mean pitch of their sample, so that the key does not matter"),
]
MEAN = 64
"""Stands for the mean pitch of a sample."""
LEVELS = 128
"""Pitches, or semitones from -64 to 63; what is further from the mean counts as these."""

_PITCHES = {pitch_name(pitch): pitch for pitch in range(LEVELS)}
_SEMITONES = {f"{semitones - MEAN:+d}": semitones for semitones in range(LEVELS)}


def level_of(
    batch: Batch, samples: NDArray[np.int64], pitches: NDArray[np.int64], invariance: str
) -> NDArray[np.int64]:
    """(m,) the level of each of m pitches, MIDI numbers, of these samples (m,)."""
    if invariance == "none":
        return pitches
    return np.asarray(np.clip(pitches - registers(batch)[samples] + MEAN, 0, LEVELS - 1))


def level_name(level: int, invariance: str) -> str:
    """``F#3``, or ``+14``: semitones from the mean pitch of the sample."""
    return pitch_name(level) if invariance == "none" else f"{level - MEAN:+d}"


def level_from(name: str, invariance: str, place: str) -> int:
    """The inverse of ``level_name``. Raises InputError at ``place`` for what is no such name."""
    names = _PITCHES if invariance == "none" else _SEMITONES
    if name not in names:
        example = "a pitch such as 'C4' or 'F#3'" if invariance == "none" else "semitones from the mean such as '+14'"
        raise InputError(place, f"expected {example}, found {name!r}")
    return names[name]


def range_text(low: int, high: int, invariance: str) -> str:
    """``C4 to G5``, or ``+3 to +14 semitones from the mean pitch``."""
    span = f"{level_name(low, invariance)} to {level_name(high, invariance)}"
    return span if invariance == "none" else f"{span} semitones from the mean pitch"


def axis_text(invariance: str) -> str:
    """What the levels are, for the axis of a picture."""
    return "pitch" if invariance == "none" else "semitones from the mean pitch of the sample"
