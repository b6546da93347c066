"""Which rule tells real chorales from the same ones with a few notes moved, or with their chords shuffled.

For each split the rules are learned from four fifths of the works, and the windows of the rest are held against the
baselines made from these very windows. The held-out works are halved: one half, beside the learned works, calibrates
the rules and their combination, the other is scored, and then the other way round. A cell is the AUROC per window, .5
for chance, as the mean over splits and halves; its 95 % interval resamples works, the same ones in every split. The
rows in brackets are no rules, but what would tell a careless baseline from real music (an AUROC below .5 is as telling
as one above), and at last which rules speak: each with its share of the windows of the baseline.

    python benchmarks/hard_negatives.py [--pieces] [--splits 3] [--scores FOLDER]

Without ``--pieces`` samples are the four bars of the spec's view. With it they are pieces of up to 16 bars, which is
most chorales whole; of longer ones what is left is kept if it has 4 bars; and the baselines are those for samples with
voices. ``--scores`` names a folder in which the scores of each split are kept, and taken from where they are there: a
run can be done in parts, as long as no rule changes.

The rules and options are those of the spec, and every other rule that there is, with its defaults.
"""

import argparse
import functools
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from verifier.base.files import replacing
from verifier.base.statistics import auroc
from verifier.corpora import corpus as corpora
from verifier.corpora.corpus import Corpus
from verifier.data.batch import Batch
from verifier.data.view import View
from verifier.judge.conformal import Conformal
from verifier.music.edits import BASELINES
from verifier.music.features.roll import scan
from verifier.music.features.runs import stretches
from verifier.music.piano_roll import batch_of
from verifier.rule.registry import rules_for
from verifier.rule.rule import Rule
from verifier.spec import spec
from verifier.spec.provenance import Split
from verifier.verbs.learn import Fold, Rules, calibrate, learn_folds

OF_WINDOWS = ("one-note", "three-notes", "shuffled-chords", "bernoulli")
OF_PIECES = ("one-note", "three-notes", "parallel-fifths", "swapped-voices", "wrong-duration", "shuffled-chords")
PIECE = 256
"""Steps of 16 bars."""
SHORTEST = 64
"""Steps of the shortest sample with ``--pieces``."""
ALL = "**all rules together**"
SHARP = ("accidentals", "chroma-likelihood")
PAIR = f"{SHARP[0]} and {SHARP[1]} together"
SPOKE = 3
"""Rules that are named of those which speak."""
REPLICATES = 1000


class Scored(msgspec.Struct, frozen=True):
    """Of one half of one split: the work of each window, row -> scores of the real windows and of each baseline's, and
    which rule spoke in each of these.
    """

    groups: list[str]
    scores: dict[str, dict[str, list[float]]]
    spoke: dict[str, list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=Path("specs/bach.yaml"))
    parser.add_argument("--pieces", action="store_true", help="samples of 16 bars, and baselines with voices")
    parser.add_argument("--splits", type=int, default=10, help="splits 0, 1, ... (default 10)")
    parser.add_argument("--scores", type=Path, help="a folder that keeps the scores of each split")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    options = parser.parse_args()
    shipped = spec.load(options.spec)
    rules: Rules = {
        **{name: {} for name in rules_for("piano-roll")},
        **{rule.name(): rule.set_options() for rule in shipped.rules},
    }
    corpora.load(shipped.corpus.name)  # once, before the processes: from now on it is in the cache
    score = functools.partial(
        scored,
        name=shipped.corpus.name,
        view=structs.replace(shipped.view, window=PIECE) if options.pieces else shipped.view,
        rules=rules,
        columns=OF_PIECES if options.pieces else OF_WINDOWS,
        folder=options.scores,
    )
    with ProcessPoolExecutor(options.jobs) as pool:
        halves = [half for both in pool.map(score, range(options.splits)) for half in both]
    print_table(halves)


