"""What format, size, length, loudness and metadata alone would tell, before any rule."""

import argparse
from pathlib import Path

from verifier.api.audit import audit as audit_containers
from verifier.base.errors import InputError
from verifier.cli import options
from verifier.cli.progress import progress_of, say_written
from verifier.report import audit as report
from verifier.report import formats, terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="real samples, then those of each generator: file, folder, glob, array, CORPUS:PART",
    )
    parser.add_argument("--real", metavar="PATH", help="real samples: then every other PATH is generated")
    parser.add_argument(
        "--equalise",
        type=Path,
        metavar="OUT",
        help="write the samples of all sides alike into the new folder OUT, and audit them again",
    )
    parser.add_argument(
        "--groups",
        choices=("file", "folder"),
        default="file",
        help="what is independent: each file, or each folder of files that were made of one thing (default file)",
    )
    parser.add_argument(
        "--above", type=float, default=0.5, metavar="AUROC", help="a property tells if its interval lies above (.5)"
    )
    parser.add_argument("--limit", type=options.positive, metavar="N", help="at most N samples of each side")
    options.add_report(parser, "audit")
    parser.epilog = (
        "Exit code 0: nothing in the files tells them apart beyond chance; with --equalise, in those that were written."
        " 1: something does. What follows from what samples hold, as mean intensity, is told but does not count."
    )


def run(given: argparse.Namespace) -> int:
    """What format, size, length, loudness and metadata alone would tell, before any rule."""
    formats.require_formats(given.output, "audit")
    paths = list(dict.fromkeys(given.paths if given.real is None else [given.real, *given.paths]))
    if len(paths) < 2:
        raise InputError("", "expected real samples and generated ones: verify audit REAL GENERATED...")
    found = audit_containers(
        *paths,
        groups=given.groups,
        above=given.above,
        limit=given.limit,
        equalise=given.equalise,
        progress=progress_of(),
    )
    out = terminal.console()
    report.print_audit(out, found)
    for path in given.output:
        formats.write(found, path)
    say_written(out, given.output)
    return int(found.tells)
