"""The audit of confounds: how well what a container tells, and nothing else, tells generated from real samples."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

import verifier
from verifier.base.errors import printable
from verifier.data.container import Property, Stored
from verifier.verbs import telling
from verifier.verbs.telling import Column

LEVEL = 0.05
"""The chance that anything is said to tell sets apart whose containers are alike, whatever the number of properties."""
TOGETHER = "all together"
"""What the classifier of all properties is called that samples do not have by what they hold."""
FREQUENT = 0.5
"""A value that this share of one side has is named."""


class Telling(Struct, frozen=True, kw_only=True, rename="kebab"):
    """How well one property tells generated from real samples.

    words               what it is called
    real, generated     samples on each side of which it is known
    auroc, interval     area under the curve and its 95 % interval, which counts groups
    how                 "threshold", the best single one of a number; "value" of a category, or "stretch" of a number,
                        cross-validated; "classifier" of all together
    tells               whether the interval, made wider for the number of properties, lies above what was asked
    of_content          whether it follows from what samples hold, so that equalising leaves it
    part_of             the property that says the same in other words
    finding             the values that tell, in words
    """

    words: str
    real: int
    generated: int
    auroc: float
    interval: tuple[float, float]
    how: str
    tells: bool
    of_content: bool = False
    part_of: str = ""
    finding: str = ""


class Audited(Struct, frozen=True, kw_only=True, rename="kebab"):
    """One generated set against the real one.

    copies        samples that stand on the real side too, in whatever container
    properties    key -> how well it tells, the best first; those that differ in no sample are ``alike``
    one_sided     words of the properties that are known on one side alone
    least         the area from which on so many samples would tell; null if none would
    crossed       whether there are groups enough for a cross-validation; if not, single thresholds alone are tried
    together      how well all tell together that do not follow from what samples hold; null if there are none, or
                  none are cross-validated
    """

    samples: int
    groups: int
    copies: int
    properties: dict[str, Telling]
    alike: tuple[str, ...]
    one_sided: tuple[str, ...]
    least: float | None
    crossed: bool
    together: Telling | None

    @property
    def telling(self) -> list[Telling]:
        """The properties that tell, the best first; those that say what a better one says are left out."""
        found = {key: each for key, each in self.properties.items() if each.tells}
        return [each for each in found.values() if not self._is_said(each)]

    def parts(self, of: Telling) -> list[Telling]:
        """The properties that tell, and say in other words what ``of`` says."""
        return [
            each for each in self.properties.values() if self._is_said(each) and self.properties[each.part_of] is of
        ]

    def _is_said(self, told: Telling) -> bool:
        whole = self.properties.get(told.part_of)
        return told.tells and whole is not None and whole.tells and whole.auroc >= told.auroc - 0.01

    @property
    def of_files(self) -> list[Telling]:
        """Of the properties that tell, those that do not follow from what samples hold."""
        return [each for each in self.telling if not each.of_content]

    @property
    def tells(self) -> bool:
        """Whether the files tell, apart from what they hold."""
        return bool(self.of_files) or bool(self.together and self.together.tells)


class Equalised(Struct, frozen=True, kw_only=True, rename="kebab"):
    """Samples that were made alike: the ``folder``, what they became, and the audit of what was written."""

    folder: str
    words: tuple[str, ...]
    audit: "Audit"


class Audit(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What ``audit`` found. ``above`` is the area from which on a property is said to tell."""

    verifier: str
    medium: str
    real: str
    real_samples: int
    real_groups: int
    above: float
    generated: dict[str, Audited]
    equalised: Equalised | None = None

    @property
    def tells(self) -> bool:
        """Whether the files of some generated set tell it from the real one; if they were equalised, then still."""
        if self.equalised is not None:
            return self.equalised.audit.tells
        return any(each.tells for each in self.generated.values())

    def __repr__(self) -> str:
        found = "; ".join(f"{name}: {summary(each)}" for name, each in self.generated.items())
        return f"Audit(real={self.real!r}, {found})"


def summary(audited: Audited) -> str:
    """``size 1.00, file size in bytes .97``, or ``nothing tells``."""
    best = [f"{each.words} {each.auroc:.2f}" for each in audited.telling[:3]]
    if not audited.of_files and audited.tells and audited.together:
        best.append(f"{TOGETHER} {audited.together.auroc:.2f}")
    return ", ".join(best) or "nothing tells"


