"""The routes by which pictures come, written by Pillow and NumPy."""

import gzip
import io
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from benchmarks.routes_worlds import Route, Written

Edit = Callable[[Image.Image], Image.Image]
EXIF_ORIENTATION = 0x0112


def picture_of(piece: Any) -> Image.Image:
    """The pixels of a piece, of memory or of a file."""
    return Image.fromarray(piece.pixels) if hasattr(piece, "pixels") else _opened(piece.path)


@lru_cache(maxsize=8)
def _opened(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.convert("RGB")


def saved(suffix: str, edit: Edit | None = None, **options: Any) -> Callable[[Sequence[Any], Path], Written]:
    """Each picture in a file of its own."""

    def written(pieces: Sequence[Any], folder: Path) -> Written:
        for i, piece in enumerate(pieces):
            picture = picture_of(piece)
            (edit(picture) if edit else picture).save(folder / f"{i:05}{suffix}", **options)
        return Written(folder)

    return written


def turned(pieces: Sequence[Any], folder: Path) -> Written:
    """As a camera that was held upright stores them: turned, with the EXIF tag that turns them back."""
    for i, piece in enumerate(pieces):
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = 6  # to be turned by 90 degrees clockwise
        picture = picture_of(piece).transpose(Image.Transpose.ROTATE_90)
        picture.save(folder / f"{i:05}.png", exif=exif, compress_level=1)
    return Written(folder)


def opaque(picture: Image.Image) -> Image.Image:
    made = picture.convert("RGBA")
    made.putalpha(255)
    return made


def again(picture: Image.Image, quality: int) -> Image.Image:
    """As it comes out of a JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius))


def resized(picture: Image.Image, by: float) -> Image.Image:
    """Made larger or smaller, and back."""
    size = (round(picture.width * by), round(picture.height * by))
    return picture.resize(size, Image.Resampling.BICUBIC).resize(picture.size, Image.Resampling.BICUBIC)


def scaled(picture: Image.Image, by: float) -> Image.Image:
    """As it comes off a page that shows it at another size."""
    size = (round(picture.width * by), round(picture.height * by))
    return picture.resize(size, Image.Resampling.LANCZOS)


def padded(picture: Image.Image, share: float = 1 / 14) -> Image.Image:
    """Smaller, with a black border round it; of the same size."""
    border = round(min(picture.size) * share)
    inside = picture.resize((picture.width - 2 * border, picture.height - 2 * border), Image.Resampling.BICUBIC)
    return ImageOps.expand(inside, border)


def bordered(picture: Image.Image) -> Image.Image:
    """28 x 28 digits as most networks want them: 32 x 32."""
    return ImageOps.expand(picture, 2)


def stack(pieces: Sequence[Any]) -> NDArray[np.uint8]:
    return np.stack([np.asarray(picture_of(piece)) for piece in pieces])


def tensor(make: Callable[[NDArray[np.uint8]], NDArray[Any]]) -> Callable[[Sequence[Any], Path], Written]:
    def written(pieces: Sequence[Any], folder: Path) -> Written:
        np.savez_compressed(folder / "samples.npz", samples=make(stack(pieces)))
        return Written(folder / "samples.npz", range(len(pieces)))

    return written


def idx(pieces: Sequence[Any], folder: Path, packed: bool = False) -> Written:
    """The format of MNIST."""
    pixels = stack(pieces)
    data = struct.pack(">IIII", 0x803, *pixels.shape) + pixels.tobytes()
    path = folder / ("made-images-idx3-ubyte" + ".gz" * packed)
    path.write_bytes(gzip.compress(data) if packed else data)
    return Written(path, range(len(pieces)))


def objects(pieces: Sequence[Any], folder: Path) -> Written:
    return Written([picture_of(piece) for piece in pieces], range(len(pieces)))


FAST = {"compress_level": 1}


def _ways(name: str) -> list[Route]:
    """Ways that keep every pixel."""
    return [
        Route(f"{name}: PNG", "nothing", saved(".png", **FAST), name),
        Route(f"{name}: PNG with alpha, opaque", "nothing", saved(".png", opaque, **FAST), name),
        Route(f"{name}: BMP", "nothing", saved(".bmp"), name),
        Route(f"{name}: TIFF", "nothing", saved(".tiff"), name),
        Route(f"{name}: TIFF, LZW", "nothing", saved(".tiff", compression="tiff_lzw"), name),
        Route(f"{name}: WebP, lossless", "nothing", saved(".webp", lossless=True, method=0), name),
        Route(f"{name}: EXIF rotation", "nothing", turned, name),
        Route(f"{name}: objects of Pillow", "nothing", objects, name),
    ]


def _processings(name: str) -> list[Route]:
    """What was done to the pixels, which is to be said."""
    edits: dict[str, Edit] = {
        "blur 0.5": partial(blurred, radius=0.5),
        "blur 1": partial(blurred, radius=1),
        "resized by 1.5 and back": partial(resized, by=1.5),
        "resized by 0.5 and back": partial(resized, by=0.5),
        "inverted": ImageOps.invert,
        "padded with black": padded,
    }
    qualities = (95, 90, 75, 50)
    return [
        *(Route(f"{name}: JPEG {q}", "detail", saved(".jpg", quality=q), name, True) for q in qualities),
        *(
            Route(
                f"{name}: JPEG {q}, kept as PNG", "detail", saved(".png", partial(again, quality=q), **FAST), name, True
            )
            for q in qualities
        ),
        Route(f"{name}: WebP, quality 80", "detail", saved(".webp", quality=80), name, True),
        *(Route(f"{name}: {what}", "detail", saved(".png", edit, **FAST), name, True) for what, edit in edits.items()),
    ]


DIGITS = [
    *_ways("mnist"),
    Route("mnist: PNG, RGB", "nothing", saved(".png", lambda picture: picture.convert("RGB")), "mnist"),
    Route("mnist: PNG, palette", "nothing", saved(".png", lambda picture: picture.convert("P")), "mnist"),
    Route(
        "mnist: PNG, 16 bit",
        "nothing",
        saved(".png", lambda p: Image.fromarray(np.asarray(p).astype(np.uint16) * 257)),
        "mnist",
    ),
    Route("mnist: GIF", "nothing", saved(".gif"), "mnist"),
    Route("mnist: IDX", "nothing", idx, "mnist"),
    Route("mnist: IDX, gzip", "nothing", partial(idx, packed=True), "mnist"),
    Route("mnist: tensor (n, 28, 28) uint8", "nothing", tensor(lambda x: x), "mnist"),
    Route(
        "mnist: tensor (n, 1, 28, 28) float32",
        "nothing",
        tensor(lambda x: (x[:, None] / 255).astype(np.float32)),
        "mnist",
    ),
    Route("mnist: tensor (n, 28, 28, 1) uint8", "nothing", tensor(lambda x: x[..., None]), "mnist"),
    Route("mnist: tensor (n, 28, 28) float32, 0 to 255", "nothing", tensor(lambda x: x.astype(np.float32)), "mnist"),
    Route(
        "mnist: tensor (n, 28, 28) float32, -1 to 1",
        "nothing",
        tensor(lambda x: (x / 127.5 - 1).astype(np.float32)),
        "mnist",
    ),
    Route(
        "mnist: tensor (n, 28, 28) float16", "the last bits", tensor(lambda x: (x / 255).astype(np.float16)), "mnist"
    ),
    Route("mnist: tensor (n, 784) uint8", "the lines", tensor(lambda x: x.reshape(len(x), -1)), "mnist", True),
    Route("mnist: 32 x 32, bordered", "size", saved(".png", bordered), "mnist", True),
    Route("mnist: transposed", "the axes", tensor(lambda x: x.swapaxes(1, 2)), "mnist", True),
    Route(
        "mnist: black and white",
        "shades",
        saved(".png", lambda picture: picture.point(lambda value: 255 * (value > 127))),
        "mnist",
        True,
    ),
    *_processings("mnist"),
]
PHOTOS = [
    *_ways("photos"),
    Route("photos: PNG, grey", "colour", saved(".png", lambda picture: picture.convert("L"), **FAST), "photos"),
    Route(
        "photos: PNG, palette of 256",
        "shades",
        saved(".png", lambda picture: picture.quantize(256), **FAST),
        "photos",
        True,
    ),
    Route("photos: half the size", "size", saved(".png", partial(scaled, by=0.5), **FAST), "photos", True),
    *_processings("photos"),
]
ROUTES = [*DIGITS, *PHOTOS]
