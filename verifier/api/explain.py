"""Where and why samples break which rule; and what they would have taught."""

import os
from collections.abc import Sequence
from typing import Any

from verifier.api.load import Progress, SpecLike, advancing, load_spec, open_sets, quiet
from verifier.base.errors import InputError
from verifier.results import Explanation
from verifier.rule.rule import Rule
from verifier.spec.spec import Spec
from verifier.verbs.explain import explain as find_violations
from verifier.verbs.explain import observed


def explain(
    spec: SpecLike,
    samples: Any,
    *,
    rules: Sequence[str] = (),
    skip: Sequence[str] = (),
    limit: int = 3,
    seed: int = 0,
    corpus: str | os.PathLike[str] | None = None,
    progress: Progress = quiet,
) -> Explanation:
    """Where and why samples break which rule.

    Parameters
    ----------
    spec, samples, rules, skip, seed, corpus
        As for ``check``; one sample set.
    limit
        How many samples a picture or a copy shows, those that break most.

    Returns
    -------
    Explanation

    Raises
    ------
    InputError
        As ``check``.

    Examples
    --------
    >>> import numpy as np
    >>> roll = np.zeros((1, 64, 64), bool)
    >>> roll[0, [24, 25, 26, 27]] = True
    >>> [found.observed for found in explain("bach-roll", roll, rules=["pitch-class-sets"]).violations]
    ['C C# D D#']
    """
    loaded = load_spec(spec).selected(rules, skip)
    sets = open_sets(loaded, samples, corpus, seed=seed)
    if len(sets) != 1:
        raise InputError("samples", f"expected one sample set to explain, found {len(sets)}")
    with progress(sets[0].label, sets[0].total) as advance:
        found = find_violations(loaded, advancing(sets[0], advance), limit)
    return Explanation(loaded, found, limit)


def learned_from(
    spec: Spec,
    samples: Any,
    *,
    limit: int | None = None,
    seed: int = 0,
    corpus: str | os.PathLike[str] | None = None,
    progress: Progress = quiet,
) -> dict[str, dict[str, Rule]]:
    """The rules of ``spec`` as each sample set would have taught them, by label and by rule: what ``show`` draws."""
    found = {}
    for opened in open_sets(spec, samples, corpus, limit=limit, seed=seed):
        with progress(opened.label, opened.total) as advance:
            found[opened.label] = observed(spec, advancing(opened, advance))
    return found