def audit(
    medium: str,
    label: str,
    real: Sequence[Stored],
    generated: Mapping[str, Sequence[Stored]],
    properties: Mapping[str, Property],
    *,
    above: float = 0.5,
    seed: int = 0,
) -> Audit:
    """Each of the ``generated`` sets against the ``real`` one, called ``label``, by these properties."""
    return Audit(
        verifier=verifier.__version__,
        medium=medium,
        real=label,
        real_samples=len(real),
        real_groups=len(np.unique(_groups(real))),
        above=above,
        generated={name: _audited(real, fakes, properties, above, seed) for name, fakes in generated.items()},
    )


def _groups(stored: Sequence[Stored]) -> NDArray[np.int64]:
    return telling.joined_groups([each.group for each in stored], [each.content for each in stored])


def _audited(
    real: Sequence[Stored], fakes: Sequence[Stored], properties: Mapping[str, Property], above: float, seed: int
) -> Audited:
    both = [*real, *fakes]
    fake = np.arange(len(both)) >= len(real)
    groups = _groups(both)
    facts = [each.facts for each in both]
    columns = {key: telling.column_of(facts, key, each.is_number) for key, each in properties.items()}
    sides = {key: (int(each.known[~fake].sum()), int(each.known[fake].sum())) for key, each in columns.items()}
    there = {key: column for key, column in columns.items() if all(sides[key])}
    tested = {key: column for key, column in there.items() if len(np.unique(column.values[column.known])) > 1}
    tests = sum(2 if column.is_number else 1 for column in tested.values()) + 1
    comparison = _Comparison(fake, groups, telling.folds_of(groups, fake, seed), 1 - LEVEL / tests, above)
    found = {key: comparison.of(properties[key], column) for key, column in tested.items()}
    order = sorted(found, key=lambda key: (not found[key].tells, -found[key].auroc, bool(found[key].part_of)))
    of_real = {each.content for each in real}
    return Audited(
        samples=len(fakes),
        groups=len(np.unique(groups[fake])),
        copies=sum(each.content in of_real for each in fakes),
        properties={key: found[key] for key in order},
        alike=tuple(properties[key].words for key in there if key not in tested),
        one_sided=tuple(properties[key].words for key, known in sides.items() if any(known) and not all(known)),
        least=comparison.least(),
        crossed=comparison.folds is not None,
        together=comparison.together([column for key, column in tested.items() if not properties[key].of_content]),
    )


class _Comparison:
    """Real and generated samples of which columns are compared: ``confidence`` is that of the wider interval."""

    def __init__(
        self,
        fake: NDArray[np.bool_],
        groups: NDArray[np.int64],
        folds: NDArray[np.int64] | None,
        confidence: float,
        above: float,
    ) -> None:
        self.fake = fake
        self.groups = groups
        self.folds = folds
        self.confidence = confidence
        self.above = above

    def of(self, known_as: Property, column: Column) -> Telling:
        """How well one property tells."""
        some = column.known
        fake, values = self.fake[some], Column(column.values[some])
        ways = {}
        if column.is_number:
            one_way = telling.area(np.asarray(values.values, np.float64), fake)
            ways["threshold"] = max(one_way, 1 - one_way)
        if self.folds is not None:
            scores = telling.crossed(values, fake, self.folds[some])
            ways["stretch" if column.is_number else "value"] = telling.area(scores, fake)
        how = max(ways, key=lambda way: ways[way], default="value")
        return self._telling(
            known_as.words,
            ways.get(how, 0.5),
            how,
            some,
            of_content=known_as.of_content,
            part_of=known_as.part_of,
            finding=finding(values, fake, known_as.unit),
        )

    def least(self) -> float | None:
        """The least area, in hundredths, that would tell; None if none would."""
        n, m = self._sides(np.ones(len(self.fake), np.bool_))
        areas = np.arange(50, 101) / 100
        wider = (telling.area_interval(area, n, m, self.confidence)[0] for area in areas.tolist())
        return next((area for area, low in zip(areas.tolist(), wider, strict=True) if low > self.above), None)

    def _sides(self, some: NDArray[np.bool_]) -> tuple[int, int]:
        """The groups on each side of some samples."""
        return len(np.unique(self.groups[some & ~self.fake])), len(np.unique(self.groups[some & self.fake]))

    def together(self, columns: Sequence[Column]) -> Telling | None:
        """How well all of them tell; None if they cannot be cross-validated."""
        if self.folds is None or not columns:
            return None
        auroc = telling.area(telling.together(columns, self.fake, self.folds), self.fake)
        return self._telling(TOGETHER, auroc, "classifier", np.ones(len(self.fake), np.bool_))

    def _telling(
        self,
        words: str,
        auroc: float,
        how: str,
        some: NDArray[np.bool_],
        of_content: bool = False,
        part_of: str = "",
        finding: str = "",
    ) -> Telling:
        n, m = self._sides(some)
        wider = telling.area_interval(auroc, n, m, self.confidence)
        return Telling(
            words=words,
            real=int((some & ~self.fake).sum()),
            generated=int((some & self.fake).sum()),
            auroc=auroc,
            interval=telling.area_interval(auroc, n, m),
            how=how,
            tells=wider[0] > self.above,
            of_content=of_content,
            part_of=part_of,
            finding=finding,
        )


