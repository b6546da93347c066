"""Single values, whatever the medium."""
