"""What a spec has learned."""

import argparse

from verifier.api.explain import learned_from
from verifier.api.load import load_spec
from verifier.base.errors import InputError
from verifier.cli import options
from verifier.cli.progress import progress_of, say_written
from verifier.report import formats, learned, terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("spec", metavar="SPEC")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="samples to draw over what was learned, as of a check")
    options.add_rules(parser)
    options.add_corpus(parser)
    parser.add_argument("--limit", type=options.positive, metavar="N", help="at most N samples of each PATH")
    parser.add_argument("--seed", type=options.natural, default=0, help="seed of what is chosen or made (default 0)")
    options.add_output(
        parser, "a picture of what was learned (.png, .svg, .pdf), or the graph of chroma-transitions (.graphml)"
    )


def run(given: argparse.Namespace) -> int:
    """What a spec has learned."""
    formats.require_formats(given.output, "spec")
    spec = load_spec(given.spec).selected(given.rule, given.skip)
    pictures = [path for path in given.output if path.suffix in formats.PICTURES]
    for path in pictures:
        learned.require_panels(path, spec)
    sets = {}
    if given.paths:
        if not pictures:
            suffixes = ", ".join(formats.PICTURES)
            raise InputError(given.paths[0], f"expected a picture to draw samples in: -o FILE with one of {suffixes}")
        learned.require_comparable(pictures[0], spec)
        sets = learned_from(
            spec, given.paths, limit=given.limit, seed=given.seed, corpus=given.corpus, progress=progress_of()
        )
    out = terminal.console()
    terminal.print_spec(out, spec)
    for path in given.output:
        formats.write(spec, path, sets)
    say_written(out, given.output)
    return 0