def finding(column: Column, fake: NDArray[np.bool_], unit: str = "") -> str:
    """The values that tell most, in words, with the share of each side that has them: of a category those that are
    frequent, or the one that differs most; of a number too, or those up to a threshold, or those of a stretch.
    """
    values, codes = np.unique(column.values, return_inverse=True)
    counts = [np.bincount(codes[side], minlength=len(values)) for side in (~fake, fake)]
    n, m = (int(each.sum()) for each in counts)
    shares = counts[0] / n, counts[1] / m
    gap = shares[0] - shares[1]
    most = dict.fromkeys(int(each.argmax()) for each in shares)
    frequent = [i for i in most if max(shares[0][i], shares[1][i]) >= FREQUENT]
    if not column.is_number and not frequent:
        frequent = [int(np.abs(gap).argmax())]
    up_to = np.cumsum(counts[0]) / n - np.cumsum(counts[1]) / m
    threshold = int(np.abs(up_to).argmax())
    low, high = _stretch(up_to)
    of_value = max((abs(gap[i]) for i in frequent), default=0.0)
    of_stretch = abs(up_to[high] - (up_to[low - 1] if low else 0.0))
    if not column.is_number or (frequent and of_value >= max(abs(up_to[threshold]), of_stretch) - 0.05):
        first, *others = [f"{_name(values, i, unit)} in {_both(shares[0][i], shares[1][i])}" for i in frequent]
        return "; ".join([first, *(other.replace(" of real", "").replace(" of generated", "") for other in others)])
    words = f"from {_name(values, low, unit)} to {_name(values, high, unit)}"
    if abs(up_to[threshold]) >= of_stretch - 0.05:
        low, high, words = 0, threshold, f"at most {_name(values, threshold, unit)}"
    real, generated = (int(each[low : high + 1].sum()) for each in counts)
    return f"{words} in {_both(real / n, generated / m)}"


def _stretch(up_to: NDArray[np.float64]) -> tuple[int, int]:
    """The first and the last value of the stretch of which one side has most more than the other, as the difference
    ``up_to`` of their cumulative shares says.
    """
    low, high = sorted((int(up_to.argmin()), int(up_to.argmax())))
    return (low + 1, high) if up_to[low] * up_to[high] < 0 else (0, int(np.abs(up_to).argmax()))


def _both(real: float, generated: float) -> str:
    return f"{_share(real)} of real, {_share(generated)} of generated"


def _share(share: float) -> str:
    """``98 %``; what is not all, or not nothing, is not rounded to it."""
    return f"{min(max(round(100 * share), 0 if share == 0 else 1), 100 if share == 1 else 99)} %"


def _name(values: NDArray[Any], i: int, unit: str) -> str:
    """Value i of some that rise, in words: of a number so many digits that a fifth of their range is seen."""
    if values.dtype.kind != "f":
        return printable(values[i])[:40]
    after = f" {unit}" if unit else ""
    value, largest = float(values[i]), float(np.abs(values).max())
    if (values == np.rint(values)).all() and largest < 1e15:
        return f"{round(value):,}{after}"
    span = float(values[-1] - values[0]) or 1.0
    seen = math.ceil(math.log10(5 * max(abs(value), span) / span)) + 1
    return _digits(value, min(9, max(3, seen))) + after


def _digits(value: float, digits: int) -> str:
    """So many significant digits, in thousands.

    >>> _digits(44111.25, 3), _digits(44111.25, 6), _digits(0.0012345, 3)
    ('44,111', '44,111.2', '0.00123')
    """
    if value == 0 or abs(value) < 1e-4:
        return f"{value:.{digits}g}"
    after = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{after}f}"
