"""A sample set as a whole: what it covers of the corpus, and what its medium checks beside, such as repetition.

Violations are the precision of a generator; this is its recall. A set that repeats one perfect chorale breaks no rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from msgspec import Struct, structs
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.judge import coverage
from verifier.judge.calibration import Verdict
from verifier.judge.coverage import Classes, CoverageResult, RarefactionCurve, Used
from verifier.rule.rule import Rule
from verifier.rule.vocabulary import Vocabulary

LEVEL = 2 * coverage.LEVEL
"""How often coverage and the checks at its level together fail a real set."""


class SetCheckResult(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What a check says of a sample set: its verdict and the reason, ``cell``, a few words for a table, ``worst``, a
    sentence on the worst of it if it fails, and all of it as numbers: the ``details``, as a record holds them.
    """

    verdict: Verdict
    reason: str
    cell: str
    worst: str
    details: dict[str, Any]


def details_of(found: Struct) -> dict[str, Any]:
    """What a check found as plain types, as they are read from a record too: lists, no tuples."""
    details: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return details


class ReadyCheck(Protocol):
    """A check with what was learned of real sets. Tallies of parts of a set merge into that of the whole."""

    @property
    def softens(self) -> bool:
        """Whether it fails real sets at the level of coverage, and so may only fail a set where alpha leaves room."""
        ...

    def tally(self, batch: Batch) -> Any:
        """What it needs to know of the samples of a batch."""
        ...

    def judge(self, tally: Any, names: Sequence[str], groups: Sequence[str]) -> SetCheckResult | None:
        """The result for a set with these names and groups (n); None for no sample."""
        ...


class SetCheck(Protocol):
    """A question that is asked of a sample set as a whole."""

    @property
    def key(self) -> str:
        """Its name in the spec file."""
        ...

    @property
    def title(self) -> str:
        """What it looks for, in the words of a report."""
        ...

    @property
    def reference(self) -> type[Struct]:
        """What a spec keeps of real sets."""
        ...

    def result(self, details: Mapping[str, Any]) -> SetCheckResult:
        """The result whose numbers these are: the words of a report are made of them alone. Raises
        msgspec.ValidationError for what are no details of this check.
        """
        ...

    def index(self, pieces: Sequence[Any], view: Any) -> Any:
        """The learned ``pieces`` of the corpus, made ready to be compared with; None if the check needs no corpus."""
        ...

    def pack(self, index: Any) -> Mapping[str, NDArray[Any]]:
        """The index as rows of numbers, by name, to be kept in a file."""
        ...

    def unpack(self, arrays: Mapping[str, NDArray[Any]], view: Any) -> Any:
        """The index that ``pack`` made these of. Raises InputError for arrays that it did not make."""
        ...

    def calibrate(self, learned: Batch, held_out: Batch, index: Any) -> Struct | None:
        """What real samples do; None if these cannot say. ``index`` is that of the learned pieces."""
        ...

    def ready(self, reference: Any, index: Any) -> ReadyCheck | str:
        """The check made ready; or why it cannot be made. In place of an ``index`` that is not at hand it says why."""
        ...


class WithoutIndex:
    """What a check is that compares samples with no piece of the corpus."""

    def index(self, pieces: Sequence[Any], view: Any) -> None:
        """None: there is none."""
        return

    def pack(self, index: None) -> Mapping[str, NDArray[Any]]:
        """Nothing."""
        return {}

    def unpack(self, arrays: Mapping[str, NDArray[Any]], view: Any) -> None:
        """None."""
        return


class SetReference(Struct, frozen=True, kw_only=True):
    """What real sets of each size cover, by rule, and what else they do, by the key of the check."""

    coverage: dict[str, RarefactionCurve] = {}
    checks: dict[str, Struct] = {}


