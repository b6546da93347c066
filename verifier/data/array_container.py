"""What files of arrays, and arrays in memory, tell beside the samples in them: type, shape and range."""

import hashlib
import io
import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.array_files import archive_of, filled, header, skip, stream_of
from verifier.data.axes import by
from verifier.data.container import Container, Equaliser, Property, Stored, counted
from verifier.data.tensor import MAX_WHOLE, arrays_of_pt

PROPERTIES = {
    "format": Property("format", False),
    "dtype": Property("type", False),
    "shape": Property("shape", False),
    "lowest": Property("lowest value"),
    "highest": Property("highest value"),
    "zeros": Property("share of exact zeros"),
    "eight-bit": Property("share of values on an 8-bit level"),
    "mean": Property("mean value", of_content=True),
}
AT_ONCE = 2**22
"""Values that are read at a time."""


class ArrayContainer(Container):
    """Arrays of numbers whose first axis is that of samples."""

    properties = PROPERTIES

    def read(self, path: Path, name: str) -> Iterator[Stored]:
        """The samples of a file of arrays; of several arrays in a file, those of the largest."""
        suffix = path.suffix.lower()
        if suffix == ".pt":
            arrays = arrays_of_pt(path, name)
            yield from of_array(max(arrays.values(), key=lambda array: array.size), name, suffix)
            return
        member = _largest(path, name) if suffix == ".npz" else None
        with stream_of(path, member, name) as stream:
            shape, fortran, dtype, offset = header(stream, name)
        size = member.file_size if member else path.stat().st_size
        if dtype.kind not in "biuf" or math.prod(shape) * dtype.itemsize + offset != size or not math.prod(shape):
            raise InputError(name, f"expected a whole array of numbers, found {by(shape)} {dtype} in {size:,} bytes")
        if fortran and size > MAX_WHOLE:
            raise InputError(name, "expected C order in so large an array, found Fortran order")
        with stream_of(path, member, name) as stream:
            skip(stream, offset, name)
            if fortran or len(shape) < 2:
                whole = filled(stream, shape[::-1], dtype, name).T
                yield from of_array(whole, name, suffix)
                return
            at_once = max(1, AT_ONCE // math.prod(shape[1:]))
            for at in range(0, shape[0], at_once):
                chunk = filled(stream, (min(at_once, shape[0] - at), *shape[1:]), dtype, name)
                yield from of_array(chunk, name, suffix, at)

    def equaliser(self, stored: Sequence[Stored]) -> Equaliser:
        shapes = {each.source.ndim for each in stored}
        if len(shapes) > 1:
            raise InputError("--equalise", f"expected arrays of one number of axes, found {sorted(shapes)}")
        least = tuple(min(lengths) for lengths in zip(*(each.source.shape for each in stored), strict=True))
        return _Cropped(least)


class _Cropped:
    """Arrays of one shape, on 8-bit levels, of one type."""

    suffix = ".npy"

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.words: Sequence[str] = (
            f"cut to {by(shape)} from their beginning",
            "rounded to 8 bits, from 0 to 1",
            "float32 in .npy",
        )

    def write(self, stored: Stored, path: Path) -> None:
        array = stored.source[tuple(slice(length) for length in self.shape)]
        whole = array.dtype.kind in "iu" and array.size and stored.source.max() > 1
        values = np.clip(array / 255 if whole else array.astype(np.float64), 0, 1)
        with path.open("wb") as file:
            np.save(file, (np.rint(values * 255) / 255).astype(np.float32))


def of_array(array: NDArray[Any], name: str, suffix: str, first: int = 0) -> Iterator[Stored]:
    """The samples of an array, numbered from ``first``: along its first axis, unless it has no other."""
    single = array.ndim < 2
    for i, sample in enumerate(array[None] if single else array):
        values = np.ascontiguousarray(sample)
        levels = values.astype(np.float64) * (255 if values.dtype.kind in "bf" else 1)
        facts = {
            "format": suffix.lstrip("."),
            "dtype": values.dtype.name,
            "shape": by(values.shape),
            "lowest": values.min(),
            "highest": values.max(),
            "zeros": np.mean(values == 0),
            "eight-bit": np.mean(np.abs(levels - np.rint(levels)) < 1e-4),
            "mean": levels.mean() / 255,
        }
        called = name if single else f"{name}[{first + i}]"
        content = hashlib.sha256(f"{values.dtype} {values.shape}".encode() + values.tobytes()).digest()
        yield Stored(name=called, group=called, content=content, facts=counted(facts, PROPERTIES), source=values)


def _largest(path: Path, name: str) -> zipfile.ZipInfo:
    """The array of a .npz that has most values: labels beside the samples have fewer."""
    sizes: dict[str, tuple[int, zipfile.ZipInfo]] = {}
    with archive_of(path, name) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            with cast(io.BufferedIOBase, archive.open(info)) as stream:
                shape, _, dtype, _ = header(stream, f"{name}:{info.filename}")
                size = math.prod(list(shape))
                if dtype.kind in "biuf" and size:
                    sizes[info.filename] = (size, info)
    if not sizes:
        raise InputError(name, "expected at least one array of numbers, found none")
    return max(sizes.values(), key=lambda entry: entry[0])[1]
