"""Counts of every sample under every rule, as Parquet: one row for each sample set, sample and rule."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from verifier.base.errors import InputError
from verifier.spec.run import Run
from verifier.verbs.tallies import Tally


def write(run: Run, path: Path, tallies: Mapping[str, Tally]) -> None:
    """Columns: set, sample, group, rule (dictionary-encoded text), violations, trials (int64).

    One row group for each sample set and rule, so that a reader with little memory can take them one by one. Raises
    InputError for a run without its tallies.
    """
    if set(tallies) != set(run.sets):
        raise InputError(
            ".parquet",
            "expected a run just made, found one that was read from a file: it has no counts of single samples",
        )
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [
            ("set", text),
            ("sample", pa.string()),
            ("group", pa.string()),
            ("rule", text),
            ("violations", pa.int64()),
            ("trials", pa.int64()),
        ]
    )

    def constant(value: str, n: int) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([value], pa.string()))

    with pq.ParquetWriter(path, schema) as writer:
        for label, tally in tallies.items():
            n = len(tally.names)
            names, groups = pa.array(tally.names, pa.string()), pa.array(tally.groups, pa.string())
            for rule, counts in tally.rules.items():
                columns = [constant(label, n), names, groups, constant(rule, n), counts.violations, counts.trials]
                writer.write_table(pa.table(columns, schema=schema))
