"""The spec file and the run record."""
