"""A folder of MIDI files of four tracks: seconds of the whole command, and of reading alone next to pretty_midi.

The files are pieces of the corpus on the grid of the spec, each voice a track, over and over until there are enough.
The command is

    verify --spec specs/bach.yaml FOLDER

timed as a process: start-up, reading, voices, all rules, the set as a whole, and the report. Its modules are compiled
to bytecode before, as an installed package's are. Seconds are the least of some runs, since other work on the machine
only adds, with the processor's own time beside them. Reading is each file into notes, by verifier and by pretty_midi,
in this process; all turn by turn.

    python benchmarks/midi.py
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pretty_midi
from msgspec import structs
from numpy.typing import NDArray

from verifier.corpora import corpus as corpora
from verifier.music.features.voice_notes import lines
from verifier.music.midi_file import MidiTrack, write_tracks
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of, piano_roll
from verifier.music.read.symbolic import read_notes
from verifier.music.view import PianoRollView
from verifier.spec import spec as specs

TEMPO = 120.0
"""Quarter notes a minute in a MIDI file that does not say."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5, help="runs, of which the least counts (default 5)")
    parser.add_argument("--spec", type=Path, default=Path("specs/bach.yaml"))
    options = parser.parse_args()
    spec = specs.load(options.spec)
    view = spec.view
    assert isinstance(view, PianoRollView), "MIDI files are read into piano rolls"
    with tempfile.TemporaryDirectory() as name:
        many, one, bytecode = Path(name, "many"), Path(name, "one"), Path(name, "bytecode")
        files = write_files(spec.corpus.name, view, many, options.files)
        write_files(spec.corpus.name, view, one, 1)
        run_check(options.spec, one, bytecode)  # compiles the modules
        read: dict[str, Callable[[], object]] = {
            "`verify --spec` on them, the whole process": lambda: run_check(options.spec, many, bytecode),
            "`verify --spec` on one file": lambda: run_check(options.spec, one, bytecode),
            "reading them by verifier": lambda: [read_notes(file, name=file.name, group=file.name) for file in files],
            "reading them by pretty_midi": lambda: [pretty_midi.PrettyMIDI(str(file)) for file in files],
        }
        # Turn by turn, so that whatever else the machine does meets all of them.
        seconds = [{what: seconds_of(action) for what, action in read.items()} for _ in range(options.repeats)]
        differing = sum(
            not np.array_equal(roll_by_verifier(file, view), roll_by_pretty_midi(file, view)) for file in files
        )
    print(f"| {options.files:,} files of four tracks, {options.spec} | seconds | of the processor |\n|---|---|---|")
    for what in read:
        wall, processor = (min(run[what][at] for run in seconds) for at in (0, 1))
        print(f"| {what} | {wall:.2f} | {processor:.2f} |")
    print(f"\n{differing:,} of the {len(files):,} rolls differ between the two readers.")


def write_files(corpus: str, view: PianoRollView, folder: Path, count: int) -> list[Path]:
    """``count`` MIDI files of the pieces of the corpus."""
    folder.mkdir()
    whole = structs.replace(view, window=None, remainder="keep")
    pieces = [piece for piece in corpora.load(corpus).pieces[:count] if isinstance(piece, Notes)]
    tracks = [tracks_of(piece, whole) for piece in pieces]
    files = [folder / f"{i:05}.mid" for i in range(count)]
    for i, file in enumerate(files):
        steps = max(int(track.stops.max()) for track in tracks[i % len(tracks)])
        write_tracks(file, tracks[i % len(tracks)], whole, steps=steps)
    return files


def tracks_of(piece: Notes, view: PianoRollView) -> list[MidiTrack]:
    found = lines(batch_of([piece], view))
    return [
        MidiTrack(f"voice {voice + 1}", found.pitches[own], found.starts[own], found.stops[own])
        for voice in np.unique(found.voices).tolist()
        for own in [found.voices == voice]
    ]


def run_check(path: Path, folder: Path, bytecode: Path) -> None:
    verify = Path(sys.executable).with_name("verify")
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [verify, "--spec", path, folder]
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    assert done.returncode in (0, 1), f"verify ended with {done.returncode}"


def roll_by_verifier(file: Path, view: PianoRollView) -> NDArray[np.bool_]:
    return piano_roll(read_notes(file, name=file.name, group=file.name), view)


def roll_by_pretty_midi(file: Path, view: PianoRollView) -> NDArray[np.bool_]:
    midi = pretty_midi.PrettyMIDI(str(file))
    roll = midi.get_piano_roll(fs=float(view.steps_per_quarter) * TEMPO / 60)
    return np.asarray(roll[view.lowest_pitch : view.lowest_pitch + view.pitches] > 0)


def seconds_of(action: Callable[[], object]) -> tuple[float, float]:
    """On the clock, and of the processor, in this process and those that it ran."""
    start, before = time.perf_counter(), processor_time()
    action()
    return time.perf_counter() - start, processor_time() - before


def processor_time() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
