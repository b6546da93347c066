"""Counting: every rule over the pieces of a corpus, and four ways over many float32 windows of 64 x 64.

The first table has milliseconds of each rule over all pieces of the corpus that a spec was learned from, in the windows
of its view, parsed and made before; a rule that shares a feature with one before it in the spec finds it made. Least of
some runs, since other work on the machine only adds; the processor's own time stands beside the whole. ``--windows 0``
prints this alone.

The other tables have seconds and memory, next to a clear numpy version of the same counts. What is counted: changes of
chord that the spec does not have, notes of a length that it does not have, values away from the modes of the intensity,
and values exactly at 0 and at 1. Four ways, each in a process of its own, each reading the same .npy file a part at a
time, and all required to give the same numbers:

    numpy      what one would write by hand (``count_by_hand`` below)
    scan_numpy the rules of verifier on its numpy scan
    compiled   the same on its compiled scan
    check      `verify check` from reading to counts: its reader of .npy, which refuses bad values; the scan that it
               chooses; and what it looks at beside the rules

Two contents: rolls of the corpus (values 0 and 1), and values such as a sigmoid gives (none is exactly 0 or 1).
Seconds leave out imports, and for "compiled" loading the compiled loops, which stands in a table of its own; "check"
loads them within its seconds, if at all. Peak memory counts the pages of the file that numpy maps; anonymous does not.

    python benchmarks/counting.py
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.corpora import corpus as corpora
from verifier.data.batch import Batch
from verifier.data.paths import open_path
from verifier.music.features import roll
from verifier.music.piano_roll import batch_of
from verifier.music.rules.chroma_transitions import ChromaTransitions
from verifier.music.rules.durations import Durations
from verifier.rule.rule import Rule, RuleCounts, merge_all
from verifier.spec import spec as specs
from verifier.values.rules.intensity_modes import IntensityModes
from verifier.verbs import tallies

WAYS = ("numpy", "scan_numpy", "compiled", "check")
CONTENTS = ("rolls", "sigmoid")
STEPS = 64
AT_ONCE = 2048
"""Windows in a part."""

Numbers = dict[str, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way; the median counts (default 3)")
    parser.add_argument("--spec", type=Path, default=Path("specs/bach-roll.yaml"))
    parser.add_argument("--pieces-spec", type=Path, default=Path("specs/bach.yaml"), help="whose rules are timed alone")
    parser.add_argument("--way", choices=(*WAYS, "load", "rates"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        actions = {"load": seconds_to_load, "rates": bytes_a_second}
        action = actions.get(options.way, lambda spec: measured(options.way, spec, options.file))
        print(json.dumps(action(chosen_rules(options.spec))))
        return
    print_rules(options.pieces_spec, max(options.repeats, 5))
    if not options.windows:
        return
    spec = chosen_rules(options.spec)

    def child(way: str, file: Path | None = None, **environment: str) -> Any:
        command = [sys.executable, __file__, "--spec", str(options.spec), "--way", way]
        command += ["--file", str(file)] if file else []
        done = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cold = child("load", NUMBA_CACHE_DIR=str(folder / "cache"))
        warm = median(child("load") for _ in range(options.repeats))
        print("| compiled loops ready after | seconds |\n|---|---|")
        print(f"| compiling | {cold:.2f} |\n| loading | {warm:.2f} |\n")
        print("| numpy scans | MB a second | MB in the time of loading |\n|---|---|---|")
        for kind, rate in child("rates").items():
            print(f"| {kind} | {rate / 1e6:.0f} | {rate * warm / 1e6:.0f} |")
        for content in CONTENTS:
            few, many = folder / "few.npy", folder / "many.npy"
            write(few, content, options.windows // 10, spec)
            write(many, content, options.windows, spec)
            print_ways(content, options.windows, options.repeats, lambda way, file: child(way, file), few, many)


def print_rules(path: Path, repeats: int) -> None:
    """Milliseconds of each rule of the spec over all pieces of its corpus."""
    spec = specs.load(path)
    batch = batch_of(corpora.load(spec.corpus.name).pieces, spec.view)
    start = time.perf_counter()
    checkers = spec.compile()
    compiled = time.perf_counter() - start
    walls: dict[str, list[float]] = {name: [] for name in checkers}
    processor: dict[str, list[float]] = {name: [] for name in checkers}
    for _ in range(repeats):
        fresh = replace(batch, _features={})
        for name, checker in checkers.items():
            start, began = time.perf_counter(), time.process_time()
            checker.count(fresh)
            walls[name].append(1000 * (time.perf_counter() - start))
            processor[name].append(1000 * (time.process_time() - began))
    print(f"{path}: {len(set(batch.groups))} pieces, {len(batch):,} windows; compiling {1000 * compiled:.0f} ms\n")
    print("| rule | ms | of the processor |\n|---|---|---|")
    for name in checkers:
        print(f"| {name} | {min(walls[name]):.1f} | {min(processor[name]):.1f} |")
    wall, own = (min(map(sum, zip(*times.values(), strict=True))) for times in (walls, processor))
    print(f"| all {len(checkers)}, the fastest run | {wall:.0f} | {own:.0f} |\n")


def print_ways(
    content: str, windows: int, repeats: int, child: Callable[[str, Path], Any], few: Path, many: Path
) -> None:
    small = {way: child(way, few) for way in WAYS}
    # Turn by turn, so that whatever else the machine does meets all of them.
    runs = [{way: child(way, many) for way in WAYS} for _ in range(repeats)]
    numbers = runs[0]["numpy"]["numbers"]
    for run in runs:
        for way in WAYS:
            assert run[way]["numbers"] == numbers, f"{way} counts {run[way]['numbers']}, numpy {numbers}"
    print(
        f"\n{content}: {windows:,} windows; " + ", ".join(f"{name} {count:,}" for name, count in numbers.items()) + "\n"
    )
    print(
        f"| way | seconds | times as fast | peak MB | for {windows // 10:,} windows | of it anonymous MB"
        f" | for {windows // 10:,} windows |\n|---|---|---|---|---|---|---|"
    )
    for way in WAYS:
        seconds = median(run[way]["seconds"] for run in runs)
        ratio = median(run["numpy"]["seconds"] / run[way]["seconds"] for run in runs)
        peak, anonymous = (max(run[way][kind] for run in runs) for kind in ("peak", "anonymous"))
        print(
            f"| {way} | {seconds:.1f} | {ratio:.1f} | {peak / 1e6:.0f} | {small[way]['peak'] / 1e6:.0f}"
            f" | {anonymous / 1e6:.0f} | {small[way]['anonymous'] / 1e6:.0f} |"
        )


def chosen_rules(path: Path) -> specs.Spec:
    return specs.load(path).selected([rule.name() for rule in (ChromaTransitions, Durations, IntensityModes)], [])


def write(path: Path, content: str, windows: int, spec: specs.Spec) -> None:
    """A .npy file of ``windows`` windows, written a part at a time."""
    batch = batch_of(corpora.load(spec.corpus.name).pieces, spec.view)
    rolls = batch.values[batch.lengths == STEPS].astype(np.float32)
    shape = (windows, spec.view.pitches, STEPS)
    rng = np.random.default_rng(CONTENTS.index(content))
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, windows, AT_ONCE):
            part = rolls[rng.integers(0, len(rolls), min(AT_ONCE, windows - first))]
            if content == "sigmoid":  # notes blurred by noise: most of them, not all, lie on the right side of .5
                part = 1 / (1 + np.exp(6 - 12 * part + 2 * rng.standard_normal(part.shape, np.float32)))
            file.write(part.tobytes())


def measured(way: str, spec: specs.Spec, file: Path) -> dict[str, Any]:
    """Seconds, bytes of memory at the peak, and what was counted."""
    ways: dict[str, Callable[[specs.Spec, Path], Numbers]] = {
        "numpy": count_by_hand,
        "scan_numpy": lambda spec, file: count_by_rules(spec, batches(spec, file), compile_from=sys.maxsize),
        "compiled": lambda spec, file: count_by_rules(spec, batches(spec, file), compile_from=-1),
        "check": lambda spec, file: count_by_check(spec, open_path(str(file), spec.view).batches()),
    }
    anonymous = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            anonymous[0] = max(anonymous[0], memory("RssAnon"))

    if way == "compiled":
        seconds_to_load(spec)
    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    numbers = ways[way](spec, file)
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    return {"seconds": seconds, "peak": memory("VmHWM"), "anonymous": anonymous[0], "numbers": numbers}


def memory(field: str) -> int:
    """Bytes, from Linux's account of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def parts(file: Path) -> Iterator[NDArray[np.float32]]:
    values = np.load(file, mmap_mode="c")
    for first in range(0, len(values), AT_ONCE):
        yield np.asarray(values[first : first + AT_ONCE])


