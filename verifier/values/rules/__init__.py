"""One file a rule of values."""
