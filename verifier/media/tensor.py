"""Readers of arrays: .npy and .npz, streamed in chunks, so that memory does not grow with the file.

The header is checked before any data is read, and nothing is ever unpickled.
"""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from verifier.batch import Batch
from verifier.errors import InputError, printable
from verifier.media.piano_roll import MAX_STEPS, windows
from verifier.media.symbolic import open_regular
from verifier.view import PianoRollView

TENSOR_SUFFIXES = (".npy", ".npz")

CHUNK_CELLS = 2**24
"""Most cells in a Batch (4096 windows of 64 x 64); a single sample that is larger comes alone."""
MAX_UNPACKED = 16 * 2**30
"""Most bytes that the members of one .npz may unpack to, together."""
MAX_WHOLE = 2**30
"""Most bytes of an array in Fortran order, which must be read whole."""
MAX_HEADER = 2**16
"""Bytes within which the header of an array must end; real ones take 128."""
MAX_DIRECTORY = 16 * 2**20
"""Most bytes of a .npz that are its directory (about 200,000 arrays)."""
MAX_MAGNITUDE = 8.0
"""Values beyond it are on another scale, such as 0 to 255; a generator's overshoot of 0 to 1 stays below."""
PIECE = 2**20
"""Bytes asked of a stream at a time."""

