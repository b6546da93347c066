"""Which rules real samples survive once they were processed, and what a check says of such samples.

    verify learn photos -o photos.yaml
    verify learn speech --limit 1500 -o speech.yaml
    python benchmarks/processing.py photos.yaml speech.yaml

For each spec, in real samples that it held out: how many each rule catches by its own p-value after each processing of
``PROCESSINGS`` (judge/post_processing.py), next to how many of the unedited ones. A rule survives what makes it catch
at most alpha more, and after which the samples as a set do not fail it (*). Then the verdict of a check of the same
samples, what it says was done to them, and which rules fail.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from verifier.audio.waveform import Waves
from verifier.corpora.sample_sets import open_samples
from verifier.data.batch import concatenate
from verifier.judge.post_processing import PROCESSINGS
from verifier.rule.fault import fault_named, faults_for
from verifier.rule.registry import rule_named
from verifier.spec import spec as specs
from verifier.spec.run import SetResult
from verifier.spec.spec import Spec
from verifier.verbs.check import ALPHA, judge
from verifier.verbs.power import Caught, power
from verifier.verbs.tallies import Checkers, tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="+", type=Path, metavar="SPEC", help="of pictures or of sound")
    parser.add_argument("--limit", type=int, default=300, help="real samples that are processed (default 300)")
    options = parser.parse_args()
    for path in options.specs:
        report(specs.load(path), options.limit)


def planned(spec: Spec) -> list[tuple[str, str, float]]:
    """(processing, fault, dose) of each that the medium of the spec can have."""
    known = faults_for(spec.view.kind)
    return [
        (processing, fault, dose)
        for processing, faults in PROCESSINGS.items()
        for fault, dose in faults
        if fault in known
    ]


def report(spec: Spec, limit: int) -> None:
    samples = open_samples(f"{spec.corpus.name}:hold-out", spec.view, spec.corpus, limit=limit, keep_source=True)
    real = concatenate(spec.view, list(samples.batches()))
    pieces = len(set(real.groups))
    print(f"## {spec.name}: {len(real)} real samples of {pieces} pieces, alpha {ALPHA:g}\n", flush=True)
    caught: list[Caught] = []
    unedited = None
    for _, fault, dose in planned(spec):
        table = power(spec, real, faults=[fault], doses=[dose])
        caught.append(table.rows[0].caught)
        unedited = table.real
    if unedited is None:
        sys.exit(f"{spec.name}: there is no processing of its medium")
    checkers = Checkers.of(spec)
    results = []
    for _, fault, dose in [("", "", 0.0), *planned(spec)]:
        batch = fault_named(fault, spec.view.kind).plant(real, dose, np.random.default_rng(0)) if fault else real
        if isinstance(batch.extra, Waves):
            batch = replace(batch, extra=replace(batch.extra, sounds=()))
        results.append(judge(spec, tally(spec, [batch], checkers=checkers), checkers=checkers))
    shares(spec, unedited, caught, results[1:])
    print("| processed | verdict | what it says | fail | set aside |\n|---|---|---|---|---|")
    for (processing, fault, dose), result in zip([("", "", 0.0), *planned(spec)], results, strict=True):
        said = "; ".join(trace.words() for trace in result.processed) or "nothing"
        failing = [name for name, rule in result.rules.items() if rule.verdict == "fail" and not rule.set_aside]
        failing += ["the set as a whole"] if result.whole is not None and "fail" in result.whole.verdicts() else []
        aside = [name for name, rule in result.rules.items() if rule.set_aside]
        what = f"{fault} {dose:g} ({processing})" if fault else "not at all"
        print(f"| {what} | {result.verdict} | {said} | {', '.join(failing) or '-'} | {', '.join(aside) or '-'} |")
    print(flush=True)


def shares(spec: Spec, unedited: Caught, caught: Sequence[Caught], results: Sequence[SetResult]) -> None:
    """Rule x processing: the share caught; bold where real samples do not survive, * if they fail it as a set, ! where
    the class says otherwise.
    """
    trials = planned(spec)
    print(f"| rule | unedited | {' | '.join(f'{fault} {dose:g}' for _, fault, dose in trials)} | survives |")
    print("|---" * (len(trials) + 3) + "|")
    for name in spec.rules:
        rule = name.name()
        before = unedited.rules[rule].share
        cells = []
        lost: set[str] = set()
        for (processing, _, _), found, result in zip(trials, caught, results, strict=True):
            share, fails = found.rules[rule].share, result.rules[rule].verdict == "fail"
            breaks = fails or share > before + ALPHA
            lost |= {processing} if breaks else set()
            cells.append(f"**{share:.0%}{'*' if fails else ''}**" if breaks else f"{share:.0%}")
        survived = [
            processing for processing in dict.fromkeys(which for which, _, _ in trials) if processing not in lost
        ]
        wrong = " !" if set(rule_named(rule, spec.view.kind).survives) & lost else ""
        print(f"| {rule} | {before:.0%} | {' | '.join(cells)} | {', '.join(survived) or '-'}{wrong} |")
    every = " | ".join(f"{found.combined.share:.0%}" for found in caught)
    print(f"| all rules | {unedited.combined.share:.0%} | {every} | |\n", flush=True)


if __name__ == "__main__":
    main()
