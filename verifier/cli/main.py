"""The command line: arguments in, exit code out. Heavy imports stand inside the command that needs them."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verifier import __version__
from verifier.base.errors import InputError, printable

if TYPE_CHECKING:
    from rich.console import Console

    from verifier.data.view import View
    from verifier.generators.folder import LogRow
    from verifier.generators.train import Checked
    from verifier.spec.run import Run
    from verifier.spec.spec import Spec


HELP = """\
verify learns the rules of a real corpus and counts where generated samples break them.

Type this first:
  verify --spec bach bach:hold-out bach:one-note bach:bernoulli
then your own, one column for each PATH (a file, a folder, a glob, a tensor file):
  verify --spec bach samples/
and in CI, against the run of the last accepted checkpoint (verify --spec bach samples/ -o run.json):
  verify --spec bach samples/ --baseline run.json

Commands:
  check     count where sample sets break a spec     verify [check] --spec SPEC PATH... [-o run.json]
  diff      what changed between runs or specs       verify diff RUN_A.json RUN_B.json
  accept    allow what a rule finds, with a reason   verify accept SPEC --rule RULE --kind KIND --reason TEXT
  learn     learn a spec from a corpus or a folder   verify learn CORPUS -o spec.yaml
  show      what a spec has learned                  verify show SPEC [PATH...] [-o learned.png]
  explain   where one file breaks which rule         verify explain SPEC FILE [-o copy.musicxml]
  evaluate  how well a spec tells generators apart   verify evaluate --spec SPEC --real PATH GENERATED...
  power     which planted faults a spec can see      verify power --spec SPEC [-o power.png]
  train     a generator, checked as it learns        verify train CORPUS --model iwgan --spec SPEC --out DIR
  sample    samples of a trained generator           verify sample DIR -n 1000 -o samples.npz
  rules     the rules there are, and their options   verify rules [RULE...]
  corpora   the corpora there are                    verify corpora

verify COMMAND --help lists the options of a command.
Exit code 0: the spec holds, or nothing got worse. 1: it does not. 2: the command or an input was unusable.
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
    build, action = COMMANDS[command]
    parser = _Parser(prog=f"verify {command}", description=(action.__doc__ or "").strip())
    build(parser)
    return action(parser.parse_args(rest))


class _Parser(argparse.ArgumentParser):
    """argparse, whose errors are InputErrors: one line, exit code 2."""

    def error(self, message: str) -> Any:
        raise InputError("", f"{message} (try: {self.prog} --help)")


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, glob, tensor file, or CORPUS:PART")
    parser.add_argument("--spec", required=True, metavar="SPEC", help="a YAML file, or the name of a spec that ships")
    _rule_arguments(parser)
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most N samples of each PATH")
    parser.add_argument("--seed", type=_natural, default=0, help="seed of what is chosen or made (default 0)")
    parser.add_argument(
        "--on-error", choices=("stop", "skip"), default="stop", help="what an unreadable file does (default stop)"
    )
    parser.add_argument(
        "--alpha",
        type=_level,
        default=0.05,
        help="share of real samples that may be flagged, chance that they fail (.05)",
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="RUN", help="fail only if a rule is broken more than in this run (-o run.json)"
    )
    parser.add_argument(
        "--margin", type=_share, default=0.0, help="growth of a rate that the baseline's gate lets pass (default 0)"
    )
    parser.add_argument("--accept", action="store_true", help="if the gate passes, make this run the new baseline")
    _output_argument(parser, "report to write: .json, .parquet, .xml (JUnit) or .md; may be repeated")
    parser.add_argument("-q", "--quiet", action="store_true", help="no table, only reports and the exit code")
    parser.add_argument("-v", "--verbose", action="store_true", help="intervals, and more places to look at")


