"""The rules there are."""

import argparse
import inspect
from collections import Counter

from verifier.base.errors import InputError
from verifier.report import terminal
from verifier.rule.registry import all_rules
from verifier.rule.rule import Rule


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("names", nargs="*", metavar="RULE", help="print the manual of these rules")


def run(given: argparse.Namespace) -> int:
    """The rules there are."""
    out = terminal.console()
    known = _by_label()
    names = {rule.name() for rule in known.values()}
    for name in given.names:
        if name not in names:
            raise InputError("", f"expected a rule ({', '.join(sorted(names))}), found {name!r}")
    if not given.names:
        terminal.print_rules(out, known)
        return 0
    for label, rule in known.items():
        if rule.name() in given.names:
            terminal.print_rules(out, {label: rule})
            out.print(f"\n{terminal.safe(inspect.getdoc(rule))}\n")
    return 0


def _by_label() -> dict[str, type[Rule]]:
    """Every rule by name, those of one name in two media with the kind of view that each is for."""
    kinds: dict[type[Rule], list[str]] = {}
    for kind, rule in all_rules():
        kinds.setdefault(rule, []).append(kind)
    often = Counter(rule.name() for rule in kinds)
    labels = {
        rule.name() if often[rule.name()] == 1 else f"{rule.name()} ({', '.join(of)})": rule
        for rule, of in kinds.items()
    }
    return dict(sorted(labels.items()))
