"""What violations do not see: sets that repeat themselves or the corpus, and how often real sets are taken for such.

The first table holds sample sets against a spec: the highest rate of violations of any rule; coverage, by the rule that
is covered least next to real sets of the same size; twins, exact and near; and samples that repeat more of the corpus
than unseen real samples do. The second is of real pieces only: works (duplicates are one) are split at random into
those learned from, those held out to calibrate, and those tested; a verdict "fail" on sets of these is a false alarm.

    python benchmarks/repeats.py
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.random import default_rng

from verifier.corpora import corpus as corpora
from verifier.data.batch import Batch
from verifier.data.view import View
from verifier.judge import coverage
from verifier.judge.coverage import Classes, CoverageResult, RarefactionCurve
from verifier.music import memorisation as copying
from verifier.music import near_duplicates as diversity
from verifier.music.edits import move_notes
from verifier.music.memorisation import CopyingReference, CopyingResult, Index
from verifier.music.near_duplicates import DiversityResult, TwinCurve
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of
from verifier.music.samples import music
from verifier.rule.rule import Rule
from verifier.rule.vocabulary import Vocabulary
from verifier.spec import spec
from verifier.values.noise import bernoulli

SAMPLES = 1000


class References(NamedTuple):
    """What real data says: the learned rules, and what each of the three measures is held against."""

    rules: dict[str, Vocabulary]
    classes: dict[str, Classes]
    curves: dict[str, RarefactionCurve]
    twins: TwinCurve
    index: Index
    copies: CopyingReference


class Results(NamedTuple):
    """What the three measures say of a set."""

    coverage: dict[str, CoverageResult]
    diversity: DiversityResult
    copying: CopyingResult


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default="specs/bach-roll.yaml", type=Path, help="whose corpus, view, rules")
    parser.add_argument("--splits", type=int, default=20, help="random splits behind the false alarms (default 20)")
    parser.add_argument("--pieces", type=int, nargs="+", default=[5, 10, 20, 40, 70], help="works in a tested set")
    options = parser.parse_args()
    base = spec.load(options.spec)
    pieces = corpora.load(base.corpus.name).pieces
    learned, held_out = corpora.split(corpora.load(base.corpus.name), base.corpus.split)
    print_sets(base.rules, base.view, learned, held_out)
    print_false_alarms(base.rules, base.view, pieces, options.splits, options.pieces)


def references(rules: Sequence[Rule], view: View, learned: Sequence[Notes], held_out: Sequence[Notes]) -> References:
    """What the spec would hold, from ``learned`` and ``held_out`` pieces; ``rules`` give the options."""
    learned_batch, held_out_batch = batch_of(learned, view), batch_of(held_out, view)
    kept = {rule.name(): type(rule).learn(learned_batch, **rule.set_options()) for rule in rules}
    vocabularies = {name: rule for name, rule in kept.items() if isinstance(rule, Vocabulary)}
    index = copying.build_index([batch_of(learned, structs.replace(view, window=None))])
    twins = diversity.twin_curve(learned_batch, held_out_batch)
    limit = copying.calibrate_copying(index, learned_batch, held_out_batch)
    assert twins is not None, "pieces were held out"
    assert limit is not None, "pieces were held out"
    return References(
        vocabularies,
        {name: coverage.classes(rule) for name, rule in vocabularies.items()},
        dict(coverage.rarefy(list(vocabularies.values()), learned_batch, held_out_batch)),
        twins,
        index,
        limit,
    )


def results(real: References, batch: Batch) -> Results:
    """What the three measures say of one set."""
    covered = {}
    for name, rule in real.rules.items():
        curve = real.curves[name]
        used = coverage.use(rule, real.classes[name], batch, curve.sizes[-1])
        result = coverage.judge_coverage(
            rule, real.classes[name], used, curve, int(rule.compile().count(batch).trials.sum())
        )
        assert result is not None, "the set and the rule have something"
        covered[name] = result
    twins = diversity.judge_diversity(diversity.prints(batch), batch.names, batch.groups, real.twins)
    copies = copying.judge_copying(
        real.index,
        copying.longest_copies(real.index, batch),
        batch.names,
        batch.groups,
        batch.starts,
        music(batch).meters,
        music(batch).pickups,
        real.copies,
    )
    assert twins is not None, "the set has samples"
    assert copies is not None, "the set has samples"
    return Results(covered, twins, copies)


def print_sets(rules: Sequence[Rule], view: View, learned: Sequence[Notes], held_out: Sequence[Notes]) -> None:
    real = references(rules, view, learned, held_out)
    learned_batch, held_out_batch = batch_of(learned, view), batch_of(held_out, view)
    perfect = first_without_violation(rules, learned_batch)
    twenty = learned_batch.take(
        [i for i, g in enumerate(learned_batch.groups) if g in set(sorted(set(learned_batch.groups))[:20])]
    )
    sets = {
        f"one chorale ({perfect.groups[0]}) repeated to {SAMPLES:,}": repeated(perfect),
        f"20 chorales repeated to {SAMPLES:,}": repeated(twenty),
        "held out": held_out_batch,
        "learned": learned_batch,
        "held out, one note moved": move_notes(held_out_batch, 1, default_rng(0)),
        "learned, one note moved": move_notes(learned_batch, 1, default_rng(0)),
        "bernoulli": bernoulli(held_out_batch, default_rng(0)),
    }
    limit = real.copies.limit
    print(f"| set | samples | violations, highest rate | coverage | twins | more than {limit:g} quarters copied |")
    print("|---|---|---|---|---|---|")
    named = []
    for label, batch in sets.items():
        found = results(real, batch)
        cells = [label, f"{len(batch):,}", violations(rules, batch), covered(found), twins(found), copied(found)]
        print(f"| {' | '.join(cells)} |")
        named += [f"- {label}: {copy.text} ({copy.quarters:g} quarters)" for copy in found.copying.copies[:2]]
    print("\nThe longest copies:\n")
    print("\n".join(named))
    print(
        f"\nReal sets: coverage and twins by {coverage.RESAMPLES:,} sets of whole pieces, at most {coverage.LEVEL:.0%}"
        " of which fail on any rule."
    )


def first_without_violation(rules: Sequence[Rule], batch: Batch) -> Batch:
    """The windows of the first group that breaks no rule."""
    broken = sum(rule.compile().count(batch).violations for rule in rules)
    for group in dict.fromkeys(batch.groups):
        at = [i for i, of in enumerate(batch.groups) if of == group]
        if not broken[at].any():
            return batch.take(at)
    raise AssertionError("the rules allow what they were learned from")


def repeated(batch: Batch) -> Batch:
    """SAMPLES samples, those of ``batch`` over and over; each by itself, as from a generator."""
    batch = batch.take(np.arange(SAMPLES) % len(batch))
    names = [f"{i:04d}" for i in range(SAMPLES)]
    return replace(batch, names=names, groups=names, starts=np.zeros(SAMPLES, np.int64), _features={})


def violations(rules: Sequence[Rule], batch: Batch) -> str:
    rates = {}
    for rule in rules:
        counts = rule.compile().count(batch)
        rates[rule.name()] = counts.violations.sum() / max(1, counts.trials.sum())
    name = max(rates, key=lambda name: rates[name])
    return f"{rates[name]:.2%}" + (f" ({name})" if rates[name] else "")


def covered(found: Results) -> str:
    """The result of the rule that fails by most, or else of the first."""
    failed = [name for name, result in found.coverage.items() if result.verdict == "fail"]

    def shortfall(name: str) -> float:
        result = found.coverage[name]
        return min(
            result.compared_weighted / max(result.real_weighted.low, 1e-9),
            result.compared_share / max(result.real_share.low, 1e-9),
        )

    name = min(failed, key=shortfall) if failed else next(iter(found.coverage))
    result = found.coverage[name]
    return (
        f"{'FAIL on ' + ', '.join(failed) if failed else 'pass'}; {name}: {result.compared_share:.1%} of the kinds,"
        f" {result.compared_weighted:.1%} by weight (real sets of {result.compared} at least"
        f" {result.real_share.low:.1%}, {result.real_weighted.low:.1%})"
    )


def twins(found: Results) -> str:
    result = found.diversity
    return (
        f"{'FAIL' if result.verdict == 'fail' else result.verdict}; {result.exact_share:.1%} exact,"
        f" {result.near_share:.1%} near (real sets of {result.held_against} up to {result.real_exact.high:.1%},"
        f" {result.real_near.high:.1%}); largest cluster {result.largest}"
    )


def copied(found: Results) -> str:
    result = found.copying
    verdict = "FAIL" if result.verdict == "fail" else result.verdict
    return f"{verdict}; {result.share:.1%}, of {result.pieces} pieces (real up to {result.reference.upper:.1%})"


def print_false_alarms(
    rules: Sequence[Rule], view: View, pieces: Sequence[Notes], splits: int, sizes: Sequence[int]
) -> None:
    works = sorted({piece.group for piece in pieces})
    tested, held = max(sizes), max(sizes)
    alarms = {size: np.zeros(3, np.int64) for size in sizes}
    any_alarm = dict.fromkeys(sizes, 0)
    for split in range(splits):
        order = [works[at] for at in default_rng(split).permutation(len(works))]
        test, hold_out = order[:tested], set(order[tested : tested + held])
        learned = [piece for piece in pieces if piece.group in order[tested + held :]]
        real = references(rules, view, learned, [piece for piece in pieces if piece.group in hold_out])
        for size in sizes:
            chosen = set(test[:size])
            found = results(real, batch_of([piece for piece in pieces if piece.group in chosen], view))
            failed = np.array(
                [
                    any(result.verdict == "fail" for result in found.coverage.values()),
                    found.diversity.verdict == "fail",
                    found.copying.verdict == "fail",
                ]
            )
            alarms[size] += failed
            any_alarm[size] += bool(failed.any())
    print(f"\n{splits} splits: {len(works) - tested - held} works learned, {held} held out, up to {tested} tested.\n")
    print("| works in the set | coverage fails | diversity fails | copying fails | any |")
    print("|---|---|---|---|---|")
    for size in sizes:
        cells = [f"{count} of {splits}" for count in (*alarms[size], any_alarm[size])]
        print(f"| {size} | {' | '.join(cells)} |")
    total = len(sizes) * splits
    everything = [*sum(alarms.values()), sum(any_alarm.values())]
    print(f"| all | {' | '.join(f'{count} of {total} ({count / total:.1%})' for count in everything)} |")


if __name__ == "__main__":
    main()
