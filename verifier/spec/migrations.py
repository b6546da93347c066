"""Formats of the files that outlive a version, and what takes an older one to the next: plain maps in, plain maps out.

A step looks only into what has the shape that its format has, and leaves the rest alone: what is wrong there is said,
with its path, when the result is decoded.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from verifier.base.errors import InputError, located
from verifier.data.medium import Medium, media, medium_named
from verifier.judge.sets import SetCheck

RUN_FORMAT = 1
"""Of a run record: its key ``format``; a record without it is of format 0."""
SPEC_FORMAT = 3
"""Of a spec: its key ``verifier``."""

Step = Callable[[dict[str, Any]], dict[str, Any]]
"""A file of one format -> the same in the next. Raises msgspec.ValidationError for what it cannot read."""


def migrated(data: dict[str, Any], found: int, steps: Mapping[int, Step]) -> dict[str, Any]:
    """``data``, which is of the format ``found``, in the format that is written today."""
    while found in steps:
        data, found = steps[found](data), found + 1
    return data


def current_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec, of a file or in a record, in the format that is written today. Raises InputError for one that only a
    newer version can read.
    """
    found = spec.get("verifier")
    if not isinstance(found, int):
        return spec
    if found > SPEC_FORMAT:
        raise InputError("", f"made by a newer verify (format {found}); this one reads up to {SPEC_FORMAT}")
    return _without_stray_counts(migrated(spec, found, SPECS))


def _medium(spec: dict[str, Any]) -> Medium | None:
    """That of a spec; None if it is not one that is known here."""
    view = spec.get("view")
    kind = view.get("kind") if isinstance(view, dict) else None
    return medium_named(kind) if isinstance(kind, str) and kind in media() else None


def _without_stray_counts(spec: dict[str, Any]) -> dict[str, Any]:
    """Format 1 was first written with counts of notes for every medium, 0 where they mean nothing."""
    facts, medium = spec.get("facts"), _medium(spec)
    if not isinstance(facts, dict) or medium is None:
        return spec
    known = medium.storage.__struct_fields__
    stray = {name for name in ("notes", "clipped") if name not in known and not facts.get(name)}
    return {**spec, "facts": {name: count for name, count in facts.items() if name not in stray}}


def _checks_by_title(record: dict[str, Any]) -> dict[str, Any]:
    """Format 0 has a key for each check that music makes of a set. In format 1 a set has ``checks`` by title, in which
    every medium writes its own.
    """
    spec, sets, gate = record.get("spec"), record.get("sets"), record.get("gate")
    if not isinstance(spec, dict) or not isinstance(sets, dict):
        return record
    spec, medium = current_spec(spec), _medium(spec)
    known = (medium.set_checks() if medium else None) or ()
    found = {**record, "spec": spec, "sets": {label: _by_title(result, known) for label, result in sets.items()}}
    if isinstance(gate, dict) and isinstance(gate.get("collapsed"), list):
        found["gate"] = {**gate, "collapsed": _renamed(gate["collapsed"])}
    return found


def _by_title(result: Any, known: Sequence[SetCheck]) -> Any:
    """The result of a set with what the ``known`` checks found under their titles."""
    whole = result.get("whole") if isinstance(result, dict) else None
    if not isinstance(whole, dict) or "checks" in whole:
        return result
    checks = {}
    for check in known:
        details = whole.get(check.key)
        if details is not None:
            if isinstance(details, dict) and isinstance(details.get("reason"), str):
                details = {**details, "reason": details["reason"].replace("near twins", "near-duplicates")}
            try:
                checks[check.title] = msgspec.to_builtins(check.result(details))
            except msgspec.ValidationError as error:
                raise located(error, f"$.sets[...].whole.{check.key}") from None
    moved = {check.key for check in known}
    return {**result, "whole": {**{key: value for key, value in whole.items() if key not in moved}, "checks": checks}}


def _renamed(collapsed: Sequence[Any]) -> list[Any]:
    """``twins of samples/`` is ``near-duplicates of samples/``; what collapsed in a set is sorted."""
    names = {"twins": "near-duplicates", "copies": "memorised passages"}
    found = []
    for what, of, label in (str(text).partition(" of ") for text in collapsed):
        found.append((label, names.get(what, what) + of + label))
    labels = list(dict.fromkeys(label for label, _ in found))
    return [text for label in labels for text in sorted(text for other, text in found if other == label)]


def _ranges_by_pitch(spec: dict[str, Any]) -> dict[str, Any]:
    """In format 1 ranges are of pitches, by name or by number, and similarity is told in bars; bars of 4 quarters are
    what most of them were. A record of an older run can be read so; a spec in a file is to be learned again, as its
    rules of music count other things today (``current_file``).
    """
    rules = spec.get("rules")
    if not isinstance(rules, list):
        return {**spec, "verifier": 2}
    return {
        **spec,
        "verifier": 2,
        "rules": [_rule_by_pitch(rule) if isinstance(rule, dict) else rule for rule in rules],
    }


def _rule_by_pitch(rule: dict[str, Any]) -> dict[str, Any]:
    if rule.get("rule") == "voice-ranges":
        return {**rule, "invariance": "none"}
    if rule.get("rule") == "pitch-range" and isinstance(rule.get("pitches"), dict):
        from verifier.music.words import pitch_name

        pitches = {int(pitch): count for pitch, count in rule["pitches"].items() if str(pitch).isdecimal()}
        inside = {pitch_name(pitch): count for pitch, count in pitches.items() if pitch < 128}
        return {**rule, "invariance": "none", "pitches": inside}
    if rule.get("rule") == "self-similarity":
        told = {key: rule[key] for key in ("agreement", "scales") if isinstance(rule.get(key), dict)}
        return {**rule, **{key: {_in_quarters(part): of for part, of in parts.items()} for key, parts in told.items()}}
    return rule


def _accidentals_of_full_weight(spec: dict[str, Any]) -> dict[str, Any]:
    """In format 2 the probabilities of ``accidentals`` were multiplied as they are."""
    rules = spec.get("rules")
    found = {**spec, "verifier": 3}
    if isinstance(rules, list):
        found["rules"] = [
            {"weight": 1.0, **rule} if isinstance(rule, dict) and rule.get("rule") == "accidentals" else rule
            for rule in rules
        ]
    return found


def _in_quarters(part: str) -> str:
    for bars, quarters in (
        ("a quarter", "1 quarter"),
        ("1 bar", "4 quarters"),
        ("2 bars", "8 quarters"),
        ("4 bars", "16 quarters"),
        ("8 bars", "32 quarters"),
    ):
        part = part.replace(f", {bars} later", f", {quarters} later")
    return part


def current_file(spec: dict[str, Any]) -> dict[str, Any]:
    """As ``current_spec``, of a spec in a file of its own. Raises InputError for one that is to be learned again: its
    rules counted other things, and so its real pieces scored otherwise.
    """
    medium, found = _medium(spec), spec.get("verifier")
    if medium is not None and isinstance(found, int) and 0 < found < medium.spec_format:
        raise InputError(
            "", "learned by an older verify, whose rules counted other things; learn it again: verify learn"
        )
    return current_spec(spec)


RUNS: Mapping[int, Step] = {0: _checks_by_title}
"""Format of a run record -> what makes the next of it."""
SPECS: Mapping[int, Step] = {1: _ranges_by_pitch, 2: _accidentals_of_full_weight}
"""Format of a spec -> what makes the next of it."""
