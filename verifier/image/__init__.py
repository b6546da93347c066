"""Pictures: their features, rules and faults."""