def scored(
    seed: int, name: str, view: View, rules: Rules, columns: Sequence[str], folder: Path | None
) -> Sequence[Scored]:
    """Both halves of the held-out windows of one split."""
    kept = folder / f"{name}-{view.window}-{seed}.msgpack" if folder else None
    if kept and kept.exists():
        return msgspec.msgpack.decode(kept.read_bytes(), type=list[Scored])
    corpus: Corpus = corpora.load(name)
    learned, held_out = (batch_of(side, view) for side in corpora.split(corpus, Split(seed=seed)))
    if view.window == PIECE:
        learned, held_out = (side.take(np.flatnonzero(side.lengths >= SHORTEST)) for side in (learned, held_out))
    states, folds = learn_folds(learned, rules)
    works = sorted(set(held_out.groups))
    side = np.array([works.index(group) % 2 for group in held_out.groups])
    batches = {"real": held_out}
    for column in columns:
        batches[column] = BASELINES[column].make(held_out, np.random.default_rng([seed, *column.encode()]))
    halves = [
        score_half(states, folds, held_out.take(np.flatnonzero(side != half)), batches, np.flatnonzero(side == half))
        for half in (0, 1)
    ]
    if kept:
        with replacing(kept) as path:
            path.write_bytes(msgspec.msgpack.encode(halves))
    print(f"split {seed}", file=sys.stderr)
    return halves


def score_half(
    states: Sequence[Rule], folds: Sequence[Fold], real: Batch, batches: dict[str, Batch], which: NDArray[np.intp]
) -> Scored:
    """The windows ``which`` of every batch under the rules as the windows ``real`` and the folds calibrate them."""
    calibrated, calibration = calibrate(states, real, folds)
    assert calibration is not None
    names = [rule.name() for rule in calibrated]
    checkers = [rule.compile() for rule in calibrated]
    everything, pair = Conformal(calibration, names), Conformal(calibration, SHARP)
    scores: dict[str, dict[str, list[float]]] = {}
    spoke: dict[str, list[str]] = {}
    for kind, batch in batches.items():
        batch = batch.take(which)
        table = np.stack([checker.count(batch).scores for checker in checkers], axis=1)
        rows = dict(zip(names, table.T, strict=True))
        rows[PAIR] = -pair.of_samples(table[:, [names.index(name) for name in SHARP]]).combined
        found = everything.of_samples(table)
        rows[ALL] = -found.combined
        spoke[kind] = [names[at] for at in found.spoke.tolist()]
        for row, values in (rows | trivial(batch)).items():
            scores.setdefault(row, {})[kind] = np.where(np.isnan(values), -np.inf, values).tolist()
    return Scored([batches["real"].groups[i] for i in which], scores, spoke)


def trivial(batch: Batch) -> dict[str, NDArray[np.float64]]:
    """What a checker of no music sees."""
    chords = stretches(scan(batch).codes, batch.lengths)
    steps = np.maximum(batch.lengths, 1)
    return {
        "(number of changes)": np.bincount(chords.samples, minlength=len(batch)) - 1.0,
        "(polyphony)": scan(batch).polyphony.sum(axis=1) / steps,
        "(length)": batch.lengths.astype(np.float64),
        "(mean intensity)": batch.values.sum(axis=(1, 2)) / steps / batch.view.pitches,
    }


def print_table(halves: Sequence[Scored]) -> None:
    works = sorted({group for half in halves for group in half.groups})
    at = {group: i for i, group in enumerate(works)}
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(works), np.full(len(works), 1 / len(works)), REPLICATES).astype(np.float64)
    drawn[0] = 1  # the works as they are: the value itself
    columns = [kind for kind in halves[0].spoke if kind != "real"]
    print(f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for row in halves[0].scores:
        cells = []
        for column in columns:
            of_halves = []
            for half in halves:
                weights = drawn[:, [at[g] for g in half.groups]]
                real, fake = (np.array(half.scores[row][kind]) for kind in ("real", column))
                of_halves.append(auroc(real, fake, weights, weights))
            value = np.mean(of_halves, axis=0)
            low, high = np.quantile(value, [0.025, 0.975])
            cells.append(f"{value[0]:.3f} [{low:.3f}, {high:.3f}]")
        print(f"| {row} | {' | '.join(cells)} |")
    cells = []
    for column in columns:
        spoke = Counter(name for half in halves for name in half.spoke[column])
        most = spoke.most_common(SPOKE)
        cells.append(", ".join(f"{name} {count / spoke.total():.0%}" for name, count in most))
    print(f"| (which rules speak) | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
