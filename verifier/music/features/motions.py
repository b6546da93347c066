"""Motions: what two voices do together when at least one of them moves to another pitch."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.music.samples import music
from verifier.music.voices import SILENT, voice_name
from verifier.music.words import pitch_name

OTHER, FIFTH, OCTAVE, UNISON = range(4)
"""What ``perfect`` calls an interval."""


class Motions(NamedTuple):
    """Every pair of voices at every step at which at least one of the two moves; both sound before and after.

    All (m,), in order of sample, step, upper voice, lower voice.

    samples     int64, the sample
    upper       int64, the voice with the smaller number; voices may cross, so it need not sound higher
    lower       int64, the other
    starts      int64, the step at which the new pitches sound, from 1
    upper_from, upper_to, lower_from, lower_to  int64, MIDI numbers one step earlier and now; equal where a voice stays
    boundaries  bool, whether a fermata ends here: the two notes before and after belong to two phrases
    """

    samples: NDArray[np.int64]
    upper: NDArray[np.int64]
    lower: NDArray[np.int64]
    starts: NDArray[np.int64]
    upper_from: NDArray[np.int64]
    upper_to: NDArray[np.int64]
    lower_from: NDArray[np.int64]
    lower_to: NDArray[np.int64]
    boundaries: NDArray[np.bool_]

    def where(self, mask: NDArray[np.bool_]) -> "Motions":
        at = np.flatnonzero(mask)  # found once for the nine columns
        return Motions._make(column[at] for column in self)

    def of_sample(self, i: int) -> range:
        """Where those of sample i stand."""
        first, last = np.searchsorted(self.samples, (i, i + 1)).tolist()
        return range(first, last)

    def in_words(self, at: int, count: int) -> str:
        """``tenor F3-G3, bass A#2-C3``: motion ``at``, of a sample with ``count`` voices."""
        upper, lower = (voice_name(int(voice[at]), count) for voice in (self.upper, self.lower))
        a, b, c, d = map(pitch_name, self.pitches(at))
        return f"{upper} {a}-{b}, {lower} {c}-{d}"

    def pitches(self, at: int) -> tuple[int, int, int, int]:
        """MIDI numbers of motion ``at``: the upper voice before and after, the lower voice before and after."""
        return int(self.upper_from[at]), int(self.upper_to[at]), int(self.lower_from[at]), int(self.lower_to[at])

    def outer(self, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(m,) whether the pair is the highest and the lowest voice; ``counts`` (n,) as in Voices."""
        return np.asarray((self.upper == 0) & (self.lower == counts[self.samples] - 1))

    def similar(self) -> NDArray[np.bool_]:
        """(m,) whether both voices move, and both up or both down."""
        up, down = self.upper_to > self.upper_from, self.upper_to < self.upper_from
        return np.asarray((up & (self.lower_to > self.lower_from)) | (down & (self.lower_to < self.lower_from)))

    def contrary(self) -> NDArray[np.bool_]:
        """(m,) whether both voices move, one up and the other down."""
        up, down = self.upper_to > self.upper_from, self.upper_to < self.upper_from
        return np.asarray((up & (self.lower_to < self.lower_from)) | (down & (self.lower_to > self.lower_from)))


def motions(batch: Batch) -> Motions:
    """The motions of every sample; none in a sample whose voices are not known. Computed once a batch.

    A voice that repeats its note does not move, and one that rests before or after has no motion.
    """
    return batch.feature("motions", _motions)


def _motions(batch: Batch) -> Motions:
    pitches = music(batch).voices.pitches
    _, width, _ = pitches.shape
    # Most steps change nothing: only those at which some voice does are looked at pair by pair.
    moved = (pitches[:, :, 1:] != pitches[:, :, :-1]).any(axis=1) & batch.inside()[:, 1:]
    samples, before = np.nonzero(moved)
    origin = pitches[samples, :, before].astype(np.int64)
    target = pitches[samples, :, before + 1].astype(np.int64)
    sounds = (origin != SILENT) & (target != SILENT)
    moves = origin != target
    first, second = np.triu_indices(width, 1)
    pairs = sounds[:, first] & sounds[:, second] & (moves[:, first] | moves[:, second])
    at, pair = np.nonzero(pairs)
    upper, lower = first[pair].astype(np.int64), second[pair].astype(np.int64)
    fermatas = music(batch).voices.fermatas
    return Motions(
        samples[at],
        upper,
        lower,
        before[at] + 1,
        origin[at, upper],
        target[at, upper],
        origin[at, lower],
        target[at, lower],
        (fermatas[samples, before] & ~fermatas[samples, before + 1])[at],
    )


def perfect(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """FIFTH, OCTAVE (with twelfths and double octaves), UNISON or OTHER, between pitches whichever of them is higher.

    Semitones decide, as nothing else sounds: G# and E flat are a fifth here, though written as a diminished sixth.
    """
    apart = np.abs(a - b)
    return np.select([apart == 0, apart % 12 == 0, apart % 12 == 7], [UNISON, OCTAVE, FIFTH], OTHER)
