"""What rules of music ask of a Batch: its view, its voices, the cells that sound."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.extra import Music
from verifier.music.view import PianoRollView
from verifier.music.voices import Voices


def music(batch: Batch) -> Music:
    """What a Batch of music knows. Raises TypeError for any other: its rules must not have been asked."""
    if not isinstance(batch.extra, Music):
        raise TypeError(f"expected piano rolls, found a {batch.view.kind}")
    return batch.extra


def roll_view(batch: Batch) -> PianoRollView:
    """The view of a Batch of music. Raises TypeError for any other."""
    if not isinstance(batch.view, PianoRollView):
        raise TypeError(f"expected piano rolls, found a {batch.view.kind}")
    return batch.view


def with_voices(batch: Batch, values: NDArray[Any], voices: Voices) -> Batch:
    """The same samples with other values and the voices that sing them."""
    return batch.with_values(values, replace(music(batch), voices=voices))


def sounding_cells(batch: Batch) -> NDArray[np.bool_]:
    """(n, rows, steps), a new array of the cells that sound."""
    values = batch.values
    on = values if values.dtype == np.bool_ else values >= np.float32(roll_view(batch).threshold)
    return np.asarray(on & batch.inside()[:, None, :])
