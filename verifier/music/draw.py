"""Music as piano rolls with its violations marked and numbered, as a picture."""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.text import Text

from verifier.base.errors import printable
from verifier.base.files import replacing
from verifier.data.batch import Batch
from verifier.draw.marks import first_numbers, is_whole
from verifier.draw.text import plain
from verifier.music.features.durations import sounding_pitches
from verifier.music.features.runs import runs
from verifier.music.marks import NoteTable, marked, note_table
from verifier.music.samples import music, roll_view
from verifier.music.voices import voice_name
from verifier.music.words import bar_name, bar_of, pitch_name, where
from verifier.rule.rule import Violation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SYSTEM = 20.0
"""Quarter notes in one system at most: five bars of four quarters, which fit on a page with every number readable."""
MAX_SYSTEMS = 40
"""Systems in a picture; of a longer piece the first ones are drawn."""
INCHES_PER_QUARTER = 0.72
LANE = 0.19
"""Height in inches of the lane of a rule, and of each further line in it."""
SEMITONE = 0.1
"""Height in inches of a row of the roll."""
DIGIT = 0.062
"""Width in inches of a digit of a number in a lane."""
LETTERS = 9
"""Letters of a title in an inch."""
VOICE_COLOURS = ("#4477aa", "#228833", "#ccbb44", "#aa3377", "#66ccee", "#994455", "#997700", "#6699cc")
"""Colours that remain apart for the colour-blind (after P. Tol's schemes); none of them is the red of violations."""
NOTE_COLOUR = "#8a94a0"
RED = "#cc1122"


class System(NamedTuple):
    """A stretch of sample i that is drawn in one line, from step ``start`` up to ``stop``."""

    i: int
    start: int
    stop: int


class Mark(NamedTuple):
    """A violation with its number."""

    number: int
    violation: Violation

    def inside(self, system: System) -> bool:
        """Whether it starts in the system."""
        return system.start <= self.violation.start < system.stop


