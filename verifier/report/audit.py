"""An audit of containers in a terminal, and in words for every other report."""

import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from verifier.base.errors import printable
from verifier.base.text import plural
from verifier.report.terminal import safe
from verifier.verbs.audit import TOGETHER, Audit, Audited, Telling

STRONG = 0.9
"""The area from which on what tells is in bold."""
WEAK = 0.6
"""The area below which what tells is named and no more."""
FEW = 0.75
"""The least area that would tell, above which it is said that samples are few."""
NO_BREAK = "\N{NO-BREAK SPACE}"
NAMED = 6
"""Properties that are named in a line, at most."""


def print_audit(out: Console, found: Audit) -> None:
    """What tells each generated set from the real one, the best first; then what equalising left of it."""
    for name, audited in found.generated.items():
        _print_set(out, found, name, audited)
    equalised = found.equalised
    if equalised is not None:
        out.print(f"[bold]equalised[/] in {safe(equalised.folder)}")
        for line in equalised.words:
            _indented(out, line)
        out.print()
        for name, audited in equalised.audit.generated.items():
            _print_set(out, equalised.audit, f"{name}, equalised", audited)


def _print_set(out: Console, found: Audit, name: str, audited: Audited) -> None:
    out.print(f"[bold]{safe(name)}[/] against {safe(found.real)}: {safe(sizes(found, audited))}")
    out.print(f"[{'bold red' if audited.tells else 'green'}]{verdict(audited)}[/]")
    for each in strong(audited):
        _indented(out, f"{area(each)}  {each.words}", "bold" if each.auroc > STRONG else "")
        for line in (each.finding, *also(audited, each)):
            _indented(out, line, "dim", 6)
    for line in remarks(audited):
        _indented(out, line, "dim")
    out.print()


def _indented(out: Console, line: str, style: str = "", by: int = 2) -> None:
    """A line, broken where the terminal is narrow, under its own beginning."""
    whole = printable(line).replace(" %", f"{NO_BREAK}%")
    for part in textwrap.wrap(whole, max(20, out.width - by)):
        out.print(Text(" " * by + part.replace(NO_BREAK, " "), style=style), soft_wrap=True)


def sizes(found: Audit, audited: Audited) -> str:
    """How many samples there are on each side."""

    def side(what: str, samples: int, groups: int) -> str:
        return f"{samples:,} {what}" + (f" in {plural('group', groups)}" if groups != samples else "")

    generated = side("generated", audited.samples, audited.groups)
    copies = f", {audited.copies:,} of them copies of real ones" if audited.copies else ""
    return f"{side('real', found.real_samples, found.real_groups)}, {generated}{copies}"


def verdict(audited: Audited) -> str:
    """What the audit says of a set, in a line."""
    together, files = audited.together, audited.of_files
    if files:
        more = f"; {TOGETHER} {_two(together.auroc)}" if together and together.auroc > files[0].auroc + 0.005 else ""
        return f"before any rule: {files[0].words} alone tells them apart with AUROC {_two(files[0].auroc)}{more}"
    if audited.tells and together:
        return f"before any rule: {TOGETHER} tell them apart with AUROC {_two(together.auroc)}"
    content = [f"{each.words} {_two(each.auroc)}" for each in audited.telling if each.auroc >= WEAK]
    held = f"; what they hold does: {_listed(content)}" if content else ""
    return f"before any rule: nothing in the files tells them apart{held}"


def strong(audited: Audited) -> list[Telling]:
    """The properties that tell well enough to be shown with what they find."""
    return [each for each in audited.telling if each.auroc >= WEAK]


def also(audited: Audited, shown: Telling) -> Iterator[str]:
    """What is to be said of a property beside its values."""
    parts = [each.words for each in audited.parts(shown)]
    if parts:
        yield f"and so {_listed(parts)}"
    if shown.of_content:
        yield "it follows from what the samples hold: equalising leaves it"
    real = max(each.real for each in audited.properties.values())
    if shown.real < real or shown.generated < audited.samples:
        yield f"known of {shown.real:,} real, {shown.generated:,} generated"


def remarks(audited: Audited) -> Iterator[str]:
    """What does not tell, or hardly, each in a line."""
    weak = [f"{each.words} {_two(each.auroc)}" for each in audited.telling if each.auroc < WEAK]
    silent = [each.words for each in audited.properties.values() if not each.tells]
    together = audited.together
    if weak:
        yield f"beyond chance, but little: {_listed(weak)}"
    if not audited.crossed:
        yield "too few groups on one side for a cross-validation: only thresholds of numbers were looked at"
    if together is not None and audited.tells:
        yield f"{TOGETHER}, cross-validated: {area(together)}"
    counted = [f"{len(silent)} within chance ({_listed(silent)})"] if silent else []
    if audited.alike:
        counted.append(f"{len(audited.alike)} the same in all samples")
    if counted:
        yield "; ".join(counted)
    if audited.one_sided:
        yield f"known of one side alone, and not compared: {_listed(audited.one_sided)}"
    if audited.least is None:
        yield "so few samples tell nothing, whatever differs"
    elif audited.least > FEW:
        yield f"so few samples tell only from an AUROC of {_two(audited.least)} on"


def area(told: Telling) -> str:
    """``1.00 [.98, 1.00]``."""
    return f"{_two(told.auroc)} [{_two(told.interval[0])}, {_two(told.interval[1])}]"


def _two(number: float) -> str:
    """Two digits after the point; what is less than 1 is not rounded to it."""
    return "1.00" if number == 1 else f"{min(number, 0.99):.2f}".removeprefix("0")


def _listed(names: Sequence[str]) -> str:
    further = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + further
