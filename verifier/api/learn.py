"""Learn a spec from real data."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from verifier.api.load import Progress, chosen_rules, quiet, view_for
from verifier.base.errors import InputError, require_between
from verifier.corpora import corpus as corpora
from verifier.corpora.collection import grouped
from verifier.corpora.own import files_of
from verifier.corpora.sample_sets import choose
from verifier.data.batch import Batch
from verifier.data.medium import batch_of, medium_of
from verifier.data.objects import batch_from
from verifier.data.view import View
from verifier.judge.sets import indices_of
from verifier.spec.provenance import Sampling, Split
from verifier.spec.spec import Spec
from verifier.verbs import learn as learning


def learn(
    corpus: Any,
    *,
    view: View | Mapping[str, Any] | None = None,
    rules: Iterable[str] | Mapping[str, Mapping[str, Any]] | None = None,
    skip: Iterable[str] = (),
    groups: Sequence[str] | None = None,
    hold_out: float = 0.2,
    limit: int | None = None,
    seed: int = 0,
    name: str | None = None,
    progress: Progress = quiet,
) -> Spec:
    """Learn a spec from real data.

    Parameters
    ----------
    corpus
        The name of a corpus (``verify corpora``), a folder of files, a file of arrays, or samples in memory: a numpy or
        torch array, a Batch, or a list of objects of the libraries that ``check`` takes.
    view
        How files become arrays: a View, or settings as in a spec file, such as ``{"kind": "image", "height": 64}``.
    rules
        Names of the rules to learn, or name -> options; all rules of the medium by default. ``skip`` leaves some out.
    groups
        What each sample in memory, or in a file of arrays or pictures, was cut from (piece, speaker): those of one
        group are not independent. By default an array ``groups`` in the .npz says so, or else each is its own.
    hold_out
        Share of the groups that is held out, to say what real data does that a spec has not seen.
    limit
        Learn from so many windows, chosen by ``seed``, which also decides the split.
    name
        Of the spec; by default that of the corpus.

    Returns
    -------
    Spec
        With its calibration on the groups held out.

    Raises
    ------
    InputError
        For a corpus that cannot be read, a rule, an option or a view that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> rolls = np.random.default_rng(0).random((100, 64, 64)) < 0.05
    >>> learn(rolls, rules=["polyphony", "pitch-range"], name="noise")
    Spec('noise', 2 rules of piano-roll, from 100 groups of samples)
    """
    return learn_with_left_out(corpus, view, rules, skip, groups, hold_out, limit, seed, name, progress, not rules).spec


def learn_with_left_out(
    corpus: Any,
    view: View | Mapping[str, Any] | None,
    rules: Iterable[str] | Mapping[str, Mapping[str, Any]] | None,
    skip: Iterable[str],
    groups: Sequence[str] | None,
    hold_out: float,
    limit: int | None,
    seed: int,
    name: str | None,
    progress: Progress,
    prune: bool,
) -> learning.LearnedSpec:
    """As ``learn``, with the rules that were left out; ``prune``: also those that held-out real samples do not keep."""
    require_between("hold_out", hold_out, 0, 1)
    path = os.fspath(corpus) if isinstance(corpus, str | os.PathLike) else None
    seen = view if isinstance(view, View) else view_for(path or "", view or {})
    chosen = chosen_rules(seen.kind, rules, skip)
    with progress(f"reading {path or 'samples'}", None) as advance:
        loaded = _corpus_of(path, corpus, seen, groups, lambda done, total: advance(1, total))
        how = Split(learn=round(1 - hold_out, 9), hold_out=hold_out, by=loaded.split_by, seed=seed)
        learned_pieces, held_pieces = corpora.split(loaded, how)
        learned, held_out = batch_of(learned_pieces, seen), batch_of(held_pieces, seen)
    told = view.__struct_encode_fields__ if isinstance(view, View) else (view or {})
    problem = medium_of(seen).misfit(learned, told) if len(learned) else ""
    if problem:
        raise InputError(path or "samples", problem)
    sampling = None
    if limit is not None:
        if limit > len(learned):
            raise InputError("limit", f"expected at most the {len(learned):,} windows there are, found {limit}")
        sampling = Sampling(windows=limit, seed=seed)
        learned = learned.take(choose(len(learned), limit, seed))
    with progress("learning", None):
        checks = medium_of(seen).set_checks() if len(held_out) and len(learned) else None
        return learning.learn_spec(
            learned,
            held_out,
            chosen,
            name=name or loaded.name,
            corpus=corpora.record_of(loaded, how, sampling, files_of(loaded, held_pieces)),
            unit=lambda group: corpora.unit(group, how),
            prune=prune,
            indices=indices_of(checks, learned_pieces, seen) if checks else {},
            again=lambda groups: batch_of(
                [piece for piece in (*learned_pieces, *held_pieces) if piece.group in groups], seen, keep_source=True
            ),
        )


def _corpus_of(
    path: str | None, corpus: Any, view: View, groups: Sequence[str] | None, progress: corpora.Progress
) -> corpora.Corpus:
    if path is not None:
        return corpora.load(path, progress=progress, view=view, groups=groups)
    batch = corpus if isinstance(corpus, Batch) else batch_from(corpus, view)
    return corpora.of_batch(batch if groups is None else grouped(batch, groups), "samples")