def write(path: Path, batch: Batch, found: Mapping[int, Sequence[Violation]], shown: int) -> None:
    """Draw the ``shown`` samples with the most violations, in systems as in a score.

    Voices have their colours. What breaks a rule has a red frame, and below the notes each rule has a lane, in which
    its violations stand from start to end with the numbers that the printed list has.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    order = sorted(sorted(found, key=lambda i: (-len(found[i]), i))[:shown])
    systems = [system for i in order for system in systems_of(batch, i)]
    drawn = systems[:MAX_SYSTEMS]
    numbers = first_numbers(batch, found)
    marks = {i: [Mark(number, violation) for number, violation in enumerate(found[i], numbers[i])] for i in order}
    tables = {i: note_table(batch, i) for i in order}
    lanes = {system: _lanes(marks[system.i], system, batch) for system in drawn}
    ranges = {i: _range(batch, tables[i]) for i in order}
    per_quarter = float(roll_view(batch).steps_per_quarter)
    longest = max(system.stop - system.start for system in drawn)
    left, right, width = 1.75, 0.2, max(longest / per_quarter, 8) * INCHES_PER_QUARTER
    # Above the first system of a sample stands its title, above every system its bar numbers.
    whole = {i: [mark for mark in marks[i] if is_whole(batch, i, mark.violation)] for i in order}
    heads = [0.24 + (system.start == 0) * (0.34 + 0.26 * bool(whole[system.i])) for system in drawn]
    rolls = [(ranges[system.i][1] - ranges[system.i][0]) * SEMITONE for system in drawn]
    below = [LANE * sum(map(len, lanes[system].values())) + 0.1 for system in drawn]
    height = sum(heads) + sum(rolls) + sum(below) + 0.18 * len(drawn) + 0.15
    figure = plt.figure(figsize=(left + width + right, height))

    def axes(top: float, tall: float, system: System) -> "Axes":
        share = (system.stop - system.start) / per_quarter * INCHES_PER_QUARTER
        total = left + width + right
        made: Axes = figure.add_axes((left / total, (top - tall) / height, share / total, tall / height))
        made.set_xlim(system.start, system.stop)
        made.spines[:].set_visible(False)
        made.tick_params(length=0)
        return made

    top = height
    for system, head, roll, lane in zip(drawn, heads, rolls, below, strict=True):
        if system.start == 0:
            _title(figure, top, height, batch, system.i, len(found[system.i]), whole[system.i])
        top -= head
        axis = axes(top, roll, system)
        axis.set_ylim(*ranges[system.i])
        _draw_notes(axis, batch, tables[system.i], marks[system.i], system)
        _draw_bars(axis, batch, system)
        _draw_pitches(axis, ranges[system.i])
        top -= roll
        _draw_lanes(axes(top, lane, system), lanes[system], system)
        top -= lane + 0.18
    if len(systems) > len(drawn):
        note = f"{len(systems) - len(drawn)} more systems are not drawn"
        figure.text(left / (left + width + right), 0.03 / height, note, fontsize=8, color="0.4")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None} if path.suffix == ".png" else None)
    plt.close(figure)


def systems_of(batch: Batch, i: int) -> list[System]:
    """Sample i cut at bar lines into systems of nearly equal length, none much longer than SYSTEM."""
    per_quarter, length = float(roll_view(batch).steps_per_quarter), int(batch.lengths[i])
    count = max(1, math.ceil(length / per_quarter / SYSTEM - 1e-6))
    lines = np.array([0.0, *bar_lines(batch, i), length])
    cuts = [float(lines[np.abs(lines - length * k / count).argmin()]) for k in range(count + 1)]
    if float(music(batch).meters[i]) > SYSTEM:  # bars longer than a system must be cut
        cuts = [length * k / count for k in range(count + 1)]
    steps = sorted({round(cut) for cut in cuts})
    return [System(i, start, stop) for start, stop in itertools.pairwise(steps)]


def bar_lines(batch: Batch, i: int) -> list[float]:
    """Where bars begin, in steps of sample i and not always on one."""
    per_quarter, start = float(roll_view(batch).steps_per_quarter), int(batch.starts[i])
    meter, pickup = float(music(batch).meters[i]), float(music(batch).pickups[i])
    bar = bar_of(start / per_quarter - 1e-5, meter, pickup)  # the bar before the first line
    lines = []
    while (step := (pickup + bar * meter) * per_quarter - start) < int(batch.lengths[i]) - 1e-6:
        lines.append(max(step, 0.0))
        bar += 1
    return lines


def _title(figure: Any, top: float, height: float, batch: Batch, i: int, count: int, whole: Sequence[Mark]) -> None:
    """Name, place and number of violations; a legend of the voices; and the violations that have no place."""
    from matplotlib.patches import Patch

    width = figure.get_size_inches()[0]
    name, place = printable(batch.names[i]), where(batch, i, 0)
    room = max(int((width - 4) * LETTERS) - len(place) - 24, 8)  # the legend takes four inches
    name = name if len(name) <= room else f"...{name[-room:]}"
    text = f"{name}, from {place}: {count:,} violation{'s' * (count != 1)}"
    figure.text(0.12 / width, 1 - (height - top + 0.24) / height, plain(text), fontsize=11, weight="bold")
    if whole:
        words = ", ".join(f"{mark.number} {mark.violation.rule}" for mark in whole[:8])
        words += f" and {len(whole) - 8} more" if len(whole) > 8 else ""
        figure.text(
            0.12 / width, 1 - (height - top + 0.45) / height, f"as a whole: {words}", fontsize=8.5, color=RED, wrap=True
        )
    voices = int(music(batch).voices.counts[i])
    if voices:
        names = [voice_name(voice, voices) for voice in range(voices)]
        figure.legend(
            handles=[Patch(color=_colour(voice, voices), label=name) for voice, name in enumerate(names)],
            loc="upper right",
            bbox_to_anchor=(1 - 0.1 / width, 1 - (height - top + 0.02) / height),
            ncols=min(voices, 8),
            frameon=False,
            fontsize=9,
            handlelength=1,
            columnspacing=1.2,
        )


def _colour(voice: int, voices: int) -> str:
    return VOICE_COLOURS[voice % len(VOICE_COLOURS)] if voices else NOTE_COLOUR


def _range(batch: Batch, table: NoteTable) -> tuple[float, float]:
    """The lowest and the highest pitch to draw, at least an octave apart."""
    if not len(table.pitches):
        return roll_view(batch).lowest_pitch - 0.5, roll_view(batch).lowest_pitch + 12.5
    low, high = int(table.pitches.min()), int(table.pitches.max())
    return min(low, high - 12) - 1.5, high + 1.5


def _draw_notes(axis: "Axes", batch: Batch, table: NoteTable, marks: Sequence[Mark], system: System) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    def boxes(starts: Any, stops: Any, pitches: Any) -> list[Rectangle]:
        spans = zip(starts.tolist(), stops.tolist(), pitches.tolist(), strict=True)
        return [Rectangle((start, pitch - 0.42), stop - start, 0.84) for start, stop, pitch in spans]

    voices = int(music(batch).voices.counts[system.i])
    here = table.where((table.starts < system.stop) & (table.stops > system.start))
    colours = [_colour(voice, voices) for voice in here.voices.tolist()]
    found = boxes(here.starts, here.stops, here.pitches)
    axis.add_collection(PatchCollection(found, facecolors=colours, edgecolors="white", linewidths=0.8))
    framed = np.zeros((len(table.pitches), system.stop - system.start + 2), np.bool_)  # each note, at each step
    for mark in marks:
        first, last = mark.violation.start, mark.violation.start + mark.violation.steps
        for at in marked(table, mark.violation).tolist():
            start, stop = int(table.starts[at]), int(table.stops[at])
            if start < last and stop > first:
                start, stop = max(start, first), min(stop, last)
            start, stop = max(start, system.start), min(stop, system.stop)
            framed[at, start - system.start + 1 : max(stop - system.start + 1, 0)] = True
    _, at, starts, stops = runs(framed[None])
    frames = boxes(starts + system.start - 1, stops + system.start - 1, table.pitches[at])
    axis.add_collection(PatchCollection(frames, facecolors="none", edgecolors=RED, linewidths=1.3, zorder=3))


def _draw_bars(axis: "Axes", batch: Batch, system: System) -> None:
    """Bar lines with the names of bars, and fainter lines at the beats."""
    per_quarter, start = float(roll_view(batch).steps_per_quarter), int(batch.starts[system.i])
    meter, pickup = float(music(batch).meters[system.i]), float(music(batch).pickups[system.i])
    lines = [line for line in bar_lines(batch, system.i) if system.start <= line < system.stop]
    for line in lines:
        axis.axvline(line, color="0.35", linewidth=0.9, zorder=0)
    first = math.ceil((system.start + start) / per_quarter - pickup - 1e-6)
    last = (system.stop + start) / per_quarter - pickup
    for beat in range(first, math.ceil(last - 1e-6)):
        axis.axvline((beat + pickup) * per_quarter - start, color="0.86", linewidth=0.6, zorder=-1)
    labels = [(line, bar_name(bar_of((line + start) / per_quarter, meter, pickup))) for line in lines]
    if not lines or lines[0] > system.start:
        bar = bar_of((system.start + start) / per_quarter, meter, pickup)
        labels.insert(0, (system.start, bar_name(bar)))
    axis.xaxis.tick_top()
    axis.set_xticks([line for line, _ in labels], [label for _, label in labels], ha="left", fontsize=8, color="0.25")
    axis.tick_params(axis="x", pad=1)


def _draw_pitches(axis: "Axes", heights: tuple[float, float]) -> None:
    """The names of C and G; black keys darker, as on a keyboard."""
    named = [pitch for pitch in range(math.ceil(heights[0]), math.ceil(heights[1])) if pitch % 12 in (0, 7)]
    axis.set_yticks(named, [pitch_name(pitch) for pitch in named], fontsize=8, color="0.25")
    for pitch in range(math.ceil(heights[0]), math.ceil(heights[1])):
        if pitch % 12 in (1, 3, 6, 8, 10):
            axis.axhspan(pitch - 0.5, pitch + 0.5, color="0.965", linewidth=0, zorder=-2)


Lanes = dict[str, list[list[Mark]]]
"""Rule -> lines, each with violations whose numbers do not run into each other."""


def _lanes(marks: Sequence[Mark], system: System, batch: Batch) -> Lanes:
    """The violations that start in the system by rule, in as few lines as keep their numbers readable."""
    steps_per_digit = DIGIT / INCHES_PER_QUARTER * float(roll_view(batch).steps_per_quarter)
    lanes: Lanes = {}
    for mark in marks:
        if not mark.inside(system) or is_whole(batch, system.i, mark.violation):
            continue
        rows = lanes.setdefault(mark.violation.rule, [])
        for row in rows:
            number, last = row[-1]
            needed = steps_per_digit * (len(str(number)) + 1.2)
            if last.start + max(last.steps, needed) <= mark.violation.start:
                row.append(mark)
                break
        else:
            rows.append([mark])
    return lanes


def _draw_lanes(axis: "Axes", lanes: Lanes, system: System) -> None:
    """Each violation as a bar from its start to its end, with its number."""
    from matplotlib.patches import Rectangle

    axis.set_ylim(sum(map(len, lanes.values())) + 0.4, -0.15)
    axis.set_xticks([])
    line, ticks = 0, []
    for rows in lanes.values():
        ticks.append(line + len(rows) / 2)
        axis.axhline(line, color="0.88", linewidth=0.6)
        for row in rows:
            for number, violation in row:
                steps = min(violation.steps, system.stop - violation.start)
                place = (violation.start, line + 0.12)
                axis.add_patch(Rectangle(place, steps, 0.76, facecolor="#f6c7cc", edgecolor=RED, linewidth=0.6))
                axis.text(violation.start, line + 0.54, f" {number}", fontsize=6.5, va="center", color="#7a0010")
            line += 1
    axis.set_yticks(ticks, list(lanes), fontsize=8, color=RED)


def roll_lines(batch: Batch, i: int, violations: Sequence[Violation]) -> list[Text]:
    """The piano roll of sample i, a character a step: what breaks a rule is red and has a mark under its step."""
    length = int(batch.lengths[i])
    marked = {
        (pitch, step)
        for violation in violations
        for pitch in violation.pitches
        for step in range(violation.start, violation.start + violation.steps)
    }
    sounding = [set(sounding_pitches(batch, i, step)) for step in range(length)]
    heard = set().union(*sounding) | {pitch for pitch, _ in marked}
    if not heard:
        return []
    lines = []
    for pitch in range(max(heard), min(heard) - 1, -1):
        line = Text(f"{pitch_name(pitch):>4} ")
        for step in range(length):
            on = pitch in sounding[step]
            line.append("█" if on else "·", style="bold red" if (pitch, step) in marked else "" if on else "grey30")
        lines.append(line)
    starts = {violation.start for violation in violations if violation.pitches}
    marks = Text(" " * 5 + "".join("^" if step in starts else " " for step in range(length)), style="red")
    return [*lines, marks]