def _check(options: argparse.Namespace) -> int:
    """Count where sample sets break a spec."""
    from msgspec import structs

    from verifier import report
    from verifier.base.files import require_writable
    from verifier.corpora.sample_sets import learned_indices, open_samples
    from verifier.judge.calibration import require_level
    from verifier.spec import run as record
    from verifier.verbs.check import Checkers, judge, run_record, tally

    report.require_formats(options.output)
    if options.baseline is None and (options.accept or options.margin):
        raise InputError("", "--margin and --accept belong to a gate: expected --baseline RUN too")
    spec = _load_spec(options.spec).selected(options.rule, options.skip)
    baseline = None
    if options.baseline is not None:
        from verifier.verbs import diff

        baseline = record.load(options.baseline)
        if options.accept:
            require_writable(options.baseline)
        names = (str(options.baseline), "this run")
        # Before the long work: a gate between two specs is refused.
        diff.require_comparable(baseline.spec, run_record(spec, {}).spec, " and ".join(names))
        diff.require_same_sets(baseline.sets, options.paths, " and ".join(names))
    listing = baseline is not None or any(path.suffix == ".json" for path in options.output)
    if spec.calibration is not None:
        require_level(options.alpha, len(spec.calibration.samples), "pieces")
    repeated = {path for path in options.paths if options.paths.count(path) > 1}
    if repeated:
        raise InputError(min(repeated), "stands on the command line twice; each PATH is a column of its own")
    checkers = Checkers.of(spec, learned_indices(spec.corpus, spec.view) if spec.whole and spec.whole.checks else None)
    tallies, results = {}, {}
    sets = [
        open_samples(path, spec.view, spec.corpus, limit=options.limit, seed=options.seed, on_error=options.on_error)
        for path in options.paths
    ]
    for samples in sets:
        with _progress(samples.label, samples.total, options.quiet) as advance:
            counted = tally(spec, _advancing(samples.batches(), advance), findings=listing, checkers=checkers)
        tallies[samples.label] = counted
        results[samples.label] = judge(spec, counted, samples.unreadable, options.alpha, checkers)
    found = run_record(spec, results, options.alpha)
    if baseline is not None:
        decided = diff.gate(baseline, found, names, options.margin, options.alpha)
        found = structs.replace(found, gate=decided)
    for path in options.output:
        report.write(found, tallies, path)
    if not options.quiet:
        _print_check(spec, found, options)
    if found.gate is None:
        return int(found.failed())
    if options.accept and not found.gate.regressed:
        _require_acceptable(baseline, found)
        record.dump(structs.replace(found, gate=None), options.baseline)
        if not options.quiet:
            print(f"accepted as the new baseline: {printable(options.baseline)}")
    return int(found.gate.regressed)


def _require_acceptable(baseline: "Run | None", found: "Run") -> None:
    """Raise InputError if the new run would be a weaker baseline than the old one: the ratchet must not slip."""
    assert baseline is not None
    assert found.gate is not None
    for label, result in found.sets.items():
        before = baseline.sets[label].samples if label in baseline.sets else 0
        if result.samples < before:
            raise InputError(
                "--accept", f"expected at least the {before:,} samples of the baseline, found {result.samples:,}"
            )
    for pair in found.gate.sets:
        undecided = [name for name, rule in pair.rules.items() if rule.verdict == "undecided"]
        if len(undecided) == len(pair.rules):
            raise InputError("--accept", f"no rule of {pair.labels[1]} could be compared with the baseline")


def _print_check(spec: "Spec", found: "Run", options: argparse.Namespace) -> None:
    from verifier.report import terminal

    out = terminal.console()
    terminal.print_run(out, spec, found, options.verbose)
    if found.gate is not None:
        from verifier.report import changes

        changes.print_gate(out, found.gate, 5 if options.verbose else 2)
    _wrote(out, options.output)


def _diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="a run record (.json), or a spec")
    parser.add_argument("b", metavar="B", help="another of the same sort")
    _output_argument(parser, "report to write: .json, .md, or .xml (JUnit) for runs; may be repeated")
    parser.add_argument("-q", "--quiet", action="store_true", help="no table, only reports")
    parser.add_argument("-v", "--verbose", action="store_true", help="more new kinds and findings")


def _diff(options: argparse.Namespace) -> int:
    """What changed between two runs of one spec, or between two specs."""
    from verifier import report
    from verifier.report import changes, terminal
    from verifier.spec import run as record
    from verifier.verbs import diff

    of_runs = [Path(name).suffix == ".json" for name in (options.a, options.b)]
    if of_runs[0] != of_runs[1]:
        raise InputError(
            f"{options.a} and {options.b}", "expected two run records (.json) or two specs, found one of each"
        )
    report.require_formats(options.output, report.DIFF_FORMATS if of_runs[0] else report.SPEC_DIFF_FORMATS)
    names = (options.a, options.b)
    out = terminal.console()
    if of_runs[0]:
        found = diff.diff_runs(record.load(Path(options.a)), record.load(Path(options.b)), names)
        if not options.quiet:
            changes.print_diff(out, found, 5 if options.verbose else 2)
        _write_diff(found, options)
        return 0
    changed = diff.diff_specs(_load_spec(options.a), _load_spec(options.b), names)
    if not options.quiet:
        changes.print_spec_diff(out, changed)
    _write_diff(changed, options)
    return 0


def _write_diff(found: Any, options: argparse.Namespace) -> None:
    from verifier import report
    from verifier.report import terminal

    for path in options.output:
        report.write_diff(found, path)
    if not options.quiet:
        _wrote(terminal.console(), options.output)


def _accept_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", type=Path, help="the spec file, which is rewritten")
    parser.add_argument("--rule", required=True, metavar="RULE", help="the rule that finds it")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--kind", metavar="KIND", help="a kind of violation, as a report names it: 'C E G -> C F# A'")
    what.add_argument("--sample", metavar="NAME", help="what the rule finds in this sample")
    parser.add_argument("--place", metavar="PLACE", help="of that, only what is here, as `verify diff` names places")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in the spec")


