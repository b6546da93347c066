"""What a generator learns from: the full windows of the part ``learn`` of a corpus, as a tensor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import torch
from msgspec import structs
from torch import Tensor

from verifier.base.errors import InputError
from verifier.corpora import corpus as corpora
from verifier.corpora.corpus import Progress
from verifier.data.medium import batch_of, medium_of
from verifier.data.view import View
from verifier.generators.config import Config, Model, default
from verifier.generators.folder import converted
from verifier.generators.networks import stages
from verifier.spec.provenance import CorpusRecord, Split

DECIDED = {"model": "--model", "channels": "the view", "rows": "the view", "columns": "the view"}
"""Fields of Config that are not set by name, and what decides them."""


@dataclass(frozen=True, eq=False)
class Real:
    """Real samples: ``values`` (n, channels, rows, steps) uint8, rounded to 8 bit, and where they are from."""

    values: Tensor
    view: View
    corpus: CorpusRecord


def configured(model: Model, settings: Mapping[str, Any], view: View) -> Config:
    """The Config of ``model`` for samples of ``view``, with ``settings`` (kebab-case names) in place of its defaults.

    Raises InputError for a setting that does not exist or a value it cannot have, for a view without a window, and for
    one whose sides the networks cannot halve.
    """
    for name in settings:
        if name in DECIDED:
            raise InputError(f"--set {name}", f"expected another field: {DECIDED[name]} decides this one")
    if view.window is None:
        raise InputError("view", "expected a window of so many steps, as samples have one size; found null")
    fields = {**msgspec.to_builtins(default(model)), **settings, **_sides(view)}
    config = converted(fields, Config, "--set", strict=False)
    try:
        stages(config)
    except InputError as error:
        raise InputError("view, pitches x window", error.problem) from None
    return config


def load_real(name_or_path: str, view: View, split: Split, progress: Progress | None = None) -> Real:
    """The windows of the corpus's part ``learn`` that have their full length, silence and all.

    Raises InputError if there is none, and for what is no corpus.
    """
    corpus = corpora.load(name_or_path, progress=progress, view=view)
    learned, _ = corpora.split(corpus, split)
    full = structs.replace(view, remainder="drop") if hasattr(view, "remainder") else view
    batch = batch_of(learned, full)
    if not len(batch):
        raise InputError(
            name_or_path, f"expected a piece of {view.window} steps or more to learn from, found none in {len(learned)}"
        )
    record = corpora.record_of(corpus, split)
    eight_bit = np.rint(np.clip(batch.values, 0, 1) * np.float32(255)).astype(np.uint8)
    values = torch.from_numpy(eight_bit.reshape(len(batch), *medium_of(view).planes(view)))
    return Real(values, view, record)


def _sides(view: View) -> dict[str, int | None]:
    """The fields of a Config that a view decides."""
    channels, rows, columns = medium_of(view).planes(view)
    return {"channels": channels, "rows": rows, "columns": columns}
