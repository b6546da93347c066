"""Pictures as a medium."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from verifier.data.axes import Axes
from verifier.data.batch import Batch
from verifier.data.medium import Baseline, Cell, Found, Medium, ObjectReader
from verifier.data.pieces import Extent
from verifier.image.pixels import PixelPiece
from verifier.image.storage import ImageStorage
from verifier.image.view import IMAGE_SUFFIXES, PICTURE_SUFFIXES, ImageView

if TYPE_CHECKING:
    from rich.text import Text

    from verifier.data.container import Container
    from verifier.judge.degraded import Degradation
    from verifier.rule.fault import Fault
    from verifier.rule.rule import Rule, Violation

PLANES = ("red", "green", "blue")


class ImageMedium(Medium):
    """Pixels of pictures."""

    name = "image"
    view = ImageView
    rules = "verifier.image.rules"
    suffixes = IMAGE_SUFFIXES
    storage = ImageStorage

    def is_file(self, name: str) -> bool:
        from verifier.image.read import is_image

        return is_image(name)

    def view_like(self, path: Path) -> Mapping[str, Any]:
        from verifier.image.read import settings_like

        return settings_like(path, path.name)

    def is_collection(self, name: str) -> bool:
        return self.is_file(name) and not name.lower().endswith(PICTURE_SUFFIXES)

    def read(self, path: Path, view: ImageView, *, name: str, keep_source: bool = False) -> Iterator[Batch]:
        from verifier.image.read import read_images

        return read_images(path, view, name=name)

    def extent(self, piece: Any, view: ImageView) -> Extent | None:
        return Extent(1, view.width) if isinstance(piece, PixelPiece) else None

    def batch_of(self, pieces: Sequence[Any], view: ImageView, *, keep_source: bool = False) -> Batch:
        from verifier.image.pixels import batch_of_pixels

        if pieces and all(isinstance(piece, PixelPiece) for piece in pieces):
            return batch_of_pixels(pieces, view)
        return super().batch_of(pieces, view)

    def axes(self, shape: tuple[int, ...], dtype: np.dtype[Any], view: ImageView, name: str) -> Axes:
        from verifier.image.axes import picture_axes

        return picture_axes(shape, dtype, view, name)

    def objects(self) -> Mapping[tuple[str, str], ObjectReader]:
        from verifier.image.read import batch_of_image

        return {("PIL", "Image"): batch_of_image}

    def place(self, batch: Batch, i: int, step: int) -> str:
        return ""  # a rule says itself which pixels it means: many look at the whole picture

    def cell(self, batch: Batch, row: int, step: int) -> Cell:
        view: Any = batch.view
        plane = f"{PLANES[row // view.height]} " if view.channels == 3 else ""
        return Cell((), f"{plane}x {step}, y {row % view.height}", (row,))

    def describe(self, view: ImageView) -> str:
        tiles = ", cut into tiles" if view.cut == "tiles" else ""
        return f"pictures of {view.width} x {view.height} pixels, {'grey' if view.channels == 1 else 'colour'}{tiles}"

    def container(self) -> "Container":
        from verifier.image.container import PictureContainer

        return PictureContainer()

    def storage_of(self, batch: Batch) -> Mapping[str, Any]:
        from verifier.image.storage import counts_of

        return counts_of(batch)

    def confounds(self, corpus: ImageStorage, samples: ImageStorage) -> Iterator[str]:
        return samples.against(corpus)

    def faults(self) -> "Mapping[str, Fault]":
        from verifier.image.faults import FAULTS

        return FAULTS

    def degradations(self) -> "Mapping[str, Degradation]":
        from verifier.image.degradations import DEGRADATIONS

        return DEGRADATIONS

    def baselines(self) -> Mapping[str, Baseline]:
        from verifier.values.noise import BASELINES

        return BASELINES

    def planes(self, view: ImageView) -> tuple[int, int, int]:
        return view.channels, view.height, view.width

    def cells(self, batch: Batch) -> NDArray[np.float32]:
        from verifier.image.features.planes import planes

        return planes(batch)

    def height(self, view: ImageView) -> int:
        return view.height

    def lines(self, batch: Batch, i: int, violations: "Sequence[Violation]") -> "list[Text]":
        from verifier.image.draw import shade_lines

        return shade_lines(batch, i, violations)

    def draw(self, path: Path, rules: "Sequence[Rule]", batch: Batch, found: Found, shown: int) -> None:
        from verifier.image.draw import write

        write(path, rules, batch, found, shown)


MEDIUM = ImageMedium()
