"""Samples written as text.

``C4:0-4 E4:0-4 G4:2-8=0.5`` is three notes, pitch:first-stop, the last at intensity 0.5, in a sample with no voices.
With ``|`` it has voices, the highest first: ``C5:0-4 B4:4-8^ | rest | C4:0-8`` is three, of which the second rests; a
note marked ``^`` stands under a fermata. A first word ``meter=3`` or ``pickup=1`` is in quarter notes.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verifier.data.batch import Batch
from verifier.music import voices as voices_of
from verifier.music.notes import Notes
from verifier.music.samples import music, with_voices
from verifier.music.view import PianoRollView
from verifier.music.voices import SILENT, Voices

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
    dtype = np.float32 if any(re.search(r"\d=", sample) for sample in samples) else np.bool_
    values = np.zeros((len(samples), view.pitches, steps), dtype)
    outside = np.zeros((len(samples), 128), np.int32)
    for i, sample in enumerate(samples):
        for name, first, stop, value in re.findall(r"(\S+?):(\d+)-(\d+)\^?(?:=(\S+))?", sample):
            row = midi_number(name) - view.lowest_pitch
            if 0 <= row < view.pitches:
                values[i, row, int(first) : int(stop)] = float(value or 1)
            else:
                outside[i, midi_number(name)] += 1
    made = Batch.of(view, values, names=[f"sample-{i}" for i in range(len(samples))], groups=groups)
    known = music(made)
    made.begins[:], made.ends[:], known.outside[:] = True, True, outside
    known.totals[:] = made.lengths
    for i, sample in enumerate(samples):
        for word, quarters in re.findall(r"(meter|pickup)=(\S+)", sample):
            {"meter": known.meters, "pickup": known.pickups}[word][i] = float(quarters)
    known.repeats[:] = ["|" in sample for sample in samples]
    parts = [voices_of.none(0, steps), *(voices(sample, steps) for sample in samples)]
    return with_voices(made, made.values, voices_of.concatenate(parts, steps))


def voices(sample: str, steps: int) -> Voices:
    """The voices of one sample; none unless ``|`` is written."""
    found = voices_of.none(1, steps)
    if "|" not in sample:
        return found
    texts = sample.split("|")
    pitches = np.full((1, len(texts), steps), SILENT, np.int16)
    attacks = np.zeros((1, len(texts), steps), np.bool_)
    for voice, text in enumerate(texts):
        for name, first, stop, fermata in re.findall(r"(\S+?):(\d+)-(\d+)(\^?)", text):
            pitches[0, voice, int(first) : int(stop)] = midi_number(name)
            attacks[0, voice, int(first)] = True
            if fermata:
                found.fermatas[0, int(first) : int(stop)] = True
    return replace(found, pitches=pitches, attacks=attacks, counts=np.array([len(texts)]))


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


def voiced_batch(seed: int, n: int = 6, steps: int = 24, grey: bool = False) -> Batch:
    """``random_batch``, of which most samples have voices too, random ones within an octave each: they rest, repeat
    notes, cross, and leave the view. The first sample is a whole piece, as long as can be, of four voices and with a
    fermata.
    """
    made = random_batch(seed, n, steps, grey=grey)
    rng = np.random.default_rng(seed + 20_000)
    made.lengths[:1], made.begins[:1], made.ends[:1] = steps, True, True
    known = music(made)
    known.repeats[:] = True
    known.meters[:], known.pickups[:] = rng.choice([3.0, 4.0], n), rng.choice([0.0, 1.0], n)
    counts = rng.integers(0, 5, n)
    counts[:1] = 4
    # The shortest note has two steps; a third of the steps do not move.
    drawn = 71 - 6 * np.arange(4)[:, None] + rng.integers(-6, 7, (n, 4, steps // 2 + 1))
    drawn[rng.random(drawn.shape) < 0.1] = SILENT
    held = rng.random(drawn.shape) < 1 / 3
    held[:, :, 0] = False
    last = np.maximum.accumulate(np.where(held, 0, np.arange(drawn.shape[2])), axis=2)
    drawn = np.take_along_axis(drawn, last, axis=2)
    pitches = np.repeat(drawn, 2, axis=2)[:, :, :steps].astype(np.int16)
    pitches[np.arange(4) >= counts[:, None]] = SILENT
    attacks = np.repeat(~held, 2, axis=2)[:, :, :steps] & (np.arange(steps) % 2 == 0) & (pitches != SILENT)
    fermatas = np.repeat(rng.random((n, steps // 2 + 1)) < 0.1, 2, axis=1)[:, :steps]
    fermatas[:1, 8:10] = True
    fermatas &= (pitches != SILENT).any(axis=1)
    sample, voice, step = np.nonzero((pitches >= made.view.lowest_pitch) & (pitches <= made.view.highest_pitch))
    made.values[sample, pitches[sample, voice, step] - made.view.lowest_pitch, step] = 1
    return with_voices(made, made.values, Voices(pitches=pitches, attacks=attacks, counts=counts, fermatas=fermatas))