class SetWide(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What a sample set as a whole shows: ``coverage`` by rule, the ``checks`` of its medium by title; and which could
    not be made, with why.
    """

    coverage: dict[str, CoverageResult]
    checks: dict[str, SetCheckResult]
    skipped: tuple[str, ...]

    def verdicts(self) -> list[str]:
        """All verdicts there are."""
        results: list[CoverageResult | SetCheckResult] = [*self.coverage.values(), *self.checks.values()]
        return [result.verdict for result in results]

    def skipped_beside(self, other: "SetWide") -> list[str]:
        """What was not looked for here, and was in the other set."""
        return [why for why in self.skipped if why.partition(": ")[0] in other.checks]


@dataclass(frozen=True, eq=False)
class SetTally:
    """What the samples of a set use, and what each check knows of them, by title."""

    used: Mapping[str, Used]
    checks: Mapping[str, Any]

    def merge(self, other: "SetTally") -> "SetTally":
        return SetTally(
            {name: used.merge(other.used[name]) for name, used in self.used.items()},
            {title: tally.merge(other.checks[title]) for title, tally in self.checks.items()},
        )


@dataclass(frozen=True, eq=False)
class SetChecker:
    """A reference made ready for the rules of a spec; ``skipped`` says which checks are not, and why."""

    reference: SetReference
    rules: Mapping[str, Vocabulary]
    classes: Mapping[str, Classes]
    checks: Mapping[str, ReadyCheck]
    skipped: tuple[str, ...]

    @classmethod
    def of(
        cls, reference: SetReference, rules: Sequence[Rule], checks: Sequence[SetCheck], indices: Mapping[str, Any]
    ) -> "SetChecker":
        """For those of ``rules`` that have a curve. ``indices`` hold the learned part of the corpus for the checks, by
        key, or say why it is not at hand.
        """
        chosen = {
            rule.name(): rule for rule in rules if rule.name() in reference.coverage and isinstance(rule, Vocabulary)
        }
        made: dict[str, ReadyCheck] = {}
        skipped = []
        for check in checks:
            ready = check.ready(reference.checks.get(check.key), indices.get(check.key))
            if isinstance(ready, str):
                skipped.append(f"{check.title}: {ready}")
            else:
                made[check.title] = ready
        classes = {name: coverage.classes(rule) for name, rule in chosen.items()}
        return cls(reference, chosen, classes, made, tuple(skipped))

    def share_of(self, alpha: float) -> float:
        """What it takes of ``alpha``: the level of coverage and of the checks that soften, where that leaves room."""
        can_fail = self.rules or any(check.softens for check in self.checks.values())
        return LEVEL if can_fail and not _softens(alpha) else 0.0

    def tally(self, batch: Batch) -> SetTally:
        """What the samples of a batch use, and what each check needs."""
        return SetTally(
            {
                name: coverage.use(rule, self.classes[name], batch, self.reference.coverage[name].sizes[-1])
                for name, rule in self.rules.items()
            },
            {title: check.tally(batch) for title, check in self.checks.items()},
        )

    def judge(
        self,
        tally: SetTally,
        names: Sequence[str],
        groups: Sequence[str],
        alpha: float,
        trials: Mapping[str, int],
        holds_less: str = "",
    ) -> SetWide:
        """The results for a set with these names and groups, which gave each rule so many ``trials``. At an ``alpha``
        that leaves no room for the level at which coverage and checks were calibrated, these cannot fail, only be
        undecided; nor can coverage and the checks that soften where something ``holds_less`` than real samples: two
        single bars are sooner alike than two pieces.
        """
        softens = _softens(alpha)
        covered: dict[str, CoverageResult] = {}
        for name, rule in self.rules.items():
            result = coverage.judge_coverage(
                rule, self.classes[name], tally.used[name], self.reference.coverage[name], trials[name]
            )
            if result is not None:
                covered[name] = _softened(result, holds_less) if softens or holds_less else result
        checked: dict[str, SetCheckResult] = {}
        for title, check in self.checks.items():
            found = check.judge(tally.checks[title], names, groups)
            if found is not None:
                softer = check.softens and (softens or holds_less)
                checked[title] = _softened(found, holds_less) if softer else found
        return SetWide(coverage=covered, checks=checked, skipped=self.skipped)


def _softens(alpha: float) -> bool:
    """Whether an alpha leaves no room for the level of coverage and checks beside the rules."""
    return alpha < 2 * LEVEL


def _softened(result: Any, reason: str) -> Any:
    """A result that fails for this reason, or at a level that was not asked for, is undecided."""
    if result.verdict != "fail":
        return result
    reason = reason or f"that happens to {LEVEL:.0%} of real sets"
    softer = {"verdict": "undecided", "reason": f"{result.reason}; {reason}"}
    if isinstance(result, SetCheckResult):
        return structs.replace(result, **softer, details={**result.details, **softer})
    return structs.replace(result, **softer)


def calibrate_sets(
    rules: Sequence[Rule], learned: Batch, held_out: Batch, checks: Sequence[SetCheck], indices: Mapping[str, Any]
) -> SetReference:
    """What real samples cover, and what they do that the checks of their medium look for."""
    found = {check.key: check.calibrate(learned, held_out, indices.get(check.key)) for check in checks}
    return SetReference(
        coverage=dict(coverage.rarefy(rules, learned, held_out)),
        checks={key: reference for key, reference in found.items() if reference is not None},
    )


def indices_of(checks: Sequence[SetCheck], pieces: Sequence[Any], view: Any) -> dict[str, Any]:
    """The learned ``pieces``, made ready for each check that compares with them."""
    made = {check.key: check.index(pieces, view) for check in checks}
    return {key: index for key, index in made.items() if index is not None}
