"""Learning a spec: split by duplicate group, learn each group by itself, merge, forecast, and calibrate on the rest."""

import hashlib
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from verifier.base import statistics
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.judge.calibration import Calibration, PieceCounts, rounded
from verifier.judge.degraded import Degraded, chosen, degrade, most_samples
from verifier.judge.sets import calibrate_sets
from verifier.judge.storage import storage_of
from verifier.rule.registry import rule_named
from verifier.rule.rule import HeldOut, Mapper, Rule, merge_all, replace
from verifier.spec.index import Surroundings, packed, record_of
from verifier.spec.provenance import CorpusRecord
from verifier.spec.spec import Spec

Rules = Mapping[str, Mapping[str, Any]]
"""Rule name -> options."""

FOLDS = 10
"""Parts of the learned pieces, each of which is scored by what the others teach."""
SHARDS = 40
"""Parts in which the groups of a fold are learned where it has more: of 50,000 pictures not each is learned alone."""

BROKEN = 0.4
"""The share of held-out real trials from which on a rule that is broken is none of the corpus."""


def by_group(batch: Batch) -> list[Batch]:
    """The samples of each group as a Batch of their own, in the order in which the groups first appear."""
    return _taken(batch, batch.groups)


def _taken(batch: Batch, labels: Sequence[object]) -> list[Batch]:
    """The samples of each label (n,) as a Batch of their own, in the order in which the labels first appear."""
    members: dict[object, list[int]] = {}
    for i, label in enumerate(labels):
        members.setdefault(label, []).append(i)
    return [batch.take(indices) for indices in members.values()]


def _shards(batch: Batch, fold: Mapping[str, int]) -> list[Batch]:
    """The samples of each group as a Batch of their own; of folds with more than SHARDS groups, of some together."""
    groups = list(dict.fromkeys(batch.groups))
    if len(groups) <= SHARDS * len(set(fold.values())):
        return by_group(batch)
    seen: dict[int, int] = {}
    shard: dict[str, tuple[int, int]] = {}
    for group in groups:
        shard[group] = fold[group], seen.setdefault(fold[group], 0) % SHARDS
        seen[fold[group]] += 1
    return _taken(batch, [shard[group] for group in batch.groups])


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
    batch: Batch,
    rules: Rules,
    mapper: Mapper = map,
    folds: int = FOLDS,
    unit: Callable[[str], str] = str,
) -> tuple[tuple[Rule, ...], tuple[Fold, ...]]:
    """As ``learn_rules``; and the groups dealt into ``folds`` parts, each with the rules learned without it, for
    ``calibrate``. Of fewer groups each is a fold; of a single one there is none.

    Which groups are together depends on their names alone, and groups of one ``unit`` always are: those of one speaker,
    say. What was learned of a group merges, so that a fold costs a few merges and no learning. Of very many groups
    (SHARDS a fold) some are learned together, and the forecast leaves out one such shard at a time.
    """
    if not len(batch):
        raise InputError("", "there is no sample to learn from")
    # Name and options are tried before the long work.
    empty = [rule_named(name, batch.view.kind).with_options(**options) for name, options in rules.items()]
    groups = list(dict.fromkeys(batch.groups))
    units = list(dict.fromkeys(map(unit, groups)))
    of_unit = dict(zip(units, _dealt(units, folds), strict=True))
    members = {group: of_unit[unit(group)] for group in groups}
    shards = _shards(batch, members)
    states = list(mapper(_learn_shard, shards, [empty] * len(shards)))
    fold = [members[shard.groups[0]] for shard in shards]
    numbers = sorted(set(fold))
    learned: list[Rule] = []
    without: list[list[Rule]] = [[] for _ in numbers]
    for of_rule in zip(*states, strict=True):
        parts = [merge_all([state for state, at in zip(of_rule, fold, strict=True) if at == n]) for n in numbers]
        rule = merge_all(parts)
        forecast = rule.leave_one_out(of_rule)
        learned.append(replace(rule, forecast=None if forecast is None else round(forecast, 6)))
        if len(numbers) > 1:
            for others, rules_without in zip(_all_but_one(parts), without, strict=True):
                rules_without.append(others)
    if len(numbers) < 2:
        return tuple(learned), ()
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
    ranked = sorted(
        groups, key=lambda group: (hashlib.sha256(f"fold:{group}".encode("utf-8", "surrogateescape")).digest(), group)
    )
    return [ranked.index(group) % folds for group in groups]


