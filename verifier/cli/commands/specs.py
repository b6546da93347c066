"""The specs that ship."""

import argparse

from verifier.api.load import load_spec, spec_names
from verifier.report import terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes: nothing."""


def run(given: argparse.Namespace) -> int:
    """The specs that ship."""
    out = terminal.console()
    for name in spec_names():
        spec = load_spec(name)
        out.print(f"[bold]{name}[/]  {terminal.view_line(spec)}; {len(spec.rules)} rules", soft_wrap=True)
        out.print(f"  [dim]{terminal.safe(spec.corpus.source)}[/]", soft_wrap=True)
    return 0
