"""The run record as JSON."""

from pathlib import Path

import msgspec

from verifier.record import Run


def write(run: Run, path: Path) -> None:
    """Write the record, indented: it is read by people and compared by text tools as well."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=2) + b"\n")
