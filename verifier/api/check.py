"""Count where sample sets break a spec, and judge them."""

import os
from collections.abc import Sequence
from typing import Any, Literal

from verifier.api.load import Progress, SpecLike, advancing, load_spec, open_sets, quiet
from verifier.base.errors import require_between
from verifier.corpora.sample_sets import SampleSet
from verifier.judge.calibration import require_level
from verifier.results import Run
from verifier.spec.spec import Spec
from verifier.verbs.check import ALPHA, judge, run_record
from verifier.verbs.tallies import Checkers, tally


def check(
    spec: SpecLike,
    samples: Any,
    *,
    rules: Sequence[str] = (),
    skip: Sequence[str] = (),
    limit: int | None = None,
    seed: int = 0,
    alpha: float = ALPHA,
    on_error: Literal["stop", "skip"] = "stop",
    corpus: str | os.PathLike[str] | None = None,
    findings: bool = False,
    progress: Progress = quiet,
) -> Run:
    """Count where sample sets break a spec, and judge them.

    Parameters
    ----------
    spec
        See ``load_spec``.
    samples
        One sample set, or several as a dict from a label to each: a path, a glob or a part of a corpus
        (``"bach:hold-out"``); a numpy or torch array on any device, of samples x rows x steps; an iterator of arrays or
        Batches; an object, or a list of objects, of mido, pretty_midi, music21, symusic, muspy, pypianoroll or PIL, or
        pairs (wave, rate). A list of paths is several sets.
    rules, skip
        Names of the only rules to check by, and of rules to leave out.
    limit
        At most so many samples of each set: of a corpus ``seed`` chooses them, of files and of what is in memory they
        are the first. ``seed`` makes baselines too.
    alpha
        Share of real samples that may be flagged, and the chance that a real set fails.
    on_error
        What an unreadable file does.
    corpus
        Where the files of one's own lie now that the spec was learned from: ``NAME:hold-out`` is taken from there.
    findings
        List every violation, so that runs can be compared one by one (``diff``). It takes longer.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        For samples that cannot be read under the view of the spec, and for an alpha that the calibration is too small
        for.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).random((50, 64, 64)) < 0.05
    >>> check("bach-roll", noise).verdict
    'fail'
    """
    loaded = load_spec(spec).selected(rules, skip)
    sets = open_sets(loaded, samples, corpus, limit=limit, seed=seed, on_error=on_error)
    return check_sets(loaded, sets, alpha=alpha, findings=findings, progress=progress)


def check_sets(
    spec: Spec, sets: Sequence[SampleSet], *, alpha: float, findings: bool, progress: Progress = quiet
) -> Run:
    """As ``check``, of sample sets that are open."""
    require_between("alpha", alpha, 0, 1, open_low=True)
    if spec.calibration is not None:
        require_level(alpha, len(spec.calibration.samples), "pieces")
    checkers = Checkers.of(spec)
    tallies, results = {}, {}
    for samples in sets:
        with progress(samples.label, samples.total) as advance:
            counted = tally(spec, advancing(samples, advance), findings=findings, checkers=checkers)
        tallies[samples.label] = counted
        results[samples.label] = judge(spec, counted, samples.unreadable, alpha, checkers)
    return Run(run_record(spec, results, alpha), tallies)