def _accept(options: argparse.Namespace) -> int:
    """Accept what a rule finds: it stays in view, counted as accepted, and is no violation any more."""
    from verifier.spec.spec import accept, load
    from verifier.spec.suppressions import Accepted, require_acceptable

    if not options.reason.strip():
        raise InputError("--reason", "expected why it is accepted, found nothing")
    if options.place is not None and options.sample is None:
        raise InputError("--place", "expected it beside --sample")
    spec = load(options.spec)
    entry = Accepted(
        rule=options.rule, kind=options.kind, sample=options.sample, place=options.place, reason=options.reason.strip()
    )
    entry = require_acceptable(entry, spec.rule(options.rule))
    accept(options.spec, entry)
    print(f"accepted in {printable(options.spec)}: {printable(entry.kind or entry.sample)}")
    return 0


def _learn_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", help="a name that `verify corpora` lists, or a folder of files")
    _output_argument(parser, "the spec file to write (.yaml)")
    parser.add_argument("--name", help="name of the spec (default: the corpus's)")
    parser.add_argument(
        "--view", action="append", default=[], metavar="FIELD=VALUE", help="field of the view, as in the spec file"
    )
    _rule_arguments(parser)
    parser.add_argument(
        "--set", action="append", default=[], metavar="RULE.OPTION=VALUE", help="option of a rule; `verify rules` lists"
    )
    parser.add_argument(
        "--hold-out", type=_share, default=0.2, help="share of the groups that is held out (default .2)"
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="learn from N windows, chosen by the seed")
    parser.add_argument("--seed", type=_natural, default=0, help="seed of the split and of --limit (default 0)")
    parser.add_argument("-q", "--quiet", action="store_true", help="write the spec and say nothing")


def _learn(options: argparse.Namespace) -> int:
    """Learn a spec from a corpus."""
    from verifier.base.files import require_writable
    from verifier.corpora import corpus as corpora
    from verifier.corpora.sample_sets import choose
    from verifier.data.medium import medium_of
    from verifier.judge.sets import calibrate_sets, indices_of
    from verifier.judge.storage import storage_of
    from verifier.spec.provenance import CorpusRecord, Provenance, Sampling, Split
    from verifier.spec.spec import Spec, dump
    from verifier.verbs import learn

    if len(options.output) != 1 or options.output[0].suffix not in (".yaml", ".yml"):
        raise InputError("", "expected one -o FILE.yaml to write the spec to")
    require_writable(options.output[0])
    view = _view(options.view, options.corpus)
    rules = _chosen_rules(view.kind, options)
    with _progress(f"reading {options.corpus}", None, options.quiet) as advance:
        corpus = corpora.load(options.corpus, progress=lambda done, total: advance(1, total), kind=view.kind)
        from verifier.data.medium import batch_of

        how = Split(
            learn=round(1 - options.hold_out, 9), hold_out=options.hold_out, by=corpus.split_by, seed=options.seed
        )
        learned_pieces, held_pieces = corpora.split(corpus, how)
        learned, held_out = batch_of(learned_pieces, view), batch_of(held_pieces, view)
    sampling = None
    if options.limit is not None:
        if options.limit > len(learned):
            raise InputError(
                "--limit", f"expected at most the {len(learned):,} windows there are, found {options.limit}"
            )
        sampling = Sampling(windows=options.limit, seed=options.seed)
        learned = learned.take(choose(len(learned), options.limit, options.seed))
    with _progress("learning", None, options.quiet):
        every, folds = learn.learn_folds(learned, rules, unit=lambda group: corpora.unit(group, how))
        learned_rules, folds = learn.with_trials(every, folds)
        silent = [rule.name() for rule in every if not rule.support.trials]
        if not learned_rules:
            raise InputError(options.corpus, f"expected a trial for one of the rules ({', '.join(silent)}), found none")
        learned_rules, calibration = learn.calibrate(
            learned_rules, held_out, folds, unit=lambda group: corpora.unit(group, how)
        )
        whole = None
        checks = medium_of(view).set_checks()
        if len(held_out) and checks is not None:
            whole = calibrate_sets(learned_rules, learned, held_out, checks, indices_of(checks, learned_pieces, view))
    spec = Spec(
        name=options.name or corpus.name,
        view=view,
        corpus=CorpusRecord(
            name=corpus.name,
            split=how,
            sampling=sampling,
            **{field: getattr(corpus.provenance, field) for field in Provenance.__struct_fields__},
        ),
        rules=learned_rules,
        facts=storage_of(learned),
        whole=whole,
        calibration=calibration,
    )
    dump(spec, options.output[0])
    if not options.quiet:
        from verifier.report import terminal

        out = terminal.console()
        terminal.print_spec(out, spec)
        if silent:
            out.print(
                f"[yellow]note[/] left out, as the corpus gives them no trial: {', '.join(silent)}", soft_wrap=True
            )
        held = len(calibration.samples) if calibration else 0
        if held < 19:
            out.print(
                f"[yellow]note[/] p-values rank among {held} pieces, 19 are needed for the usual level of .05: "
                + (f"check with --alpha {1 / (held + 1):.2g} or more, or " if held else "")
                + "learn from more pieces, or with a larger --hold-out",
                soft_wrap=True,
            )
        _wrote(out, options.output)
    return 0


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="samples to draw over what was learned, as of a check")
    _rule_arguments(parser)
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most N samples of each PATH")
    parser.add_argument("--seed", type=_natural, default=0, help="seed of what is chosen or made (default 0)")
    _output_argument(
        parser, "a picture of what was learned (.png, .svg, .pdf), or the graph of chroma-transitions (.graphml)"
    )


