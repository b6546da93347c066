"""Learning a spec: split by duplicate group, learn each group by itself, merge, forecast, and calibrate on the rest."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from verifier import statistics
from verifier.batch import Batch
from verifier.errors import InputError
from verifier.rule import HeldOut, Mapper, Rule, merge_all, replace, rule_named
from verifier.verdict import Calibration, PieceCounts, rounded

Rules = Mapping[str, Mapping[str, Any]]
"""Rule name -> options."""

FOLDS = 10
"""Parts of the learned pieces, each of which is scored by what the others teach."""


def by_group(batch: Batch) -> list[Batch]:
    """The samples of each group as a Batch of their own, in the order in which the groups first appear."""
    members: dict[str, list[int]] = {}
    for i, group in enumerate(batch.groups):
        members.setdefault(group, []).append(i)
    return [batch.take(indices) for indices in members.values()]


class Fold(NamedTuple):
    """Some of the learned pieces, and the rules as all of the other learned pieces teach them."""

    rules: tuple[Rule, ...]
    batch: Batch


def learn_rules(batch: Batch, rules: Rules, mapper: Mapper = map) -> tuple[Rule, ...]:
    """Each rule learned from ``batch``, with its leave-one-group-out forecast.

    Groups are learned one by one through ``mapper`` (the builtin ``map``, or a pool's) and merged. Raises InputError
    for a rule or an option that does not exist, or if there is nothing to learn from.
    """
    return learn_folds(batch, rules, mapper, folds=1)[0]


def learn_folds(
    batch: Batch, rules: Rules, mapper: Mapper = map, folds: int = FOLDS
) -> tuple[tuple[Rule, ...], tuple[Fold, ...]]:
    """As ``learn_rules``; and the groups dealt into ``folds`` parts, each with the rules learned without it, for
    ``calibrate``. Of fewer groups each is a fold; of a single one there is none.

    Which groups are together depends on their names alone. What was learned of a group merges, so that a fold costs
    a few merges and no learning.
    """
    if not len(batch):
        raise InputError("", "there is no sample to learn from")
    # Name and options are tried before the long work.
    empty = [rule_named(name).with_options(**options) for name, options in rules.items()]
    shards = by_group(batch)
    states = list(mapper(_learn_shard, shards, [empty] * len(shards)))
    fold = _dealt([shard.groups[0] for shard in shards], folds)
    numbers = sorted(set(fold))
    learned: list[Rule] = []
    without: list[list[Rule]] = [[] for _ in numbers]
    for of_rule in zip(*states, strict=True):
        parts = [merge_all([state for state, at in zip(of_rule, fold, strict=True) if at == n]) for n in numbers]
        rule = merge_all(parts)
        forecast = rule.leave_one_out(of_rule)
        learned.append(replace(rule, forecast=None if forecast is None else round(forecast, 6)))
        if len(numbers) > 1:
            for n, rules_without in zip(numbers, without, strict=True):
                rules_without.append(merge_all(parts[:n] + parts[n + 1 :]))
    if len(numbers) < 2:
        return tuple(learned), ()
    members = dict(zip([shard.groups[0] for shard in shards], fold, strict=True))
    of_sample = np.array([members[group] for group in batch.groups])
    return tuple(learned), tuple(
        Fold(tuple(rules_without), batch.take(np.flatnonzero(of_sample == n)))
        for n, rules_without in zip(numbers, without, strict=True)
    )


def with_trials(rules: Sequence[Rule], folds: Sequence[Fold]) -> tuple[tuple[Rule, ...], tuple[Fold, ...]]:
    """Those of ``rules`` that the corpus gives a trial, and the folds with these rules alone. A melody says nothing of
    parallels: a rule that has learned nothing could only be undecided for ever.
    """
    kept = [i for i, rule in enumerate(rules) if rule.support.trials]
    return tuple(rules[i] for i in kept), tuple(Fold(tuple(fold.rules[i] for i in kept), fold.batch) for fold in folds)


def _dealt(groups: Sequence[str], folds: int) -> list[int]:
    """The fold of each group, from 0: the groups in the order of a hash of their names, dealt out in turn."""
    # A hash, as in corpora.split, but another one: the names of a split are already sorted by that.
    ranked = sorted(groups, key=lambda group: (hashlib.sha256(f"fold:{group}".encode()).digest(), group))
    return [ranked.index(group) % folds for group in groups]


def _learn_shard(batch: Batch, empty: Sequence[Rule]) -> list[Rule]:
    return [type(rule).learn(batch, **rule.set_options()) for rule in empty]


def calibrate(
    rules: Sequence[Rule], held_out: Batch, folds: Sequence[Fold] = ()
) -> tuple[tuple[Rule, ...], Calibration | None]:
    """The rules with the thresholds that held-out real samples set and how often those samples break them, and what
    each real sample scored; no Calibration if nothing is held out.

    ``folds`` are the learned pieces. Each is scored too, by the rules that were learned without it, with thresholds
    from the same held-out samples (cross-conformal prediction: Vovk, Annals of Mathematics and Artificial Intelligence
    74, 2015): so that a p-value is a rank among all real pieces, not only the few held out. Such rules have seen a
    little less, and find a little more strange; the record of a rule is that of the held-out samples alone.

    For a rule that takes a threshold from the same samples, its held-out rate is what the threshold was set to.
    """
    if not len(held_out):
        return tuple(rules), None
    held_out = _by_piece(held_out)
    calibrated = tuple(_calibrated(rule, held_out) for rule in rules)
    of_folds = [_scored([_calibrated(rule, held_out) for rule in fold.rules], _by_piece(fold.batch)) for fold in folds]
    return calibrated, Calibration.joined([_scored(calibrated, held_out), *of_folds])


def _by_piece(batch: Batch) -> Batch:
    """The samples of one piece after those of the other."""
    return batch.take(np.argsort(statistics.numbered(batch.groups)[1], kind="stable"))


def _calibrated(rule: Rule, held_out: Batch) -> Rule:
    """The rule with the thresholds that held-out samples set, and with its record on these."""
    rule = rule.calibrate(held_out)
    counts = rule.compile().count(held_out)
    interval = statistics.rate_interval(counts.violations, counts.trials, held_out.groups)
    share = statistics.breaking_interval(counts.violations, counts.trials, held_out.groups)
    record = None
    if interval is not None and share is not None:
        observed = type(rule).learn(held_out, **rule.set_options())
        record = HeldOut(
            pieces=len(set(held_out.groups)),
            samples=len(held_out),
            trials=int(counts.trials.sum()),
            violations=int(counts.violations.sum()),
            rate=round(interval.rate, 6),
            upper=_ceiling(interval.high),
            breaking=int((counts.violations > 0).sum()),
            breaking_upper=_ceiling(share.high),
            measures={name: round(value, 6) for name, value in rule.measures(observed).items()},
        )
    found: Rule = replace(rule, held_out=record)
    return found


def _scored(rules: Sequence[Rule], batch: Batch) -> Calibration:
    """What the samples of ``batch``, one piece after the other, score and count under calibrated rules."""
    piece = statistics.numbered(batch.groups)[1]
    counts = {rule.name(): rule.compile().count(batch) for rule in rules}
    return Calibration(
        samples=np.bincount(piece).tolist(),
        scores={name: rounded(found.scores) for name, found in counts.items()},
        counts={name: PieceCounts.of(found.violations, found.trials, piece) for name, found in counts.items()},
    )


def _ceiling(limit: float) -> float:
    """A limit with six decimals, never below what was measured."""
    return float(np.ceil(limit * 1e6) / 1e6)
