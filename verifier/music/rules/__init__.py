"""One file a rule of music."""
