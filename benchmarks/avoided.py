"""What styles avoid, whether anything is found where there is nothing, and what is told from unseen works by it.

The first table has the ten strongest bans of each style, as the rule ``avoided-patterns`` finds them with its defaults.
That rule is about two voices; for melodies the same contrast is taken of what one voice does: its steps and leaps, and
two of them in a row, against the same notes in another order (null versions "shuffled").

The tables after it are about one corpus. The first of them has the ten strongest bans under each way of making null
versions. The next learns from null versions in place of the pieces: their voices know nothing of each other, so that
whatever is found is wrong. It is made with the rule's options, and with ``effect: 1``, the test alone; its last row is
the contrast for melodies, on shuffled melodies. The last splits the works, learns from four fifths, and scores files:
the surprise at the number of violations of a whole file. A file is called if it is stranger than 95 % of one half of
the held-out works, and false alarms are counted in the other half, then the other way round.

    python benchmarks/avoided.py [SAMPLES ...]
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.corpora import corpus as corpora
from verifier.corpora.corpus import Corpus
from verifier.data.batch import Batch, concatenate
from verifier.data.paths import open_path
from verifier.music.features.voice_notes import lines
from verifier.music.null_models import Null, NullContrast, null_versions
from verifier.music.piano_roll import batch_of
from verifier.music.rules.avoided_patterns import INTERVALS, AvoidedPatterns
from verifier.music.samples import music
from verifier.music.view import PianoRollView
from verifier.rule.counted import Events
from verifier.rule.rule import merge_all
from verifier.spec.provenance import Split
from verifier.verbs.learn import by_group

VIEW = PianoRollView()
FALSE_ALARMS = 0.05
STYLES = ("bach", "palestrina", "folk")
SHOWN = 10
RULE = AvoidedPatterns()
"""Its options are those of every contrast here."""
WIDEST = len(INTERVALS)
"""Semitones of a melodic interval; wider ones count as this."""
STEPS = 2 * WIDEST + 1
"""Melodic intervals, up and down. They are the first keys of the events of a melody; two in a row are the others."""


class Avoided(NamedTuple):
    """What stands against chance: null versions, what they share with the corpus, and what a key is called."""

    null: Null
    contrast: NullContrast
    names: Sequence[str]

    def bans(self) -> NDArray[np.int64]:
        """The keys that are avoided, the strongest first."""
        banned = np.flatnonzero(self.contrast.avoided(RULE.versions, RULE.level, RULE.effect, RULE.least))
        return np.asarray(banned[np.argsort(-self.contrast.strength(RULE.versions)[banned], kind="stable")])

    def tested(self) -> int:
        """How many keys occur often enough to be tested."""
        return int((self.contrast.corpus + self.contrast.chance >= RULE.least * (RULE.versions + 1)).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="*", type=Path, help="folders of samples with voices, for the third table")
    parser.add_argument("--corpus", default="bach")
    parser.add_argument("--seeds", type=int, default=20, help="null corpora of each kind (default 20)")
    parser.add_argument("--splits", type=int, default=10, help="splits of the works (default 10)")
    options = parser.parse_args()
    print_styles()
    corpus = corpora.load(options.corpus)
    batch = batch_of(corpus.pieces, VIEW)
    for null in get_args(Null):
        print_bans(batch, null)
    print("\n| null versions | seeds | effect | tests | bans | seeds with a ban |\n|---|---|---|---|---|---|")
    for null in get_args(Null):
        print_false_discoveries(batch, null, options.seeds)
    print_false_of_melodies(batch_of(corpora.load("folk").pieces, VIEW), options.seeds)
    sets = {path.name: concatenate(VIEW, list(open_path(str(path), VIEW).batches())) for path in options.samples}
    print("\n| samples | files | AUROC | called | violations |\n|---|---|---|---|---|")
    print_detection(corpus, sets, options.splits)


def print_styles() -> None:
    columns = "style | avoided | in the corpus | expected by chance | times | standard errors"
    print(f"| {columns} |\n|{'---|' * len(columns.split('|'))}")
    notes = []
    for style in STYLES:
        batch = batch_of(corpora.load(style).pieces, VIEW)
        found = of_melodies(batch) if music(batch).voices.counts.max() == 1 else of_voices(batch)
        contrast, bans = found.contrast, found.bans()
        expected, strength = contrast.expected(), contrast.strength(RULE.versions)
        for key in bans[:SHOWN].tolist():
            own = int(contrast.corpus[key])
            times = f"{expected[key] / own:.0f}" if own else "none seen"
            row = f"{style} | {found.names[key]} | {own:,} | {expected[key]:,.0f} | {times} | {strength[key]:.0f}"
            print(f"| {row} |")
        notes.append(
            f"{style}: {len(bans)} of {found.tested()} kinds tested are avoided, in {contrast.corpus.sum():,} events of"
            f" {len(set(batch.groups)):,} works ({found.null}, {RULE.versions} null versions of each)"
        )
    print("\n" + "\n".join(notes))


def of_voices(batch: Batch) -> Avoided:
    """The motions of two voices, as the rule has them."""
    learned = merge_all([AvoidedPatterns.learn(piece) for piece in by_group(batch)])
    return Avoided(RULE.chance, learned.contrast(), [RULE.key_name(key) for key in range(RULE.key_space)])


def of_melodies(batch: Batch) -> Avoided:
    """The steps and leaps of single voices, and two of them in a row."""
    null: Null = "shuffled"
    kinds = STEPS + STEPS**2
    pieces = by_group(batch)
    contrasts = [NullContrast.learn(piece, melodic_events, null, RULE.versions, kinds) for piece in pieces]
    steps = [step_name(key - WIDEST) for key in range(STEPS)]
    return Avoided(null, merge_all(contrasts), steps + [f"{first}, then {then}" for first in steps for then in steps])


def melodic_events(batch: Batch) -> Events:
    """Each step or leap of a voice, and each two in a row; over a rest there is none."""
    notes = lines(batch)
    second = notes.following()
    steps = np.clip(notes.pitches[second] - notes.pitches[second - 1], -WIDEST, WIDEST) + WIDEST
    twice = np.flatnonzero(np.diff(second) == 1) + 1
    samples = np.concatenate([notes.samples[second], notes.samples[second[twice]]])
    keys = np.concatenate([steps, STEPS + steps[twice - 1] * STEPS + steps[twice]])
    order = np.argsort(samples, kind="stable")
    return Events.single(samples[order], keys[order])


def step_name(semitones: int) -> str:
    """``up a fourth``: a melodic interval in words."""
    if not semitones:
        return "the same note"
    name = INTERVALS[abs(semitones)] if abs(semitones) < WIDEST else "more than an octave"
    article = "" if name.startswith("more") else "an " if name[0] in "aeiou" else "a "
    return f"{'up' if semitones > 0 else 'down'} {article}{name}"


def print_bans(batch: Batch, null: Null) -> None:
    learned = AvoidedPatterns.learn(batch, chance=null)
    contrast = learned.contrast()
    first, *_ = learned.summary()
    print(f"\n{first}\n\n| motion | in the corpus | expected by chance | standard errors |\n|---|---|---|---|")
    strength, expected = contrast.strength(learned.versions), contrast.expected()
    for key in learned.bans(contrast)[:10]:
        print(f"| {learned.key_name(key)} | {contrast.corpus[key]} | {expected[key]:.0f} | {strength[key]:.1f} |")


def print_false_discoveries(batch: Batch, null: Null, seeds: int) -> None:
    found: dict[float, list[int]] = {RULE.effect: [], 1.0: []}
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


def print_false_of_melodies(batch: Batch, seeds: int) -> None:
    found, tests = [], 0
    for seed in range(seeds):
        # Others than the versions that are made in learning, as above.
        renamed = replace(batch, groups=[f"{seed} {group}" for group in batch.groups])
        avoided = of_melodies(replace(null_versions(renamed, "shuffled", 1), groups=batch.groups))
        found.append(len(avoided.bans()))
        tests += avoided.tested()
    print(f"| melodies shuffled | {seeds} | {RULE.effect:g} | {tests} | {sum(found)} | {np.count_nonzero(found)} |")


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
                weights = (np.ones((1, len(files))) for files in (other, own))
                area = float(statistics.auroc(other, own, *weights)[0])
                scores[name].append((area, (own > limit).mean(), share))
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


if __name__ == "__main__":
    main()
