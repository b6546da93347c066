"""What a command says while it works: a bar on standard error if that is a terminal; and what it wrote."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from verifier.api.load import Progress, quiet

if TYPE_CHECKING:
    from rich.console import Console


def progress_of(is_quiet: bool = False) -> Progress:
    """Bars, or nothing where nobody would see them."""
    return quiet if is_quiet or not sys.stderr.isatty() else bar


@contextmanager
def bar(title: str, total: int | None) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error while the block runs."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    from verifier.report import terminal

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with RichProgress(*columns, console=terminal.console(stderr=True), transient=True) as shown:
        task = shown.add_task(terminal.safe(title), total=total)

        def advance(n: int, total: int | None = None) -> None:
            shown.update(task, advance=n, total=total)  # a total of None leaves the old one

        yield advance


def say_written(out: "Console", paths: Sequence[Path]) -> None:
    """A line for each file."""
    from verifier.report import terminal

    for path in paths:
        out.print(f"[dim]wrote {terminal.safe(path)}[/]", soft_wrap=True)