def batches(spec: specs.Spec, file: Path) -> Iterator[Batch]:
    for values in parts(file):
        yield Batch.of(spec.view, values)


def count_by_rules(spec: specs.Spec, samples: Iterator[Batch], compile_from: int) -> Numbers:
    """What the rules count. ``compile_from`` is the size of Batch that is compiled, as in ``features.roll``."""
    roll.COMPILE_FROM = compile_from
    chords, durations, modes = (spec.rule(rule.name()) for rule in (ChromaTransitions, Durations, IntensityModes))
    checkers = {rule.name(): rule.compile() for rule in spec.rules}
    found: dict[str, list[RuleCounts]] = {name: [] for name in checkers}
    observed = []
    for batch in samples:
        for name, checker in checkers.items():
            found[name].append(checker.count(batch))
        observed.append(type(modes).learn(batch, **modes.set_options()))
    return numbers_of(
        *(
            (
                sum(int(counts.trials.sum()) for counts in found[rule.name()]),
                sum(int(counts.violations.sum()) for counts in found[rule.name()]),
                len(np.unique(np.concatenate([counts.kinds.keys for counts in found[rule.name()]]))),
            )
            for rule in (chords, durations, modes)
        ),
        merge_all(observed),
    )


def count_by_check(spec: specs.Spec, samples: Iterator[Batch]) -> Numbers:
    """What `verify check` counts, with all that it looks at beside the rules."""
    rules = tallies.tally(spec, samples).rules
    counted = [rules[rule.name()] for rule in (ChromaTransitions, Durations, IntensityModes)]
    observed = counted[-1].observed
    assert observed is not None, "this rule measures distances"
    return numbers_of(
        *((int(each.trials.sum()), int(each.violations.sum()), len(each.kinds.keys)) for each in counted), observed
    )