def _show(options: argparse.Namespace) -> int:
    """What a spec has learned."""
    from verifier.report import learned, require_formats, terminal

    require_formats(options.output, (*learned.SUFFIXES, ".graphml"))
    spec = _load_spec(options.spec).selected(options.rule, options.skip)
    pictures = [path for path in options.output if path.suffix in learned.SUFFIXES]
    for path in pictures:
        learned.require_panels(path, spec)
    sets = {}
    if options.paths:
        from verifier.corpora.sample_sets import open_samples
        from verifier.verbs.explain import observed

        if not pictures:
            suffixes = ", ".join(learned.SUFFIXES)
            raise InputError(options.paths[0], f"expected a picture to draw samples in: -o FILE with one of {suffixes}")
        learned.require_comparable(pictures[0], spec)
        for path in options.paths:
            samples = open_samples(path, spec.view, spec.corpus, limit=options.limit, seed=options.seed)
            with _progress(samples.label, samples.total, False) as advance:
                sets[samples.label] = observed(spec, _advancing(samples.batches(), advance))
    out = terminal.console()
    terminal.print_spec(out, spec)
    for path in options.output:
        if path in pictures:
            learned.write(path, spec, sets)
            continue
        import networkx

        from verifier.base.files import replacing
        from verifier.music.rules.chroma_transitions import ChromaTransitions

        rule = spec.rule("chroma-transitions")
        assert isinstance(rule, ChromaTransitions)
        with replacing(path) as temporary:
            networkx.write_graphml(rule.graph(), temporary)
    _wrote(out, options.output)
    return 0


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC")
    parser.add_argument("file", metavar="FILE", help="a file, or CORPUS:PART")
    _rule_arguments(parser)
    parser.add_argument(
        "--limit", type=_positive, default=3, metavar="N", help="samples of the file to show (default 3)"
    )
    parser.add_argument("--seed", type=_natural, default=0, help="seed of what CORPUS:PART makes (default 0)")
    _output_argument(parser, "picture (.png, .svg, .pdf) or annotated copy (.musicxml, .mid) to write; may be repeated")


def _explain(options: argparse.Namespace) -> int:
    """Where one file breaks which rule."""
    from verifier.base.files import require_writable
    from verifier.corpora.sample_sets import open_samples
    from verifier.data.medium import medium_of
    from verifier.report import terminal
    from verifier.report.learned import SUFFIXES
    from verifier.verbs.explain import explain

    for path in options.output:
        require_writable(path)
    spec = _load_spec(options.spec).selected(options.rule, options.skip)
    medium = medium_of(spec.view)
    for path in options.output:
        if path.suffix not in (*SUFFIXES, *medium.copies):
            further = f", or an annotated copy with one of {', '.join(medium.copies)}" if medium.copies else ""
            raise InputError(
                path, f"expected a picture with a suffix of {', '.join(SUFFIXES)}{further}, found {path.suffix!r}"
            )
    copies = [path for path in options.output if path.suffix in medium.copies]
    samples = open_samples(options.file, spec.view, spec.corpus, limit=None, seed=options.seed, on_error="stop")
    with _progress(samples.label, samples.total, False) as advance:
        explained = explain(spec, _advancing(samples.batches(), advance), options.limit)
    for path in copies:
        medium.require_copy(path, explained.batch, explained.found, options.limit)
    out = terminal.console()
    terminal.print_explanation(out, spec, explained, options.limit, None if options.output else terminal.LISTED)
    for path in options.output:
        if path in copies:
            medium.annotate(path, explained.batch, explained.found, options.limit)
        else:
            medium.draw(path, spec.rules, explained.batch, explained.found, options.limit)
    _wrote(out, options.output)
    return int(explained.broken > 0)


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="samples of one generator: file, folder, CORPUS:PART")
    parser.add_argument("--spec", required=True, metavar="SPEC", help="a YAML file, or the name of a spec that ships")
    parser.add_argument("--real", metavar="PATH", help="real samples (default: what the spec held out)")
    parser.add_argument("--sets", type=_positive, default=100, metavar="N", help="samples in a set (default 100)")
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most N samples of each")
    parser.add_argument("--seed", type=_natural, default=0, help="seed of the sets (default 0)")
    _rule_arguments(parser)
    _output_argument(parser, "report to write: .json or .md; may be repeated")


