"""Where one file breaks which rule."""

import argparse

from verifier.api.explain import explain as explain_samples
from verifier.api.load import load_spec
from verifier.base.files import require_writable
from verifier.cli import options
from verifier.cli.progress import progress_of, say_written
from verifier.report import terminal
from verifier.results import require_explainable


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("spec", metavar="SPEC")
    parser.add_argument("file", metavar="FILE", help="a file, or CORPUS:PART")
    options.add_rules(parser)
    options.add_corpus(parser)
    parser.add_argument(
        "--limit", type=options.positive, default=3, metavar="N", help="samples of the file to show (default 3)"
    )
    parser.add_argument("--seed", type=options.natural, default=0, help="seed of what CORPUS:PART makes (default 0)")
    options.add_output(
        parser, "picture (.png, .svg, .pdf) or annotated copy (.musicxml, .mid) to write; may be repeated"
    )


def run(given: argparse.Namespace) -> int:
    """Where one file breaks which rule."""
    spec = load_spec(given.spec).selected(given.rule, given.skip)
    require_explainable(given.output, spec)
    for path in given.output:
        require_writable(path)
    found = explain_samples(
        spec, given.file, limit=given.limit, seed=given.seed, corpus=given.corpus, progress=progress_of()
    )
    for path in given.output:
        found.require(path)
    out = terminal.console()
    terminal.print_explanation(out, spec, found.explained, given.limit, None if given.output else terminal.LISTED)
    for path in given.output:
        found.save(path)
    say_written(out, given.output)
    return int(found.explained.broken > 0)
