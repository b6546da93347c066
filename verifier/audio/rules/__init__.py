"""One file a rule of sound."""