def _evaluate(options: argparse.Namespace) -> int:
    """How well a spec tells the samples of generators from real ones, by rule."""
    from verifier.corpora.sample_sets import open_samples
    from verifier.report import evaluation, terminal
    from verifier.verbs.evaluate import evaluate, scores

    evaluation.require_formats(options.output)
    spec = _load_spec(options.spec).selected(options.rule, options.skip)
    checkers = spec.compile()
    label = options.real or f"{spec.corpus.name}:hold-out"
    found = {}
    for path in dict.fromkeys([label, *options.paths]):
        samples = open_samples(path, spec.view, spec.corpus, limit=options.limit, seed=options.seed)
        with _progress(samples.label, samples.total, False) as advance:
            found[path] = scores(spec, _advancing(samples.batches(), advance), checkers)
    generated = {path: found[path] for path in dict.fromkeys(options.paths)}
    result = evaluate(spec, label, found[label], generated, set_size=options.sets, seed=options.seed)
    out = terminal.console()
    evaluation.print_evaluation(out, result)
    for path in options.output:
        evaluation.write(result, path)
    _wrote(out, options.output)
    return 0


def _power_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--spec", required=True, metavar="SPEC", help="a YAML file, or the name of a spec that ships")
    parser.add_argument("--real", metavar="PATH", help="real samples to plant in (default: what the spec held out)")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this fault; may be repeated")
    parser.add_argument("--dose", action="append", default=[], type=float, help="only this dose; may be repeated")
    parser.add_argument("--alpha", type=_level, default=0.05, help="share of real samples that may be flagged (.05)")
    parser.add_argument("--limit", type=_positive, metavar="N", help="plant in at most N samples")
    parser.add_argument("--seed", type=_natural, default=0, help="seed of where faults are planted (default 0)")
    _output_argument(parser, "report to write: .json, .md, .png, .svg, .pdf; may be repeated")


def _power(options: argparse.Namespace) -> int:
    """Which planted faults a spec catches, at which dose, and what it is blind to."""
    from verifier.corpora.sample_sets import open_samples
    from verifier.report import power as report
    from verifier.report import terminal
    from verifier.verbs.power import power, trials

    report.require_formats(options.output)
    spec = _load_spec(options.spec)
    trials(options.fault, options.dose, spec.view.kind)  # refuses a bad name or dose before the long work
    own = f"{spec.corpus.name}:hold-out"
    path = options.real or own
    samples = open_samples(path, spec.view, spec.corpus, limit=options.limit, seed=options.seed, keep_source=True)
    with _progress(samples.label, samples.total, False) as advance:
        table = power(
            spec,
            _advancing(samples.batches(), advance),
            faults=options.fault,
            doses=options.dose,
            alpha=options.alpha,
            seed=options.seed,
            crossed=path == own,
        )
    out = terminal.console()
    report.print_power(out, table)
    for output in options.output:
        report.write(table, output)
    _wrote(out, options.output)
    return 0


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    from typing import get_args

    from verifier.generators.config import Model, Output, Upsampling

    parser.add_argument("corpus", metavar="CORPUS", help="a name that `verify corpora` lists, or a folder of files")
    parser.add_argument("--model", required=True, choices=get_args(Model), help="the loss")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder; one that is there goes on")
    parser.add_argument("--spec", metavar="SPEC", help="its view, its part `learn`, and the rules to check by")
    parser.add_argument("--steps", type=_positive, default=10_000, metavar="N", help="of the generator (default 10000)")
    parser.add_argument("--output", choices=get_args(Output), help="last activation of the generator (default sigmoid)")
    parser.add_argument("--upsampling", choices=get_args(Upsampling), help="in the generator (default transposed)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="other field of the generator in config.yaml"
    )
    parser.add_argument(
        "--seed", type=_natural, metavar="S", help="of weights, noise and choice of samples (default 0)"
    )
    parser.add_argument(
        "--view", action="append", default=[], metavar="FIELD=VALUE", help="field of the view, without --spec"
    )
    parser.add_argument(
        "--verify-every", type=_positive, metavar="N", help="steps from check to check (default: at end)"
    )
    parser.add_argument("--verify-samples", type=_positive, default=1000, metavar="N", help="of a check (default 1000)")
    parser.add_argument("--checkpoint-every", type=_positive, default=500, metavar="N", help="steps (default 500)")
    parser.add_argument("--keep-every", type=_positive, metavar="N", help="keep the generator of every Nth step too")
    parser.add_argument(
        "--log-every", type=_positive, default=10, metavar="N", help="steps a row of log.csv (default 10)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to train")
    parser.add_argument("--devices", type=_positive, default=1, metavar="N", help="how many of them (default 1)")
    parser.add_argument(
        "--precision", choices=("32-true", "bf16-mixed"), help="default: bf16-mixed on CUDA, else 32-true"
    )
    parser.add_argument("--threads", type=_positive, metavar="N", help="of the processor (default: PyTorch chooses)")
    parser.add_argument("-q", "--quiet", action="store_true", help="write files and say nothing")


