"""ABC tunes of several voices, and overlays: each voice is a tune of its own to music21, which plays them in turn."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from verifier.base.errors import InputError

_TUNE = re.compile(r"^X:\s*(\d+)", re.MULTILINE)
_NOT_PLAIN = re.compile(r"^V:|\[V:|^K:.*(?:transpose=|octave=|[+-]8\b)", re.MULTILINE)
_FIELD = re.compile(r"^([A-Za-z]):(?!\|)")
_SWITCH = re.compile(r"\[V:([^\]]*)\]")
_CLEF = re.compile(
    r"\s+(?:clef\s*=\s*\"?(?:treble|alto|tenor|bass|perc|none|[GFC])|treble|alto|tenor|bass|[GFC](?=[1-5]))"
    r"[1-5]?([+-]8)?\"?(?=\s|$)"
)
_SHIFT = re.compile(r"\b(transpose|octave)=\s*([+-]?\d{1,3})")
_TOKENS = re.compile(r'"[^"]*"|\[[A-Za-z]:[^\]]*\]|\[\||\|\]|:*\|+:*|::|&|[^"\[|:&]+|.')
_BAR = re.compile(r":*\|+:*|\[\||\|\]|::")

Parser = Callable[[str], Any]
"""What gives the music21 stream of a tune."""


@dataclass
class _Voice:
    """A voice of a tune: its lines of music, and the semitones by which it sounds off what is written."""

    lines: list[str] = field(default_factory=list)
    shift: int = 0


def score_of(text: str, parse: Parser, name: str) -> Any:
    """The music21 score of a tune: a part for each voice (V:) at the pitch that sounds, in which overlays (&) are
    voices. Text of a single voice without an overlay goes to music21 as it is. Raises InputError for several tunes,
    before music21 takes half a minute to read them all.
    """
    tunes = len(set(_TUNE.findall(text)))
    if tunes > 1:
        raise InputError(name, f"expected one piece in a file, found {tunes}; split it into files")
    lines = [re.sub(r"(?<!\\)%.*", "", line).rstrip() for line in text.splitlines()]
    overlays = any("&" in re.sub(r'"[^"]*"', "", line) for line in lines if not _FIELD.match(line))
    if not (_NOT_PLAIN.search(text) or overlays):
        return parse(text)
    header, voices = _split(lines)
    if not any(voice.lines for voice in voices):
        return parse(text)

    from music21 import stream

    score: Any = stream.Score()
    for voice in voices:
        if voice.lines:
            part = _part(header, voice, parse, name)
            score.insert(0, part.transpose(voice.shift) if voice.shift else part)
    return score


def _split(lines: list[str]) -> tuple[list[str], list[_Voice]]:
    """The header up to its key, without what is said of voices and clefs, and the voices in their order."""
    end = next((at for at, line in enumerate(lines) if line.startswith("K:")), len(lines) - 1) + 1
    shift, header, voices = 0, [], dict[str, _Voice]()

    def voice_of(text: str) -> _Voice:
        called = (text.split() or [""])[0]
        own, changed = _shift(f" {text.partition(' ')[2]}")
        voice = voices.setdefault(called, _Voice(shift=shift))
        voice.shift = own if changed else voice.shift
        return voice

    # The key may move all voices, and stands after those that are declared.
    for line in lines[:end]:
        if line.startswith("K:"):
            shift, _ = _shift(line[2:])
            line = "K:" + _CLEF.sub("", _SHIFT.sub("", f" {line[2:].strip()}")).strip()
        if not line.startswith("V:"):
            header.append(line)
    for line in lines[:end]:
        if line.startswith("V:"):
            voice_of(line[2:].strip())
    current: _Voice | None = None
    for line in lines[end:]:
        found = _FIELD.match(line)
        if found and found[1] == "V":
            current = voice_of(line[2:].strip())
        elif found and found[1] in "KML":
            for voice in [current] if current else voices.values() or [voice_of("1")]:
                voice.lines.append(_CLEF.sub("", f"{line} ").strip())
        elif not found and line.strip():
            # The text before a switch, then in turn the name of a voice and its text.
            first, *rest = _SWITCH.split(line)
            if first.strip():
                current = current or voice_of(next(iter(voices), "1"))
                current.lines.append(first)
            for called, music in zip(rest[::2], rest[1::2], strict=True):
                current = voice_of(called.strip())
                current.lines.append(music)
    return header, list(voices.values())


def _shift(properties: str) -> tuple[int, bool]:
    """Semitones by which the properties of a key or a voice move it, and whether they say something of it."""
    moves = [int(number) * (12 if what == "octave" else 1) for what, number in _SHIFT.findall(properties)]
    clefs = [int(f"{octave[0]}12") if octave else 0 for octave in _CLEF.findall(_SHIFT.sub("", properties))]
    return sum(moves) + sum(clefs), bool(moves or clefs)


def _part(header: list[str], voice: _Voice, parse: Parser, name: str) -> Any:
    """The part of a voice. Its overlays begin with their bar: the n-th are a tune of their own, bar by bar."""
    layers = _layers(voice.lines)
    first, *others = (next(iter(parse("\n".join([*header, *layer, ""])).parts)) for layer in layers)
    if not others:
        return first

    from music21 import stream

    bars = [*first.getElementsByClass(stream.Measure)]
    for bar in bars:
        base = stream.Voice(id="1")
        for element in list(bar.notesAndRests):
            offset = element.offset
            bar.remove(element)
            base.insert(offset, element)
        bar.insert(0, base)
    for number, other in enumerate(others, 2):
        measures = [*other.getElementsByClass(stream.Measure)]
        if len(measures) != len(bars):
            raise InputError(name, f"expected an overlay (&) in {len(bars)} bars, found {len(measures)}; use V: for it")
        for bar, measure in zip(bars, measures, strict=True):
            overlay = stream.Voice(id=str(number))
            for element in measure.notes:
                overlay.insert(element.offset, element)
            bar.insert(0, overlay)
    return first


def _layers(lines: list[str]) -> list[list[str]]:
    """The lines of a voice without its overlays, and those of the first overlay of each bar, of the second, and so on;
    a bar without one holds a rest.
    """
    found: list[list[list[str]]] = []
    for line in lines:
        row: list[list[str]] = [[""]]  # of each bar the layers, and after it the bar line
        if _FIELD.match(line):
            found.append([[line]])
            continue
        for token in _TOKENS.findall(line):
            if _BAR.fullmatch(token):
                row += [[token], [""]]
            elif token == "&":
                row[-1].append("")
            else:
                row[-1][-1] += token
        found.append(row)
    count = max((len(bar) for row in found for bar in row), default=1)
    return [["".join(_layer(bar, number) for bar in row) for row in found] for number in range(count)]


def _layer(bar: list[str], number: int) -> str:
    """A layer of a bar: a rest where it has none; bar lines, fields and what is blank are in all layers."""
    if number < len(bar):
        return bar[number]
    blank = not bar[0].strip() or _BAR.fullmatch(bar[0]) or _FIELD.match(bar[0])
    return bar[0] if blank else "z"
