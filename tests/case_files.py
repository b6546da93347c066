"""``tests/cases/<rule>.yml``: cases, and the fault that real samples are given so that the rule fails.

A fault edits the text of a sample: ``replace`` and ``replace-first`` (what -> by what), ``append``, ``sample`` (another
text altogether), or ``voices``: a list of voices, each the number of an old one or a new text.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from verifier.rule.registry import all_rules

KINDS = ("piano-roll", "mel-spectrogram", "image")
"""An entry is of the first of these that has its rule, unless it says of which."""


def entries() -> list[tuple[str, str, dict[str, Any]]]:
    """(rule, kind of view, entry) of every entry of every file."""
    kinds: dict[str, set[str]] = {}
    for kind, rule in all_rules():
        kinds.setdefault(rule.name(), set()).add(kind)
    found = []
    for path in sorted(Path(__file__).parent.joinpath("cases").glob("*.yml")):
        for entry in yaml.safe_load(path.read_text("utf-8")):
            first = next(kind for kind in KINDS if kind in kinds[path.stem])
            found.append((path.stem, entry.get("medium", first), entry))
    return found


def plants(kind: str) -> dict[str, Callable[[str], str]]:
    """Rule -> the fault that it must find in samples of that kind of view."""
    found: dict[str, Callable[[str], str]] = {}
    for rule, of, entry in entries():
        if "fault" in entry and of == kind:
            assert rule not in found, f"{rule}.yml has two faults for a {kind}"
            found[rule] = lambda sample, fault=entry["fault"]: plant(sample, fault)
    return found


def plant(sample: str, fault: Mapping[str, Any]) -> str:
    """The text of a sample with the fault in it."""
    assert set(fault) <= {"replace", "replace-first", "append", "sample", "voices"}, fault
    if "sample" in fault:
        return fault["sample"]
    if "voices" in fault:
        old = sample.split(" | ")
        return " | ".join(old[voice] if isinstance(voice, int) else voice for voice in fault["voices"])
    for what, by in fault.get("replace", {}).items():
        sample = sample.replace(what, by)
    for what, by in fault.get("replace-first", {}).items():
        sample = sample.replace(what, by, 1)
    return f"{sample} {fault['append']}" if "append" in fault else sample
