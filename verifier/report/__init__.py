"""One module an output format. Each writes a whole file or none."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from verifier.base.errors import InputError
from verifier.base.files import replacing, require_writable
from verifier.spec.run import Run, RunDiff
from verifier.verbs.check import Tally
from verifier.verbs.diff import SpecDiff

Writer = Callable[[Run, Mapping[str, Tally], Path], None]


def _json(run: Run, tallies: Mapping[str, Tally], path: Path) -> None:
    from verifier.report import json

    json.write(run, path)


def _parquet(run: Run, tallies: Mapping[str, Tally], path: Path) -> None:
    from verifier.report import parquet

    parquet.write(tallies, path)


def _junit(run: Run, tallies: Mapping[str, Tally], path: Path) -> None:
    from verifier.report import junit

    junit.write(run, path)


def _markdown(run: Run, tallies: Mapping[str, Tally], path: Path) -> None:
    from verifier.report import markdown

    markdown.write(run, path)


FORMATS: Mapping[str, Writer] = {".json": _json, ".parquet": _parquet, ".xml": _junit, ".md": _markdown}
"""Suffix -> what writes a run."""
DIFF_FORMATS = (".json", ".md", ".xml")
"""Suffixes of a diff of runs."""
SPEC_DIFF_FORMATS = (".json", ".md")
"""Suffixes of a diff of specs: it has no cases that could pass."""


def require_formats(paths: Sequence[Path], suffixes: Collection[str] = FORMATS) -> None:
    """Raise InputError, before the long work, for a report that could not be written after it."""
    for path in paths:
        if path.suffix not in suffixes:
            raise InputError(path, f"expected a report with a suffix of {', '.join(suffixes)}, found {path.suffix!r}")
        require_writable(path)
        if path.suffix == ".parquet":
            from verifier.report import parquet

            parquet.require(path)


def write_diff(diff: RunDiff | SpecDiff, path: Path) -> None:
    """Write a diff in the format that the suffix of ``path`` names, whole or not at all."""
    from verifier.report import json, junit, markdown

    with replacing(path) as temporary:
        if path.suffix == ".md":
            markdown.write(diff, temporary)
        elif path.suffix == ".xml" and isinstance(diff, RunDiff):
            junit.write(diff, temporary)
        else:
            json.write(diff, temporary)


def write(run: Run, tallies: Mapping[str, Tally], path: Path) -> None:
    """Write the report whose format the suffix of ``path`` names, whole or not at all."""
    with replacing(path) as temporary:
        FORMATS[path.suffix](run, tallies, temporary)
