"""Samples of trained generators that ship with the package, each in a folder CORPUS/NAME: ``bach:iwgan`` and the like.

A folder holds ``config.yaml`` (see generators/folder.py), ``NAME.npz`` with 1,000 samples of seed 0 in 8 bits (500 of
speech), and, of some, the weights ``generator.safetensors``, from which ``verify sample`` makes others.

What ships is what a command of the demo, the README or docs/ names: samples of ``bach:iwgan``, ``bach:lsgan``,
``mnist:lsgan``, ``mnist:iwgan`` and ``speech:iwgan``, all 1,000, since the figures there are of all of them; and for
each medium one generator's weights, of those that have not collapsed: 7 MB together. What only a table of
``benchmarks/`` needs (other seeds and outputs, black and white digits, further weights) lies in
``benchmarks/generated`` in the same folders, and not in the package. The files are as `make generators` writes them:
the strongest deflate would save 3 %, and stronger methods are not read (see data/tensor.py).
"""

from collections.abc import Sequence
from pathlib import Path

import yaml

from verifier.base.errors import InputError
from verifier.data.medium import decoded_view
from verifier.data.view import View

FOLDER = Path(__file__).parent


WEIGHTS = "generator.safetensors"


def names(corpus: str) -> Sequence[str]:
    """The names of the generators trained on ``corpus`` of which samples ship, sorted; none for a path."""
    folder = FOLDER / corpus
    if Path(corpus).name != corpus or not folder.is_dir():
        return []
    return sorted(found.name for found in folder.iterdir() if (found / f"{found.name}.npz").is_file())


def samples_of(corpus: str, name: str) -> Path:
    """The file with the samples of the generator ``name``."""
    return FOLDER / corpus / name / f"{name}.npz"


def view_of(corpus: str, name: str) -> View:
    """The view of these samples, from ``config.yaml``."""
    return decoded_view(yaml.safe_load((FOLDER / corpus / name / "config.yaml").read_text("utf-8"))["view"])


def folder_of(path: str) -> Path:
    """The folder that ``CORPUS:NAME`` means, for commands that need the weights. Raises InputError for another text."""
    found = sorted(weights.parent for weights in FOLDER.glob(f"*/*/{WEIGHTS}"))
    shipped = {f"{folder.parent.name}:{folder.name}": folder for folder in found}
    if path not in shipped:
        listed = ", ".join(shipped)
        raise InputError(
            path, f"expected the folder of a training, or a generator whose weights ship ({listed}), found neither"
        )
    return shipped[path]
