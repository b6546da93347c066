"""A record as JSON: a run's, a diff's."""

from pathlib import Path

from msgspec import Struct

from verifier.spec.run import encoded


def write(record: Struct, path: Path) -> None:
    """Write the record, indented: it is read by people and compared by text tools as well."""
    path.write_bytes(encoded(record))
