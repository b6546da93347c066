"""Whether a spec learned from one style tells it from another: Bach against Palestrina and Monteverdi, both ways.

The works of a style are dealt into five parts. Each part is tested in turn: the rules are learned from three others,
calibrated on these and on the fifth, and the works that were left out are held against the samples of the other style.
Samples are pieces of up to 16 bars, longer ones cut; a rest is kept if it has 4 bars. A figure is the AUROC of how
strange the samples are, .5 for chance; its 95 % interval resamples the works of both styles.

    python benchmarks/styles.py [--window 256] [--least 64] [--samples 1000]

What a listener would not call style is taken out, or said. Palestrina is the movements in four voices, as Bach is;
Monteverdi the madrigals in five, without the fifth book, whose continuo doubles the bass. Palestrina's note values are
twice as long, so that the rows "halved" have him at twice the speed. All rules together may still hear the number of
voices, their ranges, and the note values; "harmony and counterpoint" is the rules that hear none of these (SCALE_FREE):
which chords there are and follow each other, and what two voices do. ``--window 128 --least 128`` makes all samples
eight bars long, so that length says nothing. The last column has what plain measures would tell, one by one; an AUROC
below .5 tells as much as one above, and is turned around.
"""

import argparse
import functools
import itertools
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from hard_negatives import trivial
from msgspec import structs
from numpy.typing import NDArray

from verifier.base.statistics import auroc
from verifier.corpora import corpus as corpora
from verifier.corpora.sample_sets import choose
from verifier.data.batch import Batch
from verifier.judge.conformal import Conformal
from verifier.music.features.voice_notes import lines
from verifier.music.piano_roll import batch_of
from verifier.music.samples import music
from verifier.music.view import PianoRollView
from verifier.rule.registry import rules_for
from verifier.verbs.learn import calibrate, learn_folds, with_trials

Floats = NDArray[np.float64]

HALVED = " halved"
"""After the name of a corpus: at half its note values."""
VOICES = {"bach": 4, "palestrina": 4, "palestrina halved": 4, "monteverdi": 5}
"""The styles, and of how many voices their pieces are: Monteverdi has none of four."""
OTHERS = ("palestrina", "palestrina halved", "monteverdi")
PAIRS = tuple(pair for other in OTHERS for pair in (("bach", other), (other, "bach")))
"""The style that is learned, and the one it is held against."""
SCALE_FREE = (
    "avoided-patterns",
    "chroma-likelihood",
    "chroma-transitions",
    "direct-intervals",
    "dissonances",
    "parallels",
    "pitch-class-sets",
)
"""Rules to which twice as long notes are the same, and which know no number of voices but two."""
ALL = "all rules together"
PLAIN = "harmony and counterpoint"
PARTS = 5
BEST = 3
REPLICATES = 1000


