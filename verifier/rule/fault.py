"""Faults: what `verify power` plants in real samples, by name.

A fault is a function that edits one aspect of a batch by a known dose. A medium keeps its own in a table, by name, and
``fault`` puts a function there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import medium_named

Plant = Callable[[Batch, float, Generator], Batch]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault by name: the function that plants it, what it does in words ("notes removed"), the unit of its dose, and
    the doses to try, from barely to gross. ``largest`` is the largest dose that means something, None if any does;
    ``whole`` says that only whole numbers do.
    """

    name: str
    function: Plant
    words: str
    unit: str
    doses: tuple[float, ...]
    largest: float | None = None
    whole: bool = False

    def plant(self, batch: Batch, dose: float, rng: Generator) -> Batch:
        """The batch with the fault in each sample. Raises InputError for a dose that it cannot have."""
        self.require(dose)
        if not dose:
            return replace(batch, values=batch.values.copy(), _features={})
        return self.function(batch, dose, rng)

    def require(self, dose: float) -> None:
        """Raise InputError for a dose that is negative, too large, or should be whole and is not."""
        if not 0 <= dose < np.inf or (self.largest is not None and dose > self.largest) or (self.whole and dose % 1):
            kind = "a whole number" if self.whole else "a number"
            bound = "from 0" if self.largest is None else f"from 0 to {self.largest:g}"
            raise InputError(f"dose of {self.name}", f"expected {kind} {bound} ({self.unit}), found {dose:g}")


def fault(
    table: dict[str, Fault],
    name: str,
    words: str,
    unit: str,
    *,
    doses: tuple[float, ...],
    largest: float | None = None,
    whole: bool = False,
) -> Callable[[Plant], Plant]:
    """Put the function that follows into ``table`` as the fault of that name; see Fault for the rest."""

    def register(function: Plant) -> Plant:
        table[name] = Fault(
            name=name, function=function, words=words, unit=unit, doses=doses, largest=largest, whole=whole
        )
        return function

    return register


def faults_for(kind: str) -> Mapping[str, Fault]:
    """The faults for a kind of view, by name."""
    return medium_named(kind).faults()


def fault_named(name: str, kind: str, place: object = "") -> Fault:
    """The fault of that name for a kind of view. Raises InputError that lists what there is."""
    known = faults_for(kind)
    if name not in known:
        raise InputError(place, f"expected a fault for a {kind} ({', '.join(known)}), found {name!r}")
    return known[name]
