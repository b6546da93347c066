"""What picture files tell beside what they show: format, size, the tables of JPEG, metadata; and making them alike."""

import functools
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verifier.base.errors import printable
from verifier.data.container import Container, Equaliser, Property, Stored, counted
from verifier.image.pixels import PixelPiece
from verifier.image.read import JPEG, data_set, decoded, opened
from verifier.image.view import PICTURE_SUFFIXES

PROPERTIES = {
    "format": Property("format", False),
    "size": Property("size", False),
    "width": Property("width", part_of="size"),
    "height": Property("height", part_of="size"),
    "aspect": Property("width over height", part_of="size"),
    "mode": Property("mode", False),
    "bit-depth": Property("bits a channel"),
    "alpha": Property("alpha channel", False),
    "palette": Property("palette", False),
    "file-size": Property("file size", unit="bytes", of_coding=True),
    "bytes-per-pixel": Property("bytes per pixel", of_coding=True, part_of="file-size"),
    "jpeg-quality": Property("JPEG quality"),
    "jpeg-tables": Property("JPEG tables", False, part_of="jpeg-quality"),
    "jpeg-subsampling": Property("JPEG subsampling", False),
    "jpeg-progressive": Property("progressive JPEG", False),
    "exif": Property("EXIF", False),
    "software": Property("software that wrote it", False),
    "colour-profile": Property("colour profile", False),
    "resolution": Property("resolution", False),
    "metadata": Property("other metadata", False),
    "mean-intensity": Property("mean intensity", of_content=True),
}
STRUCTURE = frozenset([
    "jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression", "dpi", "exif", "gamma",
    "icc_profile", "transparency", "compression", "adobe", "adobe_transform", "background", "interlace",
    "extension", "duration", "version", "loop", "mp", "mpoffset", "Software", "srgb", "chromaticity", "timestamp",
])  # fmt: skip
"""What Pillow lists with the metadata, though it is none, or has a property of its own."""
SOFTWARE = 305
"""The EXIF tag of the program that wrote a file."""
SUBSAMPLING = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
ALIGNED = 8
"""Crops begin at a multiple of so many pixels, so that the blocks of a JPEG stay where they were."""


class PictureContainer(Container):
    """Files of pictures."""

    properties = PROPERTIES

    def read(self, path: Path, name: str) -> Iterator[Stored]:
        if path.suffix.lower() in PICTURE_SUFFIXES:
            return iter([_of_file(path, name)])
        format_name = "CIFAR" if path.suffix.lower() == ".bin" else "IDX"
        pixels = data_set(path, name)
        return (_of_pixels(each, f"{name}[{i}]", f"{name}[{i}]", format_name) for i, each in enumerate(pixels))

    def of_piece(self, piece: Any) -> Iterator[Stored]:
        if isinstance(piece, PixelPiece):
            return iter([_of_pixels(piece.pixels, piece.name, piece.group, "IDX")])
        return self.read(piece.path, piece.name)

    def equaliser(self, stored: Sequence[Stored]) -> Equaliser:
        facts = [each.facts for each in stored]
        least = tuple(int(min(float(each[side]) for each in facts)) for side in ("width", "height"))
        grey = any(each["mode"] in ("1", "L", "I", "I;16", "I;16B", "LA", "F") for each in facts)
        qualities = [float(each["jpeg-quality"]) for each in facts if "jpeg-quality" in each]
        lossy = any(each["format"] in (*JPEG, "WEBP") for each in facts)
        return _Equaliser(least, grey, int(min(qualities, default=90)) if lossy else None)


class _Equaliser:
    """Pictures of one size, mode and format, without metadata; ``quality`` of JPEG, None for PNG."""

    def __init__(self, size: tuple[int, ...], grey: bool, quality: int | None) -> None:
        self.size = size
        self.mode = "L" if grey else "RGB"
        self.quality = quality
        self.suffix = ".png" if quality is None else ".jpg"
        self.words: Sequence[str] = (
            f"cut to {size[0]} x {size[1]} pixels from their middle, in the grid of {ALIGNED} pixels that JPEG has",
            "grey of 8 bits" if grey else "RGB of 8 bits",
            "PNG" if quality is None else f"JPEG of quality {quality}, the lowest there is",
            "without metadata",
        )

    def write(self, stored: Stored, path: Path) -> None:
        if isinstance(stored.source, Path):
            with opened(stored.source, stored.name) as image:
                picture = _opaque(decoded(image, stored.name))
        else:
            picture = _image(stored.source)
        left, top = (
            (own - least) // 2 // ALIGNED * ALIGNED for own, least in zip(picture.size, self.size, strict=True)
        )
        picture = picture.convert(self.mode).crop((left, top, left + self.size[0], top + self.size[1]))
        if self.quality is None:
            Image.fromarray(np.asarray(picture)).save(path, "PNG")
        else:
            Image.fromarray(np.asarray(picture)).save(path, "JPEG", quality=self.quality, subsampling=2)


