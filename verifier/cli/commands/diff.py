"""What changed between two runs of one spec, or between two specs."""

import argparse

from verifier.api.compare import are_runs
from verifier.api.compare import diff as compare
from verifier.cli import options
from verifier.cli.progress import say_written
from verifier.report import changes, formats, terminal
from verifier.spec.run import RunDiff


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("a", metavar="A", help="a run record (.json), or a spec")
    parser.add_argument("b", metavar="B", help="another of the same sort")
    options.add_report(parser, "diff of runs", "diff of specs")
    parser.add_argument("-q", "--quiet", action="store_true", help="no table, only reports")
    parser.add_argument("-v", "--verbose", action="store_true", help="more new kinds and findings")


def run(given: argparse.Namespace) -> int:
    """What changed between two runs of one spec, or between two specs."""
    of_runs = are_runs(given.a, given.b)
    formats.require_formats(given.output, "diff of runs" if of_runs else "diff of specs")
    found = compare(given.a, given.b)
    out = terminal.console()
    if not given.quiet:
        if isinstance(found, RunDiff):
            changes.print_diff(out, found, 5 if given.verbose else 2)
        else:
            changes.print_spec_diff(out, found)
    for path in given.output:
        formats.write(found, path)
    if not given.quiet:
        say_written(out, given.output)
    return 0
