"""Evaluation: how well a spec tells the samples of each generator from real ones, by rule and by all rules together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

import verifier
from verifier.base import statistics
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.data.view import require_same_view
from verifier.judge.conformal import Conformal
from verifier.judge.storage import storage_of, unjudged
from verifier.rule.rule import Checker, merge_all
from verifier.spec.spec import Spec
from verifier.verbs.audit import Audited

Floats = NDArray[np.float64]

ALL = "all rules together"
REPLICATES = 500
"""Resamplings of groups behind an interval."""
FALSE = 0.01
"""The false-positive rate at which the true-positive rate is told."""
FEW = 20
"""Groups on the smaller side below which resampling them says nothing about an AUROC."""
SETS = 200
"""Sets that are drawn of each side, at most; each sample is in one of them at most."""


class Discrimination(Struct, frozen=True, kw_only=True, rename="kebab"):
    """How well one score tells generated from real samples: ``auroc`` with its 95 % ``interval`` over groups,
    ``average_precision``, and ``tpr``, the share of generated samples beyond all but 1 % of the real ones.
    """

    auroc: float
    interval: tuple[float, float]
    average_precision: float
    tpr: float


class Evaluated(Struct, frozen=True, kw_only=True, rename="kebab"):
    """One sample set against the real one: by rule, the last for ALL; of single ``samples``, and of ``sets`` of
    ``set_size`` samples each, whose score is their mean (null if there are not two such sets on both sides).
    ``unjudged`` are the rules that one side gives no trial, with why: they have no part in ALL. ``audit`` is what the
    files of some of the samples tell before any rule; null where either side has none.
    """

    samples: int
    groups: int
    by_sample: dict[str, Discrimination]
    by_set: dict[str, Discrimination] | None
    unjudged: dict[str, str] = {}
    audit: Audited | None = None


class Evaluation(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What ``evaluate`` found. ``real`` is the label, and the size, of the real samples."""

    verifier: str
    spec: str
    real: str
    real_samples: int
    real_groups: int
    set_size: int
    generators: dict[str, Evaluated]

    def __repr__(self) -> str:
        told = "; ".join(f"{name}: AUROC {each.by_sample[ALL].auroc:.3f}" for name, each in self.generators.items())
        return f"Evaluation(spec={self.spec!r}, real={self.real!r}, {told})"


@dataclass(frozen=True, eq=False)
class Scores:
    """Of a sample set: the group of each sample, for each rule a score (n,), larger is stranger and nan without a
    trial, and why a rule cannot judge them.
    """

    groups: Sequence[str]
    rules: Mapping[str, Floats]
    unjudged: Mapping[str, str] = field(default_factory=dict)


def scores(spec: Spec, batches: Iterable[Batch], compiled: Mapping[str, Checker] | None = None) -> Scores:
    """What the samples of a set score. Raises InputError if the spec has no calibration, or there are no samples."""
    if spec.calibration is None:
        raise InputError(f"spec {spec.name}", "expected a spec that was calibrated on held-out real samples")
    checkers = compiled or spec.compile()
    names = [rule.name() for rule in spec.rules]
    groups: list[str] = []
    tables = []
    facts = []
    for batch in batches:
        require_same_view(spec.view, batch.view, f"spec {spec.name} and the samples")
        tables.append(np.stack([checkers[name].count(batch).scores for name in names], axis=1))
        groups.extend(batch.groups)
        facts.append(storage_of(batch))
    if not groups:
        raise InputError("", "the sample set has no samples")
    table = np.concatenate(tables)
    reasons = unjudged(spec.rules, medium_of(spec.view).unknown(spec.facts, merge_all(facts)))
    rules = dict(zip(names, table.T, strict=True))
    silent = {name: "the samples gave it no trial" for name, column in rules.items() if np.isnan(column).all()}
    return Scores(groups, rules, {**silent, **reasons})


def evaluate(
    spec: Spec, label: str, real: Scores, generated: Mapping[str, Scores], *, set_size: int = 100, seed: int = 0
) -> Evaluation:
    """Each of the ``generated`` sample sets against the ``real`` one, called ``label``."""
    return Evaluation(
        verifier=verifier.__version__,
        spec=spec.name,
        real=label,
        real_samples=len(real.groups),
        real_groups=len(set(real.groups)),
        set_size=set_size,
        generators={
            name: _evaluated(spec, real, fake, set_size, np.random.default_rng([seed, at]), seed)
            for at, (name, fake) in enumerate(generated.items())
        },
    )


