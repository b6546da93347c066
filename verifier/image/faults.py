"""Faults of pictures, see ``verifier.music.faults``: what an editor or a web page does to a picture that is made.

Each works on the planes of a picture (height, width), one by one unless it says otherwise, and rounds to 8 bits as a
file would: what is planted is the processing, not values that no file can hold.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from verifier.data.batch import Batch
from verifier.image.features.pixel_differences import levels
from verifier.image.features.planes import planes
from verifier.rule.fault import Fault, fault

Plane = NDArray[np.float32]
FAULTS: dict[str, Fault] = {}
"""Every fault of pictures by the name that it has on the command line."""
KERNEL = 1.0
"""Deviation in pixels of the blur that sharpening takes away."""


@fault(FAULTS, "jpeg", "JPEG", "100 - quality", doses=(2, 10, 25, 50, 80), largest=99, whole=True)
def jpeg(batch: Batch, dose: float, rng: Generator) -> Batch:
    """The picture goes through a JPEG file, colours at half their size. Dose: 100 less Pillow's quality."""
    return _through_files(batch, "JPEG", 100 - int(dose))


def blur_by_boxes(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Pillow's Gaussian blur, which is made of boxes and rounds in between. Dose: its radius in pixels."""

    def blurred(plane: Plane, _: Generator) -> NDArray[Any]:
        image = Image.fromarray(levels(plane).astype(np.uint8))
        return np.asarray(image.filter(ImageFilter.GaussianBlur(dose)), np.float32) / np.float32(255)

    return _by_plane(batch, blurred, rng)


def webp(batch: Batch, dose: float, rng: Generator) -> Batch:
    """The picture goes through a lossy WebP file. Dose: 100 less Pillow's quality."""
    return _through_files(batch, "WEBP", 100 - int(dose))


@fault(FAULTS, "gaussian-blur", "a Gaussian blur", "deviation in pixels", doses=(0.3, 0.5, 0.7, 1, 2))
def gaussian_blur(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Pixels run into their neighbours. Dose: standard deviation of the Gaussian, in pixels."""
    return _by_plane(batch, lambda plane, _: scipy.ndimage.gaussian_filter(plane, dose, mode="nearest"), rng)


@fault(
    FAULTS,
    "enlarged",
    "pictures shrunk and enlarged again",
    "share of each side lost",
    doses=(0.1, 0.25, 0.5, 0.75),
    largest=1,
)
def enlarge(batch: Batch, dose: float, rng: Generator) -> Batch:
    """The picture is made smaller and enlarged again, both bicubic. Dose: the share of each side that it loses."""
    return _resized(batch, 1 - dose, Image.Resampling.BICUBIC, rng)


@fault(
    FAULTS,
    "enlarged-bilinear",
    "pictures shrunk and enlarged again, bilinear",
    "share of each side lost",
    doses=(0.1, 0.25, 0.5, 0.9),
    largest=1,
)
def enlarge_bilinear(batch: Batch, dose: float, rng: Generator) -> Batch:
    """The picture is made smaller and enlarged again, both bilinear. Dose: the share of each side that it loses."""
    return _resized(batch, 1 - dose, Image.Resampling.BILINEAR, rng)


def shrink(batch: Batch, dose: float, rng: Generator) -> Batch:
    """The picture is enlarged and made smaller again, both bicubic: no fault, since more of it does not do more. Dose:
    the share of each side that it gains.
    """
    return _resized(batch, 1 + dose, Image.Resampling.BICUBIC, rng)


def shrink_bilinear(batch: Batch, dose: float, rng: Generator) -> Batch:
    """As ``shrink``, but both bilinear."""
    return _resized(batch, 1 + dose, Image.Resampling.BILINEAR, rng)


@fault(
    FAULTS, "median", "pixels mixed with the median around them", "weight of the median", doses=(0.1, 0.3, 1), largest=1
)
def median(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Each pixel is mixed with the median of the 3 x 3 around it. Dose: weight of the median."""

    def edit(plane: Plane, _: Generator) -> NDArray[Any]:
        return np.asarray((1 - dose) * plane + dose * scipy.ndimage.median_filter(plane, size=3, mode="nearest"))

    return _by_plane(batch, edit, rng)


@fault(FAULTS, "sharpened", "pictures sharpened", "times what a blur takes", doses=(0.1, 0.3, 1, 3))
def sharpen(batch: Batch, dose: float, rng: Generator) -> Batch:
    """What a blur of one pixel takes away is added once more. Dose: how much of it."""

    def edit(plane: Plane, _: Generator) -> NDArray[Any]:
        return np.asarray(plane + dose * (plane - scipy.ndimage.gaussian_filter(plane, KERNEL, mode="nearest")))

    return _by_plane(batch, edit, rng)


@fault(FAULTS, "noisy", "noise in every pixel", "deviation in levels of 1/255", doses=(0.5, 1, 2, 5, 10))
def add_noise(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Normal noise is added to each pixel. Dose: its standard deviation, in levels of 1/255."""

    def edit(plane: Plane, own: Generator) -> NDArray[Any]:
        return plane + np.float32(dose / 255) * own.standard_normal(plane.shape, np.float32)

    return _by_plane(batch, edit, rng)


@fault(FAULTS, "posterised", "values rounded to fewer levels", "bits lost", doses=(1, 2, 4, 6), largest=7, whole=True)
def posterise(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Values are rounded to fewer levels, black and white among them. Dose: bits lost of the 8."""
    last = 2 ** (8 - int(dose)) - 1
    return _by_plane(batch, lambda plane, _: np.rint(plane * last) / last, rng)


@fault(FAULTS, "brightened", "a brighter gamma", "gamma - 1", doses=(0.05, 0.2, 0.5, 1))
def brighten(batch: Batch, dose: float, rng: Generator) -> Batch:
    """A gamma curve lifts all but black and white: v becomes v^(1 / (1 + dose)). Dose: that of the formula."""
    return _by_plane(batch, lambda plane, _: plane ** np.float32(1 / (1 + dose)), rng)


def invert(batch: Batch, dose: float, rng: Generator) -> Batch:
    """Black becomes white: no fault, since it has no dose."""
    return _with_planes(batch, 255 - levels(planes(batch)))


def _resized(batch: Batch, scale: float, how: Image.Resampling, rng: Generator) -> Batch:
    """Each plane at another size and back, rounded to 8 bits at both, as files would."""

    def edit(plane: Plane, _: Generator) -> NDArray[Any]:
        height, width = plane.shape
        size = max(1, round(scale * width)), max(1, round(scale * height))
        image = Image.fromarray(levels(plane).astype(np.uint8)).resize(size, how)
        return np.asarray(image.resize((width, height), how)) / np.float32(255)

    return _by_plane(batch, edit, rng)


def _by_plane(batch: Batch, edit: Callable[[Plane, Generator], NDArray[Any]], rng: Generator) -> Batch:
    """Each plane of each picture as ``edit`` gives it. Every picture has a generator of its own."""
    found = planes(batch).copy()
    for picture, seed in zip(found, rng.integers(2**63, size=len(batch)), strict=True):
        own = np.random.default_rng(seed)
        for plane in picture:
            plane[:] = edit(plane, own)
    return _with_planes(batch, levels(found))


def _with_planes(batch: Batch, pixels: NDArray[Any]) -> Batch:
    """The pictures whose planes are ``pixels`` (n, channels, height, width), in levels of 1/255."""
    values = batch.values.astype(np.float32)
    _, channels, height, width = pixels.shape
    values[:, :, :width] = pixels.reshape(-1, channels * height, width) / np.float32(255)
    return batch.with_values(values)


def _through_files(batch: Batch, form: str, quality: int) -> Batch:
    """The pictures as they come back from lossy files of a format of Pillow; grey ones as grey."""
    pixels = levels(planes(batch)).astype(np.uint8)
    for picture in pixels:
        image = Image.fromarray(picture[0] if len(picture) == 1 else np.ascontiguousarray(picture.transpose(1, 2, 0)))
        file = io.BytesIO()
        image.save(file, form, quality=quality)
        back = np.asarray(Image.open(file).convert(image.mode))
        picture[:] = back[None] if back.ndim == 2 else back.transpose(2, 0, 1)
    return _with_planes(batch, pixels)