def _of_file(path: Path, name: str) -> Stored:
    size = path.stat().st_size
    with opened(path, name) as image:
        facts = {**_header(image, path), **_metadata(image)}
        picture = _opaque(decoded(image, name))
    width, height = picture.size
    pixels = np.asarray(picture.convert("RGB"))
    facts |= {
        "file-size": size,
        "bytes-per-pixel": size / (width * height),
        "mean-intensity": np.asarray(picture.convert("L")).mean() / 255,
    }
    return _stored(name, name, pixels, facts, path)


def _of_pixels(pixels: NDArray[np.uint8], name: str, group: str, format_name: str) -> Stored:
    """(height, width) or (3, height, width) of a data set."""
    picture = _image(pixels)
    facts = {
        "format": format_name,
        **_shape(picture),
        "mode": picture.mode,
        "bit-depth": 8,
        "mean-intensity": np.asarray(picture.convert("L")).mean() / 255,
    }
    return _stored(name, group, np.asarray(picture.convert("RGB")), facts, pixels)


def _stored(name: str, group: str, pixels: NDArray[np.uint8], facts: dict[str, Any], source: Any) -> Stored:
    content = hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).digest()
    return Stored(name=name, group=group, content=content, facts=counted(facts, PROPERTIES), source=source)


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _opaque(image: Image.Image) -> Image.Image:
    """Without alpha, on black; 16 bits as their upper 8."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.clip(np.asarray(image), 0, 65535) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")
    with_alpha = image.convert("RGBA")
    behind = Image.new("RGBA", with_alpha.size, (0, 0, 0, 255))
    return Image.alpha_composite(behind, with_alpha).convert("L" if image.mode == "LA" else "RGB")


def _shape(image: Image.Image) -> dict[str, Any]:
    width, height = image.size
    return {"size": f"{width} x {height}", "width": width, "height": height, "aspect": width / height}


def _header(image: Image.Image, path: Path) -> dict[str, Any]:
    """What stands there before any pixel."""
    found = {
        "format": image.format,
        **_shape(image),
        "mode": image.mode,
        "bit-depth": _bit_depth(image, path),
        "alpha": image.has_transparency_data,
        "palette": image.mode in ("P", "PA"),
    }
    tables: Any = getattr(image, "quantization", None)
    if image.format in JPEG and tables:
        listed = repr(sorted((number, tuple(table)) for number, table in tables.items()))
        found |= {
            "jpeg-quality": jpeg_quality(tables[min(tables)]),
            "jpeg-tables": f"{zlib.crc32(listed.encode()):08x}",
            "jpeg-progressive": bool(image.info.get("progressive")),
        }
        if image.mode in ("RGB", "YCbCr"):
            from PIL.JpegImagePlugin import get_sampling

            found["jpeg-subsampling"] = SUBSAMPLING.get(get_sampling(image), "other")
    return found


def _bit_depth(image: Image.Image, path: Path) -> int:
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24]
    return {"1": 1, "I": 16, "F": 32}.get(image.mode, 16 if image.mode.startswith("I;16") else 8)


def _metadata(image: Image.Image) -> dict[str, Any]:
    try:
        exif = dict(image.getexif())
        state = "yes" if exif else "no"
    except Exception:
        # Pillow documents no class for damaged metadata, with which a picture is read all the same.
        exif, state = {}, "damaged"
    software = exif.get(SOFTWARE) or image.info.get("Software")
    resolution = image.info.get("dpi")
    other = sorted(str(key) for key in image.info if str(key) not in STRUCTURE)
    return {
        "exif": state,
        "software": printable(software)[:60] if software else "none",
        "colour-profile": "icc_profile" in image.info,
        "resolution": f"{float(resolution[0]):.0f}" if resolution else "none",
        "metadata": printable(", ".join(other))[:60] or "none",
    }


def jpeg_quality(table: Sequence[int]) -> int:
    """The quality, 1 to 100, whose luma table of the Independent JPEG Group is nearest to ``table`` (64 steps, in any
    order).

    >>> jpeg_quality(_luma_tables()[74])
    75
    """
    return int(np.abs(_luma_tables() - np.sort(np.asarray(table, np.int64))).sum(axis=1).argmin()) + 1


@functools.cache
def _luma_tables() -> NDArray[np.int64]:
    """(100, 64) the steps of each quality, sorted: JPEG, annex K, table K.1, scaled as libjpeg does."""
    base = np.array([
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
        14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
        49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ])  # fmt: skip
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return np.sort(np.clip((base * scale[:, None] + 50) // 100, 1, 255), axis=1)
