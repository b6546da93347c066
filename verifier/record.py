"""The run record: what a check found, as `-o run.json` holds it and every other reader takes it."""

from typing import Any, Literal

from msgspec import Struct

from verifier.rule import HeldOut, Violation

Verdict = Literal["pass", "undecided", "fail"]


class Flag(Struct, frozen=True, kw_only=True, rename="kebab"):
    """A sample that is stranger than real ones: its p-value over all rules of the spec, and the rule that spoke.

    ``discovered``: it is one of the samples called such that at most alpha of the calls are expected false.
    """

    sample: str
    p: float
    rule: str
    discovered: bool


class RuleResult(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What one rule found in one sample set.

    ``distinct`` counts different kinds of violation; ``rate`` is violations per trial, with its 95 % ``interval`` over
    groups of samples; ``ratio`` is that rate over the one of held-out real data, and null where real data has none;
    ``breaking`` counts the samples with a violation, and ``breaking_interval`` is that of their share. ``p_value`` is of
    the hypothesis that real data breaks the rule as often, adjusted for the number of rules (Holm).
    ``measures`` are distances of the set from the corpus. ``kinds`` are the most frequent kinds of violation and
    ``examples`` places in the samples that break the rule most.
    """

    unit: str
    violations: int
    distinct: int
    trials: int
    rate: float | None
    interval: tuple[float, float] | None
    held_out: HeldOut | None
    ratio: float | None
    breaking: int
    breaking_interval: tuple[float, float] | None
    p_value: float | None
    measures: dict[str, float]
    verdict: Verdict
    reason: str
    kinds: dict[str, int]
    examples: tuple[Violation, ...]


class SetResult(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What a sample set showed. ``groups`` are the files or pieces its samples were cut from.

    ``flagged`` are the samples, and ``flagged_groups`` the groups, whose p-value is at most alpha, strangest first: of
    real data a share of alpha is. null if the spec has no calibration. ``confounds`` say what
    differs from the corpus because of how the samples are stored.
    """

    samples: int
    groups: int
    verdict: Verdict
    flagged: tuple[Flag, ...] | None
    flagged_groups: tuple[Flag, ...] | None
    confounds: tuple[str, ...]
    unreadable: tuple[str, ...]
    rules: dict[str, RuleResult]


class Run(Struct, frozen=True, kw_only=True, rename="kebab"):
    """One run of ``verify check``: the version and the whole spec that made it, and a result for each sample set."""

    verifier: str
    alpha: float
    spec: dict[str, Any]
    sets: dict[str, SetResult]

    def failed(self) -> bool:
        """Whether any sample set fails."""
        return any(result.verdict == "fail" for result in self.sets.values())
