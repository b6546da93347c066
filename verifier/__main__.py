"""``python -m verifier`` is ``verify``."""

from verifier.cli.main import run

run()
