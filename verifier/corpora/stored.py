"""What a PATH means to the audit: the files there, or the pieces of a corpus, as they are stored."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from verifier.base.errors import InputError
from verifier.base.text import encodable
from verifier.corpora import corpus as corpora
from verifier.corpora import shipped
from verifier.corpora.manifest import is_known
from verifier.corpora.sample_sets import PARTS, CorpusSamples, SampleSet, parts_of
from verifier.data.array_container import ArrayContainer, of_array
from verifier.data.container import Container, Stored
from verifier.data.medium import kind_of, media, medium_named, view_of
from verifier.data.paths import FileSamples, files_at, is_visible
from verifier.data.pieces import FilePiece
from verifier.data.tensor import TENSOR_SUFFIXES

Items = Sequence[tuple[Any, str, str]]
"""(source, name, group) of each: a path, a piece of a corpus or an array in memory; where the name is not the group of
a file, it is put in the place of that.
"""


@dataclass(frozen=True, kw_only=True)
class StoredSet:
    """Samples as they are stored, before they are read: ``kinds`` says of how many items each medium is, arrays of
    none.
    """

    label: str
    items: Items
    kinds: Counter[str]

    def read(
        self,
        container: Container,
        *,
        limit: int | None = None,
        by_folder: bool = False,
        keep_source: bool = False,
        advance: Callable[[int], None] = lambda done: None,
    ) -> list[Stored]:
        """The samples, at most ``limit`` of them, which lie evenly among all; of arrays what they hold is kept if
        ``keep_source``. Raises InputError.
        """
        found: list[Stored] = []
        for source, name, group in self.items if limit is None else _spread(self.items, limit):
            for each in _read(source, name, container):
                of_item = group if group and each.group == name else each.group
                kept = each.source if keep_source or isinstance(each.source, Path) else None
                found.append(replace(each, group=_folder(each.name) if by_folder else of_item, source=kept))
            advance(1)
        if not found:
            raise InputError(self.label, "expected at least one sample, found none")
        return found if limit is None else list(_spread(found, limit))


def open_stored(samples: Any, label: str = "samples") -> StoredSet:
    """The samples at a path, of a part of a corpus (CORPUS:PART), in an array, or of a SampleSet. Raises InputError."""
    if isinstance(samples, str | os.PathLike):
        path = os.fspath(samples)
        corpus, colon, part = path.rpartition(":")
        if colon and not os.path.lexists(path) and (part in PARTS or is_known(corpus)):
            return _of_corpus(path, corpus, part)
        work = None if os.path.lexists(path) else _named(path)
        files = [(work, path)] if work else files_at(path, _is_readable, _endings())[0]
        return _of_files(path, files)
    if isinstance(samples, np.ndarray):
        return StoredSet(label=label, items=[(samples, label, "")], kinds=Counter())
    if isinstance(samples, FileSamples):
        return _of_files(samples.label, samples.files)
    if isinstance(samples, CorpusSamples) and samples.baseline is None:
        return _of_pieces(samples.label, samples.pieces)
    raise InputError(label, f"expected a path or an array, found {type(samples).__qualname__}")


def stored_of(sample_set: SampleSet) -> StoredSet | None:
    """A sample set as it is stored; None for one that is in memory alone."""
    is_stored = isinstance(sample_set, FileSamples) or getattr(sample_set, "baseline", True) is None
    return open_stored(sample_set) if is_stored else None


def _of_files(label: str, files: Sequence[tuple[Path, str]]) -> StoredSet:
    kinds = Counter(kind for path, _ in files if (kind := kind_of(path.name)))
    return StoredSet(label=encodable(label), items=[(path, name, name) for path, name in files], kinds=kinds)


def _of_pieces(label: str, pieces: Sequence[Any]) -> StoredSet:
    items = [(piece, piece.name, piece.group) for piece in pieces]
    return StoredSet(label=label, items=items, kinds=Counter(piece.kind for piece in pieces))


def _of_corpus(label: str, name: str, part: str) -> StoredSet:
    if part in shipped.names(name):
        file = shipped.samples_of(name, part)
        return replace(_of_files(str(file), [(file, file.name)]), label=label)
    if part not in PARTS:
        known = [known for known in parts_of(name) if known in (*PARTS, *shipped.names(name))]
        raise InputError(label, f"expected what has files of its own ({', '.join(known)}), found {part!r}")
    view = None
    if os.path.isdir(name) and not is_known(name):
        kinds = _of_files(name, files_at(name, _is_readable, _endings())[0]).kinds
        view = view_of({}, kinds.most_common(1)[0][0]) if kinds else None
    corpus = corpora.load(name, view=view)
    learned, held_out = corpora.split(corpus)
    pieces: Sequence[Any] = {"all": corpus.pieces, "learn": learned, "hold-out": held_out}[part]
    if view is not None:  # a file tells more than what was read from it
        pieces = [FilePiece(piece.name, piece.group, Path(name, piece.name), piece.kind) for piece in pieces]
    return _of_pieces(label, pieces)


def _read(source: Any, name: str, container: Container) -> Iterator[Stored]:
    if isinstance(source, np.ndarray):
        return of_array(source, name, "in memory")
    if isinstance(source, Path):
        of_arrays = source.suffix.lower() in TENSOR_SUFFIXES
        return (ArrayContainer() if of_arrays else container).read(source, name)
    return container.of_piece(source)


def _spread(items: Sequence[Any], limit: int) -> Sequence[Any]:
    """At most ``limit`` of them, which lie evenly."""
    return items if len(items) <= limit else [items[i * len(items) // limit] for i in range(limit)]


def _folder(name: str) -> str:
    return name.rpartition("/")[0] or name


def _is_readable(name: str) -> bool:
    suffix = os.path.splitext(name)[1].lower()
    return is_visible(name) and (suffix in TENSOR_SUFFIXES or kind_of(name) is not None)


def _endings() -> list[str]:
    of_media = [suffix for kind in sorted(media()) for suffix in medium_named(kind).suffixes]
    return list(dict.fromkeys([*of_media, *TENSOR_SUFFIXES]))


def _named(name: str) -> Path | None:
    """The file that an installed package brings under that name."""
    if os.sep in name or "*" in name or "?" in name or "[" in name:
        return None
    return next((file for kind in sorted(media()) if (file := medium_named(kind).named_file(name))), None)
