"""Adversarial samples: real ones, changed as little as it takes to mislead a classifier."""

import argparse

from verifier.api.load import load_spec, view_for
from verifier.base.errors import InputError
from verifier.base.files import replacing, require_writable
from verifier.cli import options
from verifier.cli.generators import require_generators
from verifier.cli.progress import progress_of, say_written
from verifier.corpora import corpus as corpora
from verifier.corpora.sample_sets import choose, open_samples
from verifier.data.medium import medium_of
from verifier.report import terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("corpus", metavar="CORPUS", help="a name that `verify corpora` lists, or a folder of files")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--spec", metavar="SPEC", help="take its view and its split into learned and held out")
    view.add_argument(
        "--view", action="append", default=[], metavar="FIELD=VALUE", help="field of the view, as in the spec file"
    )
    parser.add_argument(
        "--epsilon", type=options.share, default=0.1, help="how far each value moves, from 0 to below 1 (default .1)"
    )
    parser.add_argument(
        "-n", type=options.positive, metavar="N", help="attack N held-out windows (default: all that are full)"
    )
    parser.add_argument("--seed", type=options.natural, default=0, help="seed of the classifier and of -n (default 0)")
    options.add_output(parser, "the file to write (.npz): array x, windows x rows x steps, float32")


def run(given: argparse.Namespace) -> int:
    """Adversarial samples: FGSM on held-out samples, for a classifier of what pictures show, or of the pitch class that
    sounds longest.
    """
    require_generators()
    import numpy as np

    from verifier.generators.adversarial import attack, full_windows

    if len(given.output) != 1 or given.output[0].suffix != ".npz":
        raise InputError("", "expected one -o FILE.npz to write the samples to")
    require_writable(given.output[0])
    spec = load_spec(given.spec) if given.spec is not None else None
    view = spec.view if spec else view_for(given.corpus, options.settings(given.view))
    if view.window is None:
        raise InputError(given.spec or "--view", "expected a view with windows of equal length, found window: null")
    learned, held_out = (
        full_windows(open_samples(f"{given.corpus}:{part}", view, spec.corpus if spec else None))
        for part in ("learn", "hold-out")
    )
    n = len(held_out) if given.n is None else given.n
    if n > len(held_out):
        raise InputError("-n", f"expected at most the {len(held_out):,} full held-out windows there are, found {n:,}")
    windows = held_out.take(choose(len(held_out), n, given.seed))
    with progress_of()("training a classifier", None):
        known = medium_of(view).classes(windows)
        what = known.words if known else "what the picture shows"
        labels = None if known else corpora.labels(given.corpus)
        found = attack(learned, windows, labels, epsilon=given.epsilon, seed=given.seed)
    with replacing(given.output[0]) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, x=found.values)
    out = terminal.console()
    out.print(
        f"{what}, {n:,} held-out windows: right in {found.before:.1%} before the attack,"
        f" in {found.after:.1%} after it (always the most frequent: {found.most_frequent:.1%})",
        soft_wrap=True,
        highlight=False,
    )
    say_written(out, given.output)
    return 0
