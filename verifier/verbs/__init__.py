"""What the tool does: learn, check, explain, evaluate, diff, power."""
