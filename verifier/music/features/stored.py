"""What ``MusicStorage`` counts of a batch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.extra import GRIDS, READ
from verifier.music.features.roll import scan
from verifier.music.features.scalars import registers
from verifier.music.samples import music, roll_view
from verifier.music.storage import BAR


def storage_counts(batch: Batch) -> Mapping[str, Any]:
    """The fields of MusicStorage that are its own."""
    own, notes, clipped = music(batch), scan(batch).notes.sum(axis=1), music(batch).clipped
    last = (own.totals > 0) & (notes + clipped > 0)
    bars = np.ceil(own.totals[last] / (BAR * float(roll_view(batch).steps_per_quarter)) - 1e-9)
    held = scan(batch).polyphony.sum(axis=1)
    paces = np.rint(8 * np.log2(held[notes > 0] / notes[notes > 0]))
    return {
        "notes": int(notes.sum() + clipped.sum()),
        "clipped": int(clipped.sum()),
        # Two that are one note on the grid count as one.
        "off_grid": int(np.minimum(own.off_grid, notes + clipped).sum()),
        "off_grids": dict(zip(GRIDS, own.off_grids.sum(axis=0).tolist(), strict=True)),
        "beyond": {pitch: int(count) for pitch, count in enumerate(own.outside.sum(axis=0)) if count},
        **dict(zip(READ, own.read.sum(axis=0).tolist(), strict=True)),
        "voiced": int((own.voices.counts > 0).sum()),
        "repeating": int(own.repeats.sum()),
        "held": int(held.sum()),
        "paces": _histogram(paces.astype(np.int64)),
        "cut": int(own.cut.sum()),
        "bars": _histogram(bars.astype(np.int64)),
        "registers": _histogram(registers(batch)[notes + clipped > 0]),
    }


def _histogram(values: NDArray[np.int64]) -> dict[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))
