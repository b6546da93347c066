"""Arrays -> Batches: .npy and .npz, streamed in chunks, so that memory does not grow with the file; .pt, whole.

The header is checked before any data is read, and nothing is ever unpickled but tensors, by PyTorch's own safe loader.

An array is samples of the view, one number a cell: booleans, integers, or floating-point numbers from 0 to 1. What its
axes are, and which other layouts there are (bits, voices, channels that come last), its medium says (see ``axes``).
"""

import importlib
import io
import math
import pickle
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError, printable
from verifier.base.extras import install_hint
from verifier.base.files import open_regular
from verifier.data.array_files import archive_of, filled, header, labels, read, skip, stream_of
from verifier.data.axes import Axes, WrongShapeError, by, from_steps
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.data.view import View
from verifier.data.windows import MAX_STEPS

TENSOR_SUFFIXES = (".npy", ".npz", ".pt")
CHUNK_CELLS = 2**24
"""Most cells in a Batch (4096 windows of 64 x 64); a single sample that is larger comes alone."""
MAX_UNPACKED = 16 * 2**30
"""Most bytes that the members of one .npz may unpack to, together."""
MAX_WHOLE = 2**30
"""Most bytes of an array in Fortran order, or of a .pt file, which must be read whole."""
GROUPS = "groups.npy"
"""The member of a .npz that says what the samples beside it were cut from."""
MAX_MAGNITUDE = 8.0
"""Values beyond it are on another scale, such as 0 to 255; a generator's overshoot of 0 to 1 stays below."""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One array, its header checked, with what its ``axes`` are.

    ``array``, if it is not None, is the data, which otherwise is read from the file. ``groups``, if it is not None,
    says what each sample was cut from; by default each is its own. Made by ``open_tensors`` and ``tensor_of``.
    """

    path: Path
    name: str
    member: zipfile.ZipInfo | None
    offset: int
    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    axes: Axes
    view: View
    array: NDArray[Any] | None = None
    groups: Sequence[str] | None = None

    @property
    def samples(self) -> int:
        """How many samples it holds."""
        return self.axes.samples

    def batches(self) -> Iterator[Batch]:
        """All windows of all samples in order, at most CHUNK_CELLS cells a Batch.

        Raises InputError at the first value that is not finite or not on the scale; what came before it has been given
        by then (``check`` first where that matters).
        """
        axes = self._settled()
        at = 0
        for chunk in self._chunks():
            self._require_scale(chunk, at)
            yield self._batch(chunk, at, axes)
            at += len(chunk)

    def check(self) -> None:
        """Read all values and raise InputError at the first that ``batches`` would refuse."""
        self._settled()
        at = 0
        for chunk in self._chunks():
            self._require_scale(chunk, at)
            at += len(chunk)

    def _settled(self) -> Axes:
        return self.axes.settled(self.dtype, self._stored, self.view, self.name)

    def _require_scale(self, chunk: NDArray[Any], first: int) -> None:
        if self.dtype.kind == "b":
            # NumPy takes the bytes of a file as they are, and computes nonsense with others.
            if chunk.view(np.uint8).max() > 1:
                raise InputError(self.name, f"expected booleans, bytes 0 and 1, found others{self._from(first)}")
            return
        # NaN and infinity survive minimum and maximum, so that two passes without a copy find everything.
        low, high = chunk.min(), chunk.max()
        if self.dtype.kind in "iu":
            least, largest, expected = self.axes.integers
            if low < least or high > largest:
                found = f"expected {expected}, found values from {low} to {high}{self._from(first)}"
                advice = self.axes.advice(low, high, integers=True)
                raise InputError(self.name, found + (f"; {advice}" if advice else ""))
        elif not np.isfinite(low) or not np.isfinite(high):
            sample, row, step = np.argwhere(~np.isfinite(chunk))[0]
            cell = self.axes.cell(int(row), int(step), self.view)
            where = ("" if self.axes.single else f"sample {first + sample}, ") + cell
            raise InputError(self.name, f"{where}: expected a finite number, found {chunk[sample, row, step]}")
        elif max(-low, high) > MAX_MAGNITUDE or low < self.axes.lowest:
            found = f"values from {low:g} to {high:g}{self._from(first)}; {self.axes.advice(low, high, integers=False)}"
            raise InputError(self.name, f"expected values on the scale from 0 to 1, found {found}")

    def _from(self, first: int) -> str:
        return "" if self.axes.single else f" from sample {first} on"

    def _batch(self, chunk: NDArray[Any], first: int, axes: Axes) -> Batch:
        steps = self.axes.steps
        cuts = self.view.cuts(steps)
        n = len(chunk)
        begins, ends = axes.extents(chunk, self.view) or (np.zeros(n, np.int64), np.full(n, steps, np.int64))
        chunk = from_steps(chunk, begins)
        values, extra = axes.samples_of(chunk, cuts, self.view)
        starts = np.array([start for start, _ in cuts], np.int64)
        longest = np.array([length for _, length in cuts], np.int64)
        lengths = np.clip((ends - begins)[:, None] - starts, 0, longest)
        padding = np.zeros((n, len(cuts)), np.int64)
        padding[:, 0] = (longest - lengths).sum(axis=1)
        names = [self.name] if self.axes.single else [f"{self.name}[{i}]" for i in range(first, first + n)]
        groups = names if self.groups is None else self.groups[first : first + n]
        whole = Batch(
            view=self.view,
            values=values,
            lengths=lengths.ravel(),
            names=[name if length == steps else f"{name}@{start}" for name in names for start, length in cuts],
            groups=[group for group in groups for _ in cuts],
            starts=np.tile(starts, n),
            # A generated sample is taken for a cut: where its piece would begin or end is not known.
            begins=np.zeros(len(values), np.bool_),
            ends=np.zeros(len(values), np.bool_),
            extra=axes.noted(extra, padding.ravel(), values.shape[2])
            or self.view.extra.none(len(values), values.shape[2]),
        )
        return whole if lengths.all() else whole.take(np.flatnonzero(whole.lengths))

    def _chunks(self) -> Iterator[NDArray[Any]]:
        """(n, rows, steps) arrays in the order of the file."""
        return (self.axes.unpacked(chunk, self.view) for chunk in self._stored())

    def _stored(self) -> Iterator[NDArray[Any]]:
        """The same as they are stored; the last call on a stream proves that it ends there."""
        one = self.axes.stored
        at_once = max(1, CHUNK_CELLS // (self.view.rows * self.axes.steps))
        cuts = [slice(at, min(at + at_once, self.samples)) for at in range(0, self.samples, at_once)]
        if self.array is not None:
            whole = self.array.reshape(-1, *one)
            yield from (np.ascontiguousarray(whole[cut]) for cut in cuts)
            return
        with stream_of(self.path, self.member, self.name) as stream:
            skip(stream, self.offset, self.name)
            if self.fortran:
                whole = filled(stream, self.shape[::-1], self.dtype, self.name).T
                for cut in cuts:
                    chunk = whole if self.axes.single else whole[cut]
                    yield np.ascontiguousarray(chunk).reshape(-1, *one)
            else:
                for cut in cuts:
                    yield filled(stream, (cut.stop - cut.start, *one), self.dtype, self.name)
            # Reading on is also what makes zipfile compare the checksum.
            if read(stream, 1, self.name):
                raise InputError(self.name, "expected the data to end where the header says, found more")


def open_tensors(path: Path, view: View, *, name: str) -> list[Tensor]:
    """The arrays in a .npy or .npz file, none of their data read, or the tensors in a .pt file.

    In a .npz, each array of a right shape is one, called ``name:key``; others are passed over, and so are other layouts
    where there are plain cells. An array ``groups`` of numbers or texts, one for each sample of the one array beside
    it, says what these were cut from. A .pt file holds one tensor, or a dict of them, which is taken like a .npz.
    Raises InputError if there is none, if a header does not agree with the size of the data, and for a .pt file if
    PyTorch is not installed.
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
    refused: list[tuple[int, InputError]] = []
    with archive_of(path, name) as archive:
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
                except WrongShapeError as error:
                    refused.append((info.file_size, error))
        return _grouped(_chosen(tensors, refused, name), archive, name)


