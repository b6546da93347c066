"""Files and arrays become Batches here, one module a medium."""
