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


class CorpusRecord(Provenance, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What the rules were learned from: the corpus, its split, and the windows chosen."""

    name: str
    split: Split
    sampling: Sampling | None = None
