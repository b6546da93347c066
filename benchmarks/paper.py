"""The view and the counts of TequilaGAN (Valle et al., 2018): what the published figures are here, and what makes 429.

The spec is the one that ships; this makes it anew:

    verify learn bach -o specs/bach-tequilagan.yaml --name bach-tequilagan --limit 1000 \
        --view steps-per-quarter=14.4 --view lowest-pitch=27 --view pitches=64 --view window=64 --view remainder=drop \
        --set chroma-transitions.invariance=none --set chroma-transitions.per=step \
        --set duration-distribution.cut-runs=count

The first table holds that spec against the windows that it was learned from, against held-out windows (all of them, if
there are fewer), and against Bernoulli rolls of the same density. The second repeats the test column over several
random choices, and over the ways in which a test set can come nearer to what was learned: windows of the same works,
windows that overlap the learned ones, and a spec learned from more windows.

    python benchmarks/paper.py
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import numpy as np

from verifier.corpora import corpus as corpora
from verifier.corpora.sample_sets import open_samples
from verifier.data.batch import Batch, concatenate
from verifier.data.view import View
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of, piano_roll
from verifier.music.rules.chroma_transitions import ChromaTransitions
from verifier.music.rules.duration_distribution import DurationDistribution
from verifier.rule.rule import Rule
from verifier.spec import spec
from verifier.values.noise import bernoulli
from verifier.values.rules.intensity_distribution import IntensityDistribution

PUBLISHED = {"test": 429, "Bernoulli": 58_284}
"""Violations among 63,000 pairs of neighbouring steps, as the paper counts them."""

MEASURED = (ChromaTransitions, DurationDistribution, IntensityDistribution)


class Measured(NamedTuple):
    windows: int
    steps: int
    distinct: int
    occurrences: int
    histogram_ks: float
    duration_jsd: float
    intensity_ks: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=Path("specs/bach-tequilagan.yaml"))
    parser.add_argument("--windows", type=int, default=1000, help="windows in each set (default 1000, as in the paper)")
    parser.add_argument("--choices", type=int, default=5, help="random choices to average over (default 5)")
    options = parser.parse_args()
    shipped = spec.load(options.spec)
    print_shipped(shipped, options.windows)
    print_variants(shipped, options.windows, options.choices)


def print_shipped(shipped: spec.Spec, windows: int) -> None:
    """The spec that ships against what it was learned from, held-out windows and chance."""
    sampling = shipped.corpus.sampling
    assert sampling is not None, "the spec is one learned from some of the windows"
    rules = [shipped.rule(cls.name()) for cls in MEASURED]

    def read(part: str, limit: int) -> Batch:
        samples = open_samples(f"bach:{part}", shipped.view, shipped.corpus, limit=limit, seed=sampling.seed)
        return concatenate(shipped.view, list(samples.batches()))

    train = read("learn", sampling.windows)
    columns = {
        "train": train,
        "held-out test": read("hold-out", windows),
        "Bernoulli": bernoulli(train, np.random.default_rng(sampling.seed)),
    }
    found = {name: measure(rules, batch) for name, batch in columns.items()}
    density = np.count_nonzero(train.values) / train.values.size
    print(f"Against `{shipped.name}`; {density:.2%} of the cells of its windows sound.\n")
    rows = {
        "windows": lambda m: f"{m.windows:,}",
        "pairs of steps": lambda m: f"{m.steps:,}",
        "transitions that break it, distinct": lambda m: f"{m.distinct:,}",
        "transitions that break it, occurrences": lambda m: f"{m.occurrences:,} ({m.occurrences / m.steps:.1%})",
        "durations: KS of the 64 bar heights": lambda m: f"{m.histogram_ks:.4f}",
        "durations: JSD, nats": lambda m: f"{m.duration_jsd:.4f}",
        "intensities: KS": lambda m: f"{m.intensity_ks:.5f}",
    }
    print_table(["", *found], [[title, *map(cell, found.values())] for title, cell in rows.items()])


def print_variants(shipped: spec.Spec, windows: int, choices: int) -> None:
    """The test column with other choices of windows, as mean (least to most)."""
    found: dict[str, list[Measured]] = {}
    for seed in range(choices):
        for name, (train, test) in variants(shipped, windows, seed).items():
            rules = [
                type(rule).learn(train, **rule.set_options()) for rule in shipped.rules if isinstance(rule, MEASURED)
            ]
            found.setdefault(name, []).append(measure(rules, test))
    published = ", ".join(f"{name} {count:,}" for name, count in PUBLISHED.items())
    print(f"\nMean and range over {choices} random choices; the paper's distinct violations: {published}.\n")
    columns: dict[str, tuple[Callable[[Measured], float], str]] = {
        "distinct": (lambda m: m.distinct, ",.0f"),
        "occurrences": (lambda m: m.occurrences, ",.0f"),
        "of the steps": (lambda m: m.occurrences / m.steps, ".1%"),
        "durations: KS of heights": (lambda m: m.histogram_ks, ".3f"),
        "durations: JSD": (lambda m: m.duration_jsd, ".4f"),
        "intensities: KS": (lambda m: m.intensity_ks, ".5f"),
    }
    rows = [
        [name, *(ranged([value(m) for m in measured], form) for value, form in columns.values())]
        for name, measured in found.items()
    ]
    print_table(["test windows, and what the spec was learned from", *columns], rows)


def variants(shipped: spec.Spec, windows: int, seed: int) -> dict[str, tuple[Batch, Batch]]:
    """Name -> (windows to learn from, windows to test)."""
    corpus = corpora.load(shipped.corpus.name)
    rng = np.random.default_rng(seed)
    # A fifth of the works has fewer than 1,000 windows, so 30 % are held out here.
    split = corpora.split(corpus, corpora.Split(learn=0.7, hold_out=0.3, seed=seed))
    learned, held_out = (shuffled(batch_of(pieces, shipped.view), rng) for pieces in split)
    mixed = shuffled(batch_of(corpus.pieces, shipped.view), rng)
    overlapping = windows_at_any_step(corpus.pieces, shipped.view, 4 * windows, rng)
    first, second, rest = range(windows), range(windows, 2 * windows), range(windows, len(mixed))
    thrice = range(windows, 4 * windows)
    of_one, of_three = f"{windows:,}", f"{3 * windows:,}"
    return {
        f"of other works; {of_one} windows": (learned.take(first), held_out.take(first)),
        "of other works; all of theirs": (learned, held_out.take(first)),
        f"of the same works; {of_one} windows": (mixed.take(second), mixed.take(first)),
        "of the same works; all the others": (mixed.take(rest), mixed.take(first)),
        f"that may overlap the learned; {of_one} windows": (overlapping.take(second), overlapping.take(first)),
        f"that may overlap the learned; {of_three} windows": (overlapping.take(thrice), overlapping.take(first)),
        f"Bernoulli; {of_one} windows": (learned.take(first), bernoulli(learned.take(first), rng)),
    }


def shuffled(batch: Batch, rng: np.random.Generator) -> Batch:
    return batch.take(rng.permutation(len(batch)))


def windows_at_any_step(pieces: Sequence[Notes], view: View, windows: int, rng: np.random.Generator) -> Batch:
    """Different windows that start at any step of any piece, so that two may share steps."""
    assert view.window is not None, "the view cuts pieces into windows"
    rolls = [piano_roll(piece, view) for piece in pieces]
    starts = [(i, step) for i, roll in enumerate(rolls) for step in range(roll.shape[1] - view.window + 1)]
    chosen = [starts[at] for at in rng.choice(len(starts), windows, replace=False)]
    return Batch.of(view, np.stack([rolls[i][:, step : step + view.window] for i, step in chosen]))


def measure(rules: Sequence[Rule], batch: Batch) -> Measured:
    """The paper's figures for ``batch``; ``rules`` are the three that measure them, in any order."""
    by_name = {rule.name(): rule for rule in rules}
    counts = by_name["chroma-transitions"].compile().count(batch)
    distances = {
        name: rule.measures(type(rule).learn(batch, **rule.set_options()))
        for name, rule in by_name.items()
        if name != "chroma-transitions"
    }
    return Measured(
        windows=len(batch),
        steps=int(counts.trials.sum()),
        distinct=len(counts.kinds.keys),
        occurrences=int(counts.violations.sum()),
        histogram_ks=distances["duration-distribution"]["histogram-ks"],
        duration_jsd=distances["duration-distribution"]["jsd"],
        intensity_ks=distances["intensity-distribution"]["ks"],
    )


def ranged(values: Sequence[float], form: str) -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{format(mean(values), form)} ({low} to {high})"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
