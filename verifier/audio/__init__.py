"""Sound: mel spectrograms of recordings, their features, rules and faults."""
