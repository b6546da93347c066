"""Violations in their order, with their numbers and the cells that they are about: what lists and pictures share."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.medium import medium_of
from verifier.data.pieces import piece_name
from verifier.rule.rule import Violation


def piece_of(batch: Batch, i: int) -> str:
    """The piece that sample i was cut from, by name."""
    return piece_name(batch.names[i], int(batch.starts[i]))


def is_whole(batch: Batch, i: int, violation: Violation) -> bool:
    """Whether the violation is that of sample i as a whole: it has no rows or pitches, and lasts from end to end."""
    return not violation.pitches and not violation.rows and violation.steps >= int(batch.lengths[i])


def place_of(batch: Batch, i: int, violation: Violation) -> str:
    """Where it is, in words; not when, if it is there throughout and the medium says so: the sample has its time in its
    heading.
    """
    medium = medium_of(batch.view)
    if medium.throughout is None or violation.steps < int(batch.lengths[i]):
        return violation.where
    return violation.where.removeprefix(medium.place(batch, i, violation.start)).removeprefix(", ") or medium.throughout


def height_of(batch: Batch) -> int:
    """Rows of a sample as it is seen: the planes of a picture in colour lie one on the other."""
    return medium_of(batch.view).height(batch.view)


def cells_of(batch: Batch, i: int, violation: Violation) -> tuple[NDArray[np.int64], slice]:
    """An index into (rows, steps) of sample i as it is seen: the cells that the violation is about, and none if it is
    about all of them. Without rows it is about all rows of its steps.
    """
    if is_whole(batch, i, violation):
        return np.zeros(0, np.int64), slice(0, 0)
    rows = height_of(batch)
    at = np.unique(np.array(violation.rows, np.int64) % rows) if violation.rows else np.arange(rows)
    return at, slice(max(violation.start, 0), violation.start + violation.steps)


class Group(NamedTuple):
    """The violations of one rule in a sample, which have the numbers from ``first`` on."""

    rule: str
    first: int
    violations: Sequence[Violation]

    @property
    def numbers(self) -> str:
        """``3``, ``3-14``."""
        last = self.first + len(self.violations) - 1
        return str(self.first) if last == self.first else f"{self.first}-{last}"


def groups_of(violations: Sequence[Violation], first: int) -> list[Group]:
    """The violations of one sample, which come rule by rule."""
    groups = []
    for rule, some in itertools.groupby(violations, key=lambda violation: violation.rule):
        groups.append(Group(rule, first, list(some)))
        first += len(groups[-1].violations)
    return groups


def first_numbers(batch: Batch, found: Mapping[int, Sequence[Violation]]) -> dict[int, int]:
    """The number of the first violation of each sample in ``found``. Numbers run from 1 through each piece where
    its samples are read together, and through each sample elsewhere.
    """
    if not medium_of(batch.view).whole_pieces:
        return dict.fromkeys(found, 1)
    numbers: dict[int, int] = {}
    reached: dict[str, int] = {}
    for i in sorted(found, key=lambda i: (int(batch.starts[i]), i)):
        piece = piece_of(batch, i)
        numbers[i] = reached.get(piece, 0) + 1
        reached[piece] = reached.get(piece, 0) + len(found[i])
    return numbers
