"""The corpora there are."""

import argparse

from verifier.corpora.manifest import manifests
from verifier.corpora.sample_sets import parts_of
from verifier.report import terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes: nothing."""


def run(given: argparse.Namespace) -> int:
    """The corpora there are."""
    terminal.print_corpora(terminal.console(), manifests(), parts_of)
    return 0
