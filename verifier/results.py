"""What the verbs of the Python API give: a run of a check, and an explanation. A repr is one line."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from verifier.base.errors import InputError, printable
from verifier.base.text import plural
from verifier.spec import run as records
from verifier.spec.spec import Spec

if TYPE_CHECKING:
    import pandas

    from verifier.data.batch import Batch
    from verifier.rule.rule import Violation
    from verifier.verbs.explain import Explained
    from verifier.verbs.tallies import Tally

COLUMNS = ("violations", "distinct", "trials", "rate", "ratio", "p_value", "verdict", "reason")
"""The numbers of a rule that stand in a table of Python."""
ORDER = ("fail", "processed", "out of domain", "undecided", "pass")
"""Verdicts, the worst first."""


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """One run of a check: a result for each sample set under one spec.

    ``record`` is all that ``save("run.json")`` writes. ``tallies`` are the counts of single samples, which a run that
    was loaded from a file has no more.

    Examples
    --------
    >>> import numpy as np, verifier as vf
    >>> run = vf.check("bach-roll", np.zeros((20, 64, 64), bool))
    >>> run
    Run(spec='bach-roll', samples: fail, 20 of 20 flagged)
    >>> run.passed
    False
    """

    record: records.Run
    tallies: Mapping[str, "Tally"] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The run in a file that ``save`` or ``verify -o run.json`` wrote. Raises InputError."""
        return cls(records.load(Path(path)))

    @property
    def sets(self) -> Mapping[str, records.SetResult]:
        """The result of each sample set, by its label."""
        return self.record.sets

    @property
    def verdict(self) -> str:
        """The worst verdict of all sample sets: fail, processed, out of domain, undecided or pass."""
        return min((result.verdict for result in self.sets.values()), key=ORDER.index, default="undecided")

    @property
    def passed(self) -> bool:
        """True if every sample set passes. A set that is undecided does not."""
        return self.verdict == "pass"

    @property
    def flagged(self) -> dict[str, tuple[str, ...]]:
        """The names of the flagged samples of each set, strangest first: of real samples a share of alpha is."""
        return {label: tuple(flag.sample for flag in result.flagged or ()) for label, result in self.sets.items()}

    def to_dict(self) -> dict[str, Any]:
        """The whole record as plain types, as it stands in a run.json."""
        found: dict[str, Any] = msgspec.to_builtins(self.record, str_keys=True)
        return found

    def to_pandas(self) -> "pandas.DataFrame":
        """A row for each sample set and rule, with the columns of ``COLUMNS``. Raises InputError without pandas."""
        try:
            import pandas
        except ImportError as error:
            raise InputError("to_pandas", "needs pandas: pip install pandas") from error
        return pandas.DataFrame(self._rows())

    def save(self, path: str | Path) -> None:
        """Write the run in the format that the suffix of ``path`` names: .json, .md, .xml (JUnit), .csv and others.

        Raises InputError for another suffix, and for a place that cannot be written to.
        """
        from verifier.report import formats

        formats.require_formats([Path(path)], "run")
        formats.write(self.record, Path(path), self.tallies)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {"set": label, "rule": name, **{column: getattr(rule, column) for column in COLUMNS}}
            for label, result in self.sets.items()
            for name, rule in result.rules.items()
        ]

    def __repr__(self) -> str:
        name = self.record.spec.get("name", "")
        sets = "; ".join(
            f"{printable(label)}: {result.verdict}"
            + ("" if result.flagged is None else f", {len(result.flagged):,} of {result.samples:,} flagged")
            for label, result in self.sets.items()
        )
        return f"Run(spec={name!r}, {sets})"

    def _repr_html_(self) -> str:
        """A table of rules by sample sets, for a notebook."""
        labels = list(self.sets)
        head = "".join(f"<th>{html.escape(printable(label))}</th>" for label in labels)
        rows = []
        for name in self.sets[labels[0]].rules if labels else ():
            cells = "".join(f"<td>{html.escape(_cell(self.sets[label].rules[name]))}</td>" for label in labels)
            rows.append(f"<tr><th style='text-align:left'>{html.escape(name)}</th>{cells}</tr>")
        verdicts = "".join(f"<td><b>{self.sets[label].verdict}</b></td>" for label in labels)
        return (
            f"<table><thead><tr><th>violations per trial</th>{head}</tr></thead><tbody>{''.join(rows)}"
            f"<tr><th style='text-align:left'>verdict</th>{verdicts}</tr></tbody></table>"
        )


