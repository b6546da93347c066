"""The sample sets that a command is given: files, or parts of a corpus, or baselines made from one."""

import functools
import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from verifier.base.errors import InputError, printable, require_whole
from verifier.base.text import encodable, plural
from verifier.corpora import corpus as corpora
from verifier.corpora import own, shipped
from verifier.corpora.corpus import DEFAULT, Corpus
from verifier.corpora.manifest import is_known, manifests
from verifier.corpora.own import Whereabouts
from verifier.data.batch import Batch
from verifier.data.medium import Baseline, batch_of, medium_named, medium_of, sample_counts
from verifier.data.objects import batch_from
from verifier.data.pieces import Piece
from verifier.data.view import View, require_same_view
from verifier.spec.provenance import CorpusRecord, Split

PARTS = ("learn", "hold-out", "all")
"""What may stand after the colon of CORPUS:PART, beside the baselines of its medium, which are made from the hold-out
part, and generators whose samples ship.
"""
ALL_SEED = 2
"""The number, among those of baselines, of samples as they are."""

ANYWHERE = Whereabouts()
"""Of a corpus of one's own: nobody said where it lies."""

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


def whereabouts(record: CorpusRecord, given: str | os.PathLike[str] | None, spec: Path | None) -> Whereabouts:
    """Where the corpus of the spec in that file may lie, if a person says ``given``. Raises InputError if it is known
    by name.
    """
    if given is not None and not _is_own(record):
        problem = f"expected no path: the spec was learned from {record.name}, which is known by name"
        raise InputError("--corpus", problem)
    return Whereabouts(None if given is None else os.fspath(given), None if spec is None else spec.parent)


ONE_COLUMN = "each PATH is a column of its own"


def sets_of(
    samples: Any,
    view: View,
    record: CorpusRecord | None = None,
    *,
    limit: int | None = None,
    seed: int = 0,
    on_error: Literal["stop", "skip"] = "stop",
    where: Whereabouts = ANYWHERE,
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
    options: dict[str, Any] = {"limit": limit, "seed": seed, "on_error": on_error, "where": where}
    if isinstance(samples, Mapping):
        labels = [encodable(str(label)) for label in samples]
        require_once(labels, "each label is a column of its own")
        return [_set_of(label, of, view, record, **options) for label, of in zip(labels, samples.values(), strict=True)]
    if isinstance(samples, list | tuple) and samples and all(isinstance(item, str | os.PathLike) for item in samples):
        paths = [os.fspath(path) for path in samples]
        require_once(paths, ONE_COLUMN)
        return [open_samples(path, view, record, **options) for path in paths]
    return [_set_of("samples", samples, view, record, **options)]


def require_once(names: Sequence[str], why: str) -> None:
    """Raise InputError for a name that stands twice."""
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
    where: Whereabouts = ANYWHERE,
) -> SampleSet:
    """The sample set that ``path`` names: an existing file or folder, a glob, a score of music21 by name (bwv66.6), or
    CORPUS:PART (see PARTS), where a generator whose samples ship with the package is a part too.

    ``record``, of a spec, says by its split which pieces of a corpus are held out; without it, the default split does.
    If the spec was learned from some of the windows only, these are the part ``learn``. NAME:PART, with the name of a
    spec's corpus that is one's own, is of the files that it was learned from, ``where`` these may lie (see ``own``).
    ``seed`` has no part in that: it makes the baselines, and with ``limit`` it chooses that many windows of a corpus,
    the same ones for a baseline as for the part that it is made from. Of files the first ones are taken. With
    ``keep_source``, what samples were made of is kept with them.

    Raises InputError for a path that is none of these, for a part without a window, and for other files than those that
    the spec was learned from. If the content of a corpus known by name has changed since, a warning on standard error
    says so.
    """
    corpus_name, colon, part = path.rpartition(":")
    medium = medium_of(view)
    is_part = part in (*PARTS, *medium.baselines())
    if os.path.exists(path) or (glob.has_magic(path) and not is_part) or (not colon and medium.named_file(path)):
        from verifier.data.paths import open_path

        return replace(open_path(path, view, limit=limit, on_error=on_error), keep_source=keep_source)
    owned = bool(colon) and record is not None and record.name == corpus_name and _is_own(record)
    if not owned and (not colon or not _is_corpus(corpus_name, view)):
        raise InputError(path, f"no such file or folder, no score of music21, and no CORPUS:PART ({_possible()})")
    if part in shipped.names(corpus_name):
        return _generated(path, corpus_name, part, view, limit)
    known = parts_of(corpus_name, view.kind)
    if part not in known:
        listed = ", ".join(known)
        raise InputError(path, f"expected a part of {corpus_name} ({listed}), found {part!r}")
    corpus, pieces = _part_of(_Part(path, corpus_name, part), view, record, where)
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


