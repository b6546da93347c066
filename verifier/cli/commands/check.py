"""Count where sample sets break a spec."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from verifier.api.check import check_sets
from verifier.api.load import load_spec, open_sets
from verifier.base.errors import EmptySetError, InputError, printable
from verifier.base.files import require_writable
from verifier.cli import options
from verifier.cli.progress import progress_of, say_written
from verifier.corpora.sample_sets import ONE_COLUMN, SampleSet, require_once
from verifier.report import formats, terminal
from verifier.results import Run
from verifier.spec import run as records
from verifier.spec.spec import Spec
from verifier.verbs import diff
from verifier.verbs.check import run_record


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, glob, tensor file, or CORPUS:PART")
    options.add_spec(parser)
    options.add_rules(parser)
    options.add_corpus(parser)
    parser.add_argument("--limit", type=options.positive, metavar="N", help="at most N samples of each PATH")
    parser.add_argument("--seed", type=options.natural, default=0, help="seed of what is chosen or made (default 0)")
    parser.add_argument(
        "--on-error", choices=("stop", "skip"), default="stop", help="what an unreadable file does (default stop)"
    )
    parser.add_argument(
        "--alpha",
        type=options.level,
        default=0.05,
        help="share of real samples that may be flagged, chance that they fail (.05)",
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="RUN", help="fail only if a rule is broken more than in this run (-o run.json)"
    )
    parser.add_argument(
        "--margin",
        type=options.share,
        default=0.0,
        help="growth of a rate that the baseline's gate lets pass (default 0)",
    )
    parser.add_argument(
        "--require",
        choices=("no-fail", "pass"),
        default="no-fail",
        help="leave with 1 if a sample set fails (default), or unless every one passes",
    )
    parser.add_argument("--accept", action="store_true", help="if the gate passes, make this run the new baseline")
    options.add_report(parser, "run")
    parser.add_argument("-q", "--quiet", action="store_true", help="no table, only reports and the exit code")
    parser.add_argument("-v", "--verbose", action="store_true", help="intervals, and more places to look at")


def run(given: argparse.Namespace) -> int:
    """Count where sample sets break a spec."""
    formats.require_formats(given.output, "run")
    if given.baseline is None and (given.accept or given.margin):
        raise InputError("", "--margin and --accept belong to a gate: expected --baseline RUN too")
    if given.baseline is not None and given.require == "pass":
        raise InputError("", "--require pass asks of a run by itself; a gate asks what --baseline RUN does not pass")
    spec = load_spec(given.spec).selected(given.rule, given.skip)
    baseline = _baseline(spec, given) if given.baseline is not None else None
    listing = baseline is not None or any(path.suffix == ".json" for path in given.output)
    chosen = {"limit": given.limit, "seed": given.seed, "on_error": given.on_error}
    sets, empty = _opened(spec, given, chosen)
    found = check_sets(spec, sets, alpha=given.alpha, findings=listing, progress=progress_of(given.quiet))
    if baseline is not None:
        decided = diff.gate(baseline, found.record, _names(given), given.margin, given.alpha)
        found = Run(structs.replace(found.record, gate=decided), found.tallies)
    for path in given.output:
        formats.write(found.record, path, found.tallies)
    if not given.quiet:
        _print(spec, found.record, given)
    for error in empty:
        print(f"verify: {printable(error)}; the others were judged", file=sys.stderr)
    if empty:
        return 2
    gate = found.record.gate
    if gate is None or baseline is None:
        return int(found.record.failed() or (given.require == "pass" and not found.record.passed()))
    if given.accept and not gate.regressed:
        _require_acceptable(baseline, found.record, gate)
        records.dump(structs.replace(found.record, gate=None), given.baseline)
        if not given.quiet:
            print(f"accepted as the new baseline: {printable(given.baseline)}")
    return int(gate.regressed)


def _opened(
    spec: Spec, given: argparse.Namespace, chosen: Mapping[str, Any]
) -> tuple[list[SampleSet], list[EmptySetError]]:
    """The sample sets, and what was wrong with those of several that are empty; of a single one, or beside a baseline
    that has it, that is raised.
    """
    if len(given.paths) == 1 or given.baseline is not None:
        return open_sets(spec, given.paths, given.corpus, **chosen), []
    require_once(given.paths, ONE_COLUMN)
    sets, empty = [], []
    for path in given.paths:
        try:
            sets += open_sets(spec, [path], given.corpus, **chosen)
        except EmptySetError as error:
            empty.append(error)
    if not sets:
        raise empty[0]
    return sets, empty


def _names(given: argparse.Namespace) -> tuple[str, str]:
    return str(given.baseline), "this run"


def _baseline(spec: Spec, given: argparse.Namespace) -> records.Run:
    """The run of the baseline. Raises InputError before the long work, for a gate between two specs."""
    baseline = records.load(given.baseline)
    if given.accept:
        require_writable(given.baseline)
    place = " and ".join(_names(given))
    diff.require_comparable(baseline.spec, run_record(spec, {}).spec, place)
    diff.require_same_sets(baseline.sets, given.paths, place)
    return baseline


def _require_acceptable(baseline: records.Run, found: records.Run, gate: records.Gate) -> None:
    """Raise InputError if the new run would be a weaker baseline than the old one: the ratchet must not slip."""
    for label, result in found.sets.items():
        before = baseline.sets[label].samples if label in baseline.sets else 0
        if result.samples < before:
            raise InputError(
                "--accept", f"expected at least the {before:,} samples of the baseline, found {result.samples:,}"
            )
    for pair in gate.sets:
        undecided = [name for name, rule in pair.rules.items() if rule.verdict == "undecided"]
        if len(undecided) == len(pair.rules):
            raise InputError("--accept", f"no rule of {pair.labels[1]} could be compared with the baseline")


def _print(spec: Spec, found: records.Run, given: argparse.Namespace) -> None:
    out = terminal.console()
    terminal.print_run(out, spec, found, given.verbose)
    if found.gate is not None:
        from verifier.report import changes

        changes.print_gate(out, found.gate, 5 if given.verbose else 2)
    say_written(out, given.output)