def numbers_of(
    chords: tuple[int, int, int], durations: tuple[int, int, int], modes: tuple[int, int, int], observed: Rule
) -> Numbers:
    """From the trials, violations and kinds of violation of the three rules, and the third as learned from the file."""
    assert isinstance(observed, IntensityModes)
    return {
        "changes": chords[0],
        "unknown changes": chords[1],
        "distinct": chords[2],
        "notes": durations[0],
        "of unknown length": durations[1],
        "values away from the modes": modes[1],
        "exactly 0": observed.values.get("at 0", 0),
        "exactly 1": observed.values.get("at 255", 0),
    }


def count_by_hand(spec: specs.Spec, file: Path) -> Numbers:
    """The same in plain numpy, as one would write it for this one purpose."""
    chords, durations, modes = (spec.rule(rule.name()) for rule in (ChromaTransitions, Durations, IntensityModes))
    assert isinstance(chords, ChromaTransitions)
    assert isinstance(durations, Durations)
    assert isinstance(modes, IntensityModes)
    known_change = np.zeros(1 << 24, np.bool_)
    known_change[chords.allowed(chords.from_yaml())] = True
    known_length = np.zeros(STEPS + 1, np.bool_)
    known_length[[steps for steps in durations.durations if steps <= STEPS]] = True
    chroma = np.uint16(1) << ((spec.view.lowest_pitch + np.arange(spec.view.pitches)) % 12).astype(np.uint16)
    seen = np.zeros(1 << 24, np.bool_)
    lengths = np.zeros(STEPS + 1, np.int64)
    changes = unknown = away = zeros = ones = 0
    for values in parts(file):
        sounding = values >= spec.view.threshold

        codes = np.zeros((len(values), STEPS), np.uint16)
        for row, bit in enumerate(chroma):
            codes |= sounding[:, row] * bit
        before, after = codes[:, :-1].astype(np.int32), codes[:, 1:].astype(np.int32)
        keys = (before << 12 | after)[before != after]
        broken = keys[~known_change[keys]]
        changes += len(keys)
        unknown += len(broken)
        seen[broken] = True

        edges = np.diff(np.pad(sounding, ((0, 0), (0, 0), (1, 1))).astype(np.int8), axis=2)
        starts, stops = np.nonzero(edges == 1)[2], np.nonzero(edges == -1)[2]
        whole = (starts > 0) & (stops < STEPS)  # a note at the edge of a window has an unknown length
        lengths += np.bincount((stops - starts)[whole], minlength=STEPS + 1)

        levels = (np.clip(values, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
        near = (levels <= modes.beside) | (levels >= 255 - modes.beside)
        away += int(np.count_nonzero(~near | (values < 0) | (values > 1)))
        zeros += int(np.count_nonzero(values == 0))
        ones += int(np.count_nonzero(values == 1))
    return {
        "changes": changes,
        "unknown changes": unknown,
        "distinct": int(np.count_nonzero(seen)),
        "notes": int(lengths.sum()),
        "of unknown length": int(lengths[~known_length].sum()),
        "values away from the modes": away,
        "exactly 0": zeros,
        "exactly 1": ones,
    }


def seconds_to_load(spec: specs.Spec) -> float:
    """Seconds until the compiled loops have done their first window."""
    batch = Batch.of(spec.view, np.zeros((1, spec.view.pitches, STEPS), np.float32))
    start = time.perf_counter()
    roll.scan_compiled(batch)
    return time.perf_counter() - start


def bytes_a_second(spec: specs.Spec) -> dict[str, float]:
    """How fast the numpy scan is on each kind of values."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for content in CONTENTS:
            file = Path(folder) / "values.npy"
            write(file, content, AT_ONCE, spec)
            found[content] = np.load(file)
    kinds = {"bool": found["rolls"] > 0} | {f"float32, {content}": values for content, values in found.items()}
    rates = {}
    for kind, values in kinds.items():
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            roll.scan_numpy(Batch.of(spec.view, values))
            seconds.append(time.perf_counter() - start)
        rates[kind] = values.nbytes / median(seconds)
    return rates


if __name__ == "__main__":
    main()
