"""How a path or an array becomes Batches of samples, whatever the medium."""
