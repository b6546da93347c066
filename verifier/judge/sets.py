"""A sample set as a whole: what it covers of the corpus, what it repeats of itself, and what it copies of the corpus.

Violations are the precision of a generator; this is its recall. A set that repeats one perfect chorale breaks no rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.judge import coverage
from verifier.judge.coverage import Classes, CoverageResult, RarefactionCurve, Used
from verifier.music import memorisation as copying
from verifier.music import near_duplicates as diversity
from verifier.music.memorisation import Copies, CopyingReference, CopyingResult, Index
from verifier.music.near_duplicates import DiversityResult, Shingles, TwinCurve
from verifier.rule.rule import Rule
from verifier.rule.vocabulary import Vocabulary

LEVEL = 2 * coverage.LEVEL
"""How often coverage and diversity together, at that level each, fail a real set; copying practically never does."""


Softened = TypeVar("Softened", CoverageResult | None, DiversityResult | None)


class WholeReference(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What real sets cover and repeat, by their size, and what unseen real samples repeat of the corpus."""

    coverage: dict[str, RarefactionCurve] = {}
    diversity: TwinCurve | None = None
    copying: CopyingReference | None = None


class WholeResult(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What a sample set covers, repeats and copies; null where it could not be said, and ``skipped`` says why."""

    coverage: dict[str, CoverageResult]
    diversity: DiversityResult | None
    copying: CopyingResult | None
    skipped: tuple[str, ...]

    def verdicts(self) -> list[str]:
        """All verdicts there are."""
        found = [*self.coverage.values(), self.diversity, self.copying]
        return [result.verdict for result in found if result is not None]


@dataclass(frozen=True, eq=False)
class WholeTally:
    """What the samples of a set use, look like and copy. Tallies of parts of a set merge into that of the whole."""

    used: Mapping[str, Used]
    prints: Shingles
    copies: Copies | None
    starts: NDArray[np.int64]
    meters: NDArray[np.float64]
    pickups: NDArray[np.float64]

    def merge(self, other: "WholeTally") -> "WholeTally":
        return WholeTally(
            {name: used.merge(other.used[name]) for name, used in self.used.items()},
            self.prints.merge(other.prints),
            self.copies.merge(other.copies) if self.copies and other.copies else None,
            np.concatenate([self.starts, other.starts]),
            np.concatenate([self.meters, other.meters]),
            np.concatenate([self.pickups, other.pickups]),
        )


@dataclass(frozen=True, eq=False)
class WholeChecker:
    """A reference made ready for the rules of a spec; ``index`` is the learned part of the corpus, if it is at hand."""

    reference: WholeReference
    rules: Mapping[str, Vocabulary]
    classes: Mapping[str, Classes]
    index: Index | None

    @classmethod
    def of(cls, reference: WholeReference, rules: Sequence[Rule], index: Index | None) -> "WholeChecker":
        """For those of ``rules`` that have a curve."""
        chosen = {
            rule.name(): rule for rule in rules if rule.name() in reference.coverage and isinstance(rule, Vocabulary)
        }
        return cls(reference, chosen, {name: coverage.classes(rule) for name, rule in chosen.items()}, index)

    def tally(self, batch: Batch) -> WholeTally:
        """What the samples of a batch use, look like and copy."""
        return WholeTally(
            {
                name: coverage.use(rule, self.classes[name], batch, self.reference.coverage[name].sizes[-1])
                for name, rule in self.rules.items()
            },
            diversity.prints(batch),
            copying.longest_copies(self.index, batch) if self.index else None,
            batch.starts,
            batch.meters,
            batch.pickups,
        )

    def judge(self, tally: WholeTally, names: Sequence[str], groups: Sequence[str], alpha: float) -> WholeResult:
        """The results for a set with these names and groups. At an ``alpha`` that leaves no room for the level at which
        coverage and diversity were calibrated, these two cannot fail, only be undecided.
        """
        judged = {
            name: coverage.judge_coverage(rule, self.classes[name], tally.used[name], self.reference.coverage[name])
            for name, rule in self.rules.items()
        }
        twins = (
            diversity.judge_diversity(tally.prints, names, self.reference.diversity)
            if self.reference.diversity
            else None
        )
        copied, skipped = None, []
        if self.reference.copying is None:
            skipped.append("copying: the spec was learned without held-out pieces to set its limit")
        elif self.index is None or tally.copies is None:
            skipped.append("copying: the corpus that the spec was learned from is not at hand")
        else:
            copied = copying.judge_copying(
                self.index,
                tally.copies,
                names,
                groups,
                tally.starts,
                tally.meters,
                tally.pickups,
                self.reference.copying,
            )
        if alpha < 2 * LEVEL:
            judged = {name: _softened(result) for name, result in judged.items()}
            twins = _softened(twins)
        return WholeResult(
            coverage={name: result for name, result in judged.items() if result is not None},
            diversity=twins,
            copying=copied,
            skipped=tuple(skipped),
        )


def _softened(result: Softened) -> Softened:
    """A result that fails at a level that was not asked for is undecided."""
    if result is None or result.verdict != "fail":
        return result
    softened: Softened = structs.replace(
        result, verdict="undecided", reason=f"{result.reason}; that happens to {LEVEL:.0%} of real sets"
    )
    return softened


def calibrate_whole(rules: Sequence[Rule], learned: Batch, held_out: Batch, index: Index) -> WholeReference:
    """What real samples cover, repeat and copy; ``index`` holds the learned pieces whole."""
    return WholeReference(
        coverage=dict(coverage.rarefy(rules, learned, held_out)),
        diversity=diversity.twin_curve(learned, held_out),
        copying=copying.calibrate_copying(index, held_out),
    )
