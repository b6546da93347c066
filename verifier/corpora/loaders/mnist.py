"""Digits or clothes, 28 x 28 pixels in grey: the idx files of MNIST, or of a set of the same shape."""

import gzip
from pathlib import Path

import numpy as np

from verifier.base.errors import InputError
from verifier.corpora.manifest import Manifest
from verifier.image.pixels import PixelPiece

SIDE = 28
MOST = 60000


def labels(folder: Path, manifest: Manifest) -> dict[str, int]:
    """What each picture shows, 0 to 9, by the name of the piece. Raises InputError as ``read`` does."""
    path, data = _read(folder, manifest.files[0].replace("images-idx3", "labels-idx1"), manifest)
    header = np.frombuffer(data[:8].ljust(8, b"\0"), ">i4")
    if header[0] != 0x801 or len(data) != 8 + header[1]:
        raise InputError(path, "expected an idx file of labels, found another")
    return {f"{i:05}": label for i, label in enumerate(data[8:])}


def read(folder: Path, manifest: Manifest) -> list[PixelPiece]:
    """The pictures of the one file in ``folder`` that the manifest names; each is its own group.

    Raises InputError if the file is missing or is no such file.
    """
    path, data = _read(folder, manifest.files[0], manifest)
    header = np.frombuffer(data[:16].ljust(16, b"\0"), ">i4")
    count = int(header[1])
    if header[0] != 0x803 or tuple(header[2:]) != (SIDE, SIDE) or len(data) != 16 + count * SIDE * SIDE:
        raise InputError(path, f"expected an idx file of {SIDE} x {SIDE} pictures, found another")
    pixels = np.frombuffer(data, np.uint8, offset=16).reshape(count, SIDE, SIDE)
    if manifest.threshold is not None:
        pixels = (pixels >= manifest.threshold).astype(np.uint8) * np.uint8(255)
    return [PixelPiece(f"{i:05}", f"{i:05}", picture) for i, picture in enumerate(pixels)]


def _read(folder: Path, name: str, manifest: Manifest) -> tuple[Path, bytes]:
    """The bytes of a file, at most those of the largest set, and one more."""
    for path, opened in ((folder / name, open), (folder / f"{name}.gz", gzip.open)):
        if path.is_file():
            with opened(path, "rb") as file:
                return path, file.read(16 + MOST * SIDE * SIDE + 1)
    raise InputError(manifest.name, f"expected the file {name} in {folder}, found none")
