"""Interim: one place to write reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from verifier import report
from verifier.base.errors import InputError


def require_formats(paths: Sequence[Path], what: str) -> None:
    """Raise InputError, before the long work, for a report that could not be written after it."""
    from verifier.report import evaluation, learned, power

    if what == "run":
        report.require_formats(paths)
    elif what == "diff of runs":
        report.require_formats(paths, report.DIFF_FORMATS)
    elif what == "diff of specs":
        report.require_formats(paths, report.SPEC_DIFF_FORMATS)
    elif what == "evaluation":
        evaluation.require_formats(paths)
    elif what == "power":
        power.require_formats(paths)
    elif what == "spec":
        report.require_formats(paths, (*learned.SUFFIXES, ".graphml"))
    else:
        raise InputError("", what)


def write(thing: Any, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write a report in the format that the suffix of ``path`` names, whole or not at all."""
    from verifier.report import evaluation, learned, power
    from verifier.spec.run import Run
    from verifier.spec.spec import Spec
    from verifier.verbs.evaluate import Evaluation
    from verifier.verbs.power import PowerTable

    if isinstance(thing, Run):
        report.write(thing, extra or {}, path)
    elif isinstance(thing, Evaluation):
        evaluation.write(thing, path)
    elif isinstance(thing, PowerTable):
        power.write(thing, path)
    elif isinstance(thing, Spec) and path.suffix == ".graphml":
        import networkx

        from verifier.base.files import replacing

        rule: Any = thing.rule("chroma-transitions")
        with replacing(path) as temporary:
            networkx.write_graphml(rule.graph(), temporary)
    elif isinstance(thing, Spec):
        learned.write(path, thing, extra)
    else:
        report.write_diff(thing, path)
