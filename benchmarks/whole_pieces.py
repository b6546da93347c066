"""Which whole chorales are flagged: real ones, such with a fault in every window or in one, and generated ones.

For each split the rules are learned from four fifths of the works; the held-out works are halved, one half calibrates,
the other is tested on, and then the other way round, as in benchmarks/hard_negatives.py. A sample is a window of the
spec's view, a piece all windows of a file. A cell is the share that is flagged at .05 and the AUROC against real ones.

    python benchmarks/whole_pieces.py [--splits 4] [--generated FOLDER ...]

A dose is named after its @; a folder holds MIDI files, whose tracks are voices.
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.routes_power import pieces_in
from verifier.base.statistics import auroc
from verifier.corpora import corpus as corpora
from verifier.data.batch import Batch
from verifier.judge.conformal import Conformal
from verifier.music.edits import BASELINES
from verifier.music.faults import FAULTS
from verifier.music.piano_roll import batch_of
from verifier.rule.rule import Checker
from verifier.spec import spec
from verifier.spec.provenance import Split
from verifier.verbs.learn import calibrate, learn_folds

ALPHA = 0.05
EDITS = ("one-note", "three-notes", "parallel-fifths", "swapped-voices", "wrong-duration", "shuffled-chords")
PLANTED = {
    "removed": 2,
    "split": 4,
    "lengthened": 4,
    "shifted": 4,
    "half-transposed": 6,
    "parallel-fifths": 1,
    "smoothed": 0.01,
    "softened": 0.001,
}

Floats = NDArray[np.float64]


class Side(NamedTuple):
    """p-values of windows and of pieces."""

    windows: Floats
    pieces: Floats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=Path("specs/bach.yaml"))
    parser.add_argument("--splits", type=int, default=4, help="splits 0, 1, ... (default 4)")
    parser.add_argument("--generated", type=Path, nargs="*", default=[], help="folders of MIDI files")
    options = parser.parse_args()
    shipped = spec.load(options.spec)
    rules = {rule.name(): rule.set_options() for rule in shipped.rules}
    corpus = corpora.load(shipped.corpus.name)
    generated = {folder.name: batch_of(pieces_in(folder), shipped.view) for folder in options.generated}
    found: dict[str, list[tuple[Side, Side]]] = defaultdict(list)
    for seed in range(options.splits):
        learned, held_out = (batch_of(side, shipped.view) for side in corpora.split(corpus, Split(seed=seed)))
        states, folds = learn_folds(learned, rules)
        works = sorted(set(held_out.groups))
        half_of = np.array([works.index(group) % 2 for group in held_out.groups])
        for half in (0, 1):
            own, calibration = calibrate(states, held_out.take(np.flatnonzero(half_of != half)), folds)
            assert calibration is not None
            reference = Conformal(calibration, [rule.name() for rule in own])
            checkers = [rule.compile() for rule in own]
            test = held_out.take(np.flatnonzero(half_of == half))
            real = _side(reference, _scores(checkers, test), test.groups)
            found["real"].append((real, real))
            for name, scores in _faulty(checkers, test, seed).items():
                found[name].append((real, _side(reference, scores, test.groups)))
            for name, batch in generated.items():
                found[name].append((real, _side(reference, _scores(checkers, batch), batch.groups)))
    print("| | windows flagged | AUROC | pieces flagged | AUROC |\n|---|---|---|---|---|")
    for name, sides in found.items():
        print(f"| {name} | {_cells([(real.windows, fake.windows) for real, fake in sides])} |", end="")
        print(f" {_cells([(real.pieces, fake.pieces) for real, fake in sides])} |")


def _faulty(checkers: Sequence[Checker], real: Batch, seed: int) -> Mapping[str, Floats]:
    """Scores (n, rules) of the windows with each fault, and of such pieces of which one window at random has it."""
    made = {name: BASELINES[name].make(real, np.random.default_rng([seed, *name.encode()])) for name in EDITS}
    for name, dose in PLANTED.items():
        made[f"{name}@{dose:g}"] = FAULTS[name].plant(real, dose, np.random.default_rng([seed, 7]))
    plain, rng, found = _scores(checkers, real), np.random.default_rng(seed), {}
    groups = np.array(real.groups)
    chosen = np.array([rng.choice(np.flatnonzero(groups == group)) for group in dict.fromkeys(real.groups)])
    for name, batch in made.items():
        found[f"{name}, every window"] = scores = _scores(checkers, batch)
        found[f"{name}, one window"] = some = plain.copy()
        some[chosen] = scores[chosen]
    return found


def _scores(checkers: Sequence[Checker], batch: Batch) -> Floats:
    return np.stack([checker.count(batch).scores for checker in checkers], axis=1)


def _side(reference: Conformal, scores: Floats, groups: Sequence[str]) -> Side:
    found = reference.of_samples(scores)
    return Side(found.combined, reference.of_pieces(found, np.unique(groups, return_inverse=True)[1]).p)


def _cells(pairs: Sequence[tuple[Floats, Floats]]) -> str:
    flagged = np.mean([np.mean(fake <= ALPHA) for _, fake in pairs])
    areas = [float(auroc(-real, -fake, *(np.ones((1, len(side))) for side in (real, fake)))[0]) for real, fake in pairs]
    return f"{flagged:.1%} | {np.mean(areas):.3f}"


if __name__ == "__main__":
    main()
