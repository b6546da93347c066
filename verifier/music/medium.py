"""Symbolic music as a medium."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.axes import Axes
from verifier.data.batch import Batch
from verifier.data.medium import Baseline, Cell, Classes, Found, Medium, ObjectReader, SampleWriter
from verifier.data.pieces import Extent, Piece
from verifier.music.notes import Notes
from verifier.music.read.symbolic import SYMBOLIC_SUFFIXES, music21_work, read_notes
from verifier.music.samples import roll_view, sounding_cells
from verifier.music.storage import CUT_SHORT, MusicStorage, unquantised, wider
from verifier.music.view import PianoRollView

if TYPE_CHECKING:
    from rich.text import Text

    from verifier.data.container import Container
    from verifier.judge.degraded import Degradation
    from verifier.judge.sets import SetCheck
    from verifier.rule.fault import Fault
    from verifier.rule.rule import Rule, Violation

OF_PIECE = "numpy.nan_to_num(numpy.array(p, float), nan=-1).astype(int).T"
"""Integers of voices x steps of a piece of steps x voices, as in the arrays of JSB Chorales."""


class MusicMedium(Medium):
    """Piano rolls of MIDI files and scores, with voices."""

    name = "piano-roll"
    view = PianoRollView
    spec_format = 3
    suffixes = SYMBOLIC_SUFFIXES
    rules = "verifier.music.rules"
    storage = MusicStorage
    whole_pieces = True
    copies = (".musicxml", ".mid")
    from_object = OF_PIECE

    def piece(self, path: Path, *, name: str, group: str) -> Piece:
        return read_notes(path, name=name, group=group)

    def work(self, path: Path, *, name: str, group: str) -> Piece:
        notes = read_notes(path, name=name, group=group)
        if not len(notes.onsets):
            raise InputError(name, "expected at least one pitched note, found none")
        return notes

    def named_file(self, name: str) -> Path | None:
        return music21_work(name)

    def extent(self, piece: Notes, view: PianoRollView) -> Extent | None:
        from verifier.music.piano_roll import cuts_of, total_steps

        cuts = cuts_of(piece, view)
        return Extent(len(cuts), max((length for _, length in cuts), default=total_steps(piece, view)))

    def batch_of(self, pieces: Sequence[Notes], view: PianoRollView, *, keep_source: bool = False) -> Batch:
        from verifier.music.piano_roll import batch_of

        return batch_of(pieces, view)

    def grouped(self, pieces: Sequence[Notes]) -> list[Piece]:
        from verifier.music.duplicates import grouped

        return list(grouped(pieces))

    def digest(self, pieces: Sequence[Notes]) -> str:
        from verifier.music.archive import digest

        return digest(pieces)

    def axes(self, shape: tuple[int, ...], dtype: np.dtype[Any], view: PianoRollView, name: str) -> Axes:
        from verifier.music.axes import roll_axes

        return roll_axes(shape, dtype, view, name)

    def advice(self, path: Path, view: PianoRollView) -> str:
        from verifier.music.array_advice import of_lists

        return of_lists(path, view)

    def objects(self) -> Mapping[tuple[str, str], ObjectReader]:
        from verifier.music.read.objects import READERS

        return READERS

    def place(self, batch: Batch, i: int, step: int) -> str:
        from verifier.music.words import where

        return where(batch, i, step)

    def cell(self, batch: Batch, row: int, step: int) -> Cell:
        return Cell((batch.view.lowest_pitch + row,), "", ())  # type: ignore[attr-defined]  # of a piano roll

    def sounding(self, batch: Batch, i: int, step: int) -> tuple[int, ...]:
        from verifier.music.features.durations import sounding_pitches

        return sounding_pitches(batch, i, step)

    def describe(self, view: PianoRollView) -> str:
        from verifier.music.words import view_in_words

        return view_in_words(view)

    def storage_of(self, batch: Batch) -> Mapping[str, Any]:
        from verifier.music.features.stored import storage_counts

        return storage_counts(batch)

    def misfit(self, batch: Batch, chosen: Collection[str]) -> str:
        if "steps-per-quarter" in chosen:
            return ""
        return unquantised(MusicStorage(**self.storage_of(batch)), float(roll_view(batch).steps_per_quarter))

    def better_view(self, facts: MusicStorage, view: PianoRollView) -> str:
        return wider(facts, view.lowest_pitch, view.highest_pitch)

    def confounds(self, corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
        return samples.against(corpus)

    def unknown(self, corpus: MusicStorage | None, samples: MusicStorage) -> Mapping[str, str]:
        return samples.unknown(corpus)

    def set_checks(self) -> "Sequence[SetCheck] | None":
        from verifier.judge.empty_samples import EmptySamples
        from verifier.music.memorisation import Memorisation
        from verifier.music.near_duplicates import NearDuplicates

        return (EmptySamples(), NearDuplicates(), Memorisation())

    def container(self) -> "Container":
        from verifier.music.container import MusicContainer

        return MusicContainer()

    def faults(self) -> "Mapping[str, Fault]":
        from verifier.music.faults import FAULTS

        return FAULTS

    def degradations(self) -> "Mapping[str, Degradation]":
        from verifier.music.degradations import DEGRADATIONS

        return DEGRADATIONS

    def degraded(self, corpus: MusicStorage, samples: MusicStorage) -> tuple[str, float] | None:
        return samples.degraded(corpus)

    def degraded_pieces(
        self, corpus: MusicStorage, lengths: NDArray[np.int64], piece: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        shares = np.bincount(piece, lengths) / np.bincount(piece) / corpus.share("steps", "samples")
        return np.where(shares < CUT_SHORT, 1 - shares, 0.0)

    def baselines(self) -> Mapping[str, Baseline]:
        from verifier.music.edits import BASELINES

        return BASELINES

    def cells(self, batch: Batch) -> NDArray[np.float32]:
        return sounding_cells(batch).astype(np.float32)

    def speaks(self, batch: Batch) -> NDArray[np.bool_]:
        return np.asarray(sounding_cells(batch).any(axis=(1, 2)))

    def classes(self, batch: Batch) -> Classes | None:
        from verifier.music.features.scalars import longest_pitch_class

        return Classes(longest_pitch_class(batch), 12, "pitch class that sounds longest")

    def sample_writer(self, view: PianoRollView, place: object) -> SampleWriter:
        from verifier.music.midi_file import resolution, write_midi

        resolution(view)  # refuses a grid

        def write_sample(path: Path, values: NDArray[np.float32]) -> int:
            roll = values >= np.float32(view.threshold)
            write_midi(path, roll, view)
            return int(np.flatnonzero(roll.any(axis=0)).max(initial=-1)) + 1

        return write_sample

    def lines(self, batch: Batch, i: int, violations: "Sequence[Violation]") -> "list[Text]":
        from verifier.music.draw import roll_lines

        return roll_lines(batch, i, violations)

    def draw(self, path: Path, rules: "Sequence[Rule]", batch: Batch, found: Found, shown: int) -> None:
        from verifier.music.draw import write

        write(path, batch, found, shown)

    def require_copy(self, path: Path, batch: Batch, found: Found, shown: int) -> None:
        from verifier.music.annotate import require_possible

        require_possible(path, batch, found, shown)

    def annotate(self, path: Path, batch: Batch, found: Found, shown: int) -> None:
        from verifier.music.annotate import write

        write(path, batch, found, shown)


MEDIUM = MusicMedium()
