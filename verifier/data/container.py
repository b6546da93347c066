"""What the container of a sample tells: how it is stored, which a detector can learn in place of what a generator does.

A medium says what its files tell in a ``Container``; what arrays tell is in ``array_container``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from verifier.base.errors import InputError

Fact = float | str
"""A number; or one of some categories, such as a format."""


class Property(NamedTuple):
    """Something that a container tells: what it is called in ``words``.

    unit        of its values
    is_number   whether its values are numbers; else they are categories
    of_content  whether it follows from what a sample holds, so that equalising leaves it as it is
    of_coding   whether it does so once all samples are written in one format, as the size of files does
    part_of     the key of the property that says the same in other words, as size does of width
    """

    words: str
    is_number: bool = True
    unit: str = ""
    of_content: bool = False
    of_coding: bool = False
    part_of: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Stored:
    """A sample as it is stored.

    name, group  as of a Batch
    content      a digest of what it holds, whatever the container: equal ones are copies
    facts        key of a property -> its value; properties that it has not are missing
    source       what ``Equaliser.write`` reads it from: a path, or what is in memory
    """

    name: str
    group: str
    content: bytes
    facts: Mapping[str, Fact]
    source: Any


class Equaliser(Protocol):
    """What makes samples alike: ``words`` says what they become, ``suffix`` is that of their files."""

    suffix: str
    words: Sequence[str]

    def write(self, stored: Stored, path: Path) -> None:
        """Write a sample as a file. Raises InputError for one that cannot be read."""
        ...


class Container(Protocol):
    """What the files of a medium tell beside what they hold."""

    properties: Mapping[str, Property]
    """Key -> property."""

    def read(self, path: Path, name: str) -> Iterator[Stored]:
        """The samples in a file. Raises InputError for one that cannot be read."""
        ...

    def of_piece(self, piece: Any) -> Iterator[Stored]:
        """The samples of a piece of a corpus."""
        return self.read(piece.path, piece.name)

    def equaliser(self, stored: Sequence[Stored]) -> Equaliser:
        """What makes these samples alike: the least of what they have is what they all become. Raises InputError."""
        raise InputError("--equalise", "these samples cannot be made alike")


def counted(values: Mapping[str, Any], known: Mapping[str, Property]) -> dict[str, Fact]:
    """Facts of ``values``: numbers as floats, categories as texts, whether as yes and no; what is None is missing."""

    def fact(key: str, value: Any) -> Fact:
        if known[key].is_number:
            return float(value)
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)

    return {key: fact(key, value) for key, value in values.items() if value is not None}
