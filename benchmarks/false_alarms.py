"""How often unseen chorales break a learned set of transitions, by the number of chorales it was learned from.

Works (duplicates are one) are split at random: some are learned, the rest are held out. A false alarm is a change of
chord in a held-out piece that the set does not have: as learned ("exact"), or with every transition allowed in all keys
("closed"). Beside each rate stands what leave-one-out over the learned works alone forecasts.

    python benchmarks/false_alarms.py -o docs/false-alarms.png
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from verifier.corpora import corpus as corpora
from verifier.data.view import View
from verifier.music.features.chroma import CODES
from verifier.music.piano_roll import batch_of
from verifier.music.rules.chroma_transitions import ChromaTransitions
from verifier.rule.rule import SparseCounts
from verifier.spec import spec
from verifier.verbs.learn import by_group

SETS = {"exact": "none", "closed": "transposition"}
"""What a set of transitions is called here -> the option ``invariance``."""


class Rates(NamedTuple):
    """Violations per change at one number of learned works, one of each (splits,)."""

    held_out: NDArray[np.float64]
    forecast: NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default="specs/bach.yaml", type=Path, help="whose corpus and grid to take")
    parser.add_argument("--works", type=int, nargs="+", default=[50, 100, 200, 270], help="numbers of learned works")
    parser.add_argument("--splits", type=int, default=10, help="random splits to average over (default 10)")
    parser.add_argument("-o", "--output", type=Path, help="picture to write")
    options = parser.parse_args()
    base = spec.load(options.spec)
    whole = measure(base.corpus.name, structs.replace(base.view, window=None), options.works, options.splits)
    cut = measure(base.corpus.name, structs.replace(base.view, window=64), options.works, options.splits)
    print(f"Whole pieces, {options.splits} splits: means of violations per change of chord.\n")
    print_rates(whole)
    print("\nThe same in windows of 64 steps.\n")
    print_rates(cut)
    if options.output:
        plot(whole, options.output)


def measure(corpus: str, view: View, works: Sequence[int], splits: int) -> dict[tuple[str, int], Rates]:
    """(name in SETS, number of learned works) -> rates."""
    groups = by_group(batch_of(corpora.load(corpus).pieces, view))
    found: dict[tuple[str, int], Rates] = {}
    for name, invariance in SETS.items():
        # Each work is learned once; a split adds up the tables of its works.
        states = [ChromaTransitions.learn(group, invariance=invariance) for group in groups]
        tables = [state.from_yaml() for state in states]
        for count in works:
            # The same works for both sets.
            orders = [np.random.default_rng([count, seed]).permutation(len(groups)).tolist() for seed in range(splits)]
            pairs = [rates_of(states, tables, order[:count], order[count:]) for order in orders]
            found[name, count] = Rates(*np.array(pairs).T)
    return found


def rates_of(
    states: Sequence[ChromaTransitions], tables: Sequence[SparseCounts], learned: Sequence[int], held_out: Sequence[int]
) -> tuple[float, float]:
    """Violations per change of the held-out works, and the forecast that the learned ones make for them."""
    empty = ChromaTransitions.with_options(**states[0].set_options())
    rule = structs.replace(empty, **empty.to_yaml(total([tables[i] for i in learned])))
    forecast = rule.leave_one_out([states[i] for i in learned])
    assert forecast is not None, "there are two works or more"
    unseen = total([tables[i] for i in held_out])
    changes = unseen.keys >> 12 != unseen.keys & (CODES - 1)
    broken = changes & ~np.isin(unseen.keys, rule.allowed(rule.from_yaml()))
    return unseen.counts[broken].sum() / unseen.counts[changes].sum(), forecast


def total(tables: Sequence[SparseCounts]) -> SparseCounts:
    return SparseCounts.of(
        np.concatenate([table.keys for table in tables]), np.concatenate([table.counts for table in tables])
    )


def print_rates(found: dict[tuple[str, int], Rates]) -> None:
    print("| set | works learned | held out | least to most | forecast | forecast less held out | most in one split |")
    print("|---|---|---|---|---|---|---|")
    for (name, count), (held_out, forecast) in found.items():
        difference = 100 * (forecast - held_out)
        print(
            f"| {name} | {count} | {held_out.mean():.1%} | {held_out.min():.1%} to {held_out.max():.1%} |"
            f" {forecast.mean():.1%} | {difference.mean():+.2f} points | {np.abs(difference).max():.2f} points |"
        )


def plot(found: dict[tuple[str, int], Rates], path: Path) -> None:
    """Rates against the number of works, with the range over splits."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    titles = {"exact": "transitions as learned", "closed": "closed under transposition"}
    for name, colour in zip(SETS, ("#b2451e", "#1e6fb2"), strict=True):
        works = [count for key, count in found if key == name]
        rates = [found[name, count] for count in works]
        held = [100 * each.held_out for each in rates]
        axes.fill_between(
            works, [each.min() for each in held], [each.max() for each in held], color=colour, alpha=0.15, lw=0
        )
        axes.plot(works, [each.mean() for each in held], color=colour, marker="o", label=f"{titles[name]}: held out")
        forecast = [100 * each.forecast.mean() for each in rates]
        axes.plot(works, forecast, color=colour, marker="x", ls="--", label=f"{titles[name]}: forecast")
    axes.set(
        xlabel="chorales learned", ylabel="changes of chord that are false alarms (%)", ylim=(0, None), xlim=(0, None)
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    splits = len(next(iter(found.values())).held_out)
    axes.legend(frameon=False, title=f"lines: mean of {splits} splits; bands: least to most", alignment="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Software": None})
    pyplot.close(figure)


if __name__ == "__main__":
    main()
