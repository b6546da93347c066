"""Rule, Checker, Violation, and the registry. A rule is what was learned: integer counts, and the options they obey."""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, TypeVar, cast, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta, Struct, structs
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.base.text import plural
from verifier.data.batch import Batch
from verifier.rule.charts import Panel

Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


def option(description: str, **bounds: Any) -> Meta:
    """Marks a field of a rule as an option, for ``Annotated``: a person sets it, learning does not change it."""
    return Meta(description=description, extra={"option": True}, **bounds)


def kebab(name: str) -> str:
    """``ChromaTransitions`` -> ``chroma-transitions``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


class Support(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How much data stands behind a rule. Sums over shards; a piece must not be spread over several."""

    pieces: Count = 0
    samples: Count = 0
    trials: Count = 0


class HeldOut(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab", omit_defaults=True):
    """How often real data that the rule was not learned from breaks it: what a rate is compared with.

    ``upper`` is the upper end of the 95 % interval of the rate over pieces. ``breaking`` counts the samples with at
    least one violation, and ``breaking_upper`` is the same limit for their share: it speaks where violations are too
    rare for a rate. ``measures`` are the distances of the held-out data from the learned, for rules that have them.
    """

    pieces: Count
    samples: Count
    trials: Count
    violations: Count
    rate: Share
    upper: Share
    breaking: Count
    breaking_upper: Share
    measures: dict[str, float] = {}


class Rule(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="rule",
    tag=kebab,
    rename="kebab",
    forbid_unknown_fields=True,
):
    """One property, as learned. Subclasses add options (marked by ``option``) and the counts that were learned.

    The laws, which a test runs over every rule: ``learn`` of no samples is the identity of ``merge``; ``merge`` is
    associative and commutative; learning two batches and merging equals learning both at once.
    """

    support: Support = Support()
    held_out: HeldOut | None = None
    """Set by calibration, and lost in a merge: it belongs to one learned state."""
    forecast: Share | None = None
    """Violations per trial of each piece against the rule learned from all of the others, over all pieces."""

    headline: ClassVar[tuple[str, ...]] = ()
    """The measures that stand in the table of a check; a run record has all of them."""
    media: ClassVar[tuple[str, ...] | None] = None
    """Of a rule of single values, the kinds of view that it is for; None for all. Other rules are of their medium."""
    hears: ClassVar[Literal["speaker", "loudness"] | None] = None
    """Whether it hears who speaks, and through what, or how loud a recording is: what tells of another domain."""
    survives: ClassVar[tuple[str, ...]] = ()
    """The processing after which real samples still keep it; `verify power` measures that."""
    measures_file: ClassVar[bool] = False
    """Whether it measures the file rather than what is heard or seen: samples that are stored otherwise than the
    corpus, such as at another sample rate, give it no trial.
    """
    needs: ClassVar[tuple[str, ...]] = ()
    """What a sample must tell for the rule to have a trial, in the words of its medium (``Medium.unknown``): voices,
    say. Of a set that does not tell, nothing that rests on the rule is judged."""

    def __repr__(self) -> str:
        trials, pieces = plural(self.trial_name(), self.support.trials), plural("piece", self.support.pieces)
        return f"{type(self).__name__}(from {trials} in {pieces})"

    @classmethod
    def learn(cls, batch: Batch, **options: Any) -> Self:
        """What ``batch`` says about the property. Raises InputError for an unknown option or a bad value."""
        raise NotImplementedError

    def merge(self, other: Self) -> Self:
        """What both sets of samples say. Raises InputError if their options differ."""
        raise NotImplementedError

    def validate(self) -> None:
        """Raise InputError if what was learned, as read from a file, cannot be: what types do not say."""

    def compile(self) -> "Checker":
        """Lookup tables, built once."""
        raise NotImplementedError

    def trial_name(self) -> str:
        """What a trial is, in one word for a table: change, note, sample."""
        raise NotImplementedError

    def calibrate(self, batch: Batch) -> Self:
        """Set what only held-out real samples can: thresholds. Most rules have none."""
        return self

    def leave_one_out(self, pieces: Sequence[Self]) -> float | None:
        """The forecast: violations per trial of each of ``pieces`` against the merge of the others; None if undefined.

        ``self`` is the merge of all ``pieces``.
        """
        return None

    def measures(self, observed: Self) -> dict[str, float]:
        """Distances between what was learned and the same rule learned from samples. Most rules have none."""
        return {}

    @classmethod
    def has_measures(cls) -> bool:
        """Whether the rule measures distances, for which samples must be learned as well as counted."""
        return cls.measures is not Rule.measures

    def summary(self) -> Iterator[str]:
        """Lines that tell a person what was learned."""
        raise NotImplementedError

    def panels(self) -> Iterator[Panel]:
        """What was learned, to be drawn. Most rules have nothing that a picture shows better than their summary."""
        yield from ()

    @classmethod
    def options(cls) -> dict[str, Any]:
        """Field name -> (type, Meta) of every option."""
        found: dict[str, Any] = {}
        for name, hint in _hints(cls).items():
            for meta in getattr(hint, "__metadata__", ()):
                if isinstance(meta, Meta) and (meta.extra or {}).get("option"):
                    found[name] = (hint, meta)
        return found

    def set_options(self) -> dict[str, Any]:
        """Field name -> value of every option of this rule."""
        return {name: getattr(self, name) for name in self.options()}

    @classmethod
    def with_options(cls, **options: Any) -> Self:
        """A rule that has learned nothing, with these options (kebab-case or field names).

        Raises InputError for an option that does not exist or a value it cannot have.
        """
        known = cls.options()
        fields: dict[str, Any] = {}
        for given, value in options.items():
            name = given.replace("-", "_")
            if name not in known:
                listed = ", ".join(option.replace("_", "-") for option in known) or "none"
                raise InputError(cls.name(), f"expected one of its options ({listed}), found {given!r}")
            try:
                fields[name] = msgspec.convert(value, known[name][0])
            except msgspec.ValidationError as error:
                raise InputError(f"{cls.name()}, option {given}", str(error)) from None
        return cls(**fields)

    def require_same_options(self, other: Self) -> None:
        """Raise InputError that names the options in which two states of a rule differ: they cannot be merged."""
        mine, theirs = self.set_options(), other.set_options()
        if type(self) is not type(other):
            raise InputError(self.name(), f"cannot be merged with {other.name()}")
        if mine != theirs:
            differing = ", ".join(
                f"{name.replace('_', '-')} {mine[name]} against {theirs[name]}"
                for name in mine
                if mine[name] != theirs[name]
            )
            raise InputError(self.name(), f"cannot be merged: {differing}")

    @classmethod
    def name(cls) -> str:
        """The name in the spec file, which is also the module's and the cases file's."""
        return kebab(cls.__name__)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def merge_support(a: Rule, b: Rule) -> Support:
    """The sum of two supports."""
    x, y = a.support, b.support
    return Support(pieces=x.pieces + y.pieces, samples=x.samples + y.samples, trials=x.trials + y.trials)


def support_of(batch: Batch, trials: int) -> Support:
    """The support that a batch gives."""
    return Support(pieces=len(set(batch.groups)), samples=len(batch), trials=trials)


WHOLE = "the whole picture"
"""Where a violation is that has no place within the sample: sound and music have at least a beginning."""


class Violation(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """One place where one sample breaks one rule.

    ``start`` and ``steps`` count in the columns of the sample. In music ``pitches`` are MIDI numbers; in sound and
    pictures ``rows`` are rows of the sample. ``where`` is the same place in words, counted from the start of the piece:
    the engine stamps ``rule`` and ``sample``, and puts bar and beat, seconds or pixels into ``where``, before what the
    rule says of the voices or of frequencies.
    """

    start: int
    steps: int
    pitches: tuple[int, ...]
    observed: str
    allowed: str
    rule: str = ""
    sample: str = ""
    where: str = ""
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class SparseCounts:
    """How often each distinct thing broke a rule: keys (k,) int64, ascending, and counts (k,) int64."""

    keys: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, keys: NDArray[np.int64], counts: NDArray[np.int64]) -> Self:
        """Equal keys added up; keys that end with nothing are left out."""
        distinct, inverse = np.unique(keys, return_inverse=True)
        sums = np.zeros(len(distinct), np.int64)
        np.add.at(sums, inverse, counts)
        return cls(distinct[sums > 0], sums[sums > 0])

    @classmethod
    def none(cls) -> Self:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def where(self, mask: NDArray[np.bool_]) -> "SparseCounts":
        return SparseCounts(self.keys[mask], self.counts[mask])

    def merge(self, other: Self) -> Self:
        if not len(other.keys):
            return self
        return self.of(np.concatenate([self.keys, other.keys]), np.concatenate([self.counts, other.counts]))


@dataclass(frozen=True, eq=False)
class RuleCounts:
    """violations (n,) and trials (n,) int64 of each sample, and the kinds of violation over all of them.

    scores (n,) float64 say how strange each sample is: larger is stranger, comparable between long and short samples;
    nan where it has no trial. They are what p-values are ranks of.
    """

    violations: NDArray[np.int64]
    trials: NDArray[np.int64]
    scores: NDArray[np.float64]
    kinds: SparseCounts


class Checker(Protocol):
    """A rule made ready to count."""

    def count(self, batch: Batch) -> RuleCounts:
        """Violations, trials and score of every sample."""
        ...

    def locate(self, batch: Batch, i: int) -> Iterator[Violation]:
        """Every violation of sample i, in order of time; as many as ``count`` says."""
        ...

    def type_name(self, key: int) -> str:
        """What a kind of violation is called."""
        ...


Mapper = Callable[..., Any]
"""The builtin ``map``, or another with its signature: a pool's, a cluster's."""


class Mergeable(Protocol):
    """What merges with its own kind: states of a rule, tallies."""

    def merge(self, other: Any) -> Any:
        """What both say."""
        ...


M = TypeVar("M", bound=Mergeable)


def merge_all(parts: Sequence[M]) -> M:
    """The merge of one or more parts, as a balanced tree."""
    merged = list(parts)
    while len(merged) > 1:
        pairs = [merged[i].merge(merged[i + 1]) for i in range(0, len(merged) - 1, 2)]
        merged = pairs + merged[len(pairs) * 2 :]
    return merged[0]


def replace(rule: Rule, **changes: Any) -> Any:
    """A copy of ``rule`` with fields changed (msgspec's, under a name that reads well beside the others)."""
    return cast(Any, structs.replace(rule, **changes))
