"""Tensors of pieces in the layouts and types that training code uses. Nothing of the product writes here."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.music.notes import Notes

STEPS, GRID, LOWEST, PITCHES = 64, 4, 36, 64


class Windows(NamedTuple):
    """Whole windows of 64 sixteenths, from the start of each piece: rolls (n, 128, 64) bool, the pitches of voices
    (n, 4, 64) with -1 for rests, and the piece of each.
    """

    rolls: NDArray[np.bool_]
    voices: NDArray[np.int16]
    pieces: list[int]


Layout = Callable[[Windows], NDArray[Any]]


def windows(pieces: Sequence[Notes]) -> Windows:
    rolls, voices, of = [], [], []
    for i, notes in enumerate(pieces):
        first, last = (np.floor(each * GRID + 0.5).astype(int) for each in (notes.onsets, notes.ends))
        count = int(last.max()) // STEPS
        roll, lines = np.zeros((128, last.max()), np.bool_), np.full((4, last.max()), -1, np.int16)
        for start, end, pitch, part in zip(first, last, notes.pitches, notes.parts, strict=True):
            roll[pitch, start : max(end, start + 1)] = True
            lines[part, start : max(end, start + 1)] = pitch
        rolls.append(roll[:, : count * STEPS].reshape(128, count, STEPS).swapaxes(0, 1))
        voices.append(lines[:, : count * STEPS].reshape(4, count, STEPS).swapaxes(0, 1))
        of += [i] * count
    return Windows(np.concatenate(rolls), np.concatenate(voices), of)


def whole(notes: Notes) -> NDArray[np.bool_]:
    """(64, steps): all of a piece, in the pitches of the view."""
    first, last = (np.floor(each * GRID + 0.5).astype(int) for each in (notes.onsets, notes.ends))
    roll = np.zeros((128, last.max()), np.bool_)
    for start, end, pitch in zip(first, last, notes.pitches, strict=True):
        roll[pitch, start : max(end, start + 1)] = True
    return roll[LOWEST : LOWEST + PITCHES]


def saved(array: NDArray[Any], path: Path) -> Any:
    """The path, or the array itself for a path without a suffix."""
    if path.suffix == ".npz":
        np.savez_compressed(path, samples=array)
    elif path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".torch":
        import torch

        return torch.from_numpy(np.ascontiguousarray(array))
    else:
        return array
    return path


def cells(table: Windows) -> NDArray[np.bool_]:
    """(n, 64, 64) bool: the pitches of the view."""
    return table.rolls[:, LOWEST : LOWEST + PITCHES]


def _cast(dtype: Any, scale: float = 1, shift: float = 0) -> Layout:
    return lambda table: (cells(table) * scale + shift).astype(dtype)


def _soft(table: Windows) -> NDArray[np.float32]:
    """What a sigmoid gives: near 0 and near 1, never there."""
    noise = np.random.default_rng(0).random(cells(table).shape, np.float32) * np.float32(0.02)
    return np.where(cells(table), 1 - noise, noise)


def _with_nan(table: Windows) -> NDArray[np.float32]:
    return np.where(table.voices < 0, np.nan, table.voices).astype(np.float32)


NOTHING_BUT_PITCHES = "voices, attacks, meter, pickup, fermatas"
VOICED = "attacks, meter, pickup, fermatas"
LAYOUTS: dict[str, tuple[Layout, str, str]] = {
    "(n, 64, 64) bool .npz": (cells, ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) bool .npy": (cells, ".npy", NOTHING_BUT_PITCHES),
    "(n, 64, 64) bool, numpy": (cells, "", NOTHING_BUT_PITCHES),
    "(n, 64, 64) float32, torch": (_cast(np.float32), ".torch", NOTHING_BUT_PITCHES),
    "(n, 64, 64) uint8": (_cast(np.uint8), ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) int64": (_cast(np.int64), ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) float16": (_cast(np.float16), ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) float32": (_cast(np.float32), ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) float32, sigmoid": (_soft, ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) uint8, 0 and 127": (_cast(np.uint8, 127), ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) uint8, 0 and 64": (_cast(np.uint8, 64), ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) uint8, 0 and 255": (_cast(np.uint8, 255), ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) float32, -1 and 1": (_cast(np.float32, 2, -1), ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64) float32, -1 and 1, tanh": (lambda t: _soft(t) * 2 - 1, ".npz", NOTHING_BUT_PITCHES),
    "(n, 8, 64) packed bits": (lambda t: np.packbits(cells(t), axis=1), ".npz", NOTHING_BUT_PITCHES),
    "(n, 1, 64, 64) bool": (lambda t: cells(t)[:, None], ".npz", NOTHING_BUT_PITCHES),
    "(n, 64, 64, 1) float32": (lambda t: cells(t)[..., None].astype(np.float32), ".npz", NOTHING_BUT_PITCHES),
    "(n, 128, 64) bool": (lambda t: t.rolls, ".npz", NOTHING_BUT_PITCHES),
    "(n, 128, 64) uint8, 0 and 64": (lambda t: t.rolls.astype(np.uint8) * 64, ".npz", NOTHING_BUT_PITCHES),
    "(n, 4, 64) int16 pitches, -1 rests": (lambda t: t.voices, ".npz", VOICED),
    "(n, 4, 64) int64 pitches, 0 rests": (lambda t: np.maximum(t.voices, 0).astype(np.int64), ".npz", VOICED),
    "(n, 4, 64) float32 pitches, -1 rests": (lambda t: t.voices.astype(np.float32), ".npz", VOICED),
    "(n, 4, 64) float32 pitches, NaN rests": (_with_nan, ".npz", VOICED),
}
"""Name -> what is written, the suffix, and what is lost. Neither dynamics nor register are."""
FAULTY: dict[str, tuple[Layout, str]] = {
    "(n, 64 steps, 64 pitches) bool": (lambda t: cells(t).swapaxes(1, 2), "the axes"),
    "(n, 64 steps, 128 pitches) bool": (lambda t: t.rolls.swapaxes(1, 2), "the axes"),
    "(n, 64 steps, 88 pitches) bool": (lambda t: t.rolls[:, 21:109].swapaxes(1, 2), "the axes"),
    "(n, 88 pitches, 64 steps) bool": (lambda t: t.rolls[:, 21:109], "the lowest pitch"),
    "(n, 64 steps, 4) int16 pitches": (lambda t: t.voices.swapaxes(1, 2), "the axes"),
    "(n, 64, 64) bool, upside down": (lambda t: cells(t)[:, ::-1], "the axes"),
}