class Scored(NamedTuple):
    """One part: style -> the works of its samples, and row -> style -> their scores (n,); larger is stranger."""

    works: Mapping[str, Sequence[str]]
    rows: Mapping[str, Mapping[str, Floats]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window", type=int, default=256, help="steps of a sample at most (default 256, 16 bars)")
    parser.add_argument("--least", type=int, default=64, help="steps of a sample at least (default 64, 4 bars)")
    parser.add_argument("--samples", type=int, default=1000, help="samples of a style at most (default 1000)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    options = parser.parse_args()
    load = functools.partial(samples, window=options.window, least=options.least, limit=options.samples)
    styles = {name: load(name) for name in VOICES}
    for name, batch in styles.items():
        print(f"{name}: {len(batch)} samples of {len(set(batch.groups))} works, {VOICES[name]} voices")
    tasks = [(name, part) for name in VOICES for part in range(PARTS)]
    with ProcessPoolExecutor(options.jobs) as pool:
        found = list(pool.map(functools.partial(scored, load=load), *zip(*tasks, strict=True)))
    parts = {name: [one for (own, _), one in zip(tasks, found, strict=True) if own == name] for name in VOICES}
    columns = [ALL, PLAIN, "best of these rules", "best of the others", "plain measures"]
    print(f"\n| learned | held against | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    for own, other in PAIRS:
        print(f"| {own} | {other} | {' | '.join(cells(parts[own], own, other, styles))} |")


def samples(name: str, window: int, least: int, limit: int) -> Batch:
    """At most ``limit`` samples of a style, drawn by lot."""
    view = PianoRollView(window=window)
    pieces = corpora.load(name.removesuffix(HALVED)).pieces
    if name.endswith(HALVED):
        slow = batch_of(pieces, structs.replace(view, steps_per_quarter=view.steps_per_quarter / 2))
        known = replace(music(slow), meters=music(slow).meters / 2, pickups=music(slow).pickups / 2)
        batch = replace(slow, view=view, extra=known, _features={})
    else:
        batch = batch_of(pieces, view)
    fifth_book = np.array([group.startswith("madrigal.5.") for group in batch.groups])
    kept = np.flatnonzero((batch.lengths >= least) & (music(batch).voices.counts == VOICES[name]) & ~fifth_book)
    return batch.take(kept[choose(len(kept), limit, 0)])


def scored(own: str, part: int, load: functools.partial[Batch]) -> Scored:
    """The works of one part of a style, and all samples of the styles it is held against, by rules of the others."""
    batch = load(own)
    works = sorted(set(batch.groups))
    dealt = dict(zip(np.random.default_rng(0).permutation(works).tolist(), itertools.cycle(range(PARTS))))
    of = (np.array([dealt[group] for group in batch.groups]) - part) % PARTS
    tested, calibrating, learned = (batch.take(np.flatnonzero(mask)) for mask in (of == 0, of == 1, of > 1))
    states, folds = with_trials(*learn_folds(learned, {name: {} for name in rules_for("piano-roll")}))
    states, calibration = calibrate(states, calibrating, folds)
    assert calibration is not None
    names = [rule.name() for rule in states]
    plain = [name for name in names if name in SCALE_FREE]
    everything, few = Conformal(calibration, names), Conformal(calibration, plain)
    checkers = [rule.compile() for rule in states]
    batches = {own: tested, **{other: load(other) for mine, other in PAIRS if mine == own}}
    rows: dict[str, dict[str, Floats]] = {}
    for style, others in batches.items():
        table = np.stack([checker.count(others).scores for checker in checkers], axis=1)
        found = dict(zip(names, np.where(np.isnan(table), -np.inf, table).T, strict=True))
        found[ALL] = everything.of_samples(table).strangeness
        found[PLAIN] = few.of_samples(table[:, [names.index(name) for name in plain]]).strangeness
        for row, scores in found.items():
            rows.setdefault(row, {})[style] = scores
    print(f"{own}, part {part + 1}", file=sys.stderr)
    return Scored({style: list(others.groups) for style, others in batches.items()}, rows)


def cells(parts: Sequence[Scored], own: str, other: str, styles: Mapping[str, Batch]) -> list[str]:
    """One row of the table, from its third column on."""
    shared = [row for row in parts[0].rows if all(row in part.rows for part in parts)]
    with_interval = []
    for row in (ALL, PLAIN):
        value = over_parts(parts, row, own, other)
        low, high = np.quantile(value, [0.025, 0.975])
        with_interval.append(f"{value[0]:.3f} [{low:.3f}, {high:.3f}]")
    single = {
        row: float(over_parts(parts, row, own, other, replicates=1)[0]) for row in shared if row not in (ALL, PLAIN)
    }
    best = sorted(single, key=lambda row: -single[row])
    plain, others = ([row for row in best if (row in SCALE_FREE) == which][:BEST] for which in (True, False))
    told = measures(styles[own], styles[other])
    return [
        *with_interval,
        *(", ".join(f"{row} {single[row]:.3f}" for row in rows) for rows in (plain, others)),
        ", ".join(f"{name} {value:.2f}" for name, value in told.items()),
    ]


def over_parts(parts: Sequence[Scored], row: str, own: str, other: str, replicates: int = REPLICATES) -> Floats:
    """(replicates,) the AUROC, the mean over parts; the first is that of the works as they are."""
    rng = np.random.default_rng(0)
    drawn: dict[str, dict[str, Floats]] = {}
    for style in (own, other):
        works = sorted({work for part in parts for work in part.works[style]})
        counts = rng.multinomial(len(works), np.full(len(works), 1 / len(works)), replicates).astype(np.float64)
        counts[0] = 1
        drawn[style] = dict(zip(works, counts.T, strict=True))
    total, weight = np.zeros(replicates), np.zeros(replicates)
    for part in parts:
        real, fake = (np.stack([drawn[style][work] for work in part.works[style]], axis=1) for style in (own, other))
        share = real.sum(axis=1)
        # A part none of whose works was drawn has no say.
        area = auroc(part.rows[row][own], part.rows[row][other], np.where(share[:, None], real, 1), fake)
        total, weight = total + share * area, weight + share
    return np.asarray(total / weight)


def measures(own: Batch, other: Batch) -> dict[str, float]:
    """What each plain measure alone tells of two styles: AUROC, or 1 less it if that is more."""
    of_own, of_other = (plain_measures(batch) for batch in (own, other))
    told = {}
    for name, values in of_own.items():
        others = of_other[name]
        area = float(auroc(values, others, np.ones((1, len(values))), np.ones((1, len(others))))[0])
        told[name] = max(area, 1 - area)
    return told


def plain_measures(batch: Batch) -> dict[str, Floats]:
    """Of each sample: those of hard_negatives, and what the note values and their grid are."""
    notes = lines(batch)
    many = np.maximum(np.bincount(notes.samples, minlength=len(batch)), 1)
    quarter = round(float(batch.view.steps_per_quarter))
    return {name.strip("()"): values for name, values in trivial(batch).items()} | {
        "voices": music(batch).voices.counts.astype(np.float64),
        "mean note length": np.bincount(notes.samples, notes.stops - notes.starts, len(batch)) / many,
        "notes off the quarter": np.bincount(notes.samples, notes.starts % quarter > 0, len(batch)) / many,
    }


if __name__ == "__main__":
    main()