def _evaluated(spec: Spec, real: Scores, fake: Scores, set_size: int, rng: np.random.Generator, seed: int) -> Evaluated:
    lost = {**real.unjudged, **fake.unjudged}
    names = [name for name in real.rules if name not in lost]
    if not names:
        found = "; ".join(dict.fromkeys(lost.values()))
        raise InputError("", f"expected a rule that both sides give a trial, found none: {found}")
    real, fake = (_comparable(spec, side, names) for side in (real, fake))
    real_sets, fake_sets = (_sets(side, set_size, rng) for side in (real, fake))
    enough = len(real_sets.groups) > 1 and len(fake_sets.groups) > 1
    return Evaluated(
        samples=len(fake.groups),
        groups=len(set(fake.groups)),
        by_sample={name: told(real, fake, name, seed) for name in real.rules},
        by_set={name: told(real_sets, fake_sets, name, seed) for name in real.rules} if enough else None,
        unjudged=lost,
    )


def _comparable(spec: Spec, samples: Scores, names: Sequence[str]) -> Scores:
    """The scores of these rules, no trial being the least strange, with those of ALL."""
    assert spec.calibration is not None
    table = np.stack([samples.rules[name] for name in names], axis=1)
    found = Conformal(spec.calibration, names).of_samples(table)
    rules = dict(zip(names, np.where(np.isnan(table), -np.inf, table).T, strict=True))
    return Scores(samples.groups, {**rules, ALL: found.strangeness})


def told(real: Scores, fake: Scores, rule: str, seed: int = 0) -> Discrimination:
    """How well the score of one rule tells two sample sets apart."""
    of_real, of_fake = real.rules[rule], fake.rules[rule]
    rng = np.random.default_rng(seed)
    area = statistics.auroc(of_real, of_fake, _drawn(real.groups, rng), _drawn(fake.groups, rng))
    low, high = np.quantile(area, [0.025, 0.975])
    pairs = min(len(set(real.groups)), len(set(fake.groups)))
    if pairs < FEW or area[0] in (0, 1):
        low, high = statistics.pairs_interval(float(area[0]), pairs)
    limit = np.quantile(of_real, 1 - FALSE, method="higher")
    return Discrimination(
        auroc=float(area[0]),
        interval=(float(low), float(high)),
        average_precision=_average_precision(of_real, of_fake),
        tpr=float(np.mean(of_fake > limit)),
    )


def _drawn(groups: Sequence[str], rng: np.random.Generator) -> Floats:
    """(REPLICATES, n) how often each sample is there when groups are drawn with replacement; once in the first."""
    labels, of = statistics.numbered(groups)
    counts = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), REPLICATES).astype(np.float64)
    counts[0] = 1
    return np.asarray(counts[:, of])


def _average_precision(real: Floats, fake: Floats) -> float:
    """The mean precision over the generated samples, from the strangest on; equal scores are taken together, and both
    sides weigh the same, so that it does not depend on how many samples there are of each.
    """
    values = np.unique(np.concatenate([real, fake]))[::-1]
    found = np.searchsorted(np.sort(-fake), -values, side="right") / len(fake)
    false = np.searchsorted(np.sort(-real), -values, side="right") / len(real)
    precision = found / np.maximum(found + false, 1e-300)
    return float((precision * np.diff(found, prepend=0)).sum())


def _sets(samples: Scores, size: int, rng: np.random.Generator) -> Scores:
    """Sets of so many samples drawn without replacement, each its own group; a set's score is the mean of its samples'
    ranks of surprise, with what has no trial as nought.
    """
    n = len(samples.groups)
    count = min(n // size, SETS)
    members = rng.permutation(n)[: count * size].reshape(count, size)
    means = {
        name: np.where(np.isfinite(values), values, 0)[members].mean(axis=1) for name, values in samples.rules.items()
    }
    return Scores([f"set {i}" for i in range(count)], means)
