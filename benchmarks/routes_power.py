"""What each route leaves of the power to tell edited and generated music from real music."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.routes_worlds import Route, World, judged, read
from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.music import edits
from verifier.music.notes import Notes
from verifier.music.piano_roll import batch_of
from verifier.music.read.symbolic import read_notes
from verifier.music.samples import music
from verifier.music.voices import SILENT
from verifier.spec.spec import Spec
from verifier.verbs import evaluate

Edit = Callable[[Batch, np.random.Generator], Batch]
EDITS: dict[str, Edit] = {
    "one note": lambda batch, rng: edits.move_notes(batch, 1, rng),
    "three notes": lambda batch, rng: edits.move_notes(batch, 3, rng),
    "shuffled chords": edits.shuffle_chords,
}
SEED = 5


class Side(NamedTuple):
    """The scores of a sample set; the shares of its samples and pieces that are flagged; its verdict."""

    scores: evaluate.Scores
    samples: float
    pieces: float
    verdict: str


def table(
    routes: Sequence[Route], worlds: Mapping[str, Sequence[World]], generated: Mapping[str, Path], alpha: float
) -> None:
    """AUROC over windows, all rules together as ``verify evaluate`` has them, with the least and the largest over the
    re-splits; the shares of windows and pieces flagged; the verdicts.
    """
    made = {name: pieces_in(folder) for name, folder in generated.items()}
    print(
        "| route | samples | AUROC [least, most] | windows flagged | pieces flagged | real windows flagged | verdicts |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    for route in routes:
        if route.said or route.most:
            continue
        sides: dict[str, list[tuple[Side, Side]]] = {}
        try:
            for world in worlds[route.spec]:
                real = _side(route, world, [_on_grid(notes, world) for notes in world.test], alpha)
                for name, edit in EDITS.items():
                    pieces = [_on_grid(notes, world, edit) for notes in world.test]
                    sides.setdefault(name, []).append((real, _side(route, world, pieces, alpha)))
                for name, pieces in made.items():
                    sides.setdefault(name, []).append((real, _side(route, world, pieces, alpha)))
        except (InputError, ImportError) as error:
            print(f"| {route.name} | refused: {str(error)[:100]} | | | | | |", flush=True)
            continue
        for name, pairs in sides.items():
            print(f"| {route.name} | {name} | {_cells(worlds[route.spec], pairs)} |", flush=True)


def _area(spec: Spec, real: evaluate.Scores, fake: evaluate.Scores) -> float:
    found = evaluate.evaluate(spec, "real", real, {"fake": fake}).generators["fake"]
    return found.by_sample[evaluate.ALL].auroc


def _cells(worlds: Sequence[World], pairs: Sequence[tuple[Side, Side]]) -> str:
    areas = [_area(world.spec, real.scores, fake.scores) for world, (real, fake) in zip(worlds, pairs, strict=True)]
    fakes = [fake for _, fake in pairs]
    windows, pieces = np.mean([side.samples for side in fakes]), np.mean([side.pieces for side in fakes])
    real = np.mean([side.samples for side, _ in pairs])
    verdicts = [side.verdict for side in fakes]
    told = ", ".join(f"{verdicts.count(each)} {each}" for each in dict.fromkeys(verdicts))
    area = f"{np.mean(areas):.3f} [{min(areas):.3f}, {max(areas):.3f}]"
    return f"{area} | {windows:.3f} | {pieces:.3f} | {real:.3f} | {told}"


def _side(route: Route, world: World, pieces: Sequence[Notes], alpha: float) -> Side:
    found = read(route, world, pieces)
    scores = evaluate.scores(world.spec, [found.batch], world.checkers.rules)
    result = judged(world, found.batch, alpha)
    return Side(
        scores,
        len(result.flagged or ()) / result.samples,
        len(result.flagged_groups or ()) / result.groups,
        result.verdict,
    )


def _on_grid(notes: Notes, world: World, edit: Edit | None = None) -> Notes:
    """The piece on the grid of the view, each of its windows edited; what is not edited goes the same way."""
    batch = batch_of([notes], world.spec.view)
    if edit is not None:
        batch = edit(batch, np.random.default_rng([SEED, len(notes.onsets)]))
    voices, lengths = music(batch).voices, batch.lengths
    pitches = np.concatenate([voices.pitches[i, :, : lengths[i]] for i in range(len(batch))], axis=1)
    attacks = np.concatenate([voices.attacks[i, :, : lengths[i]] for i in range(len(batch))], axis=1)
    changes = pitches != np.pad(pitches[:, :-1], ((0, 0), (1, 0)), constant_values=SILENT)
    parts, first = np.nonzero((attacks | changes) & (pitches != SILENT))
    breaks = attacks | changes
    steps = pitches.shape[1]
    last = [_end(breaks[part], start, steps) for part, start in zip(parts, first, strict=True)]
    grid = float(world.spec.view.steps_per_quarter)
    return replace(
        notes,
        onsets=first / grid,
        ends=np.array(last) / grid,
        pitches=pitches[parts, first].astype(np.int64),
        parts=parts,
    )


def _end(breaks: np.ndarray, start: int, steps: int) -> int:
    """The step at which the next note, or a rest, begins."""
    after = np.flatnonzero(breaks[start + 1 :])
    return start + 1 + int(after[0]) if len(after) else steps


def pieces_in(folder: Path) -> list[Notes]:
    """The music of a folder of MIDI files."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    return [_four_parts(read_notes(path, name=path.name, group=path.name)) for path in files]


def _four_parts(notes: Notes) -> Notes:
    return replace(notes, parts=np.unique(notes.parts, return_inverse=True)[1].astype(np.int64))