def _all_but_one(parts: Sequence[Rule]) -> list[Rule]:
    """For each of two or more parts, the merge of all the others: of those before it and those after it."""
    before = list(itertools.accumulate(parts[:-1], lambda left, right: left.merge(right)))
    after = list(itertools.accumulate(parts[:0:-1], lambda right, left: left.merge(right)))[::-1]
    between = [left.merge(right) for left, right in zip(before[:-1], after[1:], strict=True)]
    return [after[0], *between, before[-1]]


def _learn_shard(batch: Batch, empty: Sequence[Rule]) -> list[Rule]:
    return [type(rule).learn(batch, **rule.set_options()) for rule in empty]


def calibrate(
    rules: Sequence[Rule], held_out: Batch, folds: Sequence[Fold] = (), unit: Callable[[str], str] = str
) -> tuple[tuple[Rule, ...], Calibration | None]:
    """The rules with the thresholds that held-out real samples set and how often those samples break them, and what
    each real sample scored; no Calibration if nothing is held out.

    ``folds`` are the learned pieces. Each is scored too, by the rules that were learned without it, with thresholds
    from the same held-out samples (cross-conformal prediction: Vovk, Annals of Mathematics and Artificial Intelligence
    74, 2015): so that a p-value is a rank among all real pieces, not only the few held out. Such rules have seen a
    little less, and find a little more strange; the record of a rule is that of the held-out samples alone.

    For a rule that takes a threshold from the same samples, its held-out rate is what the threshold was set to.
    ``unit`` is that of ``learn_folds``: the calibration says which pieces are of one, if any are.
    """
    if not len(held_out):
        return tuple(rules), None
    parts = calibrated_parts(rules, held_out, folds)
    return parts[0].rules, calibration_of(parts, unit)


def calibrated_parts(rules: Sequence[Rule], held_out: Batch, folds: Sequence[Fold]) -> list[Fold]:
    """The held-out samples with the rules, and those of each fold with its own, all calibrated on the held-out ones; of
    each part the samples of one piece after those of the other.
    """
    held_out = _by_piece(held_out)
    return [
        Fold(tuple(_calibrated(rule, held_out) for rule in part.rules), _by_piece(part.batch))
        for part in (Fold(tuple(rules), held_out), *folds)
    ]


def calibration_of(parts: Sequence[Fold], unit: Callable[[str], str]) -> Calibration:
    """What each sample of ``calibrated_parts`` scores."""
    return Calibration.joined([_scored(part.rules, part.batch, unit) for part in parts])


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
        measures: dict[str, float] = {}
        if rule.has_measures():  # learning may cost more than all else: only for a distance
            measures = rule.measures(type(rule).learn(held_out, **rule.set_options()))
        record = HeldOut(
            pieces=len(set(held_out.groups)),
            samples=len(held_out),
            trials=int(counts.trials.sum()),
            violations=int(counts.violations.sum()),
            rate=round(interval.rate, 6),
            upper=_ceiling(interval.high),
            breaking=int((counts.violations > 0).sum()),
            breaking_upper=_ceiling(share.high),
            measures={name: round(value, 6) for name, value in measures.items()},
        )
    found: Rule = replace(rule, held_out=record)
    return found


def _scored(rules: Sequence[Rule], batch: Batch, unit: Callable[[str], str]) -> Calibration:
    """What the samples of ``batch``, one piece after the other, score and count under calibrated rules."""
    labels, piece = statistics.numbered(batch.groups)
    units = [unit(str(label)) for label in labels]
    counts = {rule.name(): rule.compile().count(batch) for rule in rules}
    return Calibration(
        samples=np.bincount(piece).tolist(),
        scores={name: rounded(found.scores) for name, found in counts.items()},
        counts={name: PieceCounts.of(found.violations, found.trials, piece) for name, found in counts.items()},
        units=[(name, len(list(own))) for name, own in itertools.groupby(units)],
    )