def _train(options: argparse.Namespace) -> int:
    """Train a generator on a corpus. The same command goes on where it was stopped."""
    _require_generators()
    from verifier.generators import data
    from verifier.generators.folder import TrainedRecord
    from verifier.generators.train import Plan, claim, device_name, fabric_on, train
    from verifier.generators.training import Training
    from verifier.spec.provenance import Split

    spec = None if options.spec is None else _load_spec(options.spec)
    if spec is None and options.verify_every is not None:
        raise InputError("--verify-every", "expected --spec SPEC too, to check by")
    if spec is not None and options.view:
        raise InputError("--view", "expected it without --spec, whose view it would contradict")
    view = spec.view if spec else _view(options.view, options.corpus)
    chosen = {name: getattr(options, name) for name in ("output", "upsampling", "seed")}
    settings = {name: value for name, value in chosen.items() if value is not None}
    config = data.configured(options.model, dict(_setting(text) for text in options.set) | settings, view)
    fabric = fabric_on(options.device, options.devices, options.precision)
    with _progress(f"reading {options.corpus}", None, options.quiet) as advance:
        split = spec.corpus.split if spec else Split()
        real = data.load_real(options.corpus, view, split, lambda done, total: advance(1, total))
    claim(options.out, TrainedRecord(config=config, view=view, corpus=real.corpus))
    fabric.launch()
    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)
    quiet = options.quiet or fabric.global_rank > 0
    plan = Plan(
        options.steps,
        options.log_every,
        options.checkpoint_every,
        options.keep_every,
        options.verify_every,
        options.verify_samples,
    )
    training = Training.begin(config, real.values, fabric)
    with _training_progress(options.steps, quiet) as on_log:
        try:
            ended = train(
                training, options.out, plan, spec, on_log, lambda found: None if quiet else _print_checked(found)
            )
        except InputError:
            if not fabric.global_rank:
                raise
            return 0  # the first process says it; one that fails has all the others killed
    if not quiet:
        where = printable(options.out)
        if not ended.done:
            print(f"nothing to do: {where} has {ended.step:,} steps")
        else:
            speed = f"{ended.samples / ended.seconds:,.0f} samples/s ({ended.done / ended.seconds:.3g} steps/s)"
            print(f"{ended.done:,} steps, {speed} on {device_name(fabric)}, {fabric.strategy.precision.precision}")
        if ended.best is not None:
            print(f"best by {printable(options.spec)}: step {ended.best:,}, in {where}/best.safetensors")
    if not ended.interrupted:
        return 0
    if not quiet:
        print(f"verify: interrupted after step {ended.step:,}; the same command goes on from there", file=sys.stderr)
    return 0 if fabric.global_rank else 130


def _print_checked(found: "Checked") -> None:
    """One line for a check: the rate of each rule, and how many times that of held-out real data it is."""
    from verifier.base.text import percent

    rates = ", ".join(
        f"{name} {'no trial' if rule.rate is None else percent(rule.rate)}"
        + (f" ({rule.ratio:.3g}x real)" if rule.ratio is not None else " (real 0%)" if rule.held_out else "")
        for name, rule in found.result.rules.items()
    )
    best = "best" if found.best == found.step else f"best: {found.best:,}"
    print(f"step {found.step:,}: {found.result.verdict}; {rates}; badness {found.score:.3g} ({best})", flush=True)


@contextmanager
def _training_progress(steps: int, quiet: bool) -> Iterator[Callable[["LogRow"], None]]:
    """What a row of the log says: beside a bar on standard error, or if that is no terminal as a line now and then."""
    if quiet:
        yield lambda row: None
        return

    def words(row: "LogRow") -> str:
        return (
            f"critic {row.critic_loss:.4g}, generator {row.generator_loss:.4g}, distance {row.distance:.4g},"
            f" gradient {row.gradient_norm:.3g}, {row.samples_per_second:,.0f} samples/s"
        )

    if not sys.stderr.isatty():
        import time
        from datetime import timedelta

        first: tuple[int, float] | None = None
        said = -1

        def line(row: "LogRow") -> None:
            nonlocal first, said
            now, twentieth = time.monotonic(), 20 * row.step // steps
            first = first or (row.step, now)
            if twentieth == said:
                return
            said = twentieth
            text = f"step {row.step:,} of {steps:,}: {words(row)}"
            if row.step > first[0]:
                seconds = (now - first[1]) / (row.step - first[0]) * (steps - row.step)
                text += f", {timedelta(seconds=round(seconds))} left"
            print(text, file=sys.stderr, flush=True)

        yield line
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from verifier.report import terminal

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    # Checks are printed on standard output, which is not the bar's to take if it goes elsewhere.
    both = sys.stdout.isatty()
    with Progress(*columns, console=terminal.console(stderr=True), transient=True, redirect_stdout=both) as bar:
        task = bar.add_task("", total=steps)
        yield lambda row: bar.update(task, completed=row.step, description=words(row))


def _sample_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="DIR", help="a folder that `verify train` wrote, or a generator that ships (bach:iwgan)"
    )
    parser.add_argument("-n", required=True, type=_positive, metavar="N", help="how many samples")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="a file .npz, or a new folder of MIDI files (MIDI/)"
    )
    parser.add_argument("--seed", type=_natural, default=0, help="seed of the noise (default 0)")
    parser.add_argument(
        "--weights", default="newest", metavar="WEIGHTS", help="newest (default), best, or a file .safetensors"
    )
    parser.add_argument(
        "--values", choices=("raw", "8-bit"), help="in a .npz: as they are (float32, default), or rounded to 0..255"
    )


