"""The sample sets that a command is given: files, or parts of a corpus, or baselines made from one."""

import functools
import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from verifier import corpora
from verifier.base.errors import InputError, printable
from verifier.corpora import Corpus
from verifier.corpora import shipped as generated
from verifier.data.batch import Batch
from verifier.data.pieces import Piece, batch_of, kind_of_piece, window_counts
from verifier.data.view import View, kind_of, require_same_view
from verifier.music.edits import BASELINES, OF_VALUES
from verifier.music.memorisation import Index, build_index
from verifier.music.read.symbolic import music21_work
from verifier.music.view import PianoRollView
from verifier.spec.provenance import CorpusRecord

PARTS = ("learn", "hold-out", "all", *BASELINES)
"""What may stand after the colon of CORPUS:PART. Baselines are made from the hold-out part."""

WINDOWS_AT_ONCE = 1024
"""Windows from which on a Batch takes no further piece."""


class Samples(Protocol):
    """One sample set, one column of a report. ``batches`` can be called again and gives the same samples again."""

    @property
    def label(self) -> str:
        """What was written on the command line."""

    @property
    def total(self) -> int | None:
        """Number of samples, where it is known before they are read."""

    @property
    def unreadable(self) -> Sequence[InputError]:
        """The files left out; complete when the batches have been gone through."""

    def batches(self) -> Iterator[Batch]:
        """The samples, some at a time."""


@dataclass(frozen=True, eq=False)
class CorpusSamples:
    """The windows ``chosen`` (by index, rising) of some pieces of a corpus, as they are or made into a baseline;
    ``counts`` says how many windows each piece has. With ``sounds``, recordings are kept in the Waves of their windows.
    """

    label: str
    view: View
    pieces: Sequence[Piece]
    counts: Sequence[int]
    chosen: NDArray[np.int64]
    baseline: str | None
    seed: int
    sounds: bool = False
    unreadable: Sequence[InputError] = ()

    @property
    def total(self) -> int:
        """Number of samples."""
        return len(self.chosen)

    def batches(self) -> Iterator[Batch]:
        """The samples, some at a time."""
        rng = np.random.default_rng([self.seed, PARTS.index(self.baseline or "all")])
        waiting: list[Piece] = []
        before = count = 0
        for i, (piece, windows) in enumerate(zip(self.pieces, self.counts, strict=True), 1):
            waiting.append(piece)
            count += windows
            if count < WINDOWS_AT_ONCE and i < len(self.pieces):
                continue
            at = self.chosen[(self.chosen >= before) & (self.chosen < before + count)] - before
            if len(at):
                batch = batch_of(waiting, self.view, sounds=self.sounds).take(at)
                yield BASELINES[self.baseline](batch, rng) if self.baseline else batch
            waiting, before, count = [], before + count, 0


def parts_of(corpus: str) -> Sequence[str]:
    """What may stand after the colon of this corpus."""
    medium = next((manifest.medium for manifest in corpora.names() if manifest.name == corpus), "piano-roll")
    own = (part for part in PARTS if medium == "piano-roll" or part not in BASELINES or part in OF_VALUES)
    return (*own, *generated.names(corpus))


