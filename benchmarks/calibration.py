"""False alarms on real data: learn from some pieces, calibrate on others, test on a third part that neither has seen.

    python benchmarks/calibration.py [--corpus bach] [--splits 20] [--first 0] [--alpha 0.05] [--calibrated 0.25]
        [--window 64] [--pieces N]

A fifth of the groups is tested on, a share of the rest calibrated on, and what is learned from the others is calibrated
on these too, by cross-validation: no work is in two parts. Of the real test windows, and of the real test pieces, a
share of alpha should be flagged; the verdict of the whole spec should be "fail" in at most a share of alpha.

Samples of music are windows of four bars; ``--window 256`` makes them of sixteen, which is most chorales whole. Another
corpus is seen as its manifest says. ``--pieces`` takes that many, other ones for each split. ``--first`` is the seed of
the first split, so that a run can be done in parts. Speakers are held out in turn by benchmarks/speech.py.
"""

import argparse
import sys
from dataclasses import replace

import numpy as np
from msgspec import structs

from verifier.base.statistics import rate_interval
from verifier.corpora import corpus as corpora
from verifier.corpora.sample_sets import choose
from verifier.data.medium import batch_of, medium_of, view_of
from verifier.judge.sets import calibrate_sets, indices_of
from verifier.music.view import PianoRollView
from verifier.rule.registry import rules_for
from verifier.spec.provenance import CorpusRecord, Split
from verifier.spec.spec import Spec
from verifier.verbs import check, learn, tallies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", default="bach", help="a name that `verify corpora` lists (default bach)")
    parser.add_argument("--pieces", type=int, help="that many pieces for each split (default all)")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="seed of the first split (default 0)")
    parser.add_argument("--window", type=int, default=PianoRollView().window, help="steps of a sample (default 64)")
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--calibrated", type=float, default=0.25, help="share of the groups that are not tested on")
    options = parser.parse_args()
    manifest = next(manifest for manifest in corpora.names() if manifest.name == options.corpus)
    view = view_of(manifest.view, manifest.medium)
    if isinstance(view, PianoRollView):
        view = structs.replace(view, window=options.window)
    corpus = corpora.load(options.corpus)
    rules = {name: {} for name in rules_for(view.kind)}
    flagged: dict[str, list[tuple[int, int]]] = {"samples": [], "pieces": []}
    verdicts: list[str] = []
    spoke: dict[str, int] = {}
    seeds = range(options.first, options.first + options.splits)
    for seed in seeds:
        chosen = choose(len(corpus.pieces), options.pieces or len(corpus.pieces), seed)
        some = replace(corpus, pieces=[corpus.pieces[at] for at in chosen])
        rest, test = corpora.split(some, Split(seed=seed))
        learned, calibrated = corpora.split(
            replace(corpus, pieces=rest),
            Split(learn=round(1 - options.calibrated, 9), hold_out=options.calibrated, seed=seed + 1000),
        )
        learned_batch, held_out = batch_of(learned, view), batch_of(calibrated, view)
        found, folds = learn.learn_folds(learned_batch, rules)
        found, calibration = learn.calibrate(found, held_out, folds)
        indices, whole, checks = {}, None, medium_of(view).set_checks()
        if checks is not None:
            indices = indices_of(checks, learned, view)
            whole = calibrate_sets(found, learned_batch, held_out, checks, indices)
        record = CorpusRecord(
            name=corpus.name, split=Split(seed=seed), source="", licence="", pieces=0, groups=0, sha256=""
        )
        spec = Spec(name=corpus.name, view=view, corpus=record, rules=found, calibration=calibration, whole=whole)
        checkers = tallies.Checkers.of(spec, indices)
        tally = tallies.tally(spec, [batch_of(test, view)], checkers=checkers)
        result = check.judge(spec, tally, alpha=options.alpha, checkers=checkers)
        flagged["samples"].append((len(result.flagged or ()), result.samples))
        flagged["pieces"].append((len(result.flagged_groups or ()), result.groups))
        verdicts.append(result.verdict)
        print(f"split {seed}: {len(result.flagged or ())} of {result.samples} samples", file=sys.stderr)
        for name, rule in result.rules.items():
            spoke[name] = spoke.get(name, 0) + (rule.verdict == "fail")
        if result.whole is not None:
            spoke["the set as a whole"] = spoke.get("the set as a whole", 0) + ("fail" in result.whole.verdicts())
    print(f"| flagged at alpha {options.alpha:g} | n | share | 95 % interval over splits | lowest and highest split |")
    print("|---|---|---|---|---|")
    for what, pairs in flagged.items():
        hits, trials = np.array(pairs).T
        interval = rate_interval(hits, trials, [str(seed) for seed in seeds])
        shares = hits / trials
        print(
            f"| {what} | {trials.sum():,} in {options.splits} splits | {interval.rate:.4f}"
            f" | {interval.low:.4f} to {interval.high:.4f} | {shares.min():.3f}, {shares.max():.3f} |"
        )
    print()
    counts = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
    failed_by = {name: count for name, count in spoke.items() if count}
    print(f"Verdicts of the whole spec on real data: {counts}; failed by: {failed_by}")


if __name__ == "__main__":
    main()
