"""The rules there are."""

import argparse
import inspect

from verifier.base.errors import InputError
from verifier.report import terminal
from verifier.rule.registry import all_rules


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("names", nargs="*", metavar="RULE", help="print the manual of these rules")


def run(given: argparse.Namespace) -> int:
    """The rules there are."""
    out = terminal.console()
    known = sorted(((rule.name(), rule) for _, rule in all_rules()), key=lambda item: item[0])
    names = {name for name, _ in known}
    for name in given.names:
        if name not in names:
            raise InputError("", f"expected a rule ({', '.join(sorted(names))}), found {name!r}")
    if not given.names:
        terminal.print_rules(out, dict(known))
        return 0
    for rule in dict.fromkeys(rule for wanted in given.names for name, rule in known if name == wanted):
        terminal.print_rules(out, {rule.name(): rule})
        out.print(f"\n{terminal.safe(inspect.getdoc(rule))}\n")
    return 0
