"""Where the data behind a spec came from, and how it was split."""

import math
from typing import Annotated, Literal

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]


class Split(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Which part of a corpus is learned from and which is held out: shares of its groups, which add up to 1.

    ``seed`` decides which groups; no group is ever on both sides. By folder, all groups whose names have the same first
    folder stand on one side: all recordings of a speaker.
    """

    learn: Share = 0.8
    hold_out: Share = 0.2
    by: Literal["group", "folder"] = "group"
    seed: int = 0

    def __post_init__(self) -> None:
        if not math.isclose(self.learn + self.hold_out, 1, abs_tol=1e-9):
            raise ValueError(f"learn {self.learn} and hold-out {self.hold_out} do not add up to 1")


class Provenance(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Where the data behind a spec came from.

    ``pieces`` and ``groups`` are numbers (a group is all that is one work); ``sha256`` is the digest of the content.
    """

    source: str
    licence: str
    pieces: int
    groups: int
    sha256: str


class Sampling(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """That the rules were learned from some of the windows only: how many, and the seed that chose them."""

    windows: Annotated[int, Meta(ge=1)]
    seed: Annotated[int, Meta(ge=0)] = 0


HELD_OUT_DIGITS = 12
"""Of the sha256 of a held-out file, those that a spec keeps."""


class CorpusFiles(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """The files of a corpus that is not known by name, so that it can be found again, and no other taken for it.

    ``path`` is where they lay, as it was typed: from the folder of the spec, or from the working directory. ``sha256``
    is of the ``number`` of files together, with their paths from there; ``held-out`` has the first digits of that of
    each held-out one, where a piece is a file and these are not too many.
    """

    path: str
    number: Annotated[int, Meta(ge=1)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    held_out: dict[str, Annotated[str, Meta(pattern=f"^[0-9a-f]{{{HELD_OUT_DIGITS}}}$")]] = {}


class CorpusRecord(Provenance, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What the rules were learned from: the corpus, its split, the windows chosen, and its files if it is one's own."""

    name: str
    split: Split
    sampling: Sampling | None = None
    files: CorpusFiles | None = None
