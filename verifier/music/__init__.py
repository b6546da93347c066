"""Symbolic music: piano rolls with voices, their features, rules and faults."""
