"""Trained generators by corpus and name: those that ship with the package, and those that only the benchmarks need.

The latter lie here, in folders CORPUS/NAME as in ``verifier/corpora/shipped``. Of ``bach/lsgan`` and ``mnist/iwgan``
the samples ship and the weights are here.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verifier.corpora import shipped

FOLDERS = (shipped.FOLDER, Path(__file__).parent)


def names(corpus: str) -> Sequence[str]:
    """The names of the generators trained on ``corpus``, sorted."""
    return sorted(path.parent.name for folder in FOLDERS for path in (folder / corpus).glob("*/config.yaml"))


def file_of(corpus: str, name: str, file: str) -> Path | None:
    """The file of that name of a generator, wherever it lies."""
    found = (folder / corpus / name / file for folder in FOLDERS)
    return next((path for path in found if path.is_file()), None)


def samples_of(corpus: str, name: str) -> Path:
    """The file with the samples of a generator, in 8 bits."""
    path = file_of(corpus, name, f"{name}.npz")
    if path is None:
        raise FileNotFoundError(f"no samples of {corpus}:{name}")
    return path


def has_weights(corpus: str, name: str) -> bool:
    """Whether the weights of a generator are there, so that ``made`` can make samples."""
    return file_of(corpus, name, shipped.WEIGHTS) is not None


def made(corpus: str, name: str, samples: int) -> NDArray[np.float32]:
    """(samples, rows, columns): samples of seed 0 made anew from the weights, so that they are not rounded."""
    import torch

    from verifier.generators.sample import blocks, load

    config, weights = (file_of(corpus, name, file) for file in ("config.yaml", shipped.WEIGHTS))
    if config is None or weights is None:
        raise FileNotFoundError(f"no weights of {corpus}:{name}")
    trained = load(config.parent, str(weights))
    found = blocks(trained.generator, trained.record.config, samples, 0, torch.device("cpu"))
    return np.concatenate([block[:, 0] for block in found])
