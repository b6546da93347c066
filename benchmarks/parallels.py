"""Parallel fifths and octaves in all four-part chorales, next to music21's VoiceLeadingQuartet on the same moments.

music21 goes through every moment of a score at which a voice begins a note, and asks of every pair of voices that both
go to another note there, from one that sounds until then, ``parallelFifth`` and ``parallelUnisonOrOctave``; both are
also true of contrary motion. A finding is a piece, a time, what two voices do, and whether it is a fifth or an octave.
Findings that only one side has are listed, with a reason that is worked out from the score.

verifier runs on the sixteenths of the Bach spec, and on thirty-seconds, on which every note of the chorales begins
where it does in the score. Seconds leave out reading files on both sides: music21 starts from its scores, verifier from
its notes (of which it paints a Batch) or from that Batch. They are processor seconds of this one process.

    python benchmarks/parallels.py [--chorales 20]
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from verifier.corpora import corpus as corpora
from verifier.data.batch import Batch
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of, steps_of
from verifier.music.rules.parallels import Parallels
from verifier.music.view import PianoRollView
from verifier.music.words import pitch_name

SPEC_GRID = PianoRollView(window=None)
EXACT_GRID = PianoRollView(window=None, steps_per_quarter=8)
"""Every note of the chorales begins and ends on it."""

GRIDS = {"sixteenths": SPEC_GRID, "thirty-seconds": EXACT_GRID}
REPEATS = 7
"""Runs of verifier, of which the median counts."""
KINDS = ("fifths", "fifths, contrary", "octaves", "octaves, contrary")

Motion = tuple[tuple[int, int], tuple[int, int]]
"""From which MIDI number to which each of two voices goes, the lower pair of numbers first."""


class Finding(NamedTuple):
    """Two voices that go from a fifth to a fifth, or from octave or unison to octave or unison, at a quarter note."""

    piece: str
    quarter: float
    kind: str
    motion: Motion


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chorales", type=int, help="only the first of them (default all)")
    pieces = corpora.load("bach").pieces[: parser.parse_args().chorales]
    theirs: list[Finding] = []
    seconds = 0.0
    for piece in pieces:
        score = score_named(piece.name)
        start = time.process_time()
        theirs += by_music21(piece.name, score)
        seconds += time.process_time() - start
    print(f"{len(pieces)} chorales\n\n| | {' | '.join(KINDS)} | seconds | times as fast |\n|{'---|' * 7}")
    print(row("music21, from scores", theirs, seconds, seconds))
    ours = {}
    for name, view in GRIDS.items():
        ours[name], painted, counted = by_verifier(pieces, view)
        print(row(f"verifier, {name}, from notes", ours[name], painted + counted, seconds))
        print(row(f"verifier, {name}, from a Batch", ours[name], counted, seconds))
    for name, view in GRIDS.items():
        print(f"\nnot the same on the grid of {name}:")
        lines = differences(theirs, ours[name], ours["thirty-seconds"], view)
        print("\n".join(lines) or "nothing")


def row(name: str, found: Sequence[Finding], seconds: float, of_music21: float) -> str:
    counts = Counter(finding.kind for finding in found)
    cells = [name, *(str(counts[kind]) for kind in KINDS), f"{seconds:.3g}", f"{of_music21 / seconds:,.0f}"]
    return f"| {' | '.join(cells)} |"


def differences(
    theirs: Sequence[Finding],
    ours: Sequence[Finding],
    exact: Sequence[Finding],
    view: PianoRollView,
) -> list[str]:
    """A line for each finding that only one side has; ``exact`` is what verifier finds where no note is moved."""

    def on_grid(finding: Finding) -> Finding:
        step = int(steps_of(np.array([finding.quarter]), view)[0])
        return finding._replace(quarter=step / float(view.steps_per_quarter))

    rounded, mine, exactly = (Counter(map(on_grid, found)) for found in (theirs, ours, exact))
    lines = []
    for side, only in (("music21", rounded - mine), ("verifier", mine - rounded)):
        for finding in sorted(only.elements()):
            grid = exactly[finding] != mine[finding]
            reason = "notes shorter than the grid" if grid else written_intervals(finding)
            voices = ", ".join(f"{pitch_name(a)}-{pitch_name(b)}" for a, b in finding.motion)
            lines.append(
                f"only {side}: {finding.piece} at quarter {finding.quarter:g}: {voices}, {finding.kind} ({reason})"
            )
    return lines


def written_intervals(finding: Finding) -> str:
    """What the two intervals are as they are written, for those who look at names of notes rather than at pitches."""
    from music21 import interval

    sounding: dict[str, list[Any]] = {"before": [], "after": []}
    for part in score_named(finding.piece).parts:
        for note in part.flatten().getElementsByClass("Note"):
            begins, ends = float(note.offset), float(note.offset + note.quarterLength)
            if begins < finding.quarter <= ends:
                sounding["before"].append(note)
            if begins <= finding.quarter < ends:
                sounding["after"].append(note)
    names = []
    for when, at in (("before", 0), ("after", 1)):
        both = [next(n for n in sounding[when] if n.pitch.midi == motion[at]) for motion in finding.motion]
        names.append(interval.Interval(*both).semiSimpleName)
    return f"written as {names[0]} to {names[1]}"


def kind_of(fifth: bool, contrary: bool) -> str:
    return KINDS[2 * (not fifth) + contrary]


def score_named(name: str) -> Any:
    """The score of a piece of the corpus, as music21 reads it."""
    from music21 import converter, corpus

    by_name = {found: path for path in corpus.getComposer("bach") for found in (path.name, path.stem)}
    return converter.parse(by_name[name], forceSource=True, storePickle=False)


def by_music21(piece: str, score: Any) -> list[Finding]:
    """What music21 finds where both voices go on from a note that sounds until then to another one."""
    from music21 import note

    found = []
    # With other classes a page or line break takes the place of the note before it, and the moment is passed over.
    for moment in score.asTimespans(classList=(note.Note,)).iterateVerticalities():
        for quartet in moment.getAllVoiceLeadingQuartets(includeRests=False, includeOblique=False):
            fifth = quartet.parallelFifth()
            if fifth or quartet.parallelUnisonOrOctave():
                motion = motion_of(
                    *(corner.pitch.midi for corner in (quartet.v1n1, quartet.v1n2, quartet.v2n1, quartet.v2n2))
                )
                kind = kind_of(fifth, not quartet.similarMotion())
                found.append(Finding(piece, float(moment.offset), kind, motion))
    return found


def by_verifier(pieces: Sequence[Notes], view: PianoRollView) -> tuple[list[Finding], float, float]:
    """What verifier finds, and the seconds that it takes to paint a Batch and to count in it."""
    rule = Parallels(antiparallels="count")
    checker = rule.compile()
    checker.count(batch_of(pieces[:1], view))  # what is imported when first used
    painting, counting = [], []
    for _ in range(REPEATS):
        start = time.process_time()
        batch = batch_of(pieces, view)
        painted = time.process_time()
        checker.count(batch)
        painting.append(painted - start)
        counting.append(time.process_time() - painted)
    return list(findings(batch, rule)), median(painting), median(counting)


def findings(batch: Batch, rule: Parallels) -> Iterator[Finding]:
    checker = rule.compile()
    for i in np.flatnonzero(checker.count(batch).violations).tolist():
        for violation in checker.locate(batch, i):
            kind = kind_of(violation.observed.startswith("fifth"), "contrary" in violation.observed)
            quarter = violation.start / batch.view.steps_per_quarter
            yield Finding(batch.names[i], quarter, kind, motion_of(*violation.pitches))


def motion_of(a: int, b: int, c: int, d: int) -> Motion:
    first, second = sorted([(a, b), (c, d)])
    return first, second


if __name__ == "__main__":
    main()