def _sample(options: argparse.Namespace) -> int:
    """Samples of a trained generator. Sample i follows from the seed and i alone, whatever N is."""
    _require_generators()
    import torch

    from verifier.corpora import shipped
    from verifier.generators import sample
    from verifier.report import terminal

    target = sample.target(options.output)
    if target.midi and options.values is not None:
        raise InputError("--values", "expected it beside a .npz; a MIDI file holds notes and no values")
    folder = Path(options.folder) if os.path.exists(options.folder) else shipped.folder_of(options.folder)
    trained = sample.load(folder, options.weights)
    manifest = sample.manifest_of(trained, options.n, options.seed, None if target.midi else options.values or "raw")
    with _progress("sampling", options.n, False) as advance:
        samples = sample.blocks(trained.generator, trained.record.config, options.n, options.seed, torch.device("cpu"))
        samples = _advancing(sample.require_finite(samples, trained.weights.file), advance)
        if target.midi:
            unreadable = sample.write_midi_files(target.path, samples, manifest)
        else:
            sample.write_npz(target.path, samples, manifest)
    if target.midi and any(unreadable):
        print(
            f"warning: {unreadable.silent:,} of {options.n:,} samples are silent and {unreadable.short:,} end before"
            " their window does: verify cannot read those MIDI files; to check every sample, write a .npz",
            file=sys.stderr,
        )
    _wrote(terminal.console(), [target.path])
    return 0


def _attack_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", help="a name that `verify corpora` lists, or a folder of files")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--spec", metavar="SPEC", help="take its view and its split into learned and held out")
    view.add_argument(
        "--view", action="append", default=[], metavar="FIELD=VALUE", help="field of the view, as in the spec file"
    )
    parser.add_argument(
        "--epsilon", type=_share, default=0.1, help="how far each value moves, from 0 to below 1 (default .1)"
    )
    parser.add_argument(
        "-n", type=_positive, metavar="N", help="attack N held-out windows (default: all that are full)"
    )
    parser.add_argument("--seed", type=_natural, default=0, help="seed of the classifier and of -n (default 0)")
    _output_argument(parser, "the file to write (.npz): array x, windows x rows x steps, float32")


def _attack(options: argparse.Namespace) -> int:
    """Adversarial samples: FGSM on held-out samples, for a classifier of what pictures show, or of the pitch class that
    sounds longest.
    """
    _require_generators()
    import numpy as np

    from verifier.base.files import replacing, require_writable
    from verifier.corpora import corpus as corpora
    from verifier.corpora.sample_sets import choose, open_samples
    from verifier.data.medium import medium_of
    from verifier.generators.adversarial import attack, full_windows
    from verifier.report import terminal

    if len(options.output) != 1 or options.output[0].suffix != ".npz":
        raise InputError("", "expected one -o FILE.npz to write the samples to")
    require_writable(options.output[0])
    spec = _load_spec(options.spec) if options.spec is not None else None
    view = spec.view if spec else _view(options.view, options.corpus)
    if view.window is None:
        raise InputError(options.spec or "--view", "expected a view with windows of equal length, found window: null")
    learned, held_out = (
        full_windows(open_samples(f"{options.corpus}:{part}", view, spec.corpus if spec else None))
        for part in ("learn", "hold-out")
    )
    n = len(held_out) if options.n is None else options.n
    if n > len(held_out):
        raise InputError("-n", f"expected at most the {len(held_out):,} full held-out windows there are, found {n:,}")
    windows = held_out.take(choose(len(held_out), n, options.seed))
    with _progress("training a classifier", None, False):
        known = medium_of(view).classes(windows)
        what = known.words if known else "what the picture shows"
        labels = None if known else corpora.labels(options.corpus)
        found = attack(learned, windows, labels, epsilon=options.epsilon, seed=options.seed)
    with replacing(options.output[0]) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, x=found.values)
    out = terminal.console()
    out.print(
        f"{what}, {n:,} held-out windows: right in {found.before:.1%} before the attack,"
        f" in {found.after:.1%} after it (always the most frequent: {found.most_frequent:.1%})",
        soft_wrap=True,
        highlight=False,
    )
    _wrote(out, options.output)
    return 0


def _require_generators() -> None:
    """Raise InputError if what training and sampling need is not installed. Call it before torch is imported."""
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("torch", "lightning_fabric", "safetensors")):
        raise InputError("", "needs PyTorch: pip install 'verifier[generators]'")
    # OpenMP reads it once, when torch loads it: threads that spin while they wait take the processor from others.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _rules_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="RULE", help="print the manual of these rules")


