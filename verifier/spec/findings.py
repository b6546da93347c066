"""Findings: violations named so that those of two runs can be told apart and matched."""

import hashlib
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.rule.rule import Checker, Violation

MAX_FINDINGS = 20_000
"""Findings kept of one rule in one sample set."""


class Finding(Struct, frozen=True, array_like=True, order=True, forbid_unknown_fields=True):
    """One violation: the key of the sample, the place in it, and what was observed there."""

    sample: str
    place: str
    observed: str


class Findings(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The violations of one rule in one sample set, by sample and time.

    ``complete`` is false if there are more than ``MAX_FINDINGS``: then ``listed`` are those of the first samples, by
    key, and nothing can be said about what is not there.
    """

    complete: bool
    listed: tuple[Finding, ...]

    def merge(self, other: "Findings") -> "Findings":
        """Those of both parts of a sample set; the same ones are kept however the set is cut."""
        listed = sorted((*self.listed, *other.listed), key=lambda finding: finding.sample)  # stable: by time within
        complete = self.complete and other.complete and len(listed) <= MAX_FINDINGS
        return Findings(complete=complete, listed=tuple(listed[:MAX_FINDINGS]))


def sample_key(batch: Batch, i: int) -> str:
    """What says that samples of two runs are the same one: its name, which for a file is its path within the folder,
    for a window that and where it starts, for a sample of a tensor that and its position; without a name, its content.
    """
    if batch.names[i]:
        return batch.names[i]
    content = np.ascontiguousarray(batch.values[i, :, : int(batch.lengths[i])])
    return f"sha256:{hashlib.sha256(content.tobytes()).hexdigest()[:16]}"


def place_of(violation: Violation) -> str:
    """``8: 60 64``: the step of the sample's own grid, and the pitches (MIDI numbers) if the violation has any.

    Both are integers already, so that a place is the same in two runs or another one, never nearly the same.
    """
    pitches = " ".join(str(pitch) for pitch in violation.pitches)
    return f"{violation.start}: {pitches}" if pitches else str(violation.start)


def find(checker: Checker, batch: Batch, violations: NDArray[np.int64]) -> Findings:
    """The findings of a batch whose samples have ``violations`` (n,); only samples with any are looked into."""
    listed: list[Finding] = []
    for i in _by_key(batch, np.flatnonzero(violations).tolist()):
        key = sample_key(batch, i)
        for violation in checker.locate(batch, i):
            if len(listed) == MAX_FINDINGS:
                return Findings(complete=False, listed=tuple(listed))
            listed.append(Finding(key, place_of(violation), violation.observed))
    return Findings(complete=True, listed=tuple(listed))


def _by_key(batch: Batch, indices: Sequence[int]) -> list[int]:
    return sorted(indices, key=lambda i: sample_key(batch, i))
