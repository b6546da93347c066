"""How well a spec tells generated samples from real ones."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from verifier.api.audit import first_telling
from verifier.api.load import Progress, SpecLike, advancing, is_path, load_spec, open_sets, quiet
from verifier.base.errors import InputError, require_whole
from verifier.corpora.sample_sets import SampleSet
from verifier.rule.rule import Checker
from verifier.spec.spec import Spec
from verifier.verbs.evaluate import Evaluation, Scores, scores
from verifier.verbs.evaluate import evaluate as compare_scores


def evaluate(
    spec: SpecLike,
    generated: Any,
    *,
    real: Any = None,
    rules: Sequence[str] = (),
    skip: Sequence[str] = (),
    set_size: int = 100,
    limit: int | None = None,
    seed: int = 0,
    corpus: str | os.PathLike[str] | None = None,
    progress: Progress = quiet,
) -> Evaluation:
    """How well a spec tells the samples of generators from real ones, by rule.

    Parameters
    ----------
    spec, rules, skip, limit, seed, corpus
        As for ``check``.
    generated
        Sample sets of generators, as for ``check``; several as a dict.
    real
        Real samples that the spec has not seen; by default those that it held out.
    set_size
        Samples in a set, where whole sets are told apart.

    Returns
    -------
    Evaluation
        AUROC, average precision and the share found at 1 % false, of samples and of sets, with intervals; and what the
        files of samples tell before any rule (see ``audit``).

    Raises
    ------
    InputError
        As ``check``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> real, noise = (rng.random((60, 64, 64)) < share for share in (0.01, 0.2))
    >>> found = evaluate("bach-roll", noise, real=real, rules=["polyphony"], set_size=30)
    >>> round(found.generators["samples"].by_sample["polyphony"].auroc, 2)
    1.0
    """
    loaded = load_spec(spec).selected(rules, skip)
    truth = f"{loaded.corpus.name}:hold-out" if real is None else real
    options: dict[str, Any] = {"limit": limit, "seed": seed}
    of_real = open_sets(loaded, truth if is_path(truth) else {"real": truth}, corpus, **options)
    if len(of_real) != 1:
        raise InputError("real", f"expected one sample set, found {len(of_real)}")
    fakes = open_sets(loaded, generated, corpus, **options)
    require_whole("set_size", set_size)
    checkers = loaded.compile()
    of_truth, *told = (_scored(each, loaded, checkers, progress) for each in (*of_real, *fakes))
    by_label = {samples.label: found for samples, found in zip(fakes, told, strict=True)}
    found = compare_scores(loaded, of_real[0].label, of_truth, by_label, set_size=set_size, seed=seed)
    return _with_audits(found, of_real[0], fakes)


def _with_audits(found: Evaluation, real: SampleSet, generated: Sequence[SampleSet]) -> Evaluation:
    """With what the files of each generated set tell."""
    told = first_telling(real, generated)
    audited = {label: structs.replace(each, audit=told[label]) for label, each in found.generators.items()}
    return structs.replace(found, generators=audited)


def _scored(samples: SampleSet, spec: Spec, checkers: Mapping[str, Checker], progress: Progress) -> Scores:
    with progress(samples.label, samples.total) as advance:
        return scores(spec, advancing(samples, advance), checkers)
