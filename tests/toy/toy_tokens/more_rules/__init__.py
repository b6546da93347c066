"""Rules from another package, which an entry point names."""