def _rules(options: argparse.Namespace) -> int:
    """The rules there are."""
    import inspect

    from verifier.report import terminal
    from verifier.rule.registry import all_rules

    out = terminal.console()
    if options.names:
        known = [rule for _, rule in all_rules()]
        for name in options.names:
            if name not in {rule.name() for rule in known}:
                listed = ", ".join(sorted({rule.name() for rule in known}))
                raise InputError("", f"expected a rule ({listed}), found {name!r}")
        for cls in dict.fromkeys(rule for name in options.names for rule in known if rule.name() == name):
            terminal.print_rules(out, {cls.name(): cls})
            out.print(f"\n{terminal.safe(inspect.getdoc(cls))}\n")
    else:
        terminal.print_rules(
            out, {rule.name(): rule for _, rule in sorted(all_rules(), key=lambda item: item[1].name())}
        )
    return 0


def _corpora_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def _corpora(options: argparse.Namespace) -> int:
    """The corpora there are."""
    from verifier.corpora import corpus as corpora
    from verifier.corpora.sample_sets import parts_of
    from verifier.report import terminal

    terminal.print_corpora(terminal.console(), corpora.names(), parts_of)
    return 0


COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]] = {
    "check": (_check_arguments, _check),
    "diff": (_diff_arguments, _diff),
    "accept": (_accept_arguments, _accept),
    "learn": (_learn_arguments, _learn),
    "show": (_show_arguments, _show),
    "explain": (_explain_arguments, _explain),
    "evaluate": (_evaluate_arguments, _evaluate),
    "power": (_power_arguments, _power),
    "train": (_train_arguments, _train),
    "sample": (_sample_arguments, _sample),
    "attack": (_attack_arguments, _attack),
    "rules": (_rules_arguments, _rules),
    "corpora": (_corpora_arguments, _corpora),
}


def _rule_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rule", action="append", default=[], metavar="RULE", help="only this rule; may be repeated")
    parser.add_argument("--skip", action="append", default=[], metavar="RULE", help="not this rule; may be repeated")


def _output_argument(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("-o", "--output", action="append", default=[], type=Path, metavar="FILE", help=text)


def _chosen_rules(kind: str, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Rule name -> options, from --rule, --skip and --set, of the rules for that kind of view."""
    from verifier.rule.registry import rule_named, rules_for

    fitting = rules_for(kind)
    for name in (*options.rule, *options.skip):
        place = "--rule" if name in options.rule else "--skip"
        rule_named(name, kind, place)
        if name not in fitting:
            listed = ", ".join(fitting)
            raise InputError(place, f"expected a rule for the kind of view {kind} ({listed}), found {name!r}")
    chosen: dict[str, dict[str, Any]] = {
        name: {} for name in fitting if (not options.rule or name in options.rule) and name not in options.skip
    }
    for text in options.set:
        key, value = _setting(text)
        name, dot, option = key.partition(".")
        if not dot or name not in chosen:
            raise InputError(
                f"--set {text}", f"expected RULE.OPTION=VALUE with a rule that is learned ({', '.join(chosen)})"
            )
        chosen[name][option] = value
    return chosen


def _setting(text: str) -> tuple[str, Any]:
    """``name=value``, the value read as YAML."""
    import yaml

    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(text, "expected NAME=VALUE")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(text, f"expected a value as in a spec file, found {value!r}") from None


def _view(settings: Sequence[str], corpus: str) -> "View":
    """The view in which a corpus is usually learned, with ``settings``, FIELD=VALUE, in place of its own."""
    import msgspec

    from verifier.corpora import corpus as corpora
    from verifier.data.medium import view_of

    given = dict(_setting(text) for text in settings)
    usual = next((manifest.view for manifest in corpora.names() if manifest.name == corpus), {})
    if "kind" in given and given["kind"] != usual.get("kind", "piano-roll"):
        usual = {}
    try:
        return view_of({**usual, **given}, "piano-roll")
    except msgspec.ValidationError as error:
        raise InputError("--view", str(error).replace("`", "'")) from None


def _load_spec(name: str) -> "Spec":
    """A spec by path, or by the name of one that ships with the package."""
    from verifier.base.files import shipped_folder
    from verifier.spec.spec import load

    path = Path(name)
    if not path.exists() and path.name == name and not path.suffix:
        shipped = shipped_folder("specs") / f"{name}.yaml"
        if shipped.is_file():
            return load(shipped)
    return load(path)


@contextmanager
def _progress(title: str, total: int | None, quiet: bool) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error while the block runs; nothing if that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda n, total=None: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from verifier.report import terminal

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal.console(stderr=True), transient=True) as bar:
        task = bar.add_task(terminal.safe(title), total=total)

        def advance(n: int, total: int | None = None) -> None:
            bar.update(task, advance=n, total=total)  # a total of None leaves the old one

        yield advance


def _advancing(batches: Iterator[Any], advance: Callable[[int], None]) -> Iterator[Any]:
    for batch in batches:
        yield batch
        advance(len(batch))


def _wrote(out: "Console", paths: Sequence[Path]) -> None:
    from verifier.report import terminal

    for path in paths:
        out.print(f"[dim]wrote {terminal.safe(path)}[/]", soft_wrap=True)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text}")
    return number


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected a number from 0, found {text}")
    return number


def _level(text: str) -> float:
    number = float(text)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"expected a level between 0 and 1, found {text}")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to below 1, found {text}")
    return number
