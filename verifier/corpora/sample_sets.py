"""The sample sets that a command is given: files, or parts of a corpus, or baselines made from one."""

import functools
import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError, printable, require_whole
from verifier.base.text import encodable
from verifier.corpora import corpus as corpora
from verifier.corpora import shipped
from verifier.corpora.corpus import DEFAULT, Corpus
from verifier.corpora.manifest import manifests
from verifier.data.batch import Batch
from verifier.data.medium import Baseline, batch_of, medium_named, medium_of, sample_counts
from verifier.data.objects import batch_from
from verifier.data.pieces import Piece
from verifier.data.view import View, require_same_view
from verifier.judge.sets import indices_of
from verifier.spec.provenance import CorpusRecord

PARTS = ("learn", "hold-out", "all")
"""What may stand after the colon of CORPUS:PART, beside the baselines of its medium, which are made from the hold-out
part, and generators whose samples ship.
"""
ALL_SEED = 2
"""The number, among those of baselines, of samples as they are."""

WINDOWS_AT_ONCE = 1024
"""Windows from which on a Batch takes no further piece."""


class SampleSet(Protocol):
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
    ``counts`` says how many windows each piece has. ``keep_source`` keeps what they were made of.
    """

    label: str
    view: View
    pieces: Sequence[Piece]
    counts: Sequence[int]
    chosen: NDArray[np.int64]
    baseline: Baseline | None
    seed: int
    keep_source: bool = False
    unreadable: Sequence[InputError] = ()

    @property
    def total(self) -> int:
        """Number of samples."""
        return len(self.chosen)

    def batches(self) -> Iterator[Batch]:
        """The samples, some at a time."""
        rng = np.random.default_rng([self.seed, self.baseline.seed if self.baseline else ALL_SEED])
        waiting: list[Piece] = []
        before = count = 0
        for i, (piece, windows) in enumerate(zip(self.pieces, self.counts, strict=True), 1):
            waiting.append(piece)
            count += windows
            if count < WINDOWS_AT_ONCE and i < len(self.pieces):
                continue
            at = self.chosen[(self.chosen >= before) & (self.chosen < before + count)] - before
            if len(at):
                batch = batch_of(waiting, self.view, keep_source=self.keep_source).take(at)
                yield self.baseline.make(batch, rng) if self.baseline else batch
            waiting, before, count = [], before + count, 0


@dataclass(frozen=True, eq=False)
class MemorySamples:
    """Samples in memory: Batches, or an iterator of Batches or of objects that ``batch_from`` reads, which is gone
    through once.
    """

    label: str
    view: View
    source: Iterable[Any]
    total: int | None = None
    limit: int | None = None
    unreadable: Sequence[InputError] = ()

    def batches(self) -> Iterator[Batch]:
        """The samples, some at a time, at most ``limit`` of them."""
        left = self.limit
        count = 0
        for item in self.source:
            batch = item if isinstance(item, Batch) else _numbered_from(count, batch_from(item, self.view))
            require_same_view(self.view, batch.view, self.label)
            count += len(set(batch.groups))
            if left is not None and len(batch) >= left:
                yield batch.take(range(left))
                return
            yield batch
            left = None if left is None else left - len(batch)


def _numbered_from(first: int, batch: Batch) -> Batch:
    """Objects called ``[0]``, ``[1]`` and so on as if ``first`` had come before them: names are unique in a set."""

    def moved(name: str) -> str:
        return re.sub(r"^\[(\d+)\]", lambda number: f"[{first + int(number[1])}]", name)

    return replace(batch, names=[moved(name) for name in batch.names], groups=[moved(name) for name in batch.groups])


def sets_of(
    samples: Any,
    view: View,
    record: CorpusRecord | None = None,
    *,
    limit: int | None = None,
    seed: int = 0,
    on_error: Literal["stop", "skip"] = "stop",
) -> list[SampleSet]:
    """The sample sets that ``samples`` are: a path or a part of a corpus (see ``open_samples``), several of these in a
    list; a mapping from a label to any of what follows; a SampleSet; a Batch, an array, an object of a library (see
    ``batch_from``), a list of such objects, or an iterator of Batches or arrays.

    Raises InputError as ``open_samples`` and ``batch_from`` do, and for a label or a path that stands there twice.
    """
    if limit is not None:
        require_whole("limit", limit)
    if on_error not in ("stop", "skip"):
        raise InputError("on_error", f"expected stop or skip, found {on_error!r}")
    if isinstance(samples, Mapping | list | tuple) and not samples:
        raise InputError("samples", "expected at least one sample set, found none")
    options: dict[str, Any] = {"limit": limit, "seed": seed, "on_error": on_error}
    if isinstance(samples, Mapping):
        labels = [encodable(str(label)) for label in samples]
        _require_once(labels, "each label is a column of its own")
        return [_set_of(label, of, view, record, **options) for label, of in zip(labels, samples.values(), strict=True)]
    if isinstance(samples, list | tuple) and samples and all(isinstance(item, str | os.PathLike) for item in samples):
        paths = [os.fspath(path) for path in samples]
        _require_once(paths, "each PATH is a column of its own")
        return [open_samples(path, view, record, **options) for path in paths]
    return [_set_of("samples", samples, view, record, **options)]


def _require_once(names: Sequence[str], why: str) -> None:
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise InputError(min(repeated), f"stands there twice; {why}")


def _set_of(label: str, samples: Any, view: View, record: CorpusRecord | None, **options: Any) -> SampleSet:
    if isinstance(samples, str | os.PathLike):
        opened = open_samples(os.fspath(samples), view, record, **options)
        return opened if label == "samples" else replace(opened, label=label)  # type: ignore[type-var]  # dataclasses
    if hasattr(samples, "batches") and hasattr(samples, "label"):
        found: SampleSet = samples
        return found
    limit = options["limit"]
    if isinstance(samples, Batch):
        return MemorySamples(label, view, [samples], len(samples), limit)
    if isinstance(samples, Iterator):
        return MemorySamples(label, view, samples, None, limit)
    if isinstance(samples, list) and samples and all(isinstance(item, Batch) for item in samples):
        return MemorySamples(label, view, samples, sum(map(len, samples)), limit)
    batch = batch_from(samples, view)
    if not len(batch):
        raise InputError(label, "expected at least one sample, found none")
    return MemorySamples(label, view, [batch], len(batch), limit)


def parts_of(corpus: str, kind: str | None = None) -> Sequence[str]:
    """What may stand after the colon of this corpus; ``kind`` is the medium of a folder."""
    medium = next((manifest.medium for manifest in manifests() if manifest.name == corpus), kind or DEFAULT)
    return (*PARTS, *medium_named(medium).baselines(), *shipped.names(corpus))


def open_samples(
    path: str,
    view: View,
    record: CorpusRecord | None = None,
    *,
    limit: int | None = None,
    seed: int = 0,
    on_error: Literal["stop", "skip"] = "stop",
    keep_source: bool = False,
) -> SampleSet:
    """The sample set that ``path`` names: an existing file or folder, a glob, a score of music21 by name (bwv66.6), or
    CORPUS:PART (see PARTS), where a generator whose samples ship with the package is a part too.

    ``record``, of a spec, says by its split which pieces of a corpus are held out; without it, the default split does.
    If the spec was learned from some of the windows only, these are the part ``learn``.
    ``seed`` has no part in that: it makes the baselines, and with ``limit`` it chooses that many windows of a corpus,
    the same ones for a baseline as for the part that it is made from. Of files the first ones are taken. With
    ``keep_source``, what samples were made of is kept with them.

    Raises InputError for a path that is none of these, and for a part without a window. If the corpus is the one in
    ``record`` but its content is another, a warning on standard error says so.
    """
    corpus_name, colon, part = path.rpartition(":")
    medium = medium_of(view)
    is_part = part in (*PARTS, *medium.baselines())
    if os.path.exists(path) or (glob.has_magic(path) and not is_part) or (not colon and medium.named_file(path)):
        from verifier.data.paths import open_path

        return replace(open_path(path, view, limit=limit, on_error=on_error), keep_source=keep_source)
    if not colon or not _is_corpus(corpus_name):
        raise InputError(path, f"no such file or folder, no score of music21, and no CORPUS:PART ({_possible()})")
    if part in shipped.names(corpus_name):
        return _generated(path, corpus_name, part, view, limit)
    known = parts_of(corpus_name, view.kind)
    if part not in known:
        listed = ", ".join(known)
        raise InputError(path, f"expected a part of {corpus_name} ({listed}), found {part!r}")
    corpus = _loaded(corpus_name, view)
    if record is not None and part != "all":
        _warn_if_changed(record, corpus, path)
    learned, held_out = corpora.split(corpus, record.split if record is not None else None)
    pieces = {"all": corpus.pieces, "learn": learned}.get(part, held_out)
    if corpus.pieces[0].kind != view.kind:
        raise InputError(path, f"expected a corpus for a view of the kind {view.kind}, found one of another medium")
    counts = sample_counts(pieces, view)
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
    baseline = medium.baselines().get(part)
    return CorpusSamples(path, view, pieces, counts, chosen, baseline, seed, keep_source)


def _generated(path: str, corpus: str, name: str, view: View, limit: int | None) -> SampleSet:
    from verifier.data.paths import open_path

    file = shipped.samples_of(corpus, name)
    require_same_view(view, shipped.view_of(corpus, name), f"the spec and {path}")
    return replace(open_path(str(file), view, limit=limit), label=path)


def learned_indices(record: CorpusRecord, view: View) -> Mapping[str, Any]:
    """The part of the corpus that a spec was learned from, made ready for each check of sets that compares with it, by
    its key; none if it is not at hand unchanged.
    """
    checks = medium_of(view).set_checks()
    if not checks or not corpora.at_hand(record.name):
        return {}
    corpus = _loaded(record.name, view)
    if corpus.provenance.sha256 != record.sha256:
        return {}
    learned, _ = corpora.split(corpus, record.split)
    return indices_of(checks, learned, view)


def choose(total: int, limit: int, seed: int) -> NDArray[np.int64]:
    """``limit`` different indices below ``total``, or all if there are not as many, rising; chosen by ``seed``."""
    if limit >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, limit, replace=False))


@functools.lru_cache(maxsize=4)
def _loaded(name_or_path: str, view: View) -> Corpus:
    # Several columns of one table come from one corpus.
    return corpora.load(name_or_path, view=view)


def _is_corpus(name_or_path: str) -> bool:
    known = {manifest.name for manifest in manifests()}
    return name_or_path in known or os.path.isdir(name_or_path) or corpora.is_array(Path(name_or_path))


def _warn_if_changed(record: CorpusRecord, corpus: Corpus, path: str) -> None:
    if record.name == corpus.name and record.sha256 != corpus.provenance.sha256:
        problem = "the content has changed since the spec was learned, so that held-out pieces may have been learned"
        print(f"warning: {printable(path)}: {problem}", file=sys.stderr)


def _possible() -> str:
    known = [manifest.name for manifest in manifests()]
    parts = dict.fromkeys(part for corpus in known for part in parts_of(corpus))
    return f"corpora: {', '.join(known)}; parts: {', '.join(parts)}"
