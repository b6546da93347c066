"""Readers of arrays: .npy and .npz, streamed in chunks, so that memory does not grow with the file; .pt, whole.

The header is checked before any data is read, and nothing is ever unpickled but tensors, by PyTorch's own safe loader.

An array is samples of the view, one number a cell: booleans, integers, or floating-point numbers from 0 to 1. Under a
view of piano rolls its shape may also say that it is bits, or the pitches of four voices:

samples x rows x steps      the rows of the view: pitches, mel bands, or lines of pixels
samples x rows/8 x steps    uint8, eight rows a byte as by ``numpy.packbits(x, axis=1)``, the first row the highest bit
samples x 4 x steps         integers, the MIDI number that each of VOICES voices sounds; 0 and -1 are rests

Pictures may have their channels first or last: samples x channels x height x width, samples x height x width x
channels.
"""

import importlib
import io
import math
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from verifier.audio.view import MelView
from verifier.base.errors import InputError, printable
from verifier.base.files import open_regular
from verifier.data.batch import Batch
from verifier.data.view import View
from verifier.data.windows import MAX_STEPS, windows
from verifier.image.view import ImageView
from verifier.music import voices as voices_of
from verifier.music.view import PianoRollView
from verifier.music.voices import SILENT, Voices

TENSOR_SUFFIXES = (".npy", ".npz", ".pt")

VOICES = 4
"""Rows of an array that holds the pitches of voices."""

CHUNK_CELLS = 2**24
"""Most cells in a Batch (4096 windows of 64 x 64); a single sample that is larger comes alone."""
MAX_UNPACKED = 16 * 2**30
"""Most bytes that the members of one .npz may unpack to, together."""
MAX_WHOLE = 2**30
"""Most bytes of an array in Fortran order, or of a .pt file, which must be read whole."""
MAX_HEADER = 2**16
"""Bytes within which the header of an array must end; real ones take 128."""
MAX_DIRECTORY = 16 * 2**20
"""Most bytes of a .npz that are its directory (about 200,000 arrays)."""
MAX_MAGNITUDE = 8.0
"""Values beyond it are on another scale, such as 0 to 255; a generator's overshoot of 0 to 1 stays below."""
MAX_BELOW = 0.5
"""How far below 0 a picture or a spectrogram may reach: one from -1 to 1 is on another scale."""
PIECE = 2**20
"""Bytes asked of a stream at a time."""

Kind = Literal["cells", "bits", "voices", "pixels"]
"""What an array holds, see the module; pixels are cells whose channels come last."""

