"""``python -m verifier`` is ``verify``."""

from verifier.cli import run

run()
