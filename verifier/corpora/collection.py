"""A file of many samples as a corpus: arrays, and the IDX and CIFAR files of pictures. Each sample is its own piece,
or one with others that were cut from the same.

Pieces are called as if the samples were in memory, so that they are split alike.
"""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from verifier.base.errors import InputError
from verifier.base.files import open_regular, read_text
from verifier.data.array_files import labels
from verifier.data.batch import Batch, concatenate
from verifier.data.medium import medium_of
from verifier.data.tensor import TENSOR_SUFFIXES, open_tensors
from verifier.data.view import View

MOST_TEXT = 2**26
"""Most bytes of a text of groups."""


def read(path: Path, view: View, groups: Sequence[str] | None = None) -> Batch:
    """The samples in a file, called ``[0]``, ``[1]`` and so on, or ``key[0]`` where an archive holds several arrays.

    ``groups`` are what each was cut from, in place of what the file says. Raises InputError.
    """
    name = path.name
    if path.suffix.lower() in TENSOR_SUFFIXES:
        tensors = open_tensors(path, view, name=name)
        batch = concatenate(view, [batch for tensor in tensors for batch in tensor.batches()])
        prefix = tensors[0].name if len(tensors) == 1 else f"{name}:"
        of_file = f"{name}:" if tensors[0].groups is not None else prefix
    else:
        batch = concatenate(view, list(medium_of(view).read(path, view, name=name)))
        prefix = of_file = name
    names, of_each = _without(prefix, batch.names), _without(of_file, batch.groups)
    batch = replace(batch, names=names, groups=of_each)
    return batch if groups is None else grouped(batch, groups)


def _without(prefix: str, texts: Sequence[str]) -> list[str]:
    """Names without the file; ``[0]`` is the one sample of an array that has no axis for samples."""
    bare = [text.removeprefix(prefix) for text in texts]
    return [f"[0]{text}" if not text or text.startswith("@") else text for text in bare]


def grouped(batch: Batch, groups: Sequence[str]) -> Batch:
    """The same samples in these groups: one for each sample, or for each sequence that was cut into several."""
    if isinstance(groups, str):
        raise InputError("groups", "expected a list of names, one for each sample, found a text")
    whole = list(dict.fromkeys(batch.groups))
    if len(groups) == len(batch):
        return replace(batch, groups=[str(group) for group in groups])
    if len(groups) != len(whole):
        raise InputError("groups", f"expected one for each of {len(whole):,} samples, found {len(groups):,}")
    of = dict(zip(whole, map(str, groups), strict=True))
    return replace(batch, groups=[of[group] for group in batch.groups])


def groups_in(path: Path) -> list[str]:
    """The names in a .npy of numbers or texts, or in a text, one a line. Raises InputError."""
    if path.suffix.lower() != ".npy":
        return read_text(path, "a text of one group a line, or a .npy", MOST_TEXT).splitlines()
    with open_regular(path, str(path)) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        return labels(file, size, str(path))
