"""Sounds and pictures written as text, as tests/rolls.py does for music; and random ones.

A picture of 16 x 16 pixels is a sum of terms: ``flat=0.5`` a grey, ``noise=0.1`` normal noise of that deviation,
``wave=0.25,0.2`` a cosine along the lines of 0.25 cycles a pixel and amplitude 0.2 (``column=`` the same down the
columns), ``grid=4,0.1`` 0.1 more on every 4th pixel of every 4th line, ``seed=3`` of the noise. ``8-bit`` at the end
rounds. Values are clipped to 0..1.

A sound of half a second at 8 kHz is a sum of terms: ``tone=440,0.3`` a sine of 440 Hz and amplitude 0.3,
``noise=0.1``, ``pulse=64,0.2`` a sample of 0.2 every 64, ``beat=4`` all of it louder and softer 4 times a second,
``below=1000`` all of it low-passed there, ``clip=0.2`` all of it clipped there, ``quiet=0.25`` silence for
0.25 s, from 0.05 s on, ``seed=3``.
"""

from collections.abc import Sequence

import numpy as np
import scipy.signal

from tests import rolls
from verifier.audio.view import MelView
from verifier.data.batch import Batch
from verifier.data.view import View
from verifier.image.view import ImageView

PICTURES = ImageView(height=16, width=16)
SOUNDS = MelView(sample_rate=8000, n_fft=256, hop_length=80, bands=20, window=None, full_scale=12)
RATE = 8000
SECONDS = 0.5


def terms(text: str) -> list[tuple[str, list[float]]]:
    """``a=1,2 b`` is [("a", [1, 2]), ("b", [])]."""
    pairs = [word.partition("=") for word in text.split()]
    return [(name, [float(number) for number in numbers.split(",") if numbers]) for name, _, numbers in pairs]


def picture(text: str) -> np.ndarray:
    """(16, 16) float32."""
    height, width = PICTURES.height, PICTURES.width
    y, x = np.mgrid[:height, :width]
    given = dict(terms(text))
    rng = np.random.default_rng(int(given.get("seed", [0])[0]))
    found = np.zeros((height, width))
    for name, numbers in terms(text):
        if name == "flat":
            found += numbers[0]
        elif name == "noise":
            found += numbers[0] * rng.standard_normal(found.shape)
        elif name in ("wave", "column"):
            found += numbers[1] * np.cos(2 * np.pi * numbers[0] * (x if name == "wave" else y))
        elif name == "grid":
            found += numbers[1] * ((x % numbers[0] == 0) & (y % numbers[0] == 0))
        else:
            assert name in ("seed", "8-bit"), name
    found = np.clip(found, 0, 1)
    return (np.rint(255 * found) / 255 if "8-bit" in given else found).astype(np.float32)


def sound(text: str) -> np.ndarray:
    """(4000,) float32."""
    t = np.arange(int(RATE * SECONDS)) / RATE
    given = dict(terms(text))
    rng = np.random.default_rng(int(given.get("seed", [0])[0]))
    found = np.zeros(len(t))
    for name, numbers in terms(text):
        if name == "tone":
            found += numbers[1] * np.sin(2 * np.pi * numbers[0] * t)
        elif name == "noise":
            found += numbers[0] * rng.standard_normal(len(t))
        elif name == "pulse":
            found[:: int(numbers[0])] += numbers[1]
    for name, numbers in terms(text):
        if name == "beat":
            found *= (1 + np.sin(2 * np.pi * numbers[0] * t)) / 2
        elif name == "below":
            found = scipy.signal.sosfiltfilt(scipy.signal.butter(8, numbers[0], fs=RATE, output="sos"), found)
        elif name == "clip":
            found = np.clip(found, -numbers[0], numbers[0])
        elif name == "quiet":
            found[RATE // 20 : RATE // 20 + int(numbers[0] * RATE)] = 0
        else:
            assert name in ("tone", "noise", "pulse", "seed"), name
    return found.astype(np.float32)


def batch(samples: Sequence[str], medium: str, groups: list[str] | None = None) -> Batch:
    """Each text as one sample of that medium."""
    names = [f"sample-{i}" for i in range(len(samples))]
    if medium == "piano-roll":
        return rolls.batch(samples, groups=groups)
    if medium == "image":
        values = np.stack([picture(text) for text in samples]) if samples else np.zeros((0, 16, 16), np.float32)
        return Batch.of(PICTURES, values, names=names, groups=groups)
    from verifier.audio.read import batch_of_waves

    waves = [sound(text) for text in samples]
    return batch_of_waves(waves, [RATE] * len(waves), SOUNDS, names=names, groups=groups or names)


def random_batch(medium: str, seed: int, n: int = 6, grey: bool = False) -> Batch:
    """Random samples of that medium, two of each group; voiced music, or sounds and pictures of some kinds, ``grey``
    with values that no 8-bit file holds.
    """
    if medium == "piano-roll":
        return rolls.voiced_batch(seed, n, grey=grey)
    rng = np.random.default_rng(seed)
    end = "" if grey else " 8-bit"
    texts = []
    for i in range(n):
        at, strength, level = rng.uniform(0.05, 0.5), rng.uniform(0, 0.3), rng.uniform(0.2, 0.8)
        if medium == "image":
            shape = rng.choice(["wave", "column"])
            text = f"flat={level} {shape}={at},{strength} grid={rng.integers(2, 6)},{strength / 2} noise=0.05{end}"
        else:
            text = f"tone={2000 * at},{strength} pulse={rng.integers(20, 90)},{level} noise=0.02 beat={8 * at}"
        texts.append(f"{text} seed={1000 * seed + i}")
    made = batch(texts, medium, groups=[f"{seed}-{i // 2}" for i in range(n)])
    made.names[:] = [f"{seed}-{i}" for i in range(n)]
    return made


def view_of(medium: str) -> View:
    """The view of these samples."""
    return {"image": PICTURES, "mel-spectrogram": SOUNDS}.get(medium) or rolls.random_batch(0).view
