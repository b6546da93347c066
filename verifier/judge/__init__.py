"""What real samples say of samples under test: p-values, the guards, sets as a whole."""