# What comes out of zipfile on a damaged archive: OSError where an offset points before the file, UnicodeDecodeError for
# a name, NotImplementedError for an unknown method.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, NotImplementedError, UnicodeDecodeError)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One array in a file, its header checked: ``samples`` arrays of (rows, steps).

    ``single`` says that the array is one sample with no axis for it. Made by ``open_tensors``.
    """

    path: Path
    name: str
    member: zipfile.ZipInfo | None
    offset: int
    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    samples: int
    steps: int
    single: bool
    view: PianoRollView

    def batches(self) -> Iterator[Batch]:
        """All windows of all samples in order, at most CHUNK_CELLS cells a Batch.

        Booleans, and integers that are all 0 or 1, give bool; other integers are divided by 255, floating-point
        numbers become float32. Raises InputError at the first value that is not finite or not on the scale; what came
        before it has been given by then (``check`` first where that matters).
        """
        divide = self.dtype.kind in "iu" and self._exceeds_one()
        at = 0
        for chunk in self._chunks():
            self._require_scale(chunk, at)
            yield self._batch(chunk, at, divide)
            at += len(chunk)

    def check(self) -> None:
        """Read all values and raise InputError at the first that ``batches`` would refuse."""
        at = 0
        for chunk in self._chunks():
            self._require_scale(chunk, at)
            at += len(chunk)

    def _exceeds_one(self) -> bool:
        return any(chunk.max() > 1 for chunk in self._chunks())

    def _require_scale(self, chunk: NDArray[Any], first: int) -> None:
        if self.dtype.kind == "b":
            # NumPy takes the bytes of a file as they are, and computes nonsense with others.
            if chunk.view(np.uint8).max() > 1:
                raise InputError(self.name, f"expected booleans, bytes 0 and 1, found others{self._from(first)}")
            return
        # NaN and infinity survive minimum and maximum, so that two passes without a copy find everything.
        low, high = chunk.min(), chunk.max()
        if self.dtype.kind in "iu":
            if low < 0 or high > 255:
                found = f"values from {low} to {high}{self._from(first)}"
                raise InputError(self.name, f"expected integers 0 and 1, or 0 to 255, found {found}")
        elif not np.isfinite(low) or not np.isfinite(high):
            sample, row, step = np.argwhere(~np.isfinite(chunk))[0]
            where = f"row {row}, step {step}" if self.single else f"sample {first + sample}, row {row}, step {step}"
            raise InputError(self.name, f"{where}: expected a finite number, found {chunk[sample, row, step]}")
        elif max(-low, high) > MAX_MAGNITUDE:
            found = f"values from {low:g} to {high:g}{self._from(first)}"
            raise InputError(self.name, f"expected values on the scale from 0 to 1, found {found}; rescale them")

    def _from(self, first: int) -> str:
        return "" if self.single else f" from sample {first} on"

    def _batch(self, chunk: NDArray[Any], first: int, divide: bool) -> Batch:
        cuts = windows(self.steps, self.view)
        if self.dtype.kind in "biu" and not divide:
            values = chunk.view(np.bool_) if chunk.dtype in (np.uint8, np.int8, np.bool_) else chunk.astype(np.bool_)
        elif divide:
            # One rounding, of the quotient, whatever the width of the integers.
            values = np.divide(chunk, np.float32(255), dtype=np.float32, casting="unsafe")
        else:
            values = chunk.astype(np.float32, copy=False)
        n = len(chunk)
        names = [self.name] if self.single else [f"{self.name}[{i}]" for i in range(first, first + n)]
        if cuts == [(0, self.steps)]:
            return Batch.of(self.view, values, names=names)
        longest = max(length for _, length in cuts)
        cut = np.zeros((n, len(cuts), self.view.pitches, longest), values.dtype)
        for i, (start, length) in enumerate(cuts):
            cut[:, i, :, :length] = values[:, :, start : start + length]
        total = n * len(cuts)
        return Batch(
            view=self.view,
            values=cut.reshape(total, self.view.pitches, longest),
            lengths=np.tile(np.array([length for _, length in cuts], np.int64), n),
            names=[f"{name}@{start}" for name in names for start, _ in cuts],
            groups=[name for name in names for _ in cuts],
            starts=np.tile(np.array([start for start, _ in cuts], np.int64), n),
            # A generated sample is taken for a cut: where its piece would begin or end is not known.
            begins=np.zeros(total, np.bool_),
            ends=np.zeros(total, np.bool_),
            meters=np.full(total, 4.0),
            clipped=np.zeros(total, np.int64),
        )

    def _chunks(self) -> Iterator[NDArray[Any]]:
        """(n, rows, steps) arrays in the order of the file; the last call on a stream proves that it ends there."""
        one = (self.view.pitches, self.steps)
        at_once = max(1, CHUNK_CELLS // math.prod(one))
        cuts = [slice(at, min(at + at_once, self.samples)) for at in range(0, self.samples, at_once)]
        with _stream(self.path, self.member, self.name) as stream:
            _skip(stream, self.offset, self.name)
            if self.fortran:
                whole = _filled(stream, self.shape[::-1], self.dtype, self.name).T
                for cut in cuts:
                    chunk = whole if self.single else whole[cut]
                    yield np.ascontiguousarray(chunk).reshape(-1, *one)
            else:
                for cut in cuts:
                    yield _filled(stream, (cut.stop - cut.start, *one), self.dtype, self.name)
            # Reading on is also what makes zipfile compare the checksum.
            if _read(stream, 1, self.name):
                raise InputError(self.name, "expected the data to end where the header says, found more")


def open_tensors(path: Path, view: PianoRollView, *, name: str) -> list[Tensor]:
    """The arrays of piano rolls in a .npy or .npz file, none of their data read.

    In a .npz, each array of the right shape is one, called ``name:key``; others are passed over. The shapes are
    (samples, rows, steps), (samples, rows, steps, 1), (samples, 1, rows, steps) and (rows, steps), with as many rows as
    the view has pitches. Raises InputError if there is none, or if a header does not agree with the size of the data.
    """
    if path.suffix.lower() != ".npz":
        with open_regular(path, name) as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            return [_tensor(file, size, path, None, name, view)]
    tensors: list[Tensor] = []
    refused: list[InputError] = []
    with _archive(path, name) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if len({info.filename for info in members}) < len(members):
            raise InputError(name, "expected arrays of different names, found two of one name")
        total = sum(info.file_size for info in members)
        if total > MAX_UNPACKED:
            raise InputError(name, f"expected at most {MAX_UNPACKED:,} bytes of arrays, found {total:,}")
        for info in members:
            inside = f"{name}:{info.filename.removesuffix('.npy')}"
            # Other methods cannot be unpacked in bounded memory, and NumPy writes only these two.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
                raise InputError(inside, "expected a stored or deflated array, found another method")
            with cast(io.BufferedIOBase, archive.open(info)) as stream:
                try:
                    tensors.append(_tensor(stream, info.file_size, path, info, inside, view))
                except _WrongShapeError as error:
                    refused.append(error)
    if tensors:
        return tensors
    if refused:
        raise refused[0]
    raise InputError(name, "expected at least one array, found none")


class _WrongShapeError(InputError):
    """A sound array that is not piano rolls of the view: in a .npz, labels or latents beside the samples."""


def _tensor(
    stream: io.BufferedIOBase, size: int, path: Path, member: zipfile.ZipInfo | None, name: str, view: PianoRollView
) -> Tensor:
    shape, fortran, dtype, offset = _header(stream, name)
    if dtype.hasobject:
        raise _WrongShapeError(name, "expected numbers, found Python objects, which are never loaded")
    declared = math.prod(shape) * dtype.itemsize + offset
    if declared != size:
        raise InputError(name, f"expected {declared:,} bytes for an array of {_by(shape)} {dtype}, found {size:,}")
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise _WrongShapeError(name, f"expected booleans, integers or floating-point numbers, found {dtype}")
    samples, steps = _axes(shape, view, name)
    if samples == 0 or steps == 0:
        raise InputError(name, f"expected at least one sample and one step, found {_by(shape)}")
    if steps > MAX_STEPS:
        raise InputError(name, f"expected at most {MAX_STEPS:,} steps, found {steps:,}")
    if not windows(steps, view):
        raise InputError(name, f"expected at least {view.window} steps for one window, found {steps}")
    if fortran and declared > MAX_WHOLE:
        raise InputError(
            name,
            f"expected C order in an array of more than {MAX_WHOLE:,} bytes, found Fortran order; save it again"
            " with numpy.ascontiguousarray(x)",
        )
    return Tensor(
        path=path,
        name=name,
        member=member,
        offset=offset,
        dtype=dtype,
        fortran=fortran,
        shape=shape,
        samples=samples,
        steps=steps,
        single=len(shape) == 2,
        view=view,
    )


def _axes(shape: tuple[int, ...], view: PianoRollView, name: str) -> tuple[int, int]:
    """(samples, steps), or InputError that says what to do."""
    rows = view.pitches
    axes = shape
    if len(shape) == 4 and shape[3] == 1 and (shape[1] == rows or shape[1] != 1):
        axes = shape[:3]
    elif len(shape) == 4 and shape[1] == 1:
        axes = (shape[0], *shape[2:])
    elif len(shape) == 2:
        axes = (1, *shape)
    if len(axes) == 3 and axes[1] == rows:
        return axes[0], axes[2]
    advice = ""
    if len(axes) == 3 and axes[2] == rows:
        order = [0, 1, 2, 3][: len(shape)]
        i = shape.index(axes[1], 0 if len(shape) == 2 else 1)
        order[i], order[i + 1] = i + 1, i
        advice = f"; if the axis of {rows} holds the pitches, save x.transpose({', '.join(map(str, order))})"
    raise _WrongShapeError(
        name, f"expected samples x {rows} pitches x steps, as the view has {rows} pitches, found {_by(shape)}{advice}"
    )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def _header(stream: io.BufferedIOBase, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, Fortran order, type and offset of the data. Reads at most MAX_HEADER bytes, whatever the file claims."""
    start = io.BytesIO(_read(stream, MAX_HEADER, name))
    expected = "expected an array in NumPy's format"
    try:
        version = np.lib.format.read_magic(start)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read(start)
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
def _archive(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    with open_regular(path, name):
        pass
    try:
        with _BoundedFile(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except _DAMAGE as error:
        raise InputError(name, f"expected a whole .npz archive, found damage: {printable(error)}") from error


@contextmanager
def _stream(path: Path, member: zipfile.ZipInfo | None, name: str) -> Iterator[io.BufferedIOBase]:
    if member is None:
        with open_regular(path, name) as file:
            yield file
    else:
        with _archive(path, name) as archive, cast(io.BufferedIOBase, archive.open(member)) as entry:
            yield entry


def _read(stream: io.BufferedIOBase, size: int, name: str) -> bytes:
    try:
        return stream.read(size)
    except _DAMAGE as error:
        raise InputError(name, f"expected whole data, found damage: {printable(error)}") from error


def _skip(stream: io.BufferedIOBase, size: int, name: str) -> None:
    if len(_read(stream, size, name)) != size:
        raise InputError(name, "expected whole data, found that it ends early")


def _filled(stream: io.BufferedIOBase, shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> NDArray[Any]:
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
