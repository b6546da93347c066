"""The confound guard: what differs between corpus and samples because of how they are stored, not of what they say.

It is said before any verdict: a rule that only sees the container is right about the files, not about the generator.
The values and the lengths are looked at here, what else a medium stores by the medium.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from verifier.base.text import plural
from verifier.data.batch import Batch
from verifier.data.intensity import BINS
from verifier.data.levels import levels
from verifier.data.medium import Medium, medium_of
from verifier.data.storage import NOTICED, SOME, StorageProfile
from verifier.rule.rule import Checker, Rule, RuleCounts, Violation


class StoredAlike:
    """A checker that gives no trial to samples that are stored otherwise than the corpus, as ``profile`` says."""

    def __init__(self, checker: Checker, profile: StorageProfile) -> None:
        self.checker = checker
        self.profile = profile

    def _alike(self, batch: Batch) -> NDArray[np.bool_]:
        return medium_of(batch.view).stored_alike(batch, self.profile)

    def count(self, batch: Batch) -> RuleCounts:
        alike = np.flatnonzero(self._alike(batch))
        if len(alike) == len(batch):
            return self.checker.count(batch)
        part = self.checker.count(batch.take(alike))
        violations, trials = np.zeros((2, len(batch)), np.int64)
        scores = np.full(len(batch), np.nan)
        violations[alike], trials[alike], scores[alike] = part.violations, part.trials, part.scores
        return RuleCounts(violations, trials, scores, part.kinds)

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        if self._alike(batch.take([i]))[0]:
            yield from self.checker.locate(batch, i)

    def type_name(self, key: int) -> str:
        return self.checker.type_name(key)


def storage_of(batch: Batch) -> StorageProfile:
    """How a batch is stored, from its scan."""
    medium = medium_of(batch.view)
    bins = levels(batch).sum(axis=0, dtype="int64")
    return medium.storage(
        values=int(bins.sum()),
        binary=int(bins[1] + bins[3 * 255 + 1]),
        eight_bit=int(bins[1::3].sum()),
        outside=int(bins[0] + bins[BINS - 1]),
        samples=len(batch),
        full=int((batch.lengths == (batch.view.window or -1)).sum()),
        steps=int(batch.lengths.sum()),
        **medium.storage_of(batch),
    )


def confounds(corpus: StorageProfile, samples: StorageProfile, medium: Medium) -> tuple[str, ...]:
    """What differs, each as a sentence that says what follows from it; nothing if either has no samples."""
    if not corpus.samples or not samples.samples:
        return ()
    found = []

    def share(part: str, whole: str) -> tuple[float, float]:
        return corpus.share(part, whole), samples.share(part, whole)

    real, tested = share("binary", "values")
    if abs(real - tested) > NOTICED:
        real_8, tested_8 = share("eight_bit", "values")
        found.append(
            f"{tested:.1%} of the values are exactly 0 or 1, {real:.1%} in the corpus"
            + (f" ({tested_8:.1%} and {real_8:.1%} lie on an 8-bit level)" if abs(real_8 - tested_8) > NOTICED else "")
            + ": the raw distances of intensity measure how values are stored; rely on those after rounding to 8 bit"
        )
    real, tested = share("outside", "values")
    if tested - real > SOME:
        found.append(f"{tested:.1%} of the values lie outside 0..1, {real:.1%} in the corpus: is the scale right?")
    real, tested = share("full", "samples")
    real_steps, tested_steps = share("steps", "samples")
    if real_steps and not 0.8 < tested_steps / real_steps < 1.25:
        found.append(
            f"a sample has {tested_steps:.1f} steps on average, {real_steps:.1f} in the corpus"
            f" ({tested:.0%} and {real:.0%} fill the window): compare rates per trial rather than shares of samples"
        )
    return (*found, *medium.confounds(corpus, samples))


def unjudged(rules: Sequence[Rule], unknown: Mapping[str, str]) -> dict[str, str]:
    """The rules that need what the samples do not tell (``Medium.unknown``), and why that is."""
    found = {rule.name(): next((unknown[need] for need in rule.needs if need in unknown), "") for rule in rules}
    return {name: reason for name, reason in found.items() if reason}


def said_first(
    corpus: StorageProfile | None,
    samples: StorageProfile,
    medium: Medium,
    lacking: Mapping[str, str],
    among: str = "",
    unread: int = 0,
) -> tuple[str, ...]:
    """What a person must know before any verdict: that files were not read, as was asked for; each reason for which
    rules are ``lacking``, once, with the rules that it silences; then the confounds, and what real samples had done to
    them ``among`` which these are ranked.
    """
    found = [f"{plural('file', unread)} could not be read: the verdict is that of the others"] if unread else []
    for reason in dict.fromkeys(lacking.values()):
        names = [name for name, own in lacking.items() if own == reason]
        found.append(f"{reason}; not judged: {', '.join(names)}")
    found += confounds(corpus, samples, medium) if corpus else ()
    return (*found, f"samples are ranked among real ones after {among}") if among else tuple(found)
