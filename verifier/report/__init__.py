"""One module an output format. Each writes a whole file or none."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from verifier.check import Tally
from verifier.errors import InputError
from verifier.files import replacing, require_writable
from verifier.record import Run

Writer = Callable[[Run, Mapping[str, Tally], Path], None]


def _json(run: Run, tallies: Mapping[str, Tally], path: Path) -> None:
    from verifier.report import json

    json.write(run, path)


def _parquet(run: Run, tallies: Mapping[str, Tally], path: Path) -> None:
    from verifier.report import parquet

    parquet.write(tallies, path)


FORMATS: Mapping[str, Writer] = {".json": _json, ".parquet": _parquet}
"""Suffix -> what writes it."""


def require_formats(paths: Sequence[Path]) -> None:
    """Raise InputError, before the long work, for a report that could not be written after it."""
    for path in paths:
        if path.suffix not in FORMATS:
            raise InputError(path, f"expected a report with a suffix of {', '.join(FORMATS)}, found {path.suffix!r}")
        require_writable(path)


def write(run: Run, tallies: Mapping[str, Tally], path: Path) -> None:
    """Write the report whose format the suffix of ``path`` names, whole or not at all."""
    with replacing(path) as temporary:
        FORMATS[path.suffix](run, tallies, temporary)