class _Part(NamedTuple):
    """CORPUS:PART as it was typed, and what stands on either side of the colon."""

    path: str
    corpus: str
    name: str

    def of(self, corpus: Corpus, split: Split | None) -> Sequence[Piece]:
        """The pieces of this part."""
        learned, held_out = corpora.split(corpus, split)
        return {"all": corpus.pieces, "learn": learned}.get(self.name, held_out)


def _part_of(
    part: _Part, view: View, record: CorpusRecord | None, where: Whereabouts
) -> tuple[Corpus, Sequence[Piece]]:
    """The corpus, and its pieces that are the part."""
    if record is None:
        corpus = _loaded(_absolute(part.corpus), view)
        return corpus, part.of(corpus, None)
    if not _is_own(record):
        corpus = _loaded(_absolute(part.corpus), view)
        if part.name != "all":
            _warn_if_changed(record, corpus, part.path)
        return corpus, part.of(corpus, record.split)
    if part.corpus != record.name:
        corpus = _loaded(_absolute(part.corpus), view)
        if corpus.name != record.name or part.name == "all":
            return corpus, part.of(corpus, record.split)
        where = replace(where, given=part.corpus)
    return _own_part(part, view, record, where)


def _own_part(part: _Part, view: View, record: CorpusRecord, where: Whereabouts) -> tuple[Corpus, Sequence[Piece]]:
    """The corpus that a spec was learned from, which is not one known by name, and the pieces of a part of it."""
    if record.files is None:
        path = record.name if where.given is None else where.given
        if not os.path.exists(path):
            problem = "the spec does not say where the samples lie that it was learned from; --corpus PATH says it"
            raise InputError(part.path, problem)
        corpus = replace(_loaded(os.path.abspath(path), view), name=record.name)
        if corpus.provenance.sha256 != record.sha256:
            problem = f"{path} does not hold the samples that the spec was learned from"
            raise InputError(part.path, f"{problem}; --corpus PATH says where they are, or learn the spec again")
        return corpus, part.of(corpus, record.split)
    found = own.find(record, record.files, where, view.kind, part.path)
    corpus = replace(_loaded(os.path.abspath(found.path), view, found.sha256), name=record.name)
    if found.intact:
        return corpus, part.of(corpus, record.split)
    if part.name == "all":
        problem = "has changed since the spec was learned: what lies there now is taken"
        print(f"warning: {printable(part.path)}: {printable(found.path)} {problem}", file=sys.stderr)
        return corpus, part.of(corpus, record.split)
    if part.name == "learn":
        problem = f"{found.path} has changed since the spec was learned, but for its held-out files"
        raise InputError(part.path, f"{problem}; --corpus PATH says where it is as it was")
    listed = record.files.held_out
    print(
        f"warning: {printable(part.path)}: {printable(found.path)} has changed since the spec was learned, but for the"
        f" {plural('file', len(listed))} held out, which are taken",
        file=sys.stderr,
    )
    return corpus, [piece for piece in corpus.pieces if encodable(piece.name) in listed]


def choose(total: int, limit: int, seed: int) -> NDArray[np.int64]:
    """``limit`` different indices below ``total``, or all if there are not as many, rising; chosen by ``seed``."""
    if limit >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, limit, replace=False))


@functools.lru_cache(maxsize=4)
def _loaded(name_or_path: str, view: View, sha256: str = "") -> Corpus:
    # Several columns of one table come from one corpus: the same files, where their digest is known.
    return corpora.load(name_or_path, view=view)


def _absolute(name_or_path: str) -> str:
    """A path that stays the same when the working directory changes; a name as it is."""
    return name_or_path if is_known(name_or_path) else os.path.abspath(name_or_path)


def _is_own(record: CorpusRecord) -> bool:
    """Whether a spec was learned from a corpus that is not known by name."""
    return record.files is not None or not is_known(record.name)


def _is_corpus(name_or_path: str, view: View) -> bool:
    if is_known(name_or_path) or os.path.isdir(name_or_path):
        return True
    from verifier.data.paths import is_collection

    return os.path.isfile(name_or_path) and is_collection(Path(name_or_path), medium_of(view))


def _warn_if_changed(record: CorpusRecord, corpus: Corpus, path: str) -> None:
    if record.name == corpus.name and record.sha256 != corpus.provenance.sha256:
        problem = "the content has changed since the spec was learned, so that held-out pieces may have been learned"
        print(f"warning: {printable(path)}: {problem}", file=sys.stderr)


def _possible() -> str:
    known = [manifest.name for manifest in manifests()]
    parts = dict.fromkeys(part for corpus in known for part in parts_of(corpus))
    return f"corpora: {', '.join(known)}; parts: {', '.join(parts)}"
