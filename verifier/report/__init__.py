"""One module an output format, with a ``write`` of its own; ``formats`` has the table of them all."""
