"""A folder of MIDI files: seconds of the whole command, and of reading alone next to pretty_midi.

The files are pieces of the corpus, each voice a track, over and over until there are enough. The command is

    verify check --spec specs/bach-roll.yaml FOLDER -q

timed as a process, start-up included. Reading is: each file into a piano roll on the grid of the spec, by verifier and
by pretty_midi's ``get_piano_roll`` with the same steps; both in this process, turn by turn.

    python benchmarks/midi.py
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pretty_midi
import symusic
from numpy.typing import NDArray

from verifier import corpora, spec
from verifier.media.piano_roll import Notes, piano_roll
from verifier.media.symbolic import read_notes
from verifier.view import View

TICKS = 480
TEMPO = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5, help="runs; the median counts (default 5)")
    parser.add_argument("--spec", type=Path, default=Path("specs/bach-roll.yaml"))
    options = parser.parse_args()
    learned = spec.load(options.spec)
    with tempfile.TemporaryDirectory() as name:
        many, one = Path(name, "many"), Path(name, "one")
        files = write_files(learned.corpus.name, many, options.files)
        write_files(learned.corpus.name, one, 1)
        read: dict[str, Callable[[], object]] = {
            "`verify check -q` on them, the whole process": lambda: run_check(options.spec, many),
            "`verify check -q` on one file": lambda: run_check(options.spec, one),
            "reading them into rolls by verifier": lambda: [roll_by_verifier(file, learned.view) for file in files],
            "by pretty_midi": lambda: [roll_by_pretty_midi(file, learned.view) for file in files],
        }
        # Turn by turn, so that whatever else the machine does meets all of them.
        seconds = [{what: seconds_of(action) for what, action in read.items()} for _ in range(options.repeats)]
        differing = sum(
            not np.array_equal(roll_by_verifier(file, learned.view), roll_by_pretty_midi(file, learned.view))
            for file in files
        )
    print(f"| {options.files:,} files of four tracks | seconds: median | least to most |\n|---|---|---|")
    for what in read:
        taken = [run[what] for run in seconds]
        print(f"| {what} | {median(taken):.2f} | {min(taken):.2f} to {max(taken):.2f} |")
    print(f"\n{differing:,} of the {len(files):,} rolls differ between the two readers.")


def write_files(corpus: str, folder: Path, count: int) -> list[Path]:
    """``count`` MIDI files of the pieces of the corpus."""
    folder.mkdir()
    pieces = corpora.load(corpus).pieces
    files = [folder / f"{i:05}.mid" for i in range(count)]
    for i, file in enumerate(files):
        score_of(pieces[i % len(pieces)]).dump_midi(file)
    return files


def score_of(piece: Notes) -> symusic.Score:
    score = symusic.Score(TICKS)
    score.tempos.append(symusic.Tempo(0, qpm=TEMPO))
    onsets, ends = (np.round(times * TICKS).astype(np.int32) for times in (piece.onsets, piece.ends))
    for part in np.unique(piece.parts):
        own = piece.parts == part
        track = symusic.Track(name=f"voice {part}")
        track.notes = symusic.Note.from_numpy(
            time=onsets[own],
            duration=ends[own] - onsets[own],
            pitch=piece.pitches[own].astype(np.int8),
            velocity=np.full(int(own.sum()), 80, np.int8),
        )
        score.tracks.append(track)
    return score


def run_check(path: Path, folder: Path) -> None:
    verify = Path(sys.executable).with_name("verify")
    done = subprocess.run([verify, "check", "--spec", path, folder, "-q"], check=False)
    assert done.returncode in (0, 1), f"verify ended with {done.returncode}"


def roll_by_verifier(file: Path, view: View) -> NDArray[np.bool_]:
    return piano_roll(read_notes(file, name=file.name, group=file.name), view)


def roll_by_pretty_midi(file: Path, view: View) -> NDArray[np.bool_]:
    midi = pretty_midi.PrettyMIDI(str(file))
    roll = midi.get_piano_roll(fs=view.steps_per_quarter * TEMPO / 60)
    return roll[view.lowest_pitch : view.lowest_pitch + view.pitches] > 0


def seconds_of(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
