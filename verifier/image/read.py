"""Readers of pictures: image files through Pillow, and the IDX and CIFAR files of data sets.

Nothing is resized or guessed. An orientation written in EXIF is obeyed, as whoever looks at the picture sees it. A file
of several frames or pages is refused, as none of them may be lost; not JPEG as phones write it, whose first picture is
meant. 8-bit value k becomes float32(k / 255); a 16-bit grey value k / 65535, not rounded; 1 bit 0 or 1. Grey of a
coloured picture is its luma as Pillow rounds it to 8 bit, whatever file it comes from; 16 bits a colour become their
upper 8, as Pillow reads them, and so do 16 bits of grey whose lower 8 are all empty. What is transparent is put on
black, and the storage note says so: what would lie behind it is not in the file.

IDX is the format of MNIST: (n, height, width) bytes. CIFAR's are the binary batches, of 10 or 100 classes; the pickled
ones are never read.
"""

import gzip
import math
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from verifier.base.errors import InputError, printable
from verifier.base.files import open_regular
from verifier.data.batch import Batch
from verifier.data.intensity import LEVELS
from verifier.data.tensor import CHUNK_CELLS, MAX_WHOLE
from verifier.image.extra import Backed
from verifier.image.view import IMAGE_SUFFIXES, PICTURE_SUFFIXES, ImageView

MAX_PIXELS = 2**26
"""Most pixels of a picture; the header is asked before anything is decoded."""

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")
JPEG = ("JPEG", "MPO")
"""MPO is what Pillow calls a JPEG file that carries more pictures behind the first, as phones write them: a preview, a
depth map, the light for brighter screens. The first is the picture.
"""
_GREY = {"L", "1", "LA"}
_COLOUR = {"RGB", "RGBA", "RGBX", "P", "PA", "CMYK", "YCbCr"}
_DEEP = {"I", "I;16", "I;16B", "I;16L", "I;16N"}
ON_ITS_SIDE = (5, 6, 7, 8)
"""Orientations of EXIF by which lines become columns."""
_CIFAR_SIDE = 32
_CIFAR = {1: (10,), 2: (20, 100)}
"""Labels before a record -> how many values each can have."""


def is_image(name: str) -> bool:
    """Whether a file of that name holds pictures: by its suffix, or as MNIST's files are called, which have none; their
    labels do not.
    """
    lower = name.lower()
    if re.search(r"idx3[-.]ubyte(\.gz)?$", lower):
        return True
    if re.search(r"idx1[-.]ubyte(\.gz)?$|labels?[^/]*\.(idx|ubyte|gz)$", lower):
        return False
    return lower.endswith("idx3-ubyte") or Path(lower).suffix in IMAGE_SUFFIXES


