"""Samples that hold nothing at all: silence where there should be music. No rule has a trial in them, so none fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.judge.calibration import Verdict
from verifier.judge.sets import SetCheckResult, WithoutIndex, details_of
from verifier.rule.rule import Count

LEVEL = 0.001
"""How often a real set fails."""
SHOWN = 5


class RealEmpty(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """How many of the real samples are empty."""

    samples: Count
    empty: Count

    def p_value(self) -> float:
        """Of an empty sample: its rank among the real ones."""
        return (1 + self.empty) / (1 + self.samples)


class EmptyResult(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """How many samples of a set are empty, the first of them by name, and what that means."""

    samples: Count
    empty: Count
    names: list[str]
    verdict: Verdict
    reason: str


@dataclass(frozen=True, eq=False)
class IsEmpty:
    """(n,) whether each sample of a set is empty."""

    values: NDArray[np.bool_]

    def merge(self, other: "IsEmpty") -> "IsEmpty":
        return IsEmpty(np.concatenate([self.values, other.values]))


class EmptySamples(WithoutIndex):
    """Whether more samples of a set are empty than of real ones: a set check."""

    key = "empty"
    title = "empty samples"
    reference = RealEmpty

    def result(self, details: Mapping[str, Any]) -> SetCheckResult:
        return _worded(msgspec.convert(details, EmptyResult))

    def calibrate(self, learned: Batch, held_out: Batch, index: None) -> RealEmpty:
        empty = sum(int(_is_empty(batch).sum()) for batch in (learned, held_out) if len(batch))
        return RealEmpty(samples=len(learned) + len(held_out), empty=empty)

    def ready(self, reference: RealEmpty | None, index: object) -> "ReadyEmptySamples | str":
        if reference is None:
            return "the spec was learned without a count of empty real samples"
        return ReadyEmptySamples(reference)


@dataclass(frozen=True, eq=False)
class ReadyEmptySamples:
    """The check with what real samples do."""

    real: RealEmpty
    softens: ClassVar[bool] = False

    def tally(self, batch: Batch) -> IsEmpty:
        return IsEmpty(_is_empty(batch))

    def judge(self, tally: IsEmpty, names: Sequence[str], groups: Sequence[str]) -> SetCheckResult | None:
        from scipy.special import bdtrc

        if not len(names):
            return None
        at = np.flatnonzero(tally.values).tolist()
        fails = bool(at) and bdtrc(len(at) - 1, len(names), self.real.p_value()) <= LEVEL
        real = f"{self.real.empty:,} of {self.real.samples:,} real ones"
        return _worded(
            EmptyResult(
                samples=len(names),
                empty=len(at),
                names=sorted(names[i] for i in at)[:SHOWN],
                verdict="fail" if fails else "pass",
                reason=f"{len(at):,} of {len(names):,} samples hold nothing; {real}",
            )
        )


def _is_empty(batch: Batch) -> NDArray[np.bool_]:
    return np.asarray(~medium_of(batch.view).speaks(batch))


def _worded(found: EmptyResult) -> SetCheckResult:
    return SetCheckResult(
        verdict=found.verdict,
        reason=found.reason,
        cell=f"{found.empty:,} of {found.samples:,}",
        worst=f"{found.empty:,} samples hold nothing, such as {', '.join(found.names)}",
        details=details_of(found),
    )
