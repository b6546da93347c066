"""What a rule is, and what kinds of rule share."""
