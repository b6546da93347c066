"""How well a spec tells the samples of generators from real ones, by rule."""

import argparse

from verifier.api.evaluate import evaluate as evaluate_sets
from verifier.cli import options
from verifier.cli.progress import progress_of, say_written
from verifier.report import evaluation, formats, terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="samples of one generator: file, folder, CORPUS:PART")
    options.add_spec(parser)
    parser.add_argument("--real", metavar="PATH", help="real samples (default: what the spec held out)")
    parser.add_argument(
        "--sets", type=options.positive, default=100, metavar="N", help="samples in a set (default 100)"
    )
    parser.add_argument("--limit", type=options.positive, metavar="N", help="at most N samples of each")
    parser.add_argument("--seed", type=options.natural, default=0, help="seed of the sets (default 0)")
    options.add_rules(parser)
    options.add_corpus(parser)
    options.add_report(parser, "evaluation")


def run(given: argparse.Namespace) -> int:
    """How well a spec tells the samples of generators from real ones, by rule."""
    formats.require_formats(given.output, "evaluation")
    found = evaluate_sets(
        given.spec,
        list(dict.fromkeys(given.paths)),
        real=given.real,
        rules=given.rule,
        skip=given.skip,
        set_size=given.sets,
        limit=given.limit,
        seed=given.seed,
        corpus=given.corpus,
        progress=progress_of(),
    )
    out = terminal.console()
    evaluation.print_evaluation(out, found)
    for path in given.output:
        formats.write(found, path)
    say_written(out, given.output)
    return 0
