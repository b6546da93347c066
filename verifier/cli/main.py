"""The command line: arguments in, exit code out. Each command is a module that is imported when it is asked for."""

import argparse
import difflib
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from verifier import __version__
from verifier.base.errors import InputError, printable

COMMANDS = {
    "check": "count where sample sets break a spec     verify [check] --spec SPEC PATH... [-o run.json]",
    "diff": "what changed between runs or specs       verify diff RUN_A.json RUN_B.json",
    "accept": "allow what a rule finds, with a reason   verify accept SPEC --rule RULE --kind KIND --reason TEXT",
    "learn": "learn a spec from a corpus or a folder   verify learn CORPUS -o spec.yaml",
    "show": "what a spec has learned                  verify show SPEC [PATH...] [-o learned.png]",
    "explain": "where one file breaks which rule         verify explain SPEC FILE [-o copy.musicxml]",
    "evaluate": "how well a spec tells generators apart   verify evaluate --spec SPEC --real PATH GENERATED...",
    "audit": "what files tell before any rule          verify audit REAL GENERATED... [--equalise OUT]",
    "power": "which planted faults a spec can see      verify power --spec SPEC [-o power.png]",
    "train": "a generator, checked as it learns        verify train CORPUS --model iwgan --spec SPEC --out DIR",
    "sample": "samples of a trained generator           verify sample DIR -n 1000 -o samples.npz",
    "attack": "adversarial samples of a corpus          verify attack CORPUS --epsilon 0.1 -o fgsm.npz",
    "specs": "",
    "rules": "",
    "corpora": "",
}
"""Each command, a module of ``cli.commands``, with what it does and how it is typed; the last list what there is."""

HELP = f"""\
verify learns the rules of a real corpus and counts where generated samples break them.

Type this first:
  verify --spec bach bach:hold-out bach:one-note bach:bernoulli
then your own, one column for each PATH (a file, a folder, a glob, a tensor file):
  verify --spec bach samples/
and in CI, against the run of the last accepted checkpoint (verify --spec bach samples/ -o run.json):
  verify --spec bach samples/ --baseline run.json

Commands (verify COMMAND --help lists the options of one):
{"".join(f"  {name:<9} {text}{chr(10)}" for name, text in COMMANDS.items() if text)}\
  {", ".join(name for name, text in COMMANDS.items() if not text)}: what there is            verify rules [RULE...]

Exit code 0: no set fails or got worse. 1: one does (--require pass: or is undecided). 2: unusable input.
"""


def run() -> None:
    """The entry point: run the command and leave with its exit code."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command. Returns 0, 1 or 2 as HELP says, or 130 when interrupted; bugs raise."""
    try:
        return _dispatch(list(arguments))
    except InputError as error:
        print(f"verify: {printable(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("verify: interrupted; no file was written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `verify show ... | head`: the reader has what it wants
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            print(f"verify: {printable(str(error.filename)[:60])}...: the name is too long for a file", file=sys.stderr)
            return 2
        if error.errno != errno.ENOSPC:
            raise
        print("verify: the output could not be written: no space left", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"verify {__version__}")
        return 0
    command, rest = ("check", arguments) if arguments[0] not in COMMANDS else (arguments[0], arguments[1:])
    if command == "check" and rest is arguments:
        _require_no_misspelling(arguments[0])
    module = importlib.import_module(f"verifier.cli.commands.{command}")
    parser = _Parser(prog=f"verify {command}", description=(module.run.__doc__ or "").strip())
    module.arguments(parser)
    code: int = module.run(parser.parse_intermixed_args(rest))
    return code


def _require_no_misspelling(word: str) -> None:
    """Raise InputError for what is no path but nearly a command: ``verify`` without one checks paths."""
    near = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.7)
    if near and word.isalpha() and not os.path.exists(word):
        raise InputError("", f"expected a command or a path, found {word!r}; did you mean verify {near[0]}?")


class _Parser(argparse.ArgumentParser):
    """argparse, whose errors are InputErrors: one line, exit code 2."""

    def error(self, message: str) -> Any:
        raise InputError("", f"{message} (try: {self.prog} --help)")
