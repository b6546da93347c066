"""Learn the rules of a real corpus, check generated samples against them, and say where they break."""

__version__ = "0.1.0"
