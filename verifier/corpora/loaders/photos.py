"""Photographs among the wallpapers that desktops bring."""

from pathlib import Path

from verifier.base.errors import InputError
from verifier.corpora.manifest import Manifest
from verifier.data.pieces import FilePiece


def read(folder: Path, manifest: Manifest) -> list[FilePiece]:
    """The files that the manifest names, by their names. Raises InputError for one that is missing."""
    found = []
    for name in sorted(manifest.files):
        path = folder / name
        if not path.is_file():
            raise InputError(manifest.name, f"expected the file {name}, found none: install the other packages too")
        found.append(FilePiece(name, name, path, manifest.medium))
    return found
