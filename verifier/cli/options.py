"""Options that several commands have, and the kinds of number that they take."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from verifier.base.errors import InputError
from verifier.report import formats

SPEC = "a YAML file, or the name of a spec that ships (verify specs)"
CORPUS = "a name that `verify corpora` lists, a folder of files, or a file of arrays or pictures"


def add_spec(parser: argparse.ArgumentParser) -> None:
    """--spec."""
    parser.add_argument("--spec", required=True, metavar="SPEC", help=SPEC)


def add_corpus(parser: argparse.ArgumentParser) -> None:
    """--corpus."""
    parser.add_argument(
        "--corpus", metavar="PATH", help="where the folder lies now that the spec was learned from, for NAME:hold-out"
    )


def add_rules(parser: argparse.ArgumentParser) -> None:
    """--rule and --skip."""
    parser.add_argument("--rule", action="append", default=[], metavar="RULE", help="only this rule; may be repeated")
    parser.add_argument("--skip", action="append", default=[], metavar="RULE", help="not this rule; may be repeated")


def add_output(parser: argparse.ArgumentParser, text: str) -> None:
    """-o, which may be repeated."""
    parser.add_argument("-o", "--output", action="append", default=[], type=Path, metavar="FILE", help=text)


def add_report(parser: argparse.ArgumentParser, *whats: formats.What) -> None:
    """-o, with the formats in which these can be written."""
    listed = "; ".join(", ".join(formats.suffixes(what)) + (f" for {what}" if len(whats) > 1 else "") for what in whats)
    add_output(parser, f"report to write: {listed}; may be repeated")


def add_view(parser: argparse._ActionsContainer, text: str = "field of the view, as in the spec file") -> None:
    """--view."""
    parser.add_argument("--view", action="append", default=[], metavar="FIELD=VALUE", help=text)


def settings(texts: Iterable[str]) -> dict[str, Any]:
    """Texts ``NAME=VALUE``, the values read as YAML. Raises InputError."""
    return dict(setting(text) for text in texts)


def setting(text: str) -> tuple[str, Any]:
    """``NAME=VALUE``, the value read as YAML. Raises InputError."""
    import yaml

    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(text, "expected NAME=VALUE")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(text, f"expected a value as in a spec file, found {value!r}") from None


def rule_options(texts: Sequence[str], chosen: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """``chosen`` rules with the options that ``texts``, RULE.OPTION=VALUE, set. Raises InputError."""
    found = {name: dict(options) for name, options in chosen.items()}
    for text in texts:
        key, value = setting(text)
        name, dot, option = key.partition(".")
        if not dot or name not in found:
            raise InputError(
                f"--set {text}", f"expected RULE.OPTION=VALUE with a rule that is learned ({', '.join(found)})"
            )
        found[name][option] = value
    return found


def positive(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text}")
    return number


def natural(text: str) -> int:
    """A whole number from 0."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected a number from 0, found {text}")
    return number


def level(text: str) -> float:
    """A number between 0 and 1."""
    number = float(text)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"expected a level between 0 and 1, found {text}")
    return number


def share(text: str) -> float:
    """A number from 0 to below 1."""
    number = float(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to below 1, found {text}")
    return number
