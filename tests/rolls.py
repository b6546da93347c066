"""Samples written as text: ``C4:0-4 E4:0-4 G4:2-8=0.5`` is three notes, pitch:first-stop, the last at intensity 0.5."""

import re
from collections.abc import Sequence

import numpy as np

from verifier.batch import Batch
from verifier.media.piano_roll import Notes
from verifier.view import PianoRollView

NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def midi_number(name: str) -> int:
    """``C#4`` is 61."""
    letter, sharp, octave = re.fullmatch(r"([A-G])(#?)(-?\d+)", name).groups()
    return NAMES[letter] + len(sharp) + 12 * (int(octave) + 1)


def batch(
    samples: Sequence[str], view: PianoRollView | None = None, steps: int = 16, groups: list[str] | None = None
) -> Batch:
    """Each text as one sample of ``steps`` steps, a whole piece; bool unless an intensity is written."""
    view = view or PianoRollView(window=steps)
    dtype = np.float32 if any("=" in sample for sample in samples) else np.bool_
    values = np.zeros((len(samples), view.pitches, steps), dtype)
    clipped = np.zeros(len(samples), np.int64)
    for i, sample in enumerate(samples):
        for name, first, stop, value in re.findall(r"(\S+?):(\d+)-(\d+)(?:=(\S+))?", sample):
            row = midi_number(name) - view.lowest_pitch
            if 0 <= row < view.pitches:
                values[i, row, int(first) : int(stop)] = float(value or 1)
            else:
                clipped[i] += 1
    made = Batch.of(view, values, names=[f"sample-{i}" for i in range(len(samples))], groups=groups)
    made.begins[:], made.ends[:], made.clipped[:] = True, True, clipped
    return made


def notes(text: str, name: str = "piece", meter: float = 4.0) -> Notes:
    """The same as Notes, in quarter notes instead of steps."""
    found = re.findall(r"(\S+?):([\d.]+)-([\d.]+)", text)
    return Notes(
        name=name,
        group=name,
        onsets=np.array([float(first) for _, first, _ in found]),
        ends=np.array([float(stop) for _, _, stop in found]),
        pitches=np.array([midi_number(pitch) for pitch, _, _ in found], np.int64),
        parts=np.zeros(len(found), np.int64),
        meter=meter,
    )


def random_batch(seed: int, n: int = 6, steps: int = 24, density: float = 0.08, grey: bool = False) -> Batch:
    """Noise of ragged lengths, some samples whole pieces and some cuts; with in-between intensities if ``grey``."""
    rng = np.random.default_rng(seed)
    view = PianoRollView(window=steps, pitches=40)
    values = rng.random((n, view.pitches, steps)) < density
    values = np.repeat(values[:, :, ::2], 2, axis=2)[:, :, :steps]
    if grey:
        levels = rng.choice([0, 1, 0.5, 0.2, 1e-4, 0.9999, 1.2, -0.1, 128 / 255], values.shape)
        values = np.where(rng.random(values.shape) < 0.5, values, levels).astype(np.float32)
    lengths = rng.integers(1, steps + 1, n)
    names = [f"{seed}-{i}" for i in range(n)]
    groups = [f"{seed}-{i // 2}" for i in range(n)]
    made = Batch.of(view, values, lengths=lengths, names=names, groups=groups)
    made.begins[:], made.ends[:] = rng.random(n) < 0.5, rng.random(n) < 0.5
    return made