def open_samples(
    path: str,
    view: View,
    record: CorpusRecord | None = None,
    *,
    limit: int | None = None,
    seed: int = 0,
    on_error: Literal["stop", "skip"] = "stop",
    sounds: bool = False,
) -> Samples:
    """The sample set that ``path`` names: an existing file or folder, a glob, a score of music21 by name (bwv66.6), or
    CORPUS:PART (see PARTS), where a generator whose samples ship with the package is a part too.

    ``record``, of a spec, says by its split which pieces of a corpus are held out; without it, the default split does.
    If the spec was learned from some of the windows only, these are the part ``learn``.
    ``seed`` has no part in that: it makes the baselines, and with ``limit`` it chooses that many windows of a corpus,
    the same ones for a baseline as for the part that it is made from. Of files the first ones are taken. With
    ``sounds``, recordings are kept in the Waves of their samples.

    Raises InputError for a path that is none of these, and for a part without a window. If the corpus is the one in
    ``record`` but its content is another, a warning on standard error says so.
    """
    corpus_name, colon, part = path.rpartition(":")
    if os.path.exists(path) or (glob.has_magic(path) and part not in PARTS) or (not colon and music21_work(path)):
        from verifier.data.paths import open_path

        return replace(open_path(path, view, limit=limit, on_error=on_error), sounds=sounds)
    if not colon or not _is_corpus(corpus_name):
        raise InputError(path, f"no such file or folder, no score of music21, and no CORPUS:PART ({_possible()})")
    if part in generated.names(corpus_name):
        return _generated(path, corpus_name, part, view, limit)
    if part not in parts_of(corpus_name):
        listed = ", ".join(parts_of(corpus_name))
        raise InputError(path, f"expected a part of {corpus_name} ({listed}), found {part!r}")
    corpus = _loaded(corpus_name)
    if record is not None and part != "all":
        _warn_if_changed(record, corpus, path)
    learned, held_out = corpora.split(corpus, record.split if record is not None else None)
    pieces = {"all": corpus.pieces, "learn": learned}.get(part, held_out)
    if kind_of_piece(corpus.pieces[0]) != kind_of(view):
        raise InputError(path, f"expected a corpus for a view of the kind {kind_of(view)}, found one of another medium")
    counts = window_counts(pieces, view)
    total = sum(counts)
    if not total:
        raise InputError(
            path, f"expected at least one window, found none in {len(pieces)} of {len(corpus.pieces)} pieces"
        )
    chosen = np.arange(total)
    if part == "learn" and record is not None and record.sampling and record.name == corpus.name:
        chosen = choose(total, record.sampling.windows, record.sampling.seed)  # those that were learned from, no others
    if limit is not None:
        chosen = chosen[choose(len(chosen), limit, seed)]
    return CorpusSamples(path, view, pieces, counts, chosen, part if part in BASELINES else None, seed, sounds)


def _generated(path: str, corpus: str, name: str, view: View, limit: int | None) -> Samples:
    from verifier.corpora import trained as folder
    from verifier.data.paths import open_path

    file = generated.samples_of(corpus, name)
    require_same_view(view, folder.load(file.parent).view, f"the spec and {path}")
    return replace(open_path(str(file), view, limit=limit), label=path)


def learned_index(record: CorpusRecord, view: View) -> Index | None:
    """The part of the corpus that a spec was learned from, to find copies of; None if it is not at hand unchanged."""
    if not isinstance(view, PianoRollView) or not corpora.at_hand(record.name):
        return None
    corpus = _loaded(record.name)
    if corpus.provenance.sha256 != record.sha256:
        return None
    learned, _ = corpora.split(corpus, record.split)
    return whole_index(learned, view)


def whole_index(pieces: Sequence[Piece], view: PianoRollView) -> Index:
    """The index of ``pieces`` of music, whole, on the grid of ``view``."""
    return build_index([batch_of(pieces, structs.replace(view, window=None, remainder="keep"))])


def choose(total: int, limit: int, seed: int) -> NDArray[np.int64]:
    """``limit`` different indices below ``total``, or all if there are not as many, rising; chosen by ``seed``."""
    if limit >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, limit, replace=False))


@functools.lru_cache(maxsize=4)
def _loaded(name_or_path: str) -> Corpus:
    # Several columns of one table come from one corpus.
    return corpora.load(name_or_path)


def _is_corpus(name_or_path: str) -> bool:
    return name_or_path in {manifest.name for manifest in corpora.names()} or os.path.isdir(name_or_path)


def _warn_if_changed(record: CorpusRecord, corpus: Corpus, path: str) -> None:
    if record.name == corpus.name and record.sha256 != corpus.provenance.sha256:
        problem = "the content has changed since the spec was learned, so that held-out pieces may have been learned"
        print(f"warning: {printable(path)}: {problem}", file=sys.stderr)


def _possible() -> str:
    known = [manifest.name for manifest in corpora.names()]
    parts = dict.fromkeys(part for corpus in known for part in parts_of(corpus))
    return f"corpora: {', '.join(known)}; parts: {', '.join(parts)}"
