"""Accept what a rule finds."""

import argparse
from pathlib import Path

from verifier.base.errors import InputError, printable
from verifier.spec.spec import accept, load
from verifier.spec.suppressions import Accepted, require_acceptable


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("spec", metavar="SPEC", type=Path, help="the spec file, which is rewritten")
    parser.add_argument("--rule", required=True, metavar="RULE", help="the rule that finds it")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--kind", metavar="KIND", help="a kind of violation, as a report names it: 'C E G -> C F# A'")
    what.add_argument("--sample", metavar="NAME", help="what the rule finds in this sample")
    parser.add_argument("--place", metavar="PLACE", help="of that, only what is here, as `verify diff` names places")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in the spec")


def run(given: argparse.Namespace) -> int:
    """Accept what a rule finds: it stays in view, counted as accepted, and is no violation any more."""
    if not given.reason.strip():
        raise InputError("--reason", "expected why it is accepted, found nothing")
    if given.place is not None and given.sample is None:
        raise InputError("--place", "expected it beside --sample")
    spec = load(given.spec)
    entry = Accepted(
        rule=given.rule, kind=given.kind, sample=given.sample, place=given.place, reason=given.reason.strip()
    )
    entry = require_acceptable(entry, spec.rule(given.rule))
    accept(given.spec, entry)
    print(f"accepted in {printable(given.spec)}: {printable(entry.kind or entry.sample)}")
    return 0
