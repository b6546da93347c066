"""Real pieces to learn from: corpora known by name, folders, and the sample sets that a PATH names."""
