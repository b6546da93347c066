"""A medium from outside the source tree: texts of tokens, one a line, as a matrix of tokens by places."""
