"""Which chord follows which: the transitions between sets of pitch classes that the corpus has."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.base.text import times
from verifier.data.batch import Batch
from verifier.music.features.chroma import (
    CODES,
    TRANSITIONS,
    chord_code,
    chord_name,
    transitions,
    transpose_transitions,
)
from verifier.music.features.durations import sounding_pitches
from verifier.music.features.roll import scan
from verifier.rule.charts import Graph, Panel
from verifier.rule.counted import Events
from verifier.rule.events import EventLocation
from verifier.rule.rule import Count, SparseCounts, option
from verifier.rule.vocabulary import Vocabulary

if TYPE_CHECKING:
    import networkx


class ChromaTransitions(Vocabulary, frozen=True, kw_only=True):
    """The graph of chords: a violation is a change from one set of pitch classes to another that the corpus lacks.

    After TequilaGAN (Valle, Cai and Doshi, arXiv:1807.04919), which counts every pair of neighbouring steps. Here a
    trial is a change of chord unless ``per: step``, because a rate per step falls with a finer grid; and the set may be
    closed under transposition, because a corpus is never large enough to show every chord in every key. The counts are
    those of every pair of steps as it occurred: both options can be edited in the file without learning again.
    """

    invariance: Annotated[
        Literal["none", "transposition"],
        option("whether a transition is also allowed in the keys in which the corpus does not have it"),
    ] = "transposition"
    per: Annotated[
        Literal["change", "step"], option("a trial: a change of chord, or every pair of neighbouring steps (the paper)")
    ] = "change"
    transitions: dict[str, dict[str, Count]] = {}
    """from chord -> to chord -> pairs of neighbouring steps."""

    key_space = TRANSITIONS

    def trial_name(self) -> str:
        return self.per

    def events(self, batch: Batch) -> Events:
        return Events.single(*transitions(scan(batch).codes, batch.lengths))

    def only_trials(self, events: Events) -> Events:
        if self.per == "step":
            return events
        return events.where(events.keys >> 12 != events.keys & (CODES - 1))

    def trial_events(self, batch: Batch) -> Events:
        if self.per == "step":
            return self.events(batch)
        return batch.feature("chroma-changes", _changes)

    def from_yaml(self) -> SparseCounts:
        pairs = [
            (chord_code(origin) << 12 | chord_code(target), count)
            for origin, targets in self.transitions.items()
            for target, count in targets.items()
        ]
        keys, counts = np.array(pairs, np.int64).reshape(-1, 2).T
        return SparseCounts.of(keys, counts)

    def to_yaml(self, table: SparseCounts) -> dict[str, Any]:
        graph: dict[str, dict[str, int]] = {}
        for key, count in zip(table.keys.tolist(), table.counts.tolist(), strict=True):
            graph.setdefault(chord_name(key >> 12), {})[chord_name(key & (CODES - 1))] = count
        return {"transitions": graph}

    def orbit(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        semitones = range(12 if self.invariance == "transposition" else 1)
        return np.stack([transpose_transitions(keys, up) for up in semitones])

    def places(self, batch: Batch, i: int) -> Iterator[EventLocation]:
        codes = scan(batch).codes[i]
        for step in range(1, int(batch.lengths[i])):
            if self.per == "step" or codes[step] != codes[step - 1]:
                key = int(codes[step - 1]) << 12 | int(codes[step])
                yield EventLocation(key, step, 1, sounding_pitches(batch, i, step))

    def key_name(self, key: int) -> str:
        return f"{chord_name(key >> 12)} -> {chord_name(key & (CODES - 1))}"

    def key_of(self, name: str) -> int:
        origin, arrow, target = name.partition("->")
        if not arrow:
            raise InputError(self.name(), f"expected a change such as 'C E G -> C F A', found {name!r}")
        try:
            return chord_code(origin.strip()) << 12 | chord_code(target.strip())
        except InputError as error:
            raise InputError(self.name(), error.problem) from None

    def expected_text(self, key: int, table: SparseCounts) -> str:
        origin, target = key >> 12, key & (CODES - 1)
        best: tuple[int, int, int] | None = None  # (pitch classes that differ, -count, chord)
        shifts = range(12) if self.invariance == "transposition" else range(1)
        for semitones in shifts:
            keys = transpose_transitions(table.keys, semitones)
            from_here = (keys >> 12 == origin) & (keys & (CODES - 1) != origin)
            for follower, count in zip(keys[from_here] & (CODES - 1), table.counts[from_here], strict=True):
                candidate = ((int(follower) ^ target).bit_count(), -int(count), int(follower))
                best = candidate if best is None else min(best, candidate)
        keys_note = " in any key" if self.invariance == "transposition" else ""
        if best is None:
            return f"no chord follows {chord_name(origin)} in the corpus{keys_note}"
        return f"nearest that follows {chord_name(origin)}{keys_note}: {chord_name(best[2])} ({times(-best[1])})"

    def panels(self) -> Iterator[Panel]:
        edges = {
            (origin, target): count
            for origin, targets in self.transitions.items()
            for target, count in targets.items()
            if origin != target
        }
        if edges:
            yield Graph(title=f"the most frequent of {len(edges):,} changes of chord", edges=edges)

    def summary(self) -> Iterator[str]:
        graph = self.graph()
        table = self.from_yaml()
        changes = table.keys >> 12 != table.keys & (CODES - 1)
        keys, counts = table.keys[changes], table.counts[changes]
        yield (
            f"{graph.number_of_nodes():,} chords, {len(keys):,} different changes;"
            f" {int((counts == 1).sum()):,} of these were seen once"
        )
        allowed = self.allowed(table)
        allowed = allowed[allowed >> 12 != allowed & (CODES - 1)]
        yield f"{len(allowed):,} changes are allowed (invariance: {self.invariance})"
        for at in np.argsort(-counts, kind="stable")[:5]:
            yield f"{self.key_name(int(keys[at]))}  {int(counts[at]):,}"

    def graph(self) -> "networkx.DiGraph[str]":
        """The transitions as a directed graph: a node is a chord, ``weight`` of an edge its count."""
        import networkx

        graph: networkx.DiGraph[str] = networkx.DiGraph()
        graph.add_weighted_edges_from(
            (origin, target, count) for origin, targets in self.transitions.items() for target, count in targets.items()
        )
        return graph


def _changes(batch: Batch) -> Events:
    """The changes of chord: the events that are trials, without the many more that are not."""
    codes = scan(batch).codes
    changed = (codes[:, 1:] != codes[:, :-1]) & (np.arange(1, codes.shape[1]) < batch.lengths[:, None])
    samples, steps = np.divmod(np.flatnonzero(changed), max(changed.shape[1], 1))
    keys = codes[samples, steps].astype(np.int64) << 12 | codes[samples, steps + 1]
    return Events.single(samples, keys)
