"""What a style avoids: the motions of two voices that chance makes often and the corpus almost never."""

import functools
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music.features.motions import Motions, motions
from verifier.music.null_models import Null, NullContrast
from verifier.music.voice_rules import MotionRule
from verifier.rule.charts import Bars, Panel
from verifier.rule.events import KeyChecker, KeySet
from verifier.rule.rule import Count, SparseCounts, merge_support, option, replace, support_of

INTERVALS = (
    "unison",
    "minor second",
    "major second",
    "minor third",
    "major third",
    "fourth",
    "tritone",
    "fifth",
    "minor sixth",
    "major sixth",
    "minor seventh",
    "major seventh",
    "octave",
)
"""Semitones, an octave and more taken away; a ninth is a second, but an octave is no unison."""
OBLIQUE, SIMILAR, CONTRARY = range(3)
DIRECTIONS = ("oblique", "similar", "contrary")
SHOWN = 10
"""Bans in a summary."""


class Occurrences(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a motion occurs in the corpus and in all null versions together, and its spread: see Contrast."""

    corpus: Count
    chance: Count
    spread: Count


class AvoidedPatterns(MotionRule, frozen=True, kw_only=True):
    """What two voices almost never do, though chance would: a violation is a motion that the style avoids.

    No textbook says which those are. The corpus is held against null versions of its own pieces, in which the voices
    are shifted in time against each other, or changed otherwise by themselves (``chance``): motions that these make at
    least ``effect`` times as often as the pieces are banned, with a bound on the share of the bans that are wrong. A
    motion is the interval of two voices before and after, and whether both move, in one direction or apart. A trial is
    a step at which at least one of two voices moves to another pitch, both sounding before and after.

    The unit of the test is the piece, not the motion: under the hypothesis that its voices know nothing of each other,
    a piece is one of its versions, drawn by lot (a permutation test within pieces). The bound over all motions that are
    tested is that of Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995. What was learned is
    counts, and the bans follow from them and from ``level``, ``effect`` and ``least``, which can be edited in the file.
    ``findings`` says in words what the bans were when the counts were learned; nothing reads it.
    """

    chance: Annotated[Null, option("how null versions are made: what in a piece is left to chance")] = "rotated"
    versions: Annotated[int, option("null versions of each piece", ge=1, le=1000)] = 8
    level: Annotated[float, option("largest expected share of the bans that are wrong", gt=0, lt=1)] = 0.05
    effect: Annotated[float, option("a banned motion is at least this many times as frequent by chance", ge=1)] = 10.0
    least: Annotated[
        float, option("a motion is tested that occurs this often in the mean of corpus and versions", gt=0)
    ] = 10.0
    findings: dict[str, dict[str, str]] = {}
    """Every ban with its two rates in words, the strongest first."""
    motions: dict[str, dict[str, Occurrences]] = {}
    """direction -> intervals -> how often."""

    key_space = len(DIRECTIONS) * len(INTERVALS) ** 2

    def find(self, batch: Batch) -> tuple[Motions, NDArray[np.int64]]:
        """The motions of the batch, and the key of each."""
        found = motions(batch)
        before, after = _interval(found.upper_from - found.lower_from), _interval(found.upper_to - found.lower_to)
        direction = SIMILAR * found.similar() + CONTRARY * found.contrary()
        return found, (direction * len(INTERVALS) + before) * len(INTERVALS) + after

    @classmethod
    def learn(cls, batch: Batch, **options: Any) -> Self:
        rule = cls.with_options(**options)
        contrast = NullContrast.learn(batch, rule.events, rule.chance, rule.versions, rule.key_space)
        return rule._of(contrast, support=support_of(batch, int(contrast.corpus.sum())))

    def merge(self, other: Self) -> Self:
        self.require_same_options(other)
        both = self.contrast().merge(other.contrast())
        return self._of(both, support=merge_support(self, other), held_out=None, forecast=None)

    def contrast(self) -> NullContrast:
        """What was learned. Raises InputError for a motion that cannot be."""
        return self._contrast

    @functools.cached_property
    def _contrast(self) -> NullContrast:
        rows = [
            (self.key_of(f"{name} in {direction} motion"), counts.corpus, counts.chance, counts.spread)
            for direction, intervals in self.motions.items()
            for name, counts in intervals.items()
        ]
        keys, *columns = np.array(rows, np.int64).reshape(-1, 4).T
        counts = np.zeros((3, self.key_space), np.int64)
        counts[:, keys] = columns
        return NullContrast(*counts)

    def _of(self, contrast: NullContrast, **changes: Any) -> Self:
        """The state that holds ``contrast``."""
        table: dict[str, dict[str, Occurrences]] = {}
        some = np.flatnonzero(contrast.corpus + contrast.chance)
        rows = np.stack([some, *(counts[some] for counts in contrast)], axis=1).tolist()
        for key, corpus, chance, spread in rows:
            direction, name = _NAMES[key]
            intervals = table.setdefault(direction, {})
            intervals[name] = Occurrences(corpus=corpus, chance=chance, spread=spread)
        findings = {
            self.key_name(key): {"in the corpus": f"{own} of motions", "by chance": others}
            for key in self.bans(contrast)
            for own, others in [_rates(key, contrast)]
        }
        changed: Self = replace(self, motions=table, findings=findings, **changes)
        return changed

    def bans(self, contrast: NullContrast) -> Sequence[int]:
        """The keys that are banned if ``contrast`` was learned, the strongest first."""
        banned = np.flatnonzero(contrast.avoided(self.versions, self.level, self.effect, self.least))
        strength = contrast.strength(self.versions)[banned]
        return [int(key) for key in banned[np.argsort(-strength, kind="stable")]]

    def from_yaml(self) -> SparseCounts:
        corpus = self.contrast().corpus
        return SparseCounts(np.flatnonzero(corpus), corpus[corpus > 0])

    def compile(self) -> KeyChecker:
        allowed = np.setdiff1d(np.arange(self.key_space), self.bans(self.contrast()))
        return KeyChecker(self, self.learned, KeySet.of(allowed, self.key_space))

    def leave_one_out(self, pieces: Sequence[Self]) -> float | None:
        """See Rule. Exact: the counts are sums over pieces."""
        if len(pieces) < 2:
            return None
        every = self.contrast()
        violations = 0
        for piece in pieces:
            own = piece.contrast()
            violations += int(own.corpus[self.bans(every.without(own))].sum())
        trials = int(every.corpus.sum())
        return violations / trials if trials else None

    def key_name(self, key: int) -> str:
        direction, name = _NAMES[key]
        return f"{name} in {direction} motion"

    def key_of(self, name: str) -> int:
        key = _KEYS.get(name)
        if key is None:
            raise InputError(self.name(), f"expected a motion such as {self.key_name(0)!r}, found {name!r}")
        return key

    def expected_text(self, key: int, table: SparseCounts) -> str:
        return _sentence(key, self.contrast())

    def panels(self) -> Iterator[Panel]:
        contrast = self.contrast()
        bans = self.bans(contrast)
        if bans:
            series = {
                name: [100 * float(counts[key]) / max(int(counts.sum()), 1) for key in bans]
                for name, counts in (("corpus", contrast.corpus), ("chance", contrast.chance))
            }
            yield Bars(
                title=f"what is avoided: the strongest of {len(bans)} motions that chance makes often",
                axis="% of the motions of two voices",
                labels=[self.key_name(key) for key in bans],
                series=series,
            )

    def summary(self) -> Iterator[str]:
        contrast = self.contrast()
        bans = self.bans(contrast)
        tested = int((contrast.corpus + contrast.chance >= self.least * (self.versions + 1)).sum())
        chance = f"voices {self.chance}, {self.versions} null versions of each piece"
        yield f"{len(bans)} of the {tested} motions tested are avoided ({chance})"
        for key in bans[:SHOWN]:
            yield f"{self.key_name(key)}: {_sentence(key, contrast)}"


def _rates(key: int, contrast: NullContrast) -> tuple[str, str]:
    """``0.02 %``, ``1.9 %``: of all motions, in the corpus and by chance."""
    own, others = (float(counts[key] / max(int(counts.sum()), 1)) for counts in (contrast.corpus, contrast.chance))
    return f"{100 * own:.2g} %", f"{100 * others:.2g} %"


def _sentence(key: int, contrast: NullContrast) -> str:
    own, others = _rates(key, contrast)
    return f"{own} of motions in the corpus, {others} by chance"


_NAMES = [
    (direction, f"{before} to {after}") for direction in DIRECTIONS for before in INTERVALS for after in INTERVALS
]
"""Of each key: direction and intervals."""
_KEYS = {f"{name} in {direction} motion": key for key, (direction, name) in enumerate(_NAMES)}


def _interval(semitones: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where an interval stands in INTERVALS, whichever of the two sounds higher."""
    apart = np.abs(semitones)
    return np.where((apart > 0) & (apart % 12 == 0), 12, apart % 12)
