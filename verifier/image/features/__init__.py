"""Pure functions of pictures."""
