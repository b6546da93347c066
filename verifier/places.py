"""Places in words: bars and beats, pitches by name."""

from verifier.batch import Batch

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def pitch_name(pitch: int) -> str:
    """MIDI number 60 is ``C4``."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def times(count: int) -> str:
    """``once``, ``2 times``, ``1,234 times``."""
    return "once" if count == 1 else f"{count:,} times"


def where(batch: Batch, i: int, step: int) -> str:
    """``bar 3 beat 2.5``: a step of sample i, counted from the start of its piece; a beat is a quarter note.

    Bars are counted from the first note's time zero in the piece's first meter; a pickup is not known here.
    """
    quarters = (int(batch.starts[i]) + step) / float(batch.view.steps_per_quarter)
    bar, beat = divmod(quarters, float(batch.meters[i]))
    return f"bar {int(bar) + 1} beat {beat + 1:.4g}"
