"""The run record: what a check found, as `-o run.json` holds it and every other reader takes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from verifier.base.errors import InputError, located
from verifier.base.files import read_text, replacing
from verifier.base.text import plural
from verifier.judge.calibration import Verdict
from verifier.judge.domain_shift import Domain
from verifier.judge.likeness import Likeness
from verifier.judge.post_processing import ProcessingSign
from verifier.judge.sets import SetWide
from verifier.rule.rule import Count, HeldOut, Violation
from verifier.spec.findings import Finding, Findings
from verifier.spec.migrations import RUN_FORMAT, RUNS, SPEC_FORMAT, current_spec, migrated
from verifier.spec.suppressions import Accepted

MAX_BYTES = 64 << 20
SetVerdict = Verdict | Literal["processed", "out of domain"]


class Flag(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A sample that is stranger than real ones: its p-value over all rules of the spec, and the rule that spoke.

    ``share`` is that rule's of the evidence of all, null in records of before it was kept. ``discovered``: it is one of
    the samples called such that at most alpha of the calls are expected false.
    """

    sample: str
    p: float
    rule: str
    discovered: bool
    share: float | None = None


class RuleResult(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What one rule found in one sample set.

    ``distinct`` counts different kinds of violation; ``rate`` is violations per trial, with its 95 % ``interval`` over
    groups of samples; ``ratio`` is that rate over the one of held-out real data, and null where real data has none;
    ``breaking`` counts the samples with a violation, and ``breaking_interval`` is that of their share. ``p_value`` is
    of the hypothesis that real data breaks the rule as often, adjusted for the number of rules (Holm).
    ``error`` is the standard error of the rate between groups, null if ``rate_groups``, the groups with a trial, are
    fewer than two. ``suppressed`` counts what would be violations had the spec not accepted them. ``findings`` are the
    violations one by one, and ``all_kinds`` every kind, in records that are written to be compared; else null.
    ``set_aside`` names the processing that the samples show and the rule does not survive: its verdict then does not
    count. ``unjudged`` says why the samples give it no trial: they do not tell what the rule needs. ``measures`` are
    distances of the set from the corpus. ``kinds`` are the most frequent kinds of violation and ``examples`` places in
    the samples that break the rule most.
    """

    unit: str
    violations: Count
    distinct: Count
    trials: Count
    rate: float | None
    interval: tuple[float, float] | None
    held_out: HeldOut | None
    ratio: float | None
    breaking: Count
    breaking_interval: tuple[float, float] | None
    p_value: float | None
    measures: dict[str, float]
    verdict: Verdict
    reason: str
    kinds: dict[str, int]
    examples: tuple[Violation, ...]
    set_aside: str = ""
    unjudged: str = ""
    error: float | None = None
    rate_groups: Count = 0
    suppressed: Count = 0
    all_kinds: dict[str, int] | None = None
    findings: Findings | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not self.trials:
            raise ValueError("a rate needs a trial")
        if self.error is not None and self.rate_groups < 2:
            raise ValueError("the error of a rate needs two groups or more")


class SetResult(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What a sample set showed. ``groups`` are the files or pieces its samples were cut from.

    ``flagged`` are the samples, and ``flagged_groups`` the groups, whose p-value is at most alpha, strangest first: of
    real data a share of alpha is. null if the spec has no calibration. ``confounds`` say what
    differs from the corpus because of how the samples are stored. ``processed`` says what was done to the samples, as
    far as that shows. Where rules fail, ``likeness`` says which degraded real samples the set looks most like; the
    verdict is "processed" if it looks like them, and no rule fails that the degradation leaves alone.
    ``domain`` is how far the samples lie from the corpus's domain, where a rule hears it; the verdict is "out of
    domain" if that is farther than real data is, and enough for those rules to fail that do (``judge.domain_shift``).
    """

    samples: Count
    groups: Count
    verdict: SetVerdict
    flagged: tuple[Flag, ...] | None
    flagged_groups: tuple[Flag, ...] | None
    confounds: tuple[str, ...]
    unreadable: tuple[str, ...]
    whole: SetWide | None
    rules: dict[str, RuleResult]
    processed: tuple[ProcessingSign, ...] = ()
    domain: Domain | UnsetType = UNSET
    likeness: Likeness | UnsetType = UNSET


class RuleDiff(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What became of one rule from one run to another.

    ``rates`` are those of both runs, ``difference`` the second less the first with its 95 % ``interval``; ``change``
    says whether that interval lies above 0, below, or holds it (null: no trial in one of the runs). ``new_kinds`` are
    kinds of violation that the first run had none of, with their count, most frequent first; at most 20 of
    ``new_kinds_total``. Findings are ``introduced``, ``resolved`` or ``unchanged``: null if one of the runs has no
    complete list of them, and then ``note`` says why. The examples are the first of each.

    A gate adds ``p_value``, of the hypothesis that the rate did not grow by more than the margin, adjusted for the
    number of rules and sets (Holm; null if there is none), the ``verdict`` and its ``reason``.
    """

    unit: str
    rates: tuple[float | None, float | None]
    difference: float | None
    interval: tuple[float, float] | None
    change: Literal["worse", "better", "same"] | None
    violations: tuple[int, int]
    suppressed: tuple[int, int]
    new_kinds: dict[str, int]
    new_kinds_total: int
    introduced: int | None
    resolved: int | None
    unchanged: int | None
    note: str
    introduced_examples: tuple[Finding, ...]
    resolved_examples: tuple[Finding, ...]
    p_value: float | None = None
    verdict: Verdict | None = None
    reason: str = ""


class SetDiff(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Two sample sets held against each other: their labels, their sizes, and every rule."""

    labels: tuple[str, str]
    samples: tuple[int, int]
    rules: dict[str, RuleDiff]


class RunDiff(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Two runs of one spec held against each other. ``unpaired`` are sample sets that only one of them has."""

    runs: tuple[str, str]
    spec: str
    sets: tuple[SetDiff, ...]
    unpaired: tuple[str, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"RunDiff(spec={self.spec!r}, {plural('set', len(self.sets))} in both runs)"


class Gate(RunDiff, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Whether a run regressed from a baseline: any rule, in any set, by more than ``margin`` with confidence, or a set
    as a whole. ``collapsed`` names what of which set fails now (coverage, near-duplicates, memorised passages) and did
    not in the baseline.
    """

    margin: float
    alpha: float
    collapsed: tuple[str, ...]
    regressed: bool

    def __repr__(self) -> str:
        return f"Gate(spec={self.spec!r}, regressed={self.regressed}, {plural('set', len(self.sets))} compared)"


class Run(
    Struct,
    frozen=True,
    kw_only=True,
    rename="kebab",
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="format",
    tag=RUN_FORMAT,
):
    """One run of ``verify check``: the version and the whole spec that made it, and a result for each sample set.

    ``gate`` is there if the run was held against a baseline, and then decided the exit code. In the file, ``format``
    stands first.
    """

    verifier: str
    alpha: float
    spec: dict[str, Any]
    sets: dict[str, SetResult]
    gate: Gate | None = None

    def failed(self) -> bool:
        """Whether any sample set fails, or was processed, or is of another domain: the spec holds for none of these."""
        return any(result.verdict in ("fail", "processed", "out of domain") for result in self.sets.values())

    def passed(self) -> bool:
        """Whether every sample set passes: none is undecided either."""
        return all(result.verdict == "pass" for result in self.sets.values())


class _Head(Struct, rename="kebab"):
    """What is looked at first: whether this version can read the rest."""

    format: Annotated[int, Meta(ge=0)] = 0
    verifier: Any = None


class _SpecRule(Struct):
    rule: str


class _SpecHead(Struct, rename="kebab"):
    """What readers of a record rely on in its spec. Rules are not looked into: they may be of a plugin."""

    verifier: Annotated[int, Meta(ge=SPEC_FORMAT, le=SPEC_FORMAT)]
    name: str
    view: dict[str, Any]
    rules: tuple[_SpecRule, ...]
    accepted: tuple[Accepted, ...] = ()


def load(path: Path) -> Run:
    """The run record in a JSON file, whichever format it was written in. Raises InputError for a file that cannot be
    read, is no run record, or was made by a newer version.
    """
    text = read_text(path, "a run record", MAX_BYTES)
    try:
        head = msgspec.json.decode(text, type=_Head)
        if head.format > RUN_FORMAT:
            maker = f"verify {head.verifier}" if isinstance(head.verifier, str) else "a newer verify"
            raise InputError(path, f"made by {maker} (format {head.format}); this one reads up to {RUN_FORMAT}")
        try:
            return _decoded(text, head.format)
        except InputError as error:
            raise InputError(path, f"its spec was {error.problem}") from None
    except msgspec.DecodeError as error:  # also a ValidationError
        problem = str(error).replace("`", "'")
    except RecursionError:
        problem = "it is nested too deep"
    raise InputError(path, f"expected a run record as -o run.json writes it: {problem}")


def _decoded(text: str, found: int) -> Run:
    """The record in a text of the format ``found``. Raises msgspec.DecodeError."""
    if found == RUN_FORMAT:
        run = msgspec.json.decode(text, type=Run)
    else:
        run = msgspec.convert(migrated(msgspec.json.decode(text), found, RUNS), Run)
    run = msgspec.structs.replace(run, spec=current_spec(run.spec))
    try:
        msgspec.convert(run.spec, _SpecHead)
    except msgspec.ValidationError as error:
        raise located(error, "$.spec") from None
    try:
        msgspec.msgpack.encode(run)
    except OverflowError:  # JSON has no largest number, arithmetic with arrays does
        at = next(_beyond_64_bits(msgspec.json.decode(text), "$"))
        raise msgspec.ValidationError(f"Expected a number of at most 64 bits - at `{at}`") from None
    return run


def _beyond_64_bits(value: Any, path: str) -> Iterator[str]:
    """The paths of whole numbers that no 64 bits hold."""
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in entries:
            yield from _beyond_64_bits(item, f"{path}.{key}" if isinstance(value, dict) else f"{path}[{key}]")
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        yield path


def encoded(record: Struct) -> bytes:
    """A record as JSON, indented: it is read by people and compared by text tools as well. Floats keep every digit."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def dump(run: Run, path: Path) -> None:
    """Write a run record, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(encoded(run))
