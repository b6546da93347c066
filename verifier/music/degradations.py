"""How music usually comes changed: what real samples are made to look like when a spec is learned."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from verifier.data.batch import Batch
from verifier.judge.degraded import Degradation
from verifier.music.samples import music, roll_view
from verifier.music.voices import SILENT


def cut(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Each sample cut to a stretch of it, a file of its own: whole quarters long, at least one, from a quarter at
    random. What sounds at the cut begins there. Dose: the share of the sample that is lost.
    """
    quarter = max(1, round(float(roll_view(batch).steps_per_quarter)))
    quarters = np.maximum(np.rint((1 - dose) * batch.lengths / quarter), 1).astype(np.int64)
    lengths = np.minimum(quarters * quarter, batch.lengths)
    first = rng.integers((batch.lengths - lengths) // quarter + 1) * quarter
    width = int(lengths.max(initial=1))
    steps = np.minimum(first[:, None] + np.arange(width), batch.values.shape[2] - 1)
    inside = np.arange(width) < lengths[:, None]
    known, voices = music(batch), music(batch).voices.at_steps(steps)
    pitches = np.where(inside[:, None, :], voices.pitches, np.int16(SILENT))
    attacks = voices.attacks.copy()
    attacks[:, :, :1] = True
    return replace(
        batch,
        values=np.take_along_axis(batch.values, steps[:, None, :], axis=2) & inside[:, None, :],
        lengths=lengths,
        starts=batch.starts + first,
        begins=np.ones(len(batch), np.bool_),
        ends=np.ones(len(batch), np.bool_),
        extra=replace(known, voices=voices.with_notes(pitches, attacks)),
        _features={},
    )


DEGRADATIONS: Mapping[str, Degradation] = {
    "cut": Degradation(
        processing="cutting",
        doses=(0.5, 0.75),
        words=lambda dose: f"cutting to {1 - dose:.0%} of the length",
        plant=cut,
        told=True,
    ),
}
"""Each by its name in the spec file."""
