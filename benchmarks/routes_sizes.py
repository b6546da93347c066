"""Verdicts of real sets by their size: any number of samples or pieces fails in at most a share of alpha."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import routes_music, routes_pictures, routes_sound
from benchmarks.routes_worlds import Route, World, judged, read
from verifier.data.batch import Batch

SIZES = (1, 2, 3, 5, 10, 20, 50, 100, 1000)
NAMES = {
    "music": (
        "MusicXML, in parts",
        "MIDI, a track a voice",
        "MIDI, one track",
        "MIDI, clips of 4 bars, a file each",
        "tensor (n, 64, 64) bool .npz, spec bach-roll",
        "tensor (n, 4, 64) int16 pitches, -1 rests",
    ),
    "sound": ("speech: WAV 16 bit", "speech: clips of 1 s, a file each"),
    "pictures": ("mnist: tensor (n, 28, 28) uint8", "photos: PNG"),
}
KNOWN = {"music": routes_music.ROUTES, "sound": routes_sound.ROUTES, "pictures": routes_pictures.ROUTES}
ROUTES = {medium: [route for route in KNOWN[medium] if route.name in names] for medium, names in NAMES.items()}


def table(routes: Sequence[Route], worlds: Mapping[str, Sequence[World]], draws: int, alpha: float) -> None:
    """A row a route and size: the shares of each verdict among ``draws`` random sets a re-split, drawn by group (a
    file, or the sample of a tensor) without replacement; a size that the real samples are too few for is left out.
    """
    print("| route | groups in a set | sets | windows flagged | pass | undecided | fail | other | failed by |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for route in routes:
        of_worlds = [(world, read(route, world, world.test).batch) for world in worlds[route.spec]]
        for size in SIZES:
            _row(route, size, of_worlds, draws, alpha)


def _row(route: Route, size: int, of_worlds: Sequence[tuple[World, Batch]], draws: int, alpha: float) -> None:
    verdicts: Counter[str] = Counter()
    failed_by: Counter[str] = Counter()
    flagged = samples = 0
    for number, (world, whole) in enumerate(of_worlds):
        groups = np.unique(np.array(whole.groups, dtype=object))
        for draw in range(draws if size <= len(groups) else 0):
            rng = np.random.default_rng([number, draw, size])
            chosen = set(rng.choice(groups, size, replace=False).tolist())
            some = whole.take([i for i, group in enumerate(whole.groups) if group in chosen])
            result = judged(world, some, alpha)
            verdicts[result.verdict] += 1
            flagged, samples = flagged + len(result.flagged or ()), samples + result.samples
            failed_by.update(_failing(result))
    sets = verdicts.total()
    if not sets:
        return
    other = sets - verdicts["pass"] - verdicts["undecided"] - verdicts["fail"]
    shares = [verdicts[name] / sets for name in ("pass", "undecided", "fail")]
    cells = " | ".join(f"{share:.3f}" for share in [*shares, other / sets])
    by = ", ".join(f"{name} {count}" for name, count in failed_by.most_common(4))
    print(f"| {route.name} | {size:,} | {sets} | {flagged / samples:.3f} | {cells} | {by} |", flush=True)


def _failing(result: Any) -> list[str]:
    """The rules and the checks of the set that fail."""
    found = [name for name, rule in result.rules.items() if rule.verdict == "fail"]
    if result.whole is not None:
        found += [f"coverage of {name}" for name, each in result.whole.coverage.items() if each.verdict == "fail"]
        found += [name for name, each in result.whole.checks.items() if each.verdict == "fail"]
    return found
