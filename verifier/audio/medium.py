"""Sound as a medium."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verifier.audio.storage import SoundStorage
from verifier.audio.view import AUDIO_SUFFIXES, MelView
from verifier.data.axes import Axes, cell_axes
from verifier.data.batch import Batch
from verifier.data.medium import Baseline, Cell, Found, Medium, ObjectReader

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.text import Text

    from verifier.data.container import Container
    from verifier.judge.degraded import Degradation
    from verifier.judge.sets import SetCheck
    from verifier.rule.fault import Fault
    from verifier.rule.rule import Rule, Violation


class AudioMedium(Medium):
    """Mel spectrograms of recordings."""

    name = "mel-spectrogram"
    view = MelView
    suffixes = AUDIO_SUFFIXES
    rules = "verifier.audio.rules"
    storage = SoundStorage
    throughout = "throughout"

    def read(self, path: Path, view: MelView, *, name: str, keep_source: bool = False) -> Iterator[Batch]:
        from verifier.audio.read import read_audio

        return read_audio(path, view, name=name, keep_source=keep_source)

    def axes(self, shape: tuple[int, ...], dtype: np.dtype[Any], view: MelView, name: str) -> Axes:
        return cell_axes(shape, view, name, words=("bands", "frames"))

    def objects(self) -> Mapping[tuple[str, str], ObjectReader]:
        from verifier.audio.read import batch_of_pair

        return {("builtins", "tuple"): batch_of_pair}

    def place(self, batch: Batch, i: int, step: int) -> str:
        """``1.28 s``, from the start of the file."""
        from verifier.audio.samples import waves

        view: Any = batch.view
        before = int(waves(batch).before[i]) / max(int(waves(batch).rates[i]), 1)
        return f"{before + (int(batch.starts[i]) + step) * view.hop_length / view.sample_rate:.2f} s"

    def cell(self, batch: Batch, row: int, step: int) -> Cell:
        return Cell((), self.row_names(batch.view)[row], (row,))

    def describe(self, view: MelView) -> str:
        step = view.hop_length / view.sample_rate
        window = "whole recordings" if view.window is None else f"windows of {view.window * step:.3g} s"
        return f"{view.bands} mel bands up to {view.ceiling_hz:,.0f} Hz every {1000 * step:.3g} ms, {window}"

    def row_names(self, view: Any) -> Sequence[str]:
        from verifier.audio.features.mel_spectrogram import band_names

        return band_names(view)

    def storage_of(self, batch: Batch) -> Mapping[str, Any]:
        from verifier.audio.storage import Sounds

        return {"sounds": Sounds.of(batch)}

    def stored_alike(self, batch: Batch, corpus: SoundStorage) -> "NDArray[np.bool_]":
        from verifier.audio import storage

        return storage.stored_alike(corpus, batch)

    def confounds(self, corpus: SoundStorage, samples: SoundStorage) -> Iterator[str]:
        return samples.against(corpus)

    def container(self) -> "Container":
        from verifier.audio.container import SoundContainer

        return SoundContainer()

    def faults(self) -> "Mapping[str, Fault]":
        from verifier.audio.faults import FAULTS

        return FAULTS

    def degradations(self) -> "Mapping[str, Degradation]":
        from verifier.audio.degradations import DEGRADATIONS

        return DEGRADATIONS

    def set_checks(self) -> "Sequence[SetCheck]":
        from verifier.judge.empty_samples import EmptySamples

        return (EmptySamples(),)

    def speaks(self, batch: Batch) -> "NDArray[np.bool_]":
        """Whether a sound is as loud as the view asks of what is not left out; of a spectrogram alone, whether it holds
        anything.
        """
        from verifier.audio.samples import mel_view, waves

        known = waves(batch)
        sounds = known.peaks >= mel_view(batch).quietest
        return np.asarray(np.where(known.rates > 0, sounds, batch.values.any(axis=(1, 2))))

    def baselines(self) -> Mapping[str, Baseline]:
        from verifier.values.noise import BASELINES

        return BASELINES

    def lines(self, batch: Batch, i: int, violations: "Sequence[Violation]") -> "list[Text]":
        from verifier.audio.draw import shade_lines

        return shade_lines(batch, i, violations)

    def draw(self, path: Path, rules: "Sequence[Rule]", batch: Batch, found: Found, shown: int) -> None:
        from verifier.audio.draw import write

        write(path, rules, batch, found, shown)


MEDIUM = AudioMedium()