class LearnedSpec(NamedTuple):
    """A spec, and the rules that it lacks: because the corpus gave them no trial, and because held-out real samples
    break them all the time, with the share of trials.
    """

    spec: Spec
    silent: tuple[str, ...]
    broken: Mapping[str, float]


def learn_spec(
    learned: Batch,
    held_out: Batch,
    rules: Rules,
    *,
    name: str,
    corpus: CorpusRecord,
    unit: Callable[[str], str] = str,
    indices: Mapping[str, Any] | None = None,
    again: Callable[[Collection[str]], Batch] | None = None,
    prune: bool = True,
) -> LearnedSpec:
    """The spec called ``name`` that ``learned`` samples teach, calibrated on ``held_out`` ones.

    ``corpus`` says where they came from; ``unit`` is that of ``learn_folds``; ``indices`` hold the learned pieces for
    checks of sets (see ``judge.sets.indices_of``); ``again`` reads the samples of some groups with what they
    were made of, so that they can be changed as files are; ``prune`` leaves out rules that held-out samples do not
    keep. Raises InputError for no sample, for rules or options that do not exist, and if no rule had a trial.
    """
    every, folds = learn_folds(learned, rules, unit=unit)
    kept, folds = with_trials(every, folds)
    silent = tuple(rule.name() for rule in every if not rule.support.trials)
    if not kept:
        raise InputError(corpus.name, f"expected a trial for one of the rules ({', '.join(silent)}), found none")
    calibration, degraded = None, None
    broken: dict[str, float] = {}
    if len(held_out):
        parts = calibrated_parts(kept, held_out, folds)
        parts, broken = _holding(parts) if prune else (parts, {})
        kept, calibration = parts[0].rules, calibration_of(parts, unit)
        degraded = _degraded(parts, calibration, again)
    whole = None
    checks = medium_of(learned.view).set_checks()
    if len(held_out) and checks is not None:
        whole = calibrate_sets(kept, learned, held_out, checks, indices or {})
    index = packed(checks or (), indices or {}) if whole else None
    spec = Spec(
        name=name,
        view=learned.view,
        corpus=corpus,
        rules=kept,
        facts=storage_of(learned),
        whole=whole,
        calibration=calibration,
        index=record_of(index) if index else None,
        surroundings=Surroundings(index=index),
        degraded=degraded,
    )
    return LearnedSpec(spec, silent, broken)


def _holding(parts: Sequence[Fold]) -> tuple[list[Fold], dict[str, float]]:
    """The parts with the rules that held-out samples keep, and the others with the share of trials that break them: a
    rule that real samples do not keep tells nobody from them, and its numbers drown those of the rest. If no rule is
    kept, all stay.
    """
    rates = {rule.name(): rule.held_out.rate if rule.held_out else 0.0 for rule in parts[0].rules}
    broken = {name: rate for name, rate in rates.items() if rate > BROKEN}
    if len(broken) == len(rates):
        return list(parts), {}
    kept = [i for i, name in enumerate(rates) if name not in broken]
    return [Fold(tuple(part.rules[i] for i in kept), part.batch) for part in parts], broken


def _degraded(
    parts: Sequence[Fold], calibration: Calibration, again: Callable[[Collection[str]], Batch] | None
) -> Degraded | None:
    """What some real samples score after the usual processing; None if nothing can be done to them."""
    degradations = medium_of(parts[0].batch.view).degradations()
    if not degradations:
        return None
    samples, found, start = chosen(calibration, most_samples(degradations)), [], 0
    for part in parts:
        own = [sample - start for sample in samples if start <= sample < start + len(part.batch)]
        start += len(part.batch)
        if own:
            found.append((part.rules, _sourced(part.batch.take(own), again)))
    known = {name: how for name, how in degradations.items() if all(how.possible(batch) for _, batch in found)}
    return degrade(parts[0].rules, found, known, calibration, samples) if known else None


def _sourced(batch: Batch, again: Callable[[Collection[str]], Batch] | None) -> Batch:
    """The same samples, read with what they were made of."""
    if again is None:
        return batch
    source = again(set(batch.groups))
    at = {name: i for i, name in enumerate(source.names)}
    return source.take([at[name] for name in batch.names])


def _ceiling(limit: float) -> float:
    """A limit with six decimals, never below what was measured."""
    return float(np.ceil(limit * 1e6) / 1e6)
