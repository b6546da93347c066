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
    """Samples ranked among real ones, by the rules called ``names``; the last of these is that a sample is empty."""

    reference: Conformal
    names: Sequence[str]
    found: PValues


def ranked_by(reference: Conformal, scores: Mapping[str, NDArray[np.float64]], empty: Empty | None) -> Ranked:
    """The samples by their scores (n,) under each rule of ``reference``; one that is empty has none, and is as strange
    as it is rare among real ones.
    """
    found = reference.of_samples(np.stack(list(scores.values()), axis=1))
    if empty is not None:
        found = found._replace(
            combined=np.where(empty.values, empty.p_value, found.combined),
            spoke=np.where(empty.values, len(scores), found.spoke),
            strangeness=np.where(empty.values, np.inf, found.strangeness),
        )
    return Ranked(reference, (*scores, EmptySamples.title), found)


def flags(
    ranked: Ranked, samples: Sequence[str], labels: NDArray[np.str_], piece: NDArray[np.int64], alpha: float
) -> tuple[tuple[Flag, ...], tuple[Flag, ...]]:
    """The samples and the groups, called ``labels``, whose p-value is at most alpha, strangest first; ``piece`` (n,) is
    the group of each sample.
    """
    reference, names, found = ranked
    strangest = np.lexsort((np.arange(len(piece)), -found.strangeness, piece))
    first = strangest[np.unique(piece[strangest], return_index=True)[1]]  # of each piece, its strangest sample
    alone = len(labels) == len(piece)  # a piece of one sample is that sample
    of_pieces = OfPieces(found.combined[first], found.spoke[first]) if alone else reference.of_pieces(found, piece)

    def called(names_: Sequence[str], p_values: NDArray[np.float64], spoke: NDArray[np.int64]) -> tuple[Flag, ...]:
        discoveries = discovered(p_values, alpha)
        strange = np.flatnonzero(p_values <= alpha).tolist()
        return tuple(
            Flag(
                sample=str(names_[i]), p=float(p_values[i]), rule=names[int(spoke[i])], discovered=bool(discoveries[i])
            )
            for i in sorted(strange, key=lambda i: (p_values[i], names_[i]))
        )

    return called(samples, found.combined, found.spoke), called(labels.tolist(), *of_pieces)