def _grouped(tensors: list[Tensor], archive: zipfile.ZipFile, name: str) -> list[Tensor]:
    """The arrays of an archive, with the groups that stand in it."""
    if GROUPS not in archive.namelist() or any(
        tensor.member and tensor.member.filename == GROUPS for tensor in tensors
    ):
        return tensors
    inside = f"{name}:groups"
    if len(tensors) != 1:
        raise InputError(inside, f"expected one array of samples beside it, found {len(tensors)}; save a file for each")
    with cast(io.BufferedIOBase, archive.open(GROUPS)) as stream:
        groups = labels(stream, archive.getinfo(GROUPS).file_size, inside)
    if len(groups) != tensors[0].samples:
        raise InputError(inside, f"expected one for each of {tensors[0].samples:,} samples, found {len(groups):,}")
    return [replace(tensors[0], groups=[f"{name}:{group}" for group in groups])]


def _chosen(tensors: list[Tensor], refused: list[tuple[int, InputError]], name: str) -> list[Tensor]:
    """The arrays that are meant. ``refused`` are others, with their size: what is wrong with the largest is said."""
    if tensors:
        # A few rows of integers beside piano rolls are labels, or chords.
        return [tensor for tensor in tensors if tensor.axes.plain] or tensors
    if refused:
        raise max(refused, key=lambda sized: sized[0])[1]
    raise InputError(name, "expected at least one array, found none")


