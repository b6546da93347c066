"""One file a rule of pictures."""
