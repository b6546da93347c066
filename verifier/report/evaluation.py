"""An evaluation as a table in the terminal, as Markdown and as JSON."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from verifier.base.errors import InputError, printable
from verifier.base.files import replacing, require_writable
from verifier.spec.run import encoded
from verifier.verbs.evaluate import ALL, Discrimination, Evaluated, Evaluation

SUFFIXES = (".json", ".md")


def require_formats(paths: Sequence[Path]) -> None:
    """Raise InputError for a file that is no format of an evaluation, or cannot be written."""
    for path in paths:
        if path.suffix not in SUFFIXES:
            raise InputError(
                path, f"expected an evaluation with a suffix of {', '.join(SUFFIXES)}, found {path.suffix!r}"
            )
        require_writable(path)


def write(found: Evaluation, path: Path) -> None:
    """Write an evaluation, whole or not at all."""
    data = encoded(found) if path.suffix == ".json" else "\n".join([*markdown(found), ""]).encode()
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def print_evaluation(out: Console, found: Evaluation) -> None:
    """One table for each generator: a rule a line, the best first, all rules together at the end."""
    out.print(f"[bold]{printable(found.spec)}[/]  {_real(found)}", soft_wrap=True)
    for name, generator in found.generators.items():
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in _head(found, name, generator):
            table.add_column(column, no_wrap=True, justify="left")
        for rule, told, of_sets in _rows(generator):
            style = "bold" if rule == ALL else ""
            table.add_row(Text(rule, style=style), *(Text(cell, style=style) for cell in _cells(told, of_sets)))
        out.print()
        out.print(table)


def markdown(found: Evaluation) -> Iterator[str]:
    """The same tables as lines of Markdown."""
    yield f"Spec {printable(found.spec)}, {_real(found)}"
    for name, generator in found.generators.items():
        head = _head(found, name, generator)
        yield ""
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * len(head)}"
        for rule, told, of_sets in _rows(generator):
            shown = f"**{rule}**" if rule == ALL else rule
            yield f"| {shown} | {' | '.join(_cells(told, of_sets))} |"


def _real(found: Evaluation) -> str:
    return (
        f"against {printable(found.real)}: {found.real_samples:,} real samples in {found.real_groups:,} groups;"
        " 95 % intervals over groups"
    )


def _head(found: Evaluation, name: str, generator: Evaluated) -> list[str]:
    label = f"{printable(name)}: {generator.samples:,} samples, {generator.groups:,} groups"
    of_sets = [f"AUROC, sets of {found.set_size}"] if generator.by_set else []
    return [label, "AUROC", "average precision", "found at 1 % false", *of_sets]


def _rows(generator: Evaluated) -> Iterator[tuple[str, Discrimination, Discrimination | None]]:
    rules = sorted(
        (rule for rule in generator.by_sample if rule != ALL), key=lambda rule: -generator.by_sample[rule].auroc
    )
    for rule in (*rules, ALL):
        yield rule, generator.by_sample[rule], generator.by_set[rule] if generator.by_set else None


def _cells(told: Discrimination, of_sets: Discrimination | None) -> list[str]:
    cells = [_area(told), f"{told.average_precision:.3f}", f"{told.tpr:.1%}"]
    return [*cells, _area(of_sets)] if of_sets else cells


def _area(told: Discrimination) -> str:
    return f"{told.auroc:.3f} [{told.interval[0]:.3f}, {told.interval[1]:.3f}]"
