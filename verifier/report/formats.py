"""Every format of every report: which suffix stands for what. A new one is a module here and a row of FORMATS."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from verifier.base.errors import InputError
from verifier.base.extras import require_extra
from verifier.base.files import replacing, require_writable

if TYPE_CHECKING:  # a report of one sort need not import what the others are of
    from verifier.spec.run import Run, RunDiff
    from verifier.spec.spec import Spec
    from verifier.verbs.audit import Audit
    from verifier.verbs.diff import SpecDiff
    from verifier.verbs.evaluate import Evaluation
    from verifier.verbs.power import PowerTable

What = Literal["run", "diff of runs", "diff of specs", "evaluation", "power", "spec", "audit"]
TYPES: Mapping[str, What] = {
    "Run": "run",
    "RunDiff": "diff of runs",
    "SpecDiff": "diff of specs",
    "Evaluation": "evaluation",
    "PowerTable": "power",
    "Spec": "spec",
    "Audit": "audit",
}
"""The name of a type, or of one that it derives from -> what it is."""
TABLES: Sequence[What] = ("run", "diff of runs", "diff of specs", "evaluation", "power", "audit")
PICTURES = (".png", ".svg", ".pdf")


class Format(NamedTuple):
    """A suffix, what can be written so, and the module of this package whose ``write(thing, path)`` does it; with what
    ``formats.write`` was given ``beside`` as a third argument if it takes that. ``needs``: an extra of the package, and
    the module that it brings.
    """

    suffix: str
    whats: Sequence[What]
    module: str
    beside: bool = False
    needs: tuple[str, str] | None = None


FORMATS: Sequence[Format] = (
    Format(".json", TABLES, "json"),
    Format(".csv", TABLES, "csv"),
    Format(".md", TABLES, "markdown"),
    Format(".xml", ("run", "diff of runs"), "junit"),
    Format(".parquet", ("run",), "parquet", beside=True, needs=("parquet", "pyarrow")),
    *(Format(suffix, ("spec",), "learned", beside=True) for suffix in PICTURES),
    *(Format(suffix, ("power",), "power_picture") for suffix in PICTURES),
    Format(".graphml", ("spec",), "graph"),
)


def suffixes(what: What) -> list[str]:
    """Those of the formats in which ``what`` can be written."""
    return [found.suffix for found in FORMATS if what in found.whats]


def require_formats(paths: Sequence[Path], what: What) -> None:
    """Raise InputError, before the long work, for a report that could not be written after it."""
    for path in paths:
        _format(path, what)
        require_writable(path)


def write(
    thing: "Run | RunDiff | SpecDiff | Evaluation | PowerTable | Spec | Audit",
    path: Path,
    beside: Mapping[str, Any] | None = None,
) -> None:
    """Write ``thing`` in the format that the suffix of ``path`` names, whole or not at all.

    ``beside`` is what some formats hold too: of a run the tally of each sample set, for the counts of its samples; of
    a spec, by sample set, each rule as learned from it. Raises InputError for a suffix that stands for no format of
    this, and for a place that cannot be written to.
    """
    what = next(TYPES[cls.__name__] for cls in type(thing).__mro__ if cls.__name__ in TYPES)
    chosen = _format(path, what)
    require_writable(path)
    writer = importlib.import_module(f"verifier.report.{chosen.module}").write
    with replacing(path) as temporary:
        writer(thing, temporary, *((beside or {},) if chosen.beside else ()))


def _format(path: Path, what: What) -> Format:
    for found in FORMATS:
        if found.suffix == path.suffix and what in found.whats:
            if found.needs is not None:
                require_extra(*found.needs, found.needs[1], place=path)
            return found
    expected = ", ".join(suffixes(what))
    raise InputError(path, f"expected a report with a suffix of {expected}, found {path.suffix!r}")
