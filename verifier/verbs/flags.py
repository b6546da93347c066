"""Flags: the samples and the pieces that are stranger than nearly all real ones."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.judge.calibration import discovered
from verifier.judge.conformal import Conformal, OfPieces, PValues
from verifier.judge.empty_samples import EmptySamples
from verifier.spec.run import Flag


class Empty(NamedTuple):
    """(n,) which samples hold nothing, and the p-value of one that does not."""

    values: NDArray[np.bool_]
    p_value: float


class Ranked(NamedTuple):
    """Samples ranked among real ones, (n,), and pieces, (k,). The rules are called ``names``; the last of these is that
    a sample is empty.
    """

    names: Sequence[str]
    of_samples: OfPieces
    of_pieces: OfPieces


def ranked_by(
    references: Mapping[int, Conformal],
    among: NDArray[np.int64],
    scores: Mapping[str, NDArray[np.float64]],
    empty: Empty | None,
    piece: NDArray[np.int64],
) -> Ranked:
    """The samples by their scores (n,) under each rule of the ``references``; ``piece`` (n,) is the piece of each, and
    ``among`` (k,) the reference of each piece. One that is empty has no score, and is as strange as it is rare among
    real ones.
    """
    table = np.stack(list(scores.values()), axis=1)
    of_samples, of_pieces = (OfPieces(np.ones(n), np.zeros(n, np.int64), np.zeros(n)) for n in (len(piece), len(among)))
    for key, reference in references.items():
        rows = np.flatnonzero(among[piece] == key)
        number, own = np.unique(piece[rows], return_inverse=True)
        found = reference.of_samples(table[rows])
        if empty is not None:
            found = _with_empty(found, Empty(empty.values[rows], empty.p_value), len(scores))
        for column, values in zip(of_samples, (found.combined, found.spoke, found.share), strict=True):
            column[rows] = values
        for column, values in zip(of_pieces, _of_pieces(reference, found, own), strict=True):
            column[number] = values
    return Ranked((*scores, EmptySamples.title), of_samples, of_pieces)


def _with_empty(found: PValues, empty: Empty, rule: int) -> PValues:
    return found._replace(
        combined=np.where(empty.values, empty.p_value, found.combined),
        spoke=np.where(empty.values, rule, found.spoke),
        share=np.where(empty.values, 1.0, found.share),
        strangeness=np.where(empty.values, np.inf, found.strangeness),
    )


def _of_pieces(reference: Conformal, found: PValues, piece: NDArray[np.int64]) -> OfPieces:
    """Those of the pieces of samples; a piece of one sample is that sample, if each is."""
    strangest = np.lexsort((np.arange(len(piece)), -found.strangeness, piece))
    first = strangest[np.unique(piece[strangest], return_index=True)[1]]  # of each piece, its strangest sample
    if len(first) == len(piece):
        return OfPieces(found.combined[first], found.spoke[first], found.share[first])
    return reference.of_pieces(found, piece)


def flags(
    ranked: Ranked, samples: Sequence[str], labels: NDArray[np.str_], alpha: float
) -> tuple[tuple[Flag, ...], tuple[Flag, ...]]:
    """The samples and the groups, called ``labels``, whose p-value is at most alpha, strangest first."""

    def called(names_: Sequence[str], found: OfPieces) -> tuple[Flag, ...]:
        p_values, spoke, share = found
        discoveries = discovered(p_values, alpha)
        strange = np.flatnonzero(p_values <= alpha).tolist()
        return tuple(
            Flag(
                sample=str(names_[i]),
                p=float(p_values[i]),
                rule=ranked.names[int(spoke[i])],
                share=round(float(share[i]), 3),
                discovered=bool(discoveries[i]),
            )
            for i in sorted(strange, key=lambda i: (p_values[i], names_[i]))
        )

    return called(samples, ranked.of_samples), called(labels.tolist(), ranked.of_pieces)
