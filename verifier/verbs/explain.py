"""Explaining samples: every violation of the few that a person will look at, and what all of them are like."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from verifier.data.batch import Batch, concatenate
from verifier.data.medium import medium_of
from verifier.rule.rule import Checker, Rule, Violation, merge_all
from verifier.spec.spec import Spec
from verifier.verbs.check import locate


class Explained(NamedTuple):
    """Samples with all of their violations, and how many there were in all.

    Of a medium whose pieces are read whole ``batch`` holds every sample, in order, so that a piece can be copied. Of
    others it holds those to be shown, the ones that break most first: there may be many thousands more, whose
    violations have only been counted.
    """

    batch: Batch
    found: Mapping[int, Sequence[Violation]]
    samples: int
    broken: int
    violations: int


def explain(spec: Spec, batches: Iterable[Batch], shown: int) -> Explained:
    """The violations of the samples in ``batches``, or of the ``shown`` that break most: the most rules, and of these
    the most often.
    """
    checkers = spec.compile()
    if medium_of(spec.view).whole_pieces:
        batch = concatenate(spec.view, list(batches))
        found = {
            i: sorted(_violations(spec, checkers, batch, i), key=lambda violation: violation.start)
            for i in range(len(batch))
        }
        counts = [len(violations) for violations in found.values()]
        return Explained(batch, found, len(batch), sum(map(bool, counts)), sum(counts))
    worst: list[tuple[tuple[int, int], int, Batch]] = []
    samples = broken = total = 0
    for batch in batches:
        violations = np.stack([checkers[rule.name()].count(batch).violations for rule in spec.rules])
        of_sample, rules = violations.sum(axis=0), (violations > 0).sum(axis=0)
        # Of equals the first, in a batch and among batches.
        first = np.lexsort((np.arange(len(batch)), -of_sample, -rules))[:shown].tolist()
        worst += [((-int(rules[i]), -int(of_sample[i])), samples + i, batch.take([i])) for i in first]
        worst = heapq.nsmallest(shown, worst, key=lambda entry: entry[:2])
        samples, broken, total = samples + len(batch), broken + int((of_sample > 0).sum()), total + int(of_sample.sum())
    kept = concatenate(spec.view, [batch for _, _, batch in worst])
    found = {i: _violations(spec, checkers, kept, i) for i in range(len(kept))}
    return Explained(kept, found, samples, broken, total)


def observed(spec: Spec, batches: Iterable[Batch]) -> dict[str, Rule]:
    """Every rule of ``spec`` by name, with its options, but learned from one or more batches of samples."""

    def learn(batch: Batch) -> Learned:
        return Learned({rule.name(): type(rule).learn(batch, **rule.set_options()) for rule in spec.rules})

    return merge_all([learn(batch) for batch in batches]).rules


class Learned(NamedTuple):
    """Rules by name. Those learned from parts of a set merge into those of the whole."""

    rules: dict[str, Rule]

    def merge(self, other: "Learned") -> "Learned":
        return Learned({name: rule.merge(other.rules[name]) for name, rule in self.rules.items()})


def _violations(spec: Spec, checkers: Mapping[str, Checker], batch: Batch, i: int) -> list[Violation]:
    """Those of sample i, rule by rule."""
    return [found for rule in spec.rules for found in locate(rule, checkers[rule.name()], batch, i)]
