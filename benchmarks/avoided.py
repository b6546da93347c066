"""What the rule ``avoided-patterns`` finds in the chorales, whether it finds anything where there is nothing, and which
sample sets it tells from unseen chorales.

The first table has the ten strongest bans under each way of making null versions. The second learns from null versions
in place of the chorales: their voices know nothing of each other, so that whatever is found is wrong. It is made with
the rule's options, and with ``effect: 1``, the test alone. The third splits the works, learns from four fifths, and
scores files: the surprise at the number of violations of a whole file. A file is called if it is stranger than 95 % of
one half of the held-out works, and false alarms are counted in the other half, then the other way round.

    python benchmarks/avoided.py [SAMPLES ...]
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from verifier import corpora, statistics
from verifier.batch import Batch, concatenate
from verifier.corpora import Corpus, Split
from verifier.media.piano_roll import batch_of
from verifier.media.source import open_path
from verifier.nulls import Null, null_versions
from verifier.rules.avoided_patterns import AvoidedPatterns
from verifier.view import PianoRollView

VIEW = PianoRollView()
FALSE_ALARMS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="*", type=Path, help="folders of samples with voices, for the third table")
    parser.add_argument("--corpus", default="bach")
    parser.add_argument("--seeds", type=int, default=20, help="null corpora of each kind (default 20)")
    parser.add_argument("--splits", type=int, default=10, help="splits of the works (default 10)")
    options = parser.parse_args()
    corpus = corpora.load(options.corpus)
    batch = batch_of(corpus.pieces, VIEW)
    for null in get_args(Null):
        print_bans(batch, null)
    print("\n| null versions | seeds | effect | tests | bans | seeds with a ban |\n|---|---|---|---|---|---|")
    for null in get_args(Null):
        print_false_discoveries(batch, null, options.seeds)
    sets = {path.name: concatenate(VIEW, list(open_path(str(path), VIEW).batches())) for path in options.samples}
    print("\n| samples | files | AUROC | called | violations |\n|---|---|---|---|---|")
    print_detection(corpus, sets, options.splits)


def print_bans(batch: Batch, null: Null) -> None:
    learned = AvoidedPatterns.learn(batch, chance=null)
    contrast = learned.contrast()
    first, *_ = learned.summary()
    print(f"\n{first}\n\n| motion | in the corpus | expected by chance | standard errors |\n|---|---|---|---|")
    strength, expected = contrast.strength(learned.versions), contrast.expected()
    for key in learned.bans(contrast)[:10]:
        print(f"| {learned.key_name(key)} | {contrast.corpus[key]} | {expected[key]:.0f} | {strength[key]:.1f} |")


def print_false_discoveries(batch: Batch, null: Null, seeds: int) -> None:
    found: dict[float, list[int]] = {AvoidedPatterns().effect: [], 1.0: []}
    tests = 0
    for seed in range(seeds):
        # The names of the groups decide the versions: these are others than those that are made in learning.
        renamed = replace(batch, groups=[f"{seed} {group}" for group in batch.groups])
        corpus = replace(null_versions(renamed, null, 1), groups=batch.groups)
        for effect, bans in found.items():
            learned = AvoidedPatterns.learn(corpus, chance=null, effect=effect)
            bans.append(len(learned.findings))
        contrast = learned.contrast()
        tests += int((contrast.corpus + contrast.chance >= learned.least * (learned.versions + 1)).sum())
    for effect, bans in found.items():
        print(f"| {null} | {seeds} | {effect:g} | {tests} | {sum(bans)} | {np.count_nonzero(bans)} |")


def print_detection(corpus: Corpus, sets: dict[str, Batch], splits: int) -> None:
    scores: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ["held-out works", *sets]}
    for seed in range(splits):
        learned, held_out = (batch_of(side, VIEW) for side in corpora.split(corpus, Split(seed=seed)))
        rule = AvoidedPatterns.learn(learned)
        violations, trials = by_file(rule, held_out)
        half = np.arange(len(trials)) % 2 == 0
        for calibrating in (half, ~half):
            rate = (violations[calibrating].sum() + 0.5) / (trials[calibrating].sum() + 1)
            real = statistics.binomial_surprise(violations, trials, rate)
            limit = np.quantile(real[calibrating], 1 - FALSE_ALARMS, method="higher")
            other = real[~calibrating]
            scores["held-out works"].append((0.5, (other > limit).mean(), violations.sum() / trials.sum()))
            for name, samples in sets.items():
                own_violations, own_trials = by_file(rule, samples)
                own = statistics.binomial_surprise(own_violations, own_trials, rate)
                share = own_violations.sum() / own_trials.sum()
                scores[name].append((auroc(other, own), (own > limit).mean(), share))
    for name, rows in scores.items():
        area, called, share = np.mean(rows, axis=0)
        files = len(set(sets[name].groups)) if name in sets else len(trials)
        print(f"| {name} | {files} | {area:.3f} | {called:.0%} | {share:.2%} |")


def by_file(rule: AvoidedPatterns, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Violations and trials of each file, or of each work of the corpus."""
    counts = rule.compile().count(batch)
    _, file = statistics.numbered(batch.groups)
    violations, trials = (np.bincount(file, weights=of_samples) for of_samples in (counts.violations, counts.trials))
    return violations.astype(np.int64), trials.astype(np.int64)


def auroc(real: NDArray[np.float64], tested: NDArray[np.float64]) -> float:
    """The chance that a tested file is stranger than a real one; a tie counts half."""
    above, equal = tested[:, None] > real, tested[:, None] == real
    return float(above.mean() + equal.mean() / 2)


if __name__ == "__main__":
    main()
