"""The index beside a spec: what the checks of sets compare samples with, such as the passages of the learned pieces.

``bach.yaml`` has ``bach.index.npz`` beside it, and names it by its sha256. What a check says depends on these two files
alone, on no cache and no corpus: it is the same on every machine. A spec whose checks compare with nothing has none.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from verifier.base.errors import InputError
from verifier.base.files import read_bytes
from verifier.data.array_files import INDEX_SUFFIX, compressed, numbers_in
from verifier.judge.sets import SetCheck

MAX_BYTES = 64 << 20
"""Of the file."""
MAX_UNPACKED = 512 << 20
"""Of its arrays."""
SHOWN_DIGITS = 12


class IndexRecord(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What a spec says of its index: the sha256 of the file."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Surroundings:
    """Where a spec was read from, and the bytes of the index that lay there; None for what there is not. A spec is the
    same wherever it lies: all of these are equal.
    """

    file: Path | None = field(default=None, compare=False)
    index: bytes | None = field(default=None, compare=False, repr=False)


def beside(spec: Path) -> Path:
    """The file of the index of the spec in that file."""
    return spec.with_suffix(INDEX_SUFFIX)


def packed(checks: Sequence[SetCheck], indices: Mapping[str, Any]) -> bytes | None:
    """The bytes of the file with the ``indices`` of these checks, by key; None if there are none."""
    arrays = {
        f"{check.key}.{name}": array
        for check in checks
        if check.key in indices
        for name, array in check.pack(indices[check.key]).items()
    }
    return compressed(arrays) if arrays else None


def unpacked(data: bytes, checks: Sequence[SetCheck], view: Any, place: str) -> dict[str, Any]:
    """The indices of these checks in the bytes of a file that ``place`` names. Raises InputError for damage."""
    arrays = numbers_in(data, place, MAX_UNPACKED)
    found = {}
    for check in checks:
        prefix = f"{check.key}."
        own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        if own:
            try:
                found[check.key] = check.unpack(own, view)
            except InputError as error:
                raise InputError(place, error.problem) from None
    return found


def record_of(data: bytes) -> IndexRecord:
    """What the spec says of it."""
    return IndexRecord(sha256=hashlib.sha256(data).hexdigest())


def read(spec: Path, record: IndexRecord) -> bytes | None:
    """The index beside the spec in that file; None if none lies there. Raises InputError for one of another spec."""
    path = beside(spec)
    if not path.exists():
        return None
    data = read_bytes(path, "the index of a spec", MAX_BYTES)
    found = record_of(data)
    if found != record:
        raise InputError(
            path,
            f"expected the index that was written with {spec.name} (sha256 {record.sha256[:SHOWN_DIGITS]}...), found"
            f" another ({found.sha256[:SHOWN_DIGITS]}...); put that one there, or write both again:"
            f" verify learn CORPUS -o {spec.name}",
        )
    return data


def why_missing(record: IndexRecord | None, surroundings: Surroundings) -> str:
    """Why the checks of a spec have nothing to compare with, and what to do."""
    if record is None:
        return "the spec was learned without an index of its corpus; verify learn writes one beside it"
    if surroundings.file is None:
        return "the spec was not read from a file, beside which its index would lie"
    spec = surroundings.file.name
    return f"{beside(surroundings.file).name} is not beside the spec; verify learn CORPUS -o {spec} writes both"
