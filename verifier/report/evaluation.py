"""An evaluation as a table in a terminal, and the cells of such a table."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from verifier.base.errors import printable
from verifier.report import audit
from verifier.report.terminal import safe
from verifier.verbs.evaluate import ALL, Discrimination, Evaluated, Evaluation


def print_evaluation(out: Console, found: Evaluation) -> None:
    """One table for each generator: a rule a line, the best first, all rules together at the end."""
    out.print(f"[bold]{safe(found.spec)}[/]  against {safe(found.real)}: {sizes(found)}", soft_wrap=True)
    for name, generator in found.generators.items():
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in (f"{printable(name)}: {size(generator)}", *columns(found, generator)):
            table.add_column(Text(column), no_wrap=True, justify="left")
        for rule, told, of_sets in rows(generator):
            style = "bold" if rule == ALL else ""
            table.add_row(Text(rule, style=style), *(Text(cell, style=style) for cell in cells(told, of_sets)))
        out.print()
        for line in before(generator):
            out.print(f"[yellow]note[/] {safe(name)}: {safe(line)}", soft_wrap=True)
        out.print(table)


def sizes(found: Evaluation) -> str:
    """How many real samples there were, and what the intervals are of."""
    return f"{found.real_samples:,} real samples in {found.real_groups:,} groups; 95 % intervals over groups"


def size(generator: Evaluated) -> str:
    """How many samples of a generator there were."""
    return f"{generator.samples:,} samples, {generator.groups:,} groups"


def before(generator: Evaluated) -> Iterator[str]:
    """What tells the samples of a generator apart before any rule does, in a line, if anything does."""
    found = generator.audit
    if found is not None and audit.strong(found):
        yield f"{audit.verdict(found)}; see verify audit"


def columns(found: Evaluation, generator: Evaluated) -> list[str]:
    """The names of ``cells``."""
    of_sets = [f"AUROC, sets of {found.set_size}"] if generator.by_set else []
    return ["AUROC", "average precision", "found at 1 % false", *of_sets]


def rows(generator: Evaluated) -> Iterator[tuple[str, Discrimination, Discrimination | None]]:
    """Rule, how well it tells samples apart, and sets: the best first, all rules together last."""
    rules = sorted(
        (rule for rule in generator.by_sample if rule != ALL), key=lambda rule: -generator.by_sample[rule].auroc
    )
    for rule in (*rules, ALL):
        yield rule, generator.by_sample[rule], generator.by_set[rule] if generator.by_set else None


def cells(told: Discrimination, of_sets: Discrimination | None) -> list[str]:
    """The numbers of a rule in words."""
    found = [_area(told), f"{told.average_precision:.3f}", f"{told.tpr:.1%}"]
    return [*found, _area(of_sets)] if of_sets else found


def _area(told: Discrimination) -> str:
    return f"{told.auroc:.3f} [{told.interval[0]:.3f}, {told.interval[1]:.3f}]"
