"""Pieces: the real works that a corpus is made of, whatever the medium, and how they become a Batch under a view."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.audio.view import MelView
from verifier.base.errors import InputError
from verifier.data.batch import Batch, concatenate
from verifier.data.view import View, kind_of
from verifier.data.windows import windows
from verifier.image.view import ImageView
from verifier.music import piano_roll
from verifier.music.notes import Notes
from verifier.music.piano_roll import total_steps
from verifier.music.view import PianoRollView


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording in a file. Recordings of one ``group`` are not independent: of one speaker, or equal."""

    name: str
    group: str
    path: Path


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in a file, or its pixels (height, width) uint8."""

    name: str
    group: str
    source: Path | NDArray[np.uint8]


Piece = Notes | Recording | Picture


def kind_of_piece(piece: Piece) -> str:
    """The kind of view that it can be seen under."""
    if isinstance(piece, Notes):
        return "piano-roll"
    return "mel-spectrogram" if isinstance(piece, Recording) else "image"


def batch_of(pieces: Sequence[Piece], view: View, *, sounds: bool = False) -> Batch:
    """The samples of ``pieces``, one piece after the other; with ``sounds``, recordings are kept in their Waves. Raises
    InputError for a view of another medium, and for a file that cannot be read under it.
    """
    for piece in pieces[:1]:
        if kind_of_piece(piece) != kind_of(view):
            raise InputError(piece.name, f"expected a view of the kind {kind_of_piece(piece)}, found {kind_of(view)}")
    if isinstance(view, PianoRollView):
        return piano_roll.batch_of([piece for piece in pieces if isinstance(piece, Notes)], view)
    pixels = [piece for piece in pieces if isinstance(piece, Picture) and not isinstance(piece.source, Path)]
    if pixels and len(pixels) == len(pieces):
        return _of_pixels(pixels, view)
    found = [
        replace(batch, groups=[piece.group] * len(batch)) for piece in pieces for batch in _of_file(piece, view, sounds)
    ]
    return concatenate(view, found)


def window_counts(pieces: Sequence[Piece], view: View) -> list[int]:
    """How many samples each piece gives. Of music and of pictures in memory this is known without making them."""
    if isinstance(view, PianoRollView):
        return [len(windows(total_steps(piece, view), view)) for piece in pieces if isinstance(piece, Notes)]
    if all(isinstance(piece, Picture) and not isinstance(piece.source, Path) for piece in pieces):
        return [1] * len(pieces)
    return [len(batch_of([piece], view)) for piece in pieces]


def content(piece: Recording | Picture) -> bytes:
    """The sha256 of what a recording or a picture holds: equal for equal files."""
    source = piece.path if isinstance(piece, Recording) else piece.source
    if isinstance(source, Path):
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    shape = np.array(source.shape, "<i8").tobytes()
    return hashlib.sha256(shape + np.ascontiguousarray(source).tobytes()).digest()


def _of_file(piece: Piece, view: View, sounds: bool) -> Any:
    if isinstance(piece, Recording) and isinstance(view, MelView):
        from verifier.audio.read import read_audio

        return read_audio(piece.path, view, name=piece.name, sounds=sounds)
    assert isinstance(piece, Picture)
    assert isinstance(piece.source, Path)
    assert isinstance(view, ImageView)
    from verifier.image.read import read_images

    return read_images(piece.source, view, name=piece.name)


def _of_pixels(pictures: Sequence[Picture], view: View) -> Batch:
    from verifier.values.intensity import LEVELS

    assert isinstance(view, ImageView)
    if view.cut == "tiles" or view.channels != 1:
        raise InputError(pictures[0].name, "expected a view of whole grey pictures, found tiles or channels")
    for picture in pictures:
        height, width = np.asarray(picture.source).shape
        if (height, width) != (view.height, view.width):
            raise InputError(
                picture.name, f"expected a picture of {view.width} x {view.height} pixels, found {width} x {height}"
            )
    return Batch.of(
        view,
        LEVELS[np.stack([np.asarray(picture.source) for picture in pictures])],
        names=[picture.name for picture in pictures],
        groups=[picture.group for picture in pictures],
    )
