"""Pieces: the real works that a corpus is made of, and how they become a Batch under a view."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch, concatenate
from verifier.data.view import View


class Piece(Protocol):
    """A real work. Pieces of one ``group`` are not independent: one work, one speaker, or equal.

    ``kind`` is the name of the medium that it is of.
    """

    @property
    def name(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def kind(self) -> str: ...


class Extent(NamedTuple):
    """How many samples a piece gives, and the steps of the longest; of a piece that is too short, its own."""

    samples: int
    steps: int


@dataclass(frozen=True, eq=False)
class FilePiece:
    """A work in a file, which is opened when a view says how to see it."""

    name: str
    group: str
    path: Path
    kind: str

    def content(self) -> bytes:
        """The sha256 of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()


@dataclass(frozen=True, eq=False)
class BatchPiece:
    """A work whose samples are in memory: those of ``whole`` at ``at``, rising."""

    name: str
    group: str
    whole: Batch
    at: NDArray[np.int64]

    @property
    def batch(self) -> Batch:
        """Its samples."""
        return self.whole.take(self.at)

    @property
    def kind(self) -> str:
        """The medium that it is of."""
        return self.whole.view.kind

    def content(self) -> bytes:
        """The sha256 of type, shape and values."""
        values = self.whole.values[self.at]
        head = f"{values.dtype} {values.shape} ".encode()
        return hashlib.sha256(head + np.ascontiguousarray(values).tobytes()).digest()


def pieces_of(batch: Batch) -> list[BatchPiece]:
    """The samples of each group as a piece, in the order of their names."""
    members: dict[str, list[int]] = {}
    for i, group in enumerate(batch.groups):
        members.setdefault(group, []).append(i)
    pieces = [BatchPiece(group, group, batch, np.array(indices)) for group, indices in members.items()]
    return sorted(pieces, key=lambda piece: piece.name)


def batch_in_memory(pieces: Sequence[BatchPiece], view: View) -> Batch:
    """The samples of ``pieces``, one piece after the other; those of one Batch are taken from it at once."""
    found = []
    for _, of_one in itertools.groupby(pieces, key=lambda piece: id(piece.whole)):
        run = list(of_one)
        groups = [piece.group for piece in run for _ in piece.at]
        found.append(replace(run[0].whole.take(np.concatenate([piece.at for piece in run])), groups=groups))
    return concatenate(view, found) if len(found) != 1 else found[0]


def joined(pieces: Sequence[Any], view: View, read: Callable[[Any], Iterator[Batch]]) -> Batch:
    """What ``read`` gives of each piece, in its group, in one Batch."""
    found = [replace(batch, groups=[piece.group] * len(batch)) for piece in pieces for batch in read(piece)]
    return concatenate(view, found)


def one_group_each(pieces: Sequence[Any]) -> list[Piece]:
    """The pieces, equal ones in one group: that of the first. Each has a ``content()``."""
    first: dict[bytes, str] = {}
    return [replace(piece, group=first.setdefault(piece.content(), piece.group)) for piece in pieces]


def digest_of(pieces: Sequence[Any]) -> str:
    """sha256 of the names and the contents of pieces."""
    state = hashlib.sha256()
    for piece in pieces:
        state.update(hashlib.sha256(piece.name.encode("utf-8", "surrogateescape")).digest() + piece.content())
    return state.hexdigest()


def piece_name(name: str, start: int) -> str:
    """The piece from whose step ``start`` a sample of that name was cut: the name without ``@`` and the step."""
    return name.removesuffix(f"@{start}")
