"""False alarms on real data: learn from some chorales, calibrate on others, test on a third part that neither has seen.

    python benchmarks/calibration.py [--splits 20] [--alpha 0.05] [--calibrated 0.25]

A fifth of the groups is tested on, a share of the rest calibrated on: no work is in two parts. A p-value among m pieces
is a multiple of 1 / (m + 1): of 71, a quarter of the rest, it cannot be .05; of 79, a share of .28, it can. Of the real
test windows, and of the real test pieces, a share of alpha should be flagged; the verdict of the whole spec should be
"fail" in at most a share of alpha.
"""

import argparse
from dataclasses import replace

import numpy as np

from verifier import check, corpora, learn
from verifier.corpora import Split
from verifier.media.piano_roll import batch_of
from verifier.rule import registry
from verifier.sources import whole_index
from verifier.spec import CorpusRecord, Spec
from verifier.statistics import rate_interval
from verifier.view import PianoRollView
from verifier.whole import calibrate_whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--calibrated", type=float, default=0.25, help="share of the groups that are not tested on")
    options = parser.parse_args()
    view = PianoRollView()
    corpus = corpora.load("bach")
    rules = {name: {} for name in registry()}
    flagged: dict[str, list[tuple[int, int]]] = {"windows": [], "pieces": []}
    verdicts: list[str] = []
    spoke: dict[str, int] = {}
    for seed in range(options.splits):
        rest, test = corpora.split(corpus, Split(seed=seed))
        learned, calibrated = corpora.split(
            replace(corpus, pieces=rest),
            Split(learn=round(1 - options.calibrated, 9), hold_out=options.calibrated, seed=seed + 1000),
        )
        learned_batch, held_out = batch_of(learned, view), batch_of(calibrated, view)
        found, calibration = learn.calibrate(learn.learn_rules(learned_batch, rules), held_out)
        index = whole_index(learned, view)
        whole = calibrate_whole(found, learned_batch, held_out, index)
        record = CorpusRecord(name="bach", split=Split(seed=seed), source="", licence="", pieces=0, groups=0, sha256="")
        spec = Spec(name="bach", view=view, corpus=record, rules=found, calibration=calibration, whole=whole)
        checkers = check.Checkers.of(spec, index)
        tally = check.tally(spec, [batch_of(test, view)], checkers=checkers)
        result = check.judge(spec, tally, alpha=options.alpha, checkers=checkers)
        flagged["windows"].append((len(result.flagged or ()), result.samples))
        flagged["pieces"].append((len(result.flagged_groups or ()), result.groups))
        verdicts.append(result.verdict)
        for name, rule in result.rules.items():
            spoke[name] = spoke.get(name, 0) + (rule.verdict == "fail")
        assert result.whole is not None
        spoke["the set as a whole"] = spoke.get("the set as a whole", 0) + ("fail" in result.whole.verdicts())
    print(f"| flagged at alpha {options.alpha:g} | n | share | 95 % interval over splits | lowest and highest split |")
    print("|---|---|---|---|---|")
    for what, pairs in flagged.items():
        hits, trials = np.array(pairs).T
        interval = rate_interval(hits, trials, [str(seed) for seed in range(options.splits)])
        shares = hits / trials
        print(
            f"| {what} | {trials.sum():,} in {options.splits} splits | {interval.rate:.4f}"
            f" | {interval.low:.4f} to {interval.high:.4f} | {shares.min():.3f}, {shares.max():.3f} |"
        )
    print()
    counts = {verdict: verdicts.count(verdict) for verdict in ("pass", "undecided", "fail")}
    failed_by = {name: count for name, count in spoke.items() if count}
    print(f"Verdicts of the whole spec on real data: {counts}; failed by: {failed_by}")


if __name__ == "__main__":
    main()
