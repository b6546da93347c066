"""Which planted faults a spec catches, at which dose, and what it is blind to."""

import argparse

from verifier.api.power import power as measure_power
from verifier.cli import options
from verifier.cli.progress import progress_of, say_written
from verifier.report import formats, terminal
from verifier.report import power as report


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    options.add_spec(parser)
    options.add_corpus(parser)
    parser.add_argument("--real", metavar="PATH", help="real samples to plant in (default: what the spec held out)")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this fault; may be repeated")
    parser.add_argument("--dose", action="append", default=[], type=float, help="only this dose; may be repeated")
    parser.add_argument(
        "--alpha", type=options.level, default=0.05, help="share of real samples that may be flagged (.05)"
    )
    parser.add_argument("--limit", type=options.positive, metavar="N", help="plant in at most N samples")
    parser.add_argument("--seed", type=options.natural, default=0, help="seed of where faults are planted (default 0)")
    options.add_report(parser, "power")


def run(given: argparse.Namespace) -> int:
    """Which planted faults a spec catches, at which dose, and what it is blind to."""
    formats.require_formats(given.output, "power")
    table = measure_power(
        given.spec,
        real=given.real,
        faults=given.fault,
        doses=given.dose,
        alpha=given.alpha,
        limit=given.limit,
        seed=given.seed,
        corpus=given.corpus,
        progress=progress_of(),
    )
    out = terminal.console()
    report.print_power(out, table)
    for path in given.output:
        formats.write(table, path)
    say_written(out, given.output)
    return 0
