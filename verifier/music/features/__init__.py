"""Pure functions of piano rolls and voices."""
