"""How often the gate of `verify --baseline` blocks: a generator against itself, and against one that got worse.

    python benchmarks/gate.py [--spec specs/bach-roll.yaml] [--pairs 40]

A stand-in for a generator: real held-out windows, of whose notes each is moved by a semitone with a given chance. Two
runs of 500 windows with other seeds are held against each other, the second with a higher chance, or the same.

A run draws pieces with replacement and takes all windows of each, until there are 500: given the 71 held-out pieces,
the runs are independent draws from one population, as two runs of a generator are. Windows of a piece depend on each
other, so a draw of a piece, not the piece, is the group: a piece drawn twice is two draws. With ``window`` as the unit
every window is drawn by itself and is its own group, as samples of a generator that cuts nothing.

Every window is moved in 20 ways for each chance, by seed, and counted once; a run draws one of the 20 for each window
that it has. A count depends on its window alone, so that drawing counts is drawing windows.
"""

import argparse
import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from msgspec import structs
from numpy.random import Generator
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.corpora import corpus as corpora
from verifier.data.batch import Batch
from verifier.judge.calibration import holm
from verifier.music.edits import move_notes
from verifier.music.features.roll import scan
from verifier.music.piano_roll import batch_of
from verifier.music.samples import sounding_cells
from verifier.rule.rule import Checker
from verifier.spec import spec
from verifier.spec.run import RuleResult
from verifier.verbs.diff import growth_p_value

WINDOWS = 500
COPIES = 20
ROWS = [(0.0, 0.0), (0.01, 0.01), (0.0, 0.0025), (0.0, 0.005), (0.0, 0.01), (0.0, 0.02), (0.01, 0.03)]
"""Share of notes moved in the first run and in the second."""

Ints = NDArray[np.int64]
Generated = Mapping[str, tuple[Ints, Ints]]
"""Rule -> violations and trials (copies, windows)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default="specs/bach-roll.yaml", type=Path)
    parser.add_argument("--pairs", type=int, nargs="+", default=[40, 1000], help="pairs of runs (default 40 and 1000)")
    parser.add_argument("--alpha", type=float, default=0.05)
    options = parser.parse_args()
    learned = spec.load(options.spec)
    held_out = corpora.split(corpora.load(learned.corpus.name), learned.corpus.split)[1]
    batch = batch_of(held_out, learned.view)
    pieces = np.unique(np.asarray(batch.groups, object).astype(str), return_inverse=True)[1]
    checkers = learned.compile()
    generators = {share: generate(batch, checkers, share) for share in sorted({share for row in ROWS for share in row})}
    print(
        f"{WINDOWS} windows a run, {len(checkers)} rules, alpha {options.alpha:g}, margin 0; intervals: Wilson, 95 %.\n"
    )
    blocked = " | ".join(f"blocked, {pairs:,} pairs" for pairs in options.pairs)
    print(f"| unit | moved in the baseline | in the new run | {blocked} | by |")
    print("|---|---|---|" + "---|" * len(options.pairs) + "---|")
    for unit in ("piece", "window"):
        for row in ROWS:
            failed = [failing(generators, pieces, unit, row, pair, options.alpha) for pair in range(max(options.pairs))]
            cells = " | ".join(share_of([bool(names) for names in failed[:pairs]]) for pairs in options.pairs)
            most = Counter(name for names in failed for name in names).most_common(3)
            by = ", ".join(f"{name} {count / len(failed):.1%}" for name, count in most)
            print(f"| {unit} | {row[0]:.2%} | {row[1]:.2%} | {cells} | {by} |", flush=True)


def share_of(blocked: Sequence[bool]) -> str:
    """How many, which share, and its interval."""
    from scipy.stats import binomtest

    count, pairs = sum(blocked), len(blocked)
    interval = binomtest(count, pairs).proportion_ci(method="wilson")
    return f"{count:,}: {count / pairs:.1%} [{interval.low:.1%}, {interval.high:.1%}]"


def generate(batch: Batch, checkers: Mapping[str, Checker], share: float) -> Generated:
    """The counts of every window in every copy."""
    copies = [move_share(batch, share, np.random.default_rng([copy, 7])) for copy in range(COPIES if share else 1)]
    found = {}
    for name, checker in checkers.items():
        counts = [checker.count(copy) for copy in copies]
        found[name] = np.stack([each.violations for each in counts]), np.stack([each.trials for each in counts])
    return found


def move_share(batch: Batch, share: float, rng: Generator) -> Batch:
    """Each note moved by a semitone with the chance ``share``: how many in a window is drawn, then which."""
    moves = rng.binomial(scan(batch).notes.sum(axis=1), share)
    values = sounding_cells(batch)
    for k in np.unique(moves[moves > 0]).tolist():
        at = np.flatnonzero(moves == k)
        values[at] = move_notes(batch.take(at), k, rng).values
    return replace(batch, values=values, _features={})


def failing(
    generators: Mapping[float, Generated], pieces: Ints, unit: str, shares: tuple[float, float], pair: int, alpha: float
) -> list[str]:
    """The rules in which the second run of a pair is blocked by the gate."""
    runs = []
    for at, share in enumerate(shares):
        rng = np.random.default_rng([pair, at])
        chosen, groups = draw(pieces, unit, rng)
        copies = rng.integers(0, COPIES, WINDOWS)  # the same ones for every rule: it is one run
        runs.append({name: result(counts, chosen, groups, copies) for name, counts in generators[share].items()})
    p_values = {name: growth_p_value(runs[0][name], runs[1][name]) for name in runs[0]}
    adjusted = holm({name: p for name, p in p_values.items() if p is not None})
    return [name for name, p in adjusted.items() if p <= alpha]


def draw(pieces: Ints, unit: str, rng: Generator) -> tuple[Ints, list[str]]:
    """Which windows a run has, and the draw that each came in."""
    if unit == "window":
        return rng.integers(0, len(pieces), WINDOWS), [str(i) for i in range(WINDOWS)]
    members = [np.flatnonzero(pieces == piece) for piece in range(int(pieces.max()) + 1)]
    chosen: list[int] = []
    groups: list[str] = []
    while len(chosen) < WINDOWS:
        drawn = members[int(rng.integers(len(members)))].tolist()
        groups += [str(len(chosen))] * len(drawn)
        chosen += drawn
    return np.array(chosen[:WINDOWS]), groups[:WINDOWS]


def result(counts: tuple[Ints, Ints], chosen: Ints, groups: Sequence[str], copies: Ints) -> RuleResult:
    """The fields of a record that the gate looks at, of the windows chosen, each in one of its copies."""
    violations, trials = (table[copies % len(table), chosen] for table in counts)
    rate = statistics.group_rate(violations, trials, groups)
    return structs.replace(
        blank(),
        violations=int(violations.sum()),
        trials=int(trials.sum()),
        rate=rate.rate if rate else None,
        error=rate.error if rate and rate.groups > 1 else None,
        rate_groups=rate.groups if rate else 0,
    )


@functools.cache
def blank() -> RuleResult:
    """A record of nothing."""
    return RuleResult(
        unit="",
        violations=0,
        distinct=0,
        trials=0,
        rate=None,
        interval=None,
        held_out=None,
        ratio=None,
        breaking=0,
        breaking_interval=None,
        p_value=None,
        measures={},
        verdict="undecided",
        reason="",
        kinds={},
        examples=(),
    )


if __name__ == "__main__":
    main()
