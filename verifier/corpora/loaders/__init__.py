"""One module a source of pieces."""
