"""What a corpus that the tool knows by name is: one YAML file beside this module for each."""

from pathlib import Path
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta, Struct

from verifier.errors import InputError


class Provenance(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Where the data behind a spec came from.

    ``pieces`` and ``groups`` are numbers (a group is all that is one work); ``sha256`` is the digest of the content.
    """

    source: str
    licence: str
    pieces: int
    groups: int
    sha256: str


class Package(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The installable package that carries the data, and the version that the digest in the manifest was made with."""

    package: str
    version: str


class Manifest(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A corpus known by name. ``pieces``, ``groups`` and ``sha256`` are what is expected, and checked on each load."""

    name: str
    title: str
    medium: str
    source: Package
    licence: str
    selection: str
    pieces: int
    groups: int
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    loader: str


def manifests() -> list[Manifest]:
    """The manifests of all corpora known by name, in the order of their names."""
    return [_read(path) for path in sorted(Path(__file__).parent.glob("*.yaml"))]


def _read(path: Path) -> Manifest:
    try:
        return msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Manifest)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise InputError(path.name, f"not a manifest of a corpus: {error}") from error
