"""Samples of trained generators that ship with the package, each in a folder CORPUS/NAME: ``bach:iwgan`` and the like.

A folder holds ``config.yaml`` (see generators/folder.py), ``NAME.npz`` with 1,000 samples of seed 0 in 8 bits, and, of
some, the weights ``generator.safetensors``, from which ``verify sample`` makes others. `make generators` trains anew.
"""

from collections.abc import Sequence
from pathlib import Path

import yaml

from verifier.base.errors import InputError
from verifier.data.medium import decoded_view
from verifier.data.view import View

FOLDER = Path(__file__).parent


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
    corpus, _, name = path.rpartition(":")
    if name not in names(corpus):
        listed = ", ".join(f"{found.name}:{each}" for found in FOLDER.iterdir() for each in names(found.name))
        raise InputError(
            path, f"expected the folder of a training, or a generator that ships ({listed}), found neither"
        )
    return FOLDER / corpus / name
