"""Learning a spec: split by duplicate group, learn each group by itself, merge, forecast, and calibrate on the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from verifier import statistics
from verifier.batch import Batch
from verifier.errors import InputError
from verifier.rule import HeldOut, Mapper, Rule, merge_all, replace, rule_named
from verifier.verdict import DECIMALS, Calibration, PieceCounts

Rules = Mapping[str, Mapping[str, Any]]
"""Rule name -> options."""


def by_group(batch: Batch) -> list[Batch]:
    """The samples of each group as a Batch of their own, in the order in which the groups first appear."""
    members: dict[str, list[int]] = {}
    for i, group in enumerate(batch.groups):
        members.setdefault(group, []).append(i)
    return [batch.take(indices) for indices in members.values()]


def learn_rules(batch: Batch, rules: Rules, mapper: Mapper = map) -> tuple[Rule, ...]:
    """Each rule learned from ``batch``, with its leave-one-group-out forecast.

    Groups are learned one by one through ``mapper`` (the builtin ``map``, or a pool's) and merged. Raises InputError
    for a rule or an option that does not exist, or if there is nothing to learn from.
    """
    if not len(batch):
        raise InputError("", "there is no sample to learn from")
    # Name and options are tried before the long work.
    empty = [rule_named(name).with_options(**options) for name, options in rules.items()]
    shards = by_group(batch)
    states = list(mapper(_learn_shard, shards, [empty] * len(shards)))
    learned = []
    for of_rule in zip(*states, strict=True):
        rule = merge_all(of_rule)
        forecast = rule.leave_one_out(of_rule)
        learned.append(replace(rule, forecast=None if forecast is None else round(forecast, 6)))
    return tuple(learned)


def _learn_shard(batch: Batch, empty: Sequence[Rule]) -> list[Rule]:
    return [type(rule).learn(batch, **rule.set_options()) for rule in empty]


def calibrate(rules: Sequence[Rule], held_out: Batch) -> tuple[tuple[Rule, ...], Calibration | None]:
    """The rules with the thresholds that held-out real samples set and how often those samples break them, and what
    each of the samples scored; no Calibration if nothing is held out.

    For a rule that takes a threshold from the same samples, its held-out rate is what the threshold was set to.
    """
    if not len(held_out):
        return tuple(rules), None
    piece = statistics.numbered(held_out.groups)[1]
    order = np.argsort(piece, kind="stable")
    held_out, piece = held_out.take(order), piece[order]  # one piece after the other
    calibrated = []
    scores: dict[str, list[float | None]] = {}
    of_pieces: dict[str, PieceCounts] = {}
    for rule in rules:
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
        rule = replace(rule, held_out=record)
        calibrated.append(rule)
        found = rule.compile().count(held_out).scores  # again: a score may depend on the rate just recorded
        scores[rule.name()] = [None if np.isnan(score) else round(score, DECIMALS) for score in found.tolist()]
        of_pieces[rule.name()] = PieceCounts.of(counts.violations, counts.trials, piece)
    return tuple(calibrated), Calibration(samples=np.bincount(piece).tolist(), scores=scores, counts=of_pieces)


def _ceiling(limit: float) -> float:
    """A limit with six decimals, never below what was measured."""
    return float(np.ceil(limit * 1e6) / 1e6)