def read_images(path: Path, view: ImageView, *, name: str) -> Iterator[Batch]:
    """The pictures in a file, at most CHUNK_CELLS values a Batch unless one picture gives more.

    A picture is the sample ``name``, those of IDX and CIFAR are ``name[i]``; each is its own group. Under ``cut:
    tiles`` a picture that is larger than the view gives tiles of it, called ``name@row,column`` by the pixel in their
    top left corner, all in the group of the picture. Raises InputError before the first Batch for whatever is wrong: a
    size that is not the view's, or is less than a tile; damage; a mode that is not read; more than MAX_PIXELS.
    """
    lower = path.name.lower()
    suffix = Path(lower).suffix
    if suffix in PICTURE_SUFFIXES:
        picture = _picture(path, view, name)
        yield _batch(picture.pixels[None], [name], view, name, picture)
        return
    of_all = data_set(path, name)
    height, width = of_all.shape[-2:]
    _require_size(height, width, view, name)
    at_once = max(1, CHUNK_CELLS // (view.channels * height * width))
    for at in range(0, len(of_all), at_once):
        some = of_all[at : at + at_once]
        names = [f"{name}[{i}]" for i in range(at, at + len(some))]
        yield _batch(_in_planes(some, view, name), names, view, name)


def data_set(path: Path, name: str) -> NDArray[np.uint8]:
    """(n, height, width) grey pictures of an IDX file, or (n, 3, height, width) of a binary batch of CIFAR. Raises
    InputError for a file that is none, or is damaged.
    """
    return _cifar(path, name) if path.suffix.lower() == ".bin" else _idx(path, name)


@contextmanager
def opened(path: Path, name: str) -> Iterator[Image.Image]:
    """The picture in a file, of which the header was read. Raises InputError for damage, there and within the block,
    and for more than MAX_PIXELS.
    """
    with open_regular(path, name) as file, warnings.catch_warnings():
        # Pillow warns of odd metadata, and of many pixels, which is refused below.
        warnings.simplefilter("ignore")
        try:
            # The formats are named because Pillow would also take PostScript, and run an interpreter for it.
            image: Image.Image = Image.open(file, formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise InputError(name, f"expected a picture of at most {MAX_PIXELS:,} pixels, found more") from error
        except Exception as error:
            raise _damage(name, error) from error
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise InputError(name, f"expected a picture of at most {MAX_PIXELS:,} pixels, found {width} x {height}")
        yield image


def decoded(image: Image.Image, name: str) -> Image.Image:
    """The picture with its pixels. Raises InputError for damage."""
    try:
        image.load()
    except Exception as error:
        # Pillow documents no class for damaged files. Only its call stands in this block.
        raise _damage(name, error) from error
    return image


def batch_of_image(image: Any, view: ImageView, name: str) -> Batch:
    """The samples of an image of PIL; see ``read_images``."""
    turned = ImageOps.exif_transpose(image)
    width, height = turned.size
    _require_size(height, width, view, name)
    picture = _Picture(*_pixels(turned, view, name), image.format in JPEG)
    return _batch(picture.pixels[None], [name], view, name, picture)


def settings_like(path: Path, name: str) -> dict[str, int]:
    """The height, the width and the channels of a view that has room for a picture of the file. Raises InputError."""
    lower = path.name.lower()
    if lower.endswith(PICTURE_SUFFIXES):
        with open_regular(path, name) as file:
            try:
                image: Image.Image = Image.open(file, formats=_FORMATS)
            except Exception as error:
                raise _damage(name, error) from error
            width, height = image.size
            return {"height": height, "width": width, "channels": 1 if image.mode in _GREY | _DEEP else 3}
    if lower.endswith(".bin"):
        return {"height": _CIFAR_SIDE, "width": _CIFAR_SIDE, "channels": 3}
    height, width = _idx(path, name).shape[1:]
    return {"height": height, "width": width, "channels": 1}


def _require_size(height: int, width: int, view: ImageView, name: str) -> None:
    if (height, width) == (view.height, view.width):
        return
    wanted, found = f"{view.width} x {view.height} pixels", f"found {width} x {height}"
    if view.cut == "tiles":
        if height < view.height or width < view.width:
            raise InputError(name, f"expected at least {wanted} for one tile, {found}")
        return
    larger = height >= view.height and width >= view.width
    advice = "; crop or resize them as the corpus was, or learn from pictures of that size"
    advice += ", or from their parts with --view cut=tiles" if larger else ""
    raise InputError(name, f"expected {wanted}, as the view has, {found}{advice}")


def _batch(
    pictures: NDArray[Any], names: Sequence[str], view: ImageView, place: str, file: "_Picture | None" = None
) -> Batch:
    """(n, channels, height, width), uint8 or float32, of the view's size or larger, as samples; all of the ``file``."""
    _, channels, height, width = pictures.shape
    _require_size(height, width, view, place)
    of_all, per_picture = list(names), 1
    if (height, width) != (view.height, view.width):
        corners = _corners(height, width, view)
        of_all, per_picture = [f"{name}@{row},{column}" for name in names for row, column in corners], len(corners)
        tiles = [pictures[:, :, y : y + view.height, x : x + view.width] for y, x in corners]
        pictures = np.stack(tiles, axis=1)
    values = LEVELS[pictures] if pictures.dtype == np.uint8 else pictures
    values = values.reshape(-1, channels * view.height, view.width)
    groups = [name for name in names for _ in range(per_picture)]
    batch = Batch.of(view, values, names=of_all, groups=groups)
    if file is None:
        return batch
    return replace(batch, extra=Backed(np.full(len(batch), file.transparent), np.full(len(batch), file.jpeg)))


def _corners(height: int, width: int, view: ImageView) -> list[tuple[int, int]]:
    """(row, column) of the first pixel of each tile: all of them, or at most ``tiles`` of a grid as wide as can be."""
    down, across = height // view.height, width // view.width
    rows, columns = down, across
    if view.tiles is not None and view.tiles < down * across:
        # As many per line as lines, for the shape of the picture.
        rows = min(down, view.tiles, max(1, round(math.sqrt(view.tiles * down / across))))
        columns = min(across, view.tiles // rows)
        rows = min(down, view.tiles // columns)
    return [
        (_spread(i, rows, down) * view.height, _spread(j, columns, across) * view.width)
        for i in range(rows)
        for j in range(columns)
    ]


def _spread(i: int, chosen: int, total: int) -> int:
    """Of ``total`` places, number i of ``chosen`` that lie evenly: in the middle if there is one."""
    return (2 * i + 1) * total // (2 * chosen)


def _in_planes(pixels: NDArray[np.uint8], view: ImageView, name: str) -> NDArray[np.uint8]:
    """(n, height, width) or (n, 3, height, width) as (n, channels of the view, height, width)."""
    if pixels.ndim == 3:
        if view.channels == 3:
            raise InputError(name, "expected pictures in colour, as the view has 3 channels, found grey")
        return pixels[:, None]
    if view.channels == 3:
        return pixels
    # The integers of Pillow's own conversion, so that luma is the same from every kind of file.
    shares = np.array([19595, 38470, 7471], np.uint32)
    weighted = np.einsum("c,nchw->nhw", shares, pixels, dtype=np.uint32)
    return np.asarray((weighted + 0x8000) >> 16, np.uint8)[:, None]


class _Picture(NamedTuple):
    """pixels (channels, height, width) uint8, or float32 where the file has 16 bits; whether any of it was transparent;
    whether the file is one of JPEG.
    """

    pixels: NDArray[Any]
    transparent: bool
    jpeg: bool


def _picture(path: Path, view: ImageView, name: str) -> _Picture:
    with opened(path, name) as image:
        width, height = image.size
        try:
            if (frames := getattr(image, "n_frames", 1)) > 1 and image.format not in JPEG:
                raise InputError(name, f"expected one picture, found {frames:,} frames or pages; save each as a file")
            # Of a TIFF, Pillow gives the size that it has once it is turned.
            if image.format != "TIFF" and image.getexif().get(ExifTags.Base.Orientation, 1) in ON_ITS_SIDE:
                width, height = height, width
            _require_size(height, width, view, name)
            pixels, transparent = _pixels(ImageOps.exif_transpose(image), view, name)
            jpeg = image.format in JPEG
        except InputError:
            raise
        except Exception as error:
            # Pillow documents no class for damaged files: OSError, SyntaxError, ValueError and struct.error come out,
            # and others. Only its calls stand in these blocks.
            raise _damage(name, error) from error
    if pixels.shape[1:] != (height, width):
        raise InputError(name, f"expected {width} x {height} pixels, as the header says, found another number")
    return _Picture(pixels, transparent, jpeg)


def _damage(name: str, error: Exception) -> InputError:
    found = printable(f"{type(error).__name__}: {error}".split("\n", 1)[0])[:200]
    return InputError(name, f"expected a whole picture ({', '.join(_FORMATS)}), found damage ({found})")


def _pixels(image: Image.Image, view: ImageView, name: str) -> tuple[NDArray[Any], bool]:
    if image.mode in _DEEP:
        if view.channels == 3:
            raise InputError(name, f"expected a picture in colour, as the view has 3 channels, found mode {image.mode}")
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise InputError(name, f"expected grey from 0 to 65535, found {values.min()} to {values.max()}")
        full = 65280 if values.max() > 255 and not (values & 255).any() else 65535
        return (values / full).astype(np.float32)[None], False
    if image.mode not in _GREY | _COLOUR:
        advice = "; save floating-point pictures as an array, from 0 to 1, with numpy.save" if image.mode == "F" else ""
        raise InputError(name, f"expected grey or colour of 1, 8 or 16 bits, found mode {image.mode}{advice}")
    transparent = False
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        if transparent := bool((np.asarray(seen.getchannel("A")) < 255).any()):
            on_black = Image.alpha_composite(Image.new("RGBA", seen.size, (0, 0, 0, 255)), seen)
            image = on_black.convert("L" if image.mode in _GREY else "RGB")
    if view.channels == 1:
        # Straight from a palette to grey, Pillow rounds twice.
        base = image if image.mode in _GREY | {"RGB"} else image.convert("RGB")
        return np.array(base.convert("L"))[None], transparent
    if image.mode in _GREY:
        raise InputError(name, f"expected a picture in colour, as the view has 3 channels, found mode {image.mode}")
    return np.ascontiguousarray(np.array(image.convert("RGB")).transpose(2, 0, 1)), transparent


def _idx(path: Path, name: str) -> NDArray[np.uint8]:
    """(n, height, width) of an IDX file, gzipped or not; whole, so that damage is found before the first picture."""
    data = _whole(path, name, packed=path.suffix.lower() == ".gz")
    if len(data) < 4 or data[:2] != b"\0\0":
        raise InputError(name, "expected an IDX file, which begins with two zero bytes, found something else")
    kind, axes = data[2], data[3]
    if kind != 8 or axes != 3:
        labels = " (labels)" if axes == 1 else ""
        raise InputError(name, f"expected IDX bytes of 3 axes, found type {kind:#04x} of {axes} axes{labels}")
    if len(data) < 16:
        raise InputError(name, "expected three extents after the header, found the end")
    n, height, width = struct.unpack(">3I", data[4:16])
    if n * height * width + 16 != len(data) or not n * height * width:
        wanted = f"{n} x {height} x {width} bytes and 16 of header"
        raise InputError(name, f"expected {wanted}, at least one picture, found {len(data):,} bytes")
    return np.frombuffer(data, np.uint8, offset=16).reshape(n, height, width)


def _cifar(path: Path, name: str) -> NDArray[np.uint8]:
    """(n, 3, 32, 32) of a binary batch: records of one label or two, and a red, a green and a blue plane."""
    data = np.frombuffer(_whole(path, name, packed=False), np.uint8)
    cells = 3 * _CIFAR_SIDE**2
    for labels, classes in _CIFAR.items():
        if len(data) and len(data) % (labels + cells) == 0:
            records = data.reshape(-1, labels + cells)
            if (records[:, :labels] < np.array(classes)).all():
                return records[:, labels:].reshape(-1, 3, _CIFAR_SIDE, _CIFAR_SIDE)
    raise InputError(
        name,
        f"expected a binary batch of CIFAR: records of 1 or 2 labels and {cells} bytes, found {len(data):,} bytes"
        " that are none",
    )


def _whole(path: Path, name: str, *, packed: bool) -> bytes:
    with open_regular(path, name) as file:
        stream: Any = gzip.GzipFile(fileobj=file) if packed else file
        try:
            data: bytes = stream.read(MAX_WHOLE + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(name, f"expected a whole file, found damage: {printable(error)}") from error
    if len(data) > MAX_WHOLE:
        raise InputError(name, f"expected at most {MAX_WHOLE:,} bytes of pictures, found more; split the file")
    return data