def _cell(rule: records.RuleResult) -> str:
    if rule.rate is None:
        return "no trial"
    times = f", {rule.ratio:.2g} times the real rate" if rule.ratio else ""
    return f"{rule.rate:.2%}{times}: {rule.verdict}"


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Every violation of the samples that were asked about.

    Examples
    --------
    >>> import numpy as np, verifier as vf
    >>> roll = np.zeros((1, 64, 64), bool)
    >>> roll[0, [24, 28, 31], :32] = roll[0, [25, 26, 27], 32:] = True
    >>> found = vf.explain("bach-roll", roll)
    >>> found
    Explanation(spec='bach-roll', 4 violations in 1 of 1 sample)
    >>> found.violations[-1].where, found.violations[-1].observed
    ('bar 3 beat 1', 'C# D D#')
    """

    spec: Spec
    explained: "Explained"
    shown: int

    @property
    def batch(self) -> "Batch":
        """The samples."""
        return self.explained.batch

    @property
    def violations(self) -> "Sequence[Violation]":
        """All violations, sample by sample."""
        return [violation for found in self.explained.found.values() for violation in found]

    def save(self, path: str | Path) -> None:
        """Draw the samples that break most (.png, .svg, .pdf), or write an annotated copy of them where the medium has
        such copies (of music .musicxml, .mid). Raises InputError for another suffix.
        """
        from verifier.data.medium import medium_of
        from verifier.report.formats import PICTURES

        target, medium = Path(path), medium_of(self.spec.view)
        self.require(target)
        if target.suffix in PICTURES:
            medium.draw(target, self.spec.rules, self.batch, self.explained.found, self.shown)
        else:
            medium.annotate(target, self.batch, self.explained.found, self.shown)

    def require(self, path: Path) -> None:
        """Raise InputError if ``save`` could not write there."""
        from verifier.base.files import require_writable
        from verifier.data.medium import medium_of

        medium = medium_of(self.spec.view)
        require_explainable([path], self.spec)
        require_writable(path)
        if path.suffix in medium.copies:
            medium.require_copy(path, self.batch, self.explained.found, self.shown)

    def __repr__(self) -> str:
        found = self.explained
        return (
            f"Explanation(spec={self.spec.name!r}, {plural('violation', found.violations)}"
            f" in {found.broken:,} of {plural('sample', found.samples)})"
        )

    def _repr_html_(self) -> str:
        """A table of violations, for a notebook."""
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(printable(cell))}</td>" for cell in cells) + "</tr>"
            for cells in (
                (found.sample, found.where, found.rule, found.observed, found.allowed)
                for found in self.violations[:100]
            )
        )
        heads = "".join(f"<th>{head}</th>" for head in ("sample", "where", "rule", "observed", "allowed"))
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def require_explainable(paths: Sequence[Path], spec: Spec) -> None:
    """Raise InputError for a suffix in which samples under ``spec`` cannot be drawn or copied."""
    from verifier.data.medium import medium_of
    from verifier.report.formats import PICTURES

    copies = medium_of(spec.view).copies
    for path in paths:
        if path.suffix not in (*PICTURES, *copies):
            further = f", or an annotated copy with one of {', '.join(copies)}" if copies else ""
            raise InputError(
                path, f"expected a picture with a suffix of {', '.join(PICTURES)}{further}, found {path.suffix!r}"
            )