def tensor_of(array: NDArray[Any], view: View, *, name: str) -> Tensor:
    """An array in memory, which is read as one in a file is. Raises InputError as ``open_tensors`` does."""
    return _checked(array.shape, array.dtype, name, view, array=array)


def _tensors_of_pt(path: Path, view: View, name: str) -> list[Tensor]:
    tensors: list[Tensor] = []
    refused: list[tuple[int, InputError]] = []
    for inside, value in _content_of_pt(path, name).items():
        try:
            tensors.append(tensor_of(array_of_torch(value, inside), view, name=inside))
        except WrongShapeError as error:
            if inside == name:
                raise
            refused.append((value.numel(), error))
    return _chosen(tensors, refused, name)


def arrays_of_pt(path: Path, name: str) -> dict[str, NDArray[Any]]:
    """The tensors in a .pt file as arrays, by their names in it. Raises InputError where ``open_tensors`` does."""
    found = {inside: array_of_torch(value, inside) for inside, value in _content_of_pt(path, name).items()}
    if not found:
        raise InputError(name, "expected at least one array, found none")
    return found


def _content_of_pt(path: Path, name: str) -> dict[str, Any]:
    """The tensors in a .pt file: one called ``name``, or those of a dict as ``name:key``."""
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise InputError(name, f"a .pt file needs PyTorch: {install_hint('generators')}") from error
    with open_regular(path, name) as file:
        size = file.seek(0, io.SEEK_END)
        if zipfile.is_zipfile(file):
            with archive_of(path, name) as archive:
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
        return {name: content}
    if not isinstance(content, Mapping):
        found = type(content).__name__
        raise InputError(name, f"expected a tensor or a dict of tensors, found an object of the type {found}")
    return {f"{name}:{printable(key)}": value for key, value in content.items() if isinstance(value, torch.Tensor)}


def array_of_torch(tensor: Any, name: str) -> NDArray[Any]:
    """A PyTorch tensor as an array, from whatever device. Raises InputError for one that is not dense, or is huge."""
    # A tensor can be large and its storage a single number: its size says how much would be computed.
    if tensor.numel() * tensor.element_size() > MAX_WHOLE:
        raise InputError(name, f"expected at most {MAX_WHOLE:,} bytes, found {by(tuple(tensor.shape))} {tensor.dtype}")
    if tensor.layout is not importlib.import_module("torch").strided or tensor.is_quantized:
        raise WrongShapeError(name, "expected a dense tensor, found a sparse or quantized one")
    # NumPy has no bfloat16, nor any smaller floating-point type.
    tensor = tensor.float() if tensor.is_floating_point() and tensor.element_size() <= 2 else tensor
    array: NDArray[Any] = tensor.numpy(force=True)
    return array


def _tensor(
    stream: io.BufferedIOBase, size: int, path: Path, member: zipfile.ZipInfo | None, name: str, view: View
) -> Tensor:
    shape, fortran, dtype, offset = header(stream, name)
    if dtype.hasobject:
        raise WrongShapeError(
            name, f"expected numbers, found Python objects, which are never loaded; {_load(path, member, view)}"
        )
    declared = math.prod(shape) * dtype.itemsize + offset
    if declared != size:
        raise InputError(name, f"expected {declared:,} bytes for an array of {by(shape)} {dtype}, found {size:,}")
    tensor = _checked(shape, dtype, name, view, path=path, member=member, offset=offset, fortran=fortran)
    if fortran and declared > MAX_WHOLE:
        raise InputError(
            name,
            f"expected C order in an array of more than {MAX_WHOLE:,} bytes, found Fortran order; save it again"
            " with numpy.ascontiguousarray(x)",
        )
    return tensor


def _load(path: Path, member: zipfile.ZipInfo | None, view: View) -> str:
    """How to save an array of objects as arrays of numbers, one each."""
    inside = "" if member is None else f"[{member.filename.removesuffix('.npy')!r}]"
    loaded = f'numpy.load({str(path)!r}, allow_pickle=True, encoding="latin1"){inside}'
    line = f'numpy.savez("samples.npz", *[{medium_of(view).from_object} for p in {loaded}])'
    return f"if you trust the file, save each as an array: {line}"


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
        raise WrongShapeError(name, f"expected booleans, integers or floating-point numbers, found {dtype}")
    axes = medium_of(view).axes(shape, dtype, view, name)
    if axes.samples == 0 or axes.steps == 0:
        raise InputError(name, f"expected at least one sample and one step, found {by(shape)}")
    if axes.steps > MAX_STEPS:
        raise InputError(name, f"expected at most {MAX_STEPS:,} steps, found {axes.steps:,}")
    if not view.cuts(axes.steps):
        raise InputError(name, f"expected at least {view.window} steps for one window, found {axes.steps}")
    return Tensor(
        path=path,
        name=name,
        member=member,
        offset=offset,
        dtype=dtype,
        fortran=fortran,
        shape=shape,
        axes=axes,
        view=view,
        array=array,
    )
