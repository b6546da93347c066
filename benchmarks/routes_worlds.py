"""Specs, and real pieces that they have not learned: those that ship, and corpora split anew."""

import contextlib
import dataclasses
import hashlib
import io
import pickle
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

from verifier.base.errors import InputError
from verifier.corpora import corpus as corpora
from verifier.corpora.sample_sets import choose, sets_of
from verifier.data.batch import Batch, concatenate
from verifier.data.medium import batch_of, medium_of
from verifier.data.pieces import Piece
from verifier.judge.sets import indices_of
from verifier.spec import spec as specs
from verifier.spec.provenance import Split
from verifier.spec.run import SetResult
from verifier.spec.spec import Spec
from verifier.verbs import check, learn, tallies

SHIPPED = Path(__file__).parents[1] / "specs"
UNSEEN = {"mnist": "mnist-test"}
"""Spec -> a corpus that has no part in it: there is no need to learn again."""
LEARNED = {"speech": 900}
"""Pieces of one re-split that are learned and calibrated on, at most: a recording takes a tenth of a second to read."""
TESTED = {"speech": 120, "mnist": 1000}
"""Pieces that are tested, at most."""


class Written(NamedTuple):
    """What is checked: a path, or objects in memory. ``pieces`` names the piece of each group, in the order of the
    samples; None if the files do (``003.mid``, ``003~02.mid`` are of piece 3).
    """

    samples: Any
    pieces: Sequence[int] | None = None


class Route(NamedTuple):
    """A way of writing real pieces for a spec. ``loses`` says what it does not keep; ``said``: that it is a fault of
    the file or a processing, which is to be said first, rather than a way of writing. ``most`` pieces are written.
    ``joined``: a file holds several pieces, so that those of each world are written by themselves.
    """

    name: str
    loses: str
    write: Callable[[Sequence[Any], Path], Written]
    spec: str = "bach"
    said: bool = False
    most: int | None = None
    joined: bool = False


class World(NamedTuple):
    """A spec made ready, real pieces that it has not learned, and the results of sets by a digest of their samples."""

    spec: Spec
    checkers: tallies.Checkers
    test: Sequence[Any]
    known: dict[bytes, SetResult]


def shipped(name: str, seed: int = 0) -> World:
    """The spec that ships, and pieces that it never saw, or its hold-out, on which it was calibrated."""
    spec = specs.load(SHIPPED / f"{name}.yaml")
    if name in UNSEEN:
        held_out: Sequence[Piece] = corpora.load(UNSEEN[name]).pieces
    else:
        _, held_out = corpora.split(corpora.load(spec.corpus.name), spec.corpus.split)
    checkers = tallies.Checkers.of(spec)
    return World(spec, checkers, _some(held_out, TESTED.get(name), seed), {})


def re_split(name: str, seed: int, work: Path, fresh: bool) -> World:
    """The rules of a shipped spec learned from another part of its corpus, and pieces that are in neither part."""
    if name in UNSEEN:
        return shipped(name, seed)
    base = specs.load(SHIPPED / f"{name}.yaml")
    corpus, by = corpora.load(base.corpus.name), base.corpus.split.by
    rest, test = _parts(corpus, seed, by)
    inner = Split(learn=0.75, hold_out=0.25, by=by, seed=seed + 1000)
    learned, held_out = corpora.split(dataclasses.replace(corpus, pieces=_some(rest, LEARNED.get(name), seed)), inner)
    indices = indices_of(medium_of(base.view).set_checks() or (), learned, base.view)
    path = work / f"{name}-{seed}.yaml"
    if fresh or not path.is_file():
        started = time.perf_counter()
        spec = learn.learn_spec(
            batch_of(learned, base.view),
            batch_of(held_out, base.view),
            {rule.name(): rule.set_options() for rule in base.rules},
            name=name,
            # Another digest than that of the corpus: what is learned here is not what its split says.
            corpus=structs.replace(base.corpus, sha256=f"{seed:064x}", split=inner),
            unit=lambda group: corpora.unit(group, inner),
            indices=indices,
            again=lambda groups: batch_of(
                [piece for piece in (*learned, *held_out) if piece.group in groups], base.view, keep_source=True
            ),
        ).spec
        path.parent.mkdir(parents=True, exist_ok=True)
        spec.save(path)
        print(f"learned {path} in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    spec = specs.load(path)
    return World(spec, tallies.Checkers.of(spec, indices), _some(test, TESTED.get(name), seed), {})


def _parts(corpus: corpora.Corpus, seed: int, by: str) -> tuple[Sequence[Piece], Sequence[Piece]]:
    """What is not tested, and what is: a fifth of the groups, or one folder (speaker), each in turn."""
    if by == "group":
        return corpora.split(corpus, Split(seed=seed))
    how = Split(by="folder")
    units = sorted({corpora.unit(piece.group, how) for piece in corpus.pieces})
    tested = units[seed % len(units)]
    sides = [[], []]
    for piece in corpus.pieces:
        sides[corpora.unit(piece.group, how) == tested].append(piece)
    return sides[0], sides[1]


def _some(pieces: Sequence[Piece], most: int | None, seed: int) -> Sequence[Piece]:
    return pieces if most is None else [pieces[at] for at in choose(len(pieces), most, seed)]


class Read(NamedTuple):
    """The samples that a route gives, and which of the pieces written each is of."""

    batch: Batch
    pieces: Sequence[int]

    def of(self, names: Collection[str], pieces: Sequence[Any]) -> "Read":
        """Those of the pieces with these names; ``pieces`` are all that were written."""
        own = np.flatnonzero([pieces[at].name in names for at in self.pieces])
        return Read(self.batch.take(own), [self.pieces[at] for at in own])


def read(route: Route, world: World, pieces: Sequence[Any]) -> Read:
    """Write ``pieces`` by the route, and read them under the spec of the world. Raises InputError."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        written = route.write(pieces, Path(folder))
        try:
            samples = sets_of({"samples": written.samples}, world.spec.view, world.spec.corpus)[0]
            batch = concatenate(world.spec.view, list(samples.batches()))
        except InputError as error:
            raise InputError(error.place.replace(folder, "..."), error.problem) from error
    groups = batch.groups
    if written.pieces is None:
        of = [int(Path(group).name.split(".")[0].split("~")[0]) for group in groups]
    else:
        order = {group: i for i, group in enumerate(dict.fromkeys(groups))}
        of = [written.pieces[order[group]] for group in groups]
    return Read(batch, of)


def judged(world: World, batch: Batch, alpha: float) -> SetResult:
    """The result of a set. Routes that give the same Batch, to the bit, are judged once."""
    key = hashlib.sha256(pickle.dumps((alpha, batch))).digest()
    if key not in world.known:
        tally = tallies.tally(world.spec, [batch], checkers=world.checkers)
        world.known[key] = check.judge(world.spec, tally, (), alpha, world.checkers)
    return world.known[key]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that libraries print."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
