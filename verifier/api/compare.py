"""What changed between runs or specs, and whether it got worse."""

import os
from pathlib import Path
from typing import Any

from verifier.api.load import is_path, load_spec
from verifier.base.errors import InputError, require_between
from verifier.results import Run
from verifier.spec import run as records
from verifier.spec.spec import Spec
from verifier.verbs import diff as diffs
from verifier.verbs.check import ALPHA

RunLike = str | os.PathLike[str] | Run
"""A run, or the path of its record."""


def diff(a: RunLike | Spec, b: RunLike | Spec) -> records.RunDiff | diffs.SpecDiff:
    """What changed from one run of a spec to another, or from one spec to another.

    Parameters
    ----------
    a, b
        Two runs, or the paths of their records (.json); or two specs, or their names or paths.

    Returns
    -------
    RunDiff or SpecDiff

    Raises
    ------
    InputError
        For one of each, and for runs of different specs.

    Examples
    --------
    >>> diff("bach", "bach-roll").removed[:2]
    ('avoided-patterns', 'cadences')
    """
    names = (_name(a, "A"), _name(b, "B"))
    if are_runs(a, b):
        return diffs.diff_runs(_record(a), _record(b), names)
    return diffs.diff_specs(load_spec(a), load_spec(b), names)  # type: ignore[arg-type]  # no run, as was asked


def are_runs(a: Any, b: Any) -> bool:
    """Whether both are runs, rather than specs. Raises InputError for one of each."""
    of_runs = [isinstance(each, Run) or (is_path(each) and Path(each).suffix == ".json") for each in (a, b)]
    if of_runs[0] != of_runs[1]:
        place = f"{_name(a, 'A')} and {_name(b, 'B')}"
        raise InputError(place, "expected two run records (.json) or two specs, found one of each")
    return of_runs[0]


def gate(baseline: RunLike, run: RunLike, *, margin: float = 0.0, alpha: float = ALPHA) -> records.Gate:
    """Whether a run got worse than the last accepted one.

    Parameters
    ----------
    baseline, run
        Two runs of one spec, or the paths of their records.
    margin
        Growth of a rate that passes.
    alpha
        Chance that samples of one generator regress, over all rules and sets.

    Returns
    -------
    Gate
        ``regressed`` says so; ``sets`` have every rule.

    Raises
    ------
    InputError
        For runs of different specs or of other sample sets.
    """
    require_between("alpha", alpha, 0, 1, open_low=True)
    require_between("margin", margin, 0, 1)
    names = (_name(baseline, "the baseline"), _name(run, "this run"))
    return diffs.gate(_record(baseline), _record(run), names, margin, alpha)


def _name(each: object, default: str) -> str:
    return os.fspath(each) if isinstance(each, str | os.PathLike) else getattr(each, "name", default)


def _record(run: Any) -> records.Run:
    if isinstance(run, Run):
        return run.record
    if not is_path(run):
        raise InputError("", f"expected a Run or the path of its record (.json), found {type(run).__qualname__}")
    return records.load(Path(run))
