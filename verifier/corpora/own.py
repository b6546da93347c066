"""A corpus of one's own: which files a spec was learned from, and where these lie now.

A spec keeps the path as it was typed, a digest of all files, and a short one of each that was held out. The files are
looked for at that path, from the folder of the spec first and then from the working directory, and after that under the
name of the corpus in either; ``--corpus PATH`` says where else they are. What is found has to have these digests.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from verifier.base.errors import InputError
from verifier.base.text import encodable, plural
from verifier.corpora import folder
from verifier.corpora.corpus import Corpus
from verifier.data.medium import medium_named
from verifier.data.pieces import Piece
from verifier.spec.provenance import HELD_OUT_DIGITS, CorpusFiles, CorpusRecord

MOST_LISTED = 2000
"""Held-out files that a spec lists; of more, the digest of all files has to do."""


@dataclass(frozen=True)
class Whereabouts:
    """Where the files of a corpus may lie: ``given`` is what a person said, ``beside`` the folder of the spec."""

    given: str | None = None
    beside: Path | None = None


class Found(NamedTuple):
    """Where the files lie, their digest, and whether they are those of the spec; if not, its held-out ones are."""

    path: Path
    sha256: str
    intact: bool


def files_of(corpus: Corpus, held_out: Sequence[Piece]) -> CorpusFiles | None:
    """What a spec keeps of the files of a corpus of which these pieces are held out; None if it was not read from a
    path.
    """
    if corpus.path is None:
        return None
    found = _digests(Path(corpus.path), corpus.pieces[0].kind)
    names = [encodable(piece.name) for piece in held_out]
    listed = len(names) <= MOST_LISTED and all(name in found for name in names)
    return CorpusFiles(
        path=_without_home(corpus.path),
        number=len(found),
        sha256=_digest_of(found),
        held_out={name: found[name][:HELD_OUT_DIGITS] for name in names} if listed else {},
    )


def find(record: CorpusRecord, files: CorpusFiles, where: Whereabouts, kind: str, place: str) -> Found:
    """The files of a corpus. Raises InputError, about what ``place`` names, if they are nowhere, or are others."""
    other, held_out = "", None
    for path in _candidates(record.name, files, where):
        if not path.exists():
            continue
        try:
            found = _digests(path, kind)
        except InputError:  # a folder without such files
            found = {}
        digest = _digest_of(found)
        if digest == files.sha256:
            return Found(path, digest, intact=True)
        if files.held_out and all(
            found.get(name, "")[:HELD_OUT_DIGITS] == known for name, known in files.held_out.items()
        ):
            held_out = held_out or Found(path, digest, intact=False)
        if not other:
            shown = encodable(str(path))
            other = f"{shown} does not hold the files that the spec was learned from{_difference(found, files)}"
    if held_out is not None:
        return held_out
    if where.given is not None:
        raise InputError(
            place, other or f"expected the files that the spec was learned from at {where.given}, found nothing"
        )
    problem = other or f"the files that the spec was learned from are not at {files.path}"
    raise InputError(place, f"{problem}; --corpus PATH says where they are now")


def _candidates(name: str, files: CorpusFiles, where: Whereabouts) -> Iterator[Path]:
    if where.given is not None:
        yield Path(where.given)
        return
    seen = set()
    for written in (os.path.expanduser(files.path), name):
        for base in (where.beside or Path(), Path()):
            path = base / written
            if path.absolute() not in seen:
                seen.add(path.absolute())
                yield path


def _difference(found: Mapping[str, str], files: CorpusFiles) -> str:
    """In brackets, what is known to differ."""
    for name, known in files.held_out.items():
        if name not in found:
            return f" ({name} is missing)"
        if found[name][:HELD_OUT_DIGITS] != known:
            return f" ({name} is another file)"
    return f" ({plural('file', len(found))}; there were {files.number:,})" if len(found) != files.number else ""


def _digests(path: Path, kind: str) -> dict[str, str]:
    """Path from the folder -> sha256, of each file that the medium reads; of a single file its name -> sha256."""
    if path.is_file():
        return {encodable(path.name): _sha256(path)}
    return {
        encodable(file.relative_to(path).as_posix()): _sha256(file) for file in folder.paths(path, medium_named(kind))
    }


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # learned from or not, it cannot be read now
        return ""


def _digest_of(found: Mapping[str, str]) -> str:
    lines = (f"{name}\0{digest}\n" for name, digest in sorted(found.items()))
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def _without_home(path: str) -> str:
    """The path as it was typed. The shell writes a home folder out: below the working directory or at home the path is
    written from there, since whose machine it was is nobody's business.
    """
    typed = Path(path)
    if typed.is_absolute():
        for base, prefix in ((Path.cwd(), ""), (Path(os.path.expanduser("~")), "~/")):
            if base != Path(base.anchor) and typed.is_relative_to(base):
                return encodable(prefix + typed.relative_to(base).as_posix())
    return encodable(path)
