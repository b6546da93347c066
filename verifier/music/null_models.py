"""Null versions of pieces, which keep the voices and lose what they do together; and what sets pieces apart from them.

Support says what a style has; what it avoids shows only against what would come about by chance. A null version is the
same sample with each of its voices changed by itself, and none of the changes is more likely than any other. Were the
voices of a piece written without regard to each other, nothing would tell the piece from its versions: that is the
hypothesis that ``NullContrast`` tests, piece by piece.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from verifier.base.hashing import mixed
from verifier.base.statistics import numbered
from verifier.data.batch import Batch
from verifier.judge.calibration import discovered
from verifier.music.features.voice_notes import lines
from verifier.music.samples import music, roll_view, with_voices
from verifier.music.voices import SILENT
from verifier.rule.counted import Events

Ints = NDArray[np.int64]
Seeds = NDArray[np.uint64]

Null = Literal["rotated", "shuffled", "transposed"]


class NullContrast(NamedTuple):
    """How often each of k kinds of event occurs in a corpus and by chance; all (k,) int64, and sums over pieces.

    corpus  events in the corpus
    chance  events in all null versions together
    spread  over pieces, (m + 1) times the sum of squares of the m + 1 counts of a piece, its own and those of its m
            versions, less the square of their sum
    """

    corpus: Ints
    chance: Ints
    spread: Ints

    @classmethod
    def learn(cls, batch: Batch, events: Callable[[Batch], Events], null: Null, versions: int, kinds: int) -> Self:
        """From samples; ``events`` gives those of any Batch, with keys below ``kinds``."""
        labels, pieces = numbered(batch.groups)

        def counts(samples: Batch, rounds: int) -> Ints:
            """(rounds, pieces, kinds)"""
            found = events(samples)
            of_round, sample = np.divmod(found.samples, max(len(batch), 1))
            at = (of_round * len(labels) + pieces[sample]) * kinds + found.keys
            counted = np.bincount(at, weights=found.counts, minlength=rounds * len(labels) * kinds)
            return counted.astype(np.int64).reshape(rounds, len(labels), kinds)

        own, others = counts(batch, 1), counts(null_versions(batch, null, versions), versions)
        total = own[0] + others.sum(axis=0)
        squares = (own[0] ** 2) + (others**2).sum(axis=0)
        spread = (versions + 1) * squares - total**2
        return cls(own.sum(axis=(0, 1)), others.sum(axis=(0, 1)), spread.sum(axis=0))

    def merge(self, other: Self) -> "NullContrast":
        """What both corpora say."""
        return NullContrast(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def without(self, other: Self) -> "NullContrast":
        """What is left when some pieces are taken out."""
        return NullContrast(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def expected(self) -> NDArray[np.float64]:
        """(k,) events among as many as the corpus has, at the rates of the null versions."""
        return np.asarray(self.chance * (self.corpus.sum() / max(int(self.chance.sum()), 1)))

    def strength(self, versions: int) -> NDArray[np.float64]:
        """(k,) standard errors by which the corpus has fewer than its null versions.

        Under the hypothesis, which of the m + 1 versions of a piece is the piece is drawn by lot. So the sum over
        pieces of (mean of the versions - own count) has mean 0 and variance spread / (m + 1)^2: a permutation test
        within pieces, in the normal approximation.
        """
        return (self.chance - versions * self.corpus) / np.sqrt(np.maximum(self.spread, 1))

    def avoided(self, versions: int, level: float, effect: float, least: float) -> NDArray[np.bool_]:
        """(k,) the kinds that chance makes at least ``effect`` times as often as the corpus, and significantly so.

        Kinds are tested that occur ``least`` times in the mean of all versions, the corpus among them: which ones does
        not depend on which version is the corpus. Of those called, an expected share of ``level`` at most is wrong
        (Benjamini and Hochberg, 1995). Half an event is added to those of the corpus: none seen is no proof of never.
        """
        from scipy.special import ndtr

        tested = np.flatnonzero(self.corpus + self.chance >= least * (versions + 1))
        called = np.zeros(len(self.corpus), np.bool_)
        called[tested] = discovered(ndtr(-self.strength(versions)[tested]), level)
        return called & (self.expected() >= effect * (self.corpus + 0.5))


def null_versions(batch: Batch, null: Null, versions: int) -> Batch:
    """``versions`` null versions of every sample: all first ones in the order of the batch, then all second ones.

    rotated     the notes of each voice begin some quarter notes later, and those that leave the sample at its end enter
                at its beginning: keeps melodies, rhythms, beats and the key, loses which notes sound together
    shuffled    each voice has the same pitches in another order, in the same rhythm: loses the melodies too
    transposed  each voice is moved up by 0 to 11 semitones: keeps melodies and rhythm, loses the common key

    A version depends on its number, its group and where in its piece the sample starts, and on nothing else.
    """
    seeds = _seeds(batch)
    made = [VERSIONS[null](batch, seeds, version) for version in range(1, versions + 1)]
    n, width, steps = music(batch).voices.pitches.shape
    many = batch.take(np.tile(np.arange(n), versions))
    pitches = np.concatenate([np.zeros((0, width, steps), np.int16), *(pitches for pitches, _ in made)])
    attacks = np.concatenate([np.zeros((0, width, steps), np.bool_), *(attacks for _, attacks in made)])
    voices = replace(music(many).voices, pitches=pitches, attacks=attacks)
    values = voices.painted(roll_view(batch).lowest_pitch, roll_view(batch).pitches)
    names = [f"{name} {null} {1 + at // n}" for at, name in enumerate(many.names)]
    return replace(with_voices(many, values, voices), names=names)


Version = tuple[NDArray[np.int16], NDArray[np.bool_]]
"""Pitches and attacks of the voices, as in Voices."""


def _rotated(batch: Batch, seeds: Seeds, version: int) -> Version:
    voices = music(batch).voices
    _, width, steps = voices.pitches.shape
    quarter = max(1, round(float(roll_view(batch).steps_per_quarter)))
    quarters = batch.lengths // quarter
    turned = quarters[:, None, None] * quarter  # steps after the last whole quarter note stay where they are
    random = _random(seeds[:, None], version, np.arange(width))
    later = (random * quarters[:, None]).astype(np.int64)[:, :, None] * quarter
    step = np.arange(steps)
    origin = np.where(step < turned, (step - later) % np.maximum(turned, 1), step)
    pitches = np.take_along_axis(voices.pitches, origin, axis=2)
    # A note that the turn cuts, or that reaches a new neighbour of its pitch, begins anew.
    seams = (step == later) & (later > 0) & (pitches != SILENT)
    return pitches, np.take_along_axis(voices.attacks, origin, axis=2) | seams


def _shuffled(batch: Batch, seeds: Seeds, version: int) -> Version:
    notes = lines(batch)
    random = _random(seeds[notes.samples], version, notes.voices, notes.starts)
    order = np.lexsort((random, notes.voices, notes.samples))
    n, width, steps = music(batch).voices.pitches.shape
    pitches, attacks = np.full((n, width, steps), SILENT, np.int16), np.zeros((n, width, steps), np.bool_)
    lengths = notes.stops - notes.starts
    first = (notes.samples * width + notes.voices) * steps + notes.starts
    at = np.arange(lengths.sum()) + np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
    pitches.reshape(-1)[at] = np.repeat(notes.pitches[order], lengths)
    attacks.reshape(-1)[first] = True
    return pitches, attacks


def _transposed(batch: Batch, seeds: Seeds, version: int) -> Version:
    voices = music(batch).voices
    random = _random(seeds[:, None], version, np.arange(voices.pitches.shape[1]))
    up = (random * 12).astype(np.int16)[:, :, None]
    return np.where(voices.pitches == SILENT, SILENT, voices.pitches + up).astype(np.int16), voices.attacks


VERSIONS: dict[Null, Callable[[Batch, Seeds, int], Version]] = {
    "rotated": _rotated,
    "shuffled": _shuffled,
    "transposed": _transposed,
}


def _seeds(batch: Batch) -> Seeds:
    """(n,) a number for each sample, of its group and its start."""
    texts = (
        f"{start}:{group}".encode("utf-8", "surrogateescape")
        for start, group in zip(batch.starts.tolist(), batch.groups, strict=True)
    )
    return np.array([int.from_bytes(hashlib.sha256(text).digest()[:8], "big") for text in texts], np.uint64)


def _random(seeds: Seeds, *keys: int | Ints) -> NDArray[np.float64]:
    """Numbers in [0, 1), one for each seed and the keys beside it, broadcast.

    A hash in place of a random generator: it is the same whatever else is in the batch and whichever version of NumPy
    runs (SplitMix64).
    """
    bits = seeds
    for key in keys:
        bits = mixed(bits + np.asarray(key).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    return np.asarray((bits >> np.uint64(11)) * 2.0**-53)
