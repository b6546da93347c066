"""How values gather on a few levels: the bimodality of a real roll, which a network's output only comes near."""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.intensity import BINS, bin_name, bin_of_name, intensity_bins
from verifier.data.levels import levels
from verifier.data.medium import medium_of
from verifier.rule.counted import counts_of_names, names_of_counts
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts, option
from verifier.rule.vocabulary import Vocabulary


class IntensityModes(Vocabulary, frozen=True, kw_only=True):
    """The modes of the values: levels that hold at least ``mode-share`` of them exactly. A violation is a value that
    lies farther than ``beside`` levels of 1/255 from every mode.

    After TequilaGAN (Valle, Cai and Doshi, arXiv:1807.04919): real piano rolls hold two values, generated ones nearly
    so. The shares of values exactly at a mode, beside one, in between, and outside 0..1 stand beside the count.
    """

    mode_share: Annotated[float, option("least share of all values that makes a level a mode", gt=0, le=1)] = 0.01
    beside: Annotated[int, option("levels of 1/255 around a mode that still belong to it", ge=0, le=255)] = 8
    values: dict[str, Count] = {}
    """'at', 'below' or 'above' a level of 1/255 -> values."""

    key_space = BINS
    media = ("piano-roll", "image")
    hears = "loudness"
    survives = ("band limit", "clipping")
    headline = ("between",)

    def trial_name(self) -> str:
        return "cell"

    def histograms(self, batch: Batch) -> NDArray[Any]:
        return levels(batch)

    def from_yaml(self) -> SparseCounts:
        return counts_of_names(self.values, bin_of_name)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        return {"values": names_of_counts(table, bin_name)}

    def modes(self, table: SparseCounts) -> NDArray[np.int64]:
        """The modes, as bins."""
        exact = (table.keys % 3 == 1) & (
            table.counts >= max(self.mode_share * table.counts.sum(), self.minimum_support)
        )
        return np.asarray(table.keys[exact], np.int64)

    def allowed(self, table: SparseCounts) -> NDArray[np.int64]:
        keys = np.arange(1, BINS - 1)  # without what lies outside 0..1
        modes = self.modes(table)
        if not len(modes):
            return keys  # where there are no modes nothing lies between them
        distance = np.abs(keys[:, None] // 3 - modes // 3)
        return np.asarray(keys[(distance <= self.beside).any(axis=1)], np.int64)

    def measures(self, observed: "IntensityModes") -> dict[str, float]:
        """Shares of the observed values: exactly at, beside, between the learned modes, and outside 0..1."""
        table, own = observed.learned, self.learned
        total = int(table.counts.sum())
        if not total:
            return {}
        exact = np.isin(table.keys, self.modes(own))
        near = np.isin(table.keys, self.allowed(own)) & ~exact
        outside = (table.keys == 0) | (table.keys == BINS - 1)
        shares = {"exact": exact, "beside": near, "between": ~(exact | near | outside), "outside": outside}
        return {name: int(table.counts[mask].sum()) / total for name, mask in shares.items()}

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        values = batch.values[i, :, : int(batch.lengths[i])].astype(np.float32)
        bins = intensity_bins(values)
        cell = medium_of(batch.view).cell
        for step in range(values.shape[1]):
            for row, key in enumerate(bins[:, step].tolist()):
                pitches, words, rows = cell(batch, row, step)
                yield EventLocation(key, step, 1, pitches, words, rows)

    def key_name(self, key: int) -> str:
        if key in (0, BINS - 1):
            return "a value below 0" if key == 0 else "a value above 1"
        return f"a value {bin_name(key)}/255"

    def expected_text(self, key: int, table: SparseCounts) -> str:
        modes = ", ".join(f"{mode // 3}/255" for mode in self.modes(table).tolist())
        return f"within {self.beside}/255 of {modes}" if modes else "from 0 to 1"

    def summary(self) -> Iterator[str]:
        table = self.from_yaml()
        total = max(int(table.counts.sum()), 1)
        at = dict(zip(table.keys.tolist(), table.counts.tolist(), strict=True))
        modes = ", ".join(f"{mode // 3}/255 ({at[mode] / total:.2%})" for mode in self.modes(table).tolist())
        shares = ", ".join(f"{name} {share:.2%}" for name, share in self.measures(self).items())
        yield f"modes: {modes or 'none'}; values {shares}"
