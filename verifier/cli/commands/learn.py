"""Learn a spec from a corpus."""

import argparse
from pathlib import Path

from verifier.api.learn import learn_with_left_out
from verifier.api.load import chosen_rules, view_for
from verifier.base.errors import InputError
from verifier.base.files import require_writable
from verifier.cli import options
from verifier.cli.progress import progress_of, say_written
from verifier.corpora.collection import groups_in
from verifier.data.axes import WrongShapeError
from verifier.data.medium import medium_of
from verifier.spec.index import beside
from verifier.spec.spec import dump
from verifier.verbs.learn import LearnedSpec

PIECES = 19
"""Held-out pieces that the usual level of .05 needs."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("corpus", metavar="CORPUS", help=options.CORPUS)
    options.add_output(
        parser, "the spec file to write (.yaml), and beside it what copies are looked for in (.index.npz)"
    )
    parser.add_argument("--name", help="name of the spec (default: the corpus's)")
    parser.add_argument(
        "--view", action="append", default=[], metavar="FIELD=VALUE", help="field of the view, as in the spec file"
    )
    options.add_rules(parser)
    parser.add_argument(
        "--set", action="append", default=[], metavar="RULE.OPTION=VALUE", help="option of a rule; `verify rules` lists"
    )
    parser.add_argument(
        "--hold-out", type=options.share, default=0.2, help="share of the groups that is held out (default .2)"
    )
    parser.add_argument(
        "--groups",
        type=Path,
        metavar="FILE",
        help="what each sample of a file of arrays was cut from: a .npy, or a text of one name a line (default: the"
        " array `groups` in the .npz, or each is its own)",
    )
    parser.add_argument("--limit", type=options.positive, metavar="N", help="learn from N windows, chosen by the seed")
    parser.add_argument("--seed", type=options.natural, default=0, help="seed of the split and of --limit (default 0)")
    parser.add_argument("-q", "--quiet", action="store_true", help="write the spec and say nothing")


def run(given: argparse.Namespace) -> int:
    """Learn a spec from a corpus."""
    if len(given.output) != 1 or given.output[0].suffix not in (".yaml", ".yml"):
        raise InputError("", "expected one -o FILE.yaml to write the spec to")
    for path in (given.output[0], beside(given.output[0])):
        require_writable(path)
    view = options.settings(given.view)
    kind = view_for(given.corpus, view).kind
    chosen = options.rule_options(given.set, chosen_rules(kind, given.rule, given.skip))
    try:
        found = learn_with_left_out(
            given.corpus,
            view=view,
            rules=chosen,
            skip=(),
            groups=None if given.groups is None else groups_in(given.groups),
            hold_out=given.hold_out,
            limit=given.limit,
            seed=given.seed,
            name=given.name,
            progress=progress_of(given.quiet),
            prune=not given.rule,  # what is asked for by name is learned
        )
    except WrongShapeError as error:
        if given.view:
            raise
        pictures = "--view kind=image --view height=28 --view width=28"
        raise InputError(error.place, f"{error.problem}; if this is no music, say what it is: {pictures}") from error
    dump(found.spec, given.output[0])
    if not given.quiet:
        _print(found, given)
    return 0


def _print(found: LearnedSpec, given: argparse.Namespace) -> None:
    from verifier.report import terminal

    out = terminal.console()
    terminal.print_spec(out, found.spec)
    spec = found.spec
    if spec.facts and (fitting := medium_of(spec.view).better_view(spec.facts, spec.view)):
        out.print(f"[yellow]note[/] {fitting}", soft_wrap=True)
    if found.silent:
        listed = ", ".join(found.silent)
        out.print(f"[yellow]note[/] left out, as the corpus gives them no trial: {listed}", soft_wrap=True)
    if found.broken:
        listed = ", ".join(f"{name} ({rate:.0%} of trials)" for name, rate in found.broken.items())
        out.print(f"[yellow]note[/] left out, as held-out real samples break them: {listed}", soft_wrap=True)
    held = len(found.spec.calibration.samples) if found.spec.calibration else 0
    if held < PIECES:
        out.print(
            f"[yellow]note[/] p-values rank among {held} pieces, {PIECES} are needed for the usual level of .05: "
            + (f"check with --alpha {1 / (held + 1):.2g} or more, or " if held else "")
            + "learn from more pieces, or with a larger --hold-out",
            soft_wrap=True,
        )
    say_written(out, [*given.output, *([beside(given.output[0])] if found.spec.index else [])])
