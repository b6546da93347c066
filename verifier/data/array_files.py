"""Bytes of .npy and .npz files -> arrays, in bounded memory; nothing is ever unpickled."""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError, printable
from verifier.base.files import open_regular

INDEX_SUFFIX = ".index.npz"
"""Of what lies beside a spec (``spec.index``): arrays, but no samples."""
MAX_HEADER = 2**16
"""Bytes within which the header of an array must end; real ones take 128."""
MAX_DIRECTORY = 16 * 2**20
"""Most bytes of a .npz that are its directory (about 200,000 arrays)."""
MAX_LABELS = 2**28
"""Most bytes of names."""
PIECE = 2**20
"""Bytes asked of a stream at a time."""

# What comes out of zipfile on a damaged archive: OSError where an offset points before the file, UnicodeDecodeError for
# a name, NotImplementedError for an unknown method.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, NotImplementedError, UnicodeDecodeError)


def header(stream: io.BufferedIOBase, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, Fortran order, type and offset of the data. Reads at most MAX_HEADER bytes, whatever the file claims."""
    start = io.BytesIO(read(stream, MAX_HEADER, name))
    expected = "expected an array in NumPy's format"
    try:
        version = np.lib.format.read_magic(start)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read_header(start)
    except Exception as error:
        # NumPy promises ValueError, but evaluates the header as a Python literal: depending on the damage SyntaxError,
        # TypeError, MemoryError, RecursionError and tokenizer errors come out too. Only its calls stand in this block.
        found = printable(str(error).split("\n", 1)[0])[:200]
        raise InputError(name, f"{expected}, found a damaged or foreign header ({found})") from error
    if len(shape) > 64 or any(type(extent) is not int or not 0 <= extent < 2**48 for extent in shape):
        raise InputError(name, f"{expected}, found the impossible shape {printable(shape)[:100]}")
    return shape, fortran, dtype, start.tell()


class _BoundedFile(io.FileIO):
    """A file that refuses to give very much at once: zipfile reads a whole directory, however long it says it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"a directory of {size:,} bytes")
        return super().read(size) or b""


@contextmanager
def archive_of(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    """An opened .npz. Raises InputError for damage, while it is open too."""
    with open_regular(path, name):
        pass
    try:
        with _BoundedFile(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except _DAMAGE as error:
        raise InputError(name, f"expected a whole .npz archive, found damage: {printable(error)}") from error


@contextmanager
def stream_of(path: Path, member: zipfile.ZipInfo | None, name: str) -> Iterator[io.BufferedIOBase]:
    """The bytes of a file, or of a member of an archive."""
    if member is None:
        with open_regular(path, name) as file:
            yield file
    else:
        with archive_of(path, name) as archive, cast(io.BufferedIOBase, archive.open(member)) as entry:
            yield entry


def read(stream: io.BufferedIOBase, size: int, name: str) -> bytes:
    """At most ``size`` bytes. Raises InputError for damage."""
    try:
        return stream.read(size)
    except _DAMAGE as error:
        raise InputError(name, f"expected whole data, found damage: {printable(error)}") from error


def skip(stream: io.BufferedIOBase, size: int, name: str) -> None:
    """Pass over ``size`` bytes. Raises InputError where there are fewer."""
    if len(read(stream, size, name)) != size:
        raise InputError(name, "expected whole data, found that it ends early")


def filled(stream: io.BufferedIOBase, shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    """The next array of ``shape`` from the stream, in pieces, so that the memory beside the array itself is small."""
    array = np.empty(shape, dtype)
    into = array.reshape(-1).view(np.uint8)
    at = 0
    while at < len(into):
        try:
            got = stream.readinto(into[at : at + PIECE].data)
        except _DAMAGE as error:
            raise InputError(name, f"expected whole data, found damage: {printable(error)}") from error
        if not got:
            raise InputError(name, f"expected {len(into) - at:,} more bytes of data, found the end")
        at += got
    return array


def labels(stream: io.BufferedIOBase, size: int, name: str) -> list[str]:
    """The names in an array of whole numbers or of texts, one axis, of a stream of ``size`` bytes."""
    shape, _, dtype, offset = header(stream, name)
    if dtype.kind not in "iuSU" or len(shape) != 1:
        wrong = f"{' x '.join(map(str, shape))} {dtype}"
        raise InputError(name, f"expected one axis of whole numbers or texts, found {wrong}; save numpy.array(x, str)")
    if math.prod(shape) * dtype.itemsize + offset != size or size > MAX_LABELS:
        raise InputError(name, f"expected whole data of at most {MAX_LABELS:,} bytes, found {size:,}")
    stream.seek(offset)
    found: list[Any] = filled(stream, shape, dtype, name).tolist() if math.prod(shape) * dtype.itemsize else []
    try:
        return [label.decode("utf-8", "backslashreplace") if dtype.kind == "S" else str(label) for label in found]
    except ValueError as error:  # numbers that are no characters
        raise InputError(name, "expected texts, found what is no text") from error


def compressed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A .npz of these arrays, each compressed: the same bytes for the same arrays, whenever and wherever it is made
    with the same zlib.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # of 1980, as every file without a date
            member.create_system, member.external_attr = 3, 0o644 << 16
            member.compress_type, member._compresslevel = zipfile.ZIP_DEFLATED, 9  # type: ignore[attr-defined]
            entry = io.BytesIO()
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            np.lib.format.write_array(entry, little, version=(1, 0), allow_pickle=False)
            archive.writestr(member, entry.getvalue())
    return out.getvalue()


def numbers_in(data: bytes, name: str, most: int) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz of rows of numbers, by name, at most ``most`` bytes together. Raises InputError for damage,
    for more than that, and for arrays of another kind.
    """
    found: dict[str, NDArray[Any]] = {}
    left = most
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                with cast(io.BufferedIOBase, archive.open(member)) as entry:
                    shape, fortran, dtype, offset = header(entry, name)
                if dtype.kind not in "biuf" or len(shape) != 1 or fortran:
                    raise InputError(name, f"expected rows of numbers, found {member.filename} of {dtype} {shape}")
                left -= math.prod(shape) * dtype.itemsize
                if left < 0:
                    raise InputError(name, f"expected at most {most >> 20} MiB of arrays, found more")
                with cast(io.BufferedIOBase, archive.open(member)) as entry:
                    skip(entry, offset, name)
                    found[member.filename.removesuffix(".npy")] = filled(entry, shape, dtype, name)
    except _DAMAGE as error:
        raise InputError(name, f"expected a whole .npz archive, found damage: {printable(error)}") from error
    return found