# What comes out of zipfile on a damaged archive: OSError where an offset points before the file, UnicodeDecodeError for
# a name, NotImplementedError for an unknown method.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, NotImplementedError, UnicodeDecodeError)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One array, its header checked: ``samples`` arrays of (rows, steps).

    ``kind`` says what the rows are (see the module); ``single``, that the array is one sample with no axis for it;
    ``array``, if it is not None, is the data, which otherwise is read from the file. Made by ``open_tensors`` and
    ``tensor_of``.
    """

    path: Path
    name: str
    member: zipfile.ZipInfo | None
    offset: int
    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    kind: Kind
    samples: int
    steps: int
    single: bool
    view: View
    array: NDArray[Any] | None = None

    def batches(self) -> Iterator[Batch]:
        """All windows of all samples in order, at most CHUNK_CELLS cells a Batch.

        Of piano rolls, booleans, bits, and integers that are all 0 or 1, give bool; all else gives float32: other
        integers, and all of pictures and spectrograms, are divided by 255. Voices give bool, and the Batch knows them:
        a note lasts while its pitch stays, and a row without a note is no voice. Raises InputError at the first value
        that is not finite or not on the scale; what came before it has been given by then (``check`` first where that
        matters).
        """
        divide = self._divides()
        at = 0
        for chunk in self._chunks():
            self._require_scale(chunk, at)
            yield self._batch(chunk, at, divide)
            at += len(chunk)

    def check(self) -> None:
        """Read all values and raise InputError at the first that ``batches`` would refuse."""
        self._divides()
        at = 0
        for chunk in self._chunks():
            self._require_scale(chunk, at)
            at += len(chunk)

    def _divides(self) -> bool:
        """Whether the integers are intensities from 0 to 255.

        Raises InputError for bits or voices of zeros and ones alone: these are cells of another view.
        """
        if not isinstance(self.view, PianoRollView):
            return self.dtype.kind in "iu"
        above = self.dtype.kind in "iu" and any(chunk.max() > 1 for chunk in self._stored())
        if self.kind != "cells" and not above:
            rows = f"{self.shape[-2]} rows of 0 and 1 alone"
            raise InputError(self.name, f"expected {self.view.pitches} rows, as the view has pitches, found {rows}")
        return above and self.kind == "cells"

    def _require_scale(self, chunk: NDArray[Any], first: int) -> None:
        if self.dtype.kind == "b":
            # NumPy takes the bytes of a file as they are, and computes nonsense with others.
            if chunk.view(np.uint8).max() > 1:
                raise InputError(self.name, f"expected booleans, bytes 0 and 1, found others{self._from(first)}")
            return
        # NaN and infinity survive minimum and maximum, so that two passes without a copy find everything.
        low, high = chunk.min(), chunk.max()
        if self.dtype.kind in "iu":
            lowest, highest, expected = (
                (SILENT, 127, f"pitches from 0 to 127, or {SILENT}")
                if self.kind == "voices"
                else (0, 255, "integers 0 and 1, or 0 to 255" if self._is_roll else "integers from 0 to 255")
            )
            if low < lowest or high > highest:
                raise InputError(
                    self.name, f"expected {expected}, found values from {low} to {high}{self._from(first)}"
                )
        elif not np.isfinite(low) or not np.isfinite(high):
            sample, row, step = np.argwhere(~np.isfinite(chunk))[0]
            where = ("" if self.single else f"sample {first + sample}, ") + self._cell(int(row), int(step))
            raise InputError(self.name, f"{where}: expected a finite number, found {chunk[sample, row, step]}")
        elif max(-low, high) > MAX_MAGNITUDE:
            found = f"values from {low:g} to {high:g}{self._from(first)}"
            raise InputError(self.name, f"expected values on the scale from 0 to 1, found {found}; rescale them")
        elif low < -MAX_BELOW and not self._is_roll:
            found = f"values from {low:g} to {high:g}{self._from(first)}"
            advice = "if they go from -1 to 1, save (x + 1) / 2"
            raise InputError(self.name, f"expected values on the scale from 0 to 1, found {found}; {advice}")

    @property
    def _is_roll(self) -> bool:
        return isinstance(self.view, PianoRollView)

    def _cell(self, row: int, step: int) -> str:
        """Where a value stands in its sample, in the words of the view."""
        if not isinstance(self.view, ImageView):
            return f"row {row}, step {step}"
        channel = f"channel {row // self.view.height}, " if self.view.channels > 1 else ""
        return f"{channel}row {row % self.view.height}, column {step}"

    def _from(self, first: int) -> str:
        return "" if self.single else f" from sample {first} on"

    def _batch(self, chunk: NDArray[Any], first: int, divide: bool) -> Batch:
        cuts = _windows(self.steps, self.view)
        n = len(chunk)
        total = n * len(cuts)
        clipped = np.zeros(total, np.int64)
        voices = None
        if self.kind == "voices" and isinstance(self.view, PianoRollView):
            values, voices, outside = _of_voices(chunk.astype(np.int16), self.view)
            clipped = _cut(outside, cuts, 0).sum(1, dtype=np.int64)
            voices = Voices(
                pitches=_cut(voices.pitches, cuts, SILENT),
                attacks=_cut(voices.attacks, cuts, False),
                counts=np.repeat(voices.counts, len(cuts)),
                fermatas=_cut(voices.fermatas, cuts, False),
            )
        elif self._is_roll and self.dtype.kind in "biu" and not divide:
            values = chunk.view(np.bool_) if chunk.dtype in (np.uint8, np.int8, np.bool_) else chunk.astype(np.bool_)
        elif divide:
            # One rounding, of the quotient, whatever the width of the integers.
            values = np.divide(chunk, np.float32(255), dtype=np.float32, casting="unsafe")
        else:
            values = chunk.astype(np.float32, copy=False)
        names = [self.name] if self.single else [f"{self.name}[{i}]" for i in range(first, first + n)]
        return Batch(
            view=self.view,
            values=_cut(values, cuts, 0),
            lengths=np.tile(np.array([length for _, length in cuts], np.int64), n),
            names=[name if length == self.steps else f"{name}@{start}" for name in names for start, length in cuts],
            groups=[name for name in names for _ in cuts],
            starts=np.tile(np.array([start for start, _ in cuts], np.int64), n),
            # A generated sample is taken for a cut: where its piece would begin or end is not known.
            begins=np.zeros(total, np.bool_),
            ends=np.zeros(total, np.bool_),
            meters=np.full(total, 4.0),
            pickups=np.zeros(total),
            clipped=clipped,
            voices=voices or voices_of.none(total, max(length for _, length in cuts)),
        )

    def _chunks(self) -> Iterator[NDArray[Any]]:
        """(n, rows, steps) arrays in the order of the file, one cell or one pitch an element; channels come first."""
        if self.kind == "pixels":
            turned = (chunk.transpose(0, 3, 1, 2) for chunk in self._stored())
            return (np.ascontiguousarray(chunk).reshape(-1, self.view.rows, self.steps) for chunk in turned)
        if self.kind != "bits":
            return self._stored()
        return (np.unpackbits(chunk, axis=1, count=self.view.rows) for chunk in self._stored())

    def _stored(self) -> Iterator[NDArray[Any]]:
        """The same as they are stored; the last call on a stream proves that it ends there."""
        one = self.shape[-3:] if self.kind == "pixels" else (self.view.rows, self.steps)
        if self.kind in ("bits", "voices"):
            one = (self.shape[-2], self.steps)
        at_once = max(1, CHUNK_CELLS // (self.view.rows * self.steps))
        cuts = [slice(at, min(at + at_once, self.samples)) for at in range(0, self.samples, at_once)]
        if self.array is not None:
            whole = self.array.reshape(-1, *one)
            yield from (np.ascontiguousarray(whole[cut]) for cut in cuts)
            return
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


def _cut(array: NDArray[Any], cuts: Sequence[tuple[int, int]], fill: object) -> NDArray[Any]:
    """(n, ..., steps) as (n * cuts, ..., longest): all windows of each sample, what is shorter filled up."""
    n, *between, steps = array.shape
    if list(cuts) == [(0, steps)]:
        return array
    longest = max(length for _, length in cuts)
    windowed = np.full((n, len(cuts), *between, longest), fill, array.dtype)
    for i, (start, length) in enumerate(cuts):
        windowed[:, i, ..., :length] = array[..., start : start + length]
    return windowed.reshape(n * len(cuts), *between, longest)


def _of_voices(chunk: NDArray[np.int16], view: PianoRollView) -> tuple[NDArray[np.bool_], Voices, NDArray[np.int64]]:
    """The piano rolls, the voices, and (n, steps) the notes that begin outside the rows, of (n, VOICES, steps) pitches.

    Without a mark where a note is struck anew, one begins where the pitch changes. Pitch 0 is a rest.
    """
    n, _, steps = chunk.shape
    sounds = chunk > 0
    attacks = sounds & (chunk != np.pad(chunk[:, :, :-1], ((0, 0), (0, 0), (1, 0))))
    values = np.zeros((n, view.pitches, steps), np.bool_)
    inside = sounds & (chunk >= view.lowest_pitch) & (chunk <= view.highest_pitch)
    sample, voice, step = np.nonzero(inside)
    values[sample, chunk[sample, voice, step] - view.lowest_pitch, step] = True
    notes = attacks.sum(2)
    # As with parts of a score: the highest mean pitch of the notes is voice 0, and rows without a note come last.
    mean = np.where(notes, (chunk * attacks).sum(2) / np.maximum(notes, 1), -1.0)
    order = np.argsort(-mean, axis=1, kind="stable")[:, :, None]
    voices = Voices(
        pitches=np.take_along_axis(np.where(sounds, chunk, np.int16(SILENT)), order, 1),
        attacks=np.take_along_axis(attacks, order, 1),
        counts=np.count_nonzero(notes, axis=1).astype(np.int64),
        fermatas=np.zeros((n, steps), np.bool_),
    )
    return values, voices, (attacks & ~inside).sum(1)


def _windows(steps: int, view: View) -> Sequence[tuple[int, int]]:
    """(start, length) of each sample of one array. A spectrogram shorter than a window is kept, as MelView says."""
    if isinstance(view, ImageView):
        return [(0, steps)]
    found = windows(steps, view)
    return [(0, steps)] if not found and isinstance(view, MelView) else found


def open_tensors(path: Path, view: View, *, name: str) -> list[Tensor]:
    """The arrays in a .npy or .npz file, none of their data read, or the tensors in a .pt file.

    In a .npz, each array of a right shape is one, called ``name:key``; others are passed over, and so are bits and
    voices where there are plain piano rolls. A .pt file holds one tensor, or a dict of them, which is taken like a
    .npz. The shapes of piano rolls are (samples, rows, steps), (samples, rows, steps, 1), (samples, 1, rows, steps) and
    (rows, steps), with as many rows as the view has pitches; those of bits and voices (samples, rows, steps) and (rows,
    steps). Spectrograms have the shapes of piano rolls, with the bands of the view. Pictures have the size and the
    channels of the view, which come after the samples or last, or are left out where there is one. Raises InputError if
    there is none, if a header does not agree with the size of the data, and for a .pt file if PyTorch is not installed.
    """
    suffix = path.suffix.lower()
    if suffix == ".pt":
        return _tensors_of_pt(path, view, name)
    if suffix != ".npz":
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
    return _chosen(tensors, refused, name)


def _chosen(tensors: list[Tensor], refused: list[InputError], name: str) -> list[Tensor]:
    if tensors:
        # A few rows of integers beside piano rolls are labels, or chords.
        return [tensor for tensor in tensors if tensor.kind in ("cells", "pixels")] or tensors
    if refused:
        raise refused[0]
    raise InputError(name, "expected at least one array, found none")


def tensor_of(array: NDArray[Any], view: View, *, name: str) -> Tensor:
    """An array in memory, which is read as one in a file is. Raises InputError as ``open_tensors`` does."""
    return _checked(array.shape, array.dtype, name, view, array=array)


def _tensors_of_pt(path: Path, view: View, name: str) -> list[Tensor]:
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise InputError(name, "a .pt file is read by PyTorch, which is missing: pip install torch") from error
    with open_regular(path, name) as file:
        size = file.seek(0, io.SEEK_END)
        if zipfile.is_zipfile(file):
            with _archive(path, name) as archive:
                size = max(size, sum(info.file_size for info in archive.infolist()))
        if size > MAX_WHOLE:
            raise InputError(
                name, f"expected at most {MAX_WHOLE:,} bytes of tensors, found {size:,}; save them as .npy"
            )
        file.seek(0)
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:  # anything but tensors and containers of them
            found = printable(str(error).split("\n", 1)[0])[:200]
            raise InputError(name, f"expected a tensor or a dict of tensors, found other objects ({found})") from error
        except Exception as error:
            # PyTorch documents no class for damaged files. Only its call stands in this block.
            found = printable(f"{type(error).__name__}: {error}".split("\n", 1)[0])[:200]
            raise InputError(name, f"expected a file saved by torch.save, found damage ({found})") from error
    if isinstance(content, torch.Tensor):
        return [tensor_of(array_of_torch(content, name), view, name=name)]
    if not isinstance(content, Mapping):
        found = type(content).__name__
        raise InputError(name, f"expected a tensor or a dict of tensors, found an object of the type {found}")
    tensors: list[Tensor] = []
    refused: list[InputError] = []
    for key, value in content.items():
        if isinstance(value, torch.Tensor):
            inside = f"{name}:{printable(key)}"
            try:
                tensors.append(tensor_of(array_of_torch(value, inside), view, name=inside))
            except _WrongShapeError as error:
                refused.append(error)
    return _chosen(tensors, refused, name)


def array_of_torch(tensor: Any, name: str) -> NDArray[Any]:
    """A PyTorch tensor as an array, from whatever device. Raises InputError for one that is not dense, or is huge."""
    # A tensor can be large and its storage a single number: its size says how much would be computed.
    if tensor.numel() * tensor.element_size() > MAX_WHOLE:
        raise InputError(name, f"expected at most {MAX_WHOLE:,} bytes, found {_by(tuple(tensor.shape))} {tensor.dtype}")
    if tensor.layout is not importlib.import_module("torch").strided or tensor.is_quantized:
        raise _WrongShapeError(name, "expected a dense tensor, found a sparse or quantized one")
    # NumPy has no bfloat16, nor any smaller floating-point type.
    tensor = tensor.float() if tensor.is_floating_point() and tensor.element_size() <= 2 else tensor
    array: NDArray[Any] = tensor.numpy(force=True)
    return array


class _WrongShapeError(InputError):
    """A sound array that is not piano rolls of the view: in a .npz, labels or latents beside the samples."""


def _tensor(
    stream: io.BufferedIOBase, size: int, path: Path, member: zipfile.ZipInfo | None, name: str, view: View
) -> Tensor:
    shape, fortran, dtype, offset = _header(stream, name)
    if dtype.hasobject:
        raise _WrongShapeError(name, "expected numbers, found Python objects, which are never loaded")
    declared = math.prod(shape) * dtype.itemsize + offset
    if declared != size:
        raise InputError(name, f"expected {declared:,} bytes for an array of {_by(shape)} {dtype}, found {size:,}")
    tensor = _checked(shape, dtype, name, view, path=path, member=member, offset=offset, fortran=fortran)
    if fortran and declared > MAX_WHOLE:
        raise InputError(
            name,
            f"expected C order in an array of more than {MAX_WHOLE:,} bytes, found Fortran order; save it again"
            " with numpy.ascontiguousarray(x)",
        )
    return tensor


def _checked(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    name: str,
    view: View,
    *,
    path: Path = Path(),
    member: zipfile.ZipInfo | None = None,
    offset: int = 0,
    fortran: bool = False,
    array: NDArray[Any] | None = None,
) -> Tensor:
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise _WrongShapeError(name, f"expected booleans, integers or floating-point numbers, found {dtype}")
    kind, samples, steps, single = _axes(shape, dtype, view, name)
    if samples == 0 or steps == 0:
        raise InputError(name, f"expected at least one sample and one step, found {_by(shape)}")
    if steps > MAX_STEPS:
        raise InputError(name, f"expected at most {MAX_STEPS:,} steps, found {steps:,}")
    if not _windows(steps, view):
        raise InputError(name, f"expected at least {view.window} steps for one window, found {steps}")
    return Tensor(
        path=path,
        name=name,
        member=member,
        offset=offset,
        dtype=dtype,
        fortran=fortran,
        shape=shape,
        kind=kind,
        samples=samples,
        steps=steps,
        single=single,
        view=view,
        array=array,
    )


class _Axes(NamedTuple):
    kind: Kind
    samples: int
    steps: int
    single: bool


def _axes(shape: tuple[int, ...], dtype: np.dtype[Any], view: View, name: str) -> _Axes:
    """What the axes of an array are, or InputError that says what to do."""
    if isinstance(view, ImageView):
        return _axes_of_pictures(shape, view, name)
    rows = view.rows
    is_roll = isinstance(view, PianoRollView)
    axes = shape
    if len(shape) == 4 and shape[3] == 1 and (shape[1] == rows or shape[1] != 1):
        axes = shape[:3]
    elif len(shape) == 4 and shape[1] == 1:
        axes = (shape[0], *shape[2:])
    elif len(shape) == 2:
        axes = (1, *shape)
    single = len(shape) == 2
    if len(axes) == 3 and axes[1] == rows:
        return _Axes("cells", axes[0], axes[2], single)
    packed = -(-rows // 8) if dtype == np.uint8 else 0
    if len(axes) == 3 and len(shape) < 4 and is_roll:
        if axes[1] == VOICES != packed and dtype.kind in "iu":
            return _Axes("voices", axes[0], axes[2], single)
        if axes[1] == packed != VOICES and packed > 1:
            return _Axes("bits", axes[0], axes[2], single)
    advice = ""
    of_rows, of_steps = ("pitches", "steps") if is_roll else ("bands", "frames")
    holds = {rows: of_rows} | ({VOICES: "voices"} if is_roll and dtype.kind in "iu" and len(shape) < 4 else {})
    if len(axes) == 3 and axes[2] in holds:
        order = [0, 1, 2, 3][: len(shape)]
        i = shape.index(axes[1], 0 if single else 1)
        order[i], order[i + 1] = i + 1, i
        turned = ", ".join(map(str, order))
        advice = f"; if the axis of {axes[2]} holds the {holds[axes[2]]}, save x.transpose({turned})"
    wanted = f"samples x {rows} {of_rows} x {of_steps}, as the view has {rows} {of_rows}"
    raise _WrongShapeError(name, f"expected {wanted}, found {_by(shape)}{advice}")


def _axes_of_pictures(shape: tuple[int, ...], view: ImageView, name: str) -> _Axes:
    size, channels = (view.height, view.width), view.channels
    shapes: dict[tuple[int, ...], Kind] = {(channels, *size): "cells", (*size, channels): "pixels"}
    if channels == 1:
        shapes[size] = "cells"
        if shape[1:] == size:
            return _Axes("cells", shape[0], view.width, False)
    if shape in shapes:
        return _Axes(shapes[shape], 1, view.width, True)
    if shape[1:] in shapes:
        return _Axes(shapes[shape[1:]], shape[0], view.width, False)
    first, last = _by(("samples", channels, *size)), _by(("samples", *size, channels))
    wanted = f"{_by(('samples', *size))}, {first}" if channels == 1 else first
    raise _WrongShapeError(
        name, f"expected {wanted} or {last}, as the view has {view.height} lines of {view.width}, found {_by(shape)}"
    )


def _by(shape: tuple[object, ...]) -> str:
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
