"""Copying: samples that repeat a long stretch of the corpus, in any key, with the piece and the place named.

A piano roll is read as a sequence of chords, each a maximal stretch of steps in which the same pitches sound. A *gram*
is GRAM chords in a row: the pitches of each above its lowest one, the steps from one lowest pitch to the next, and the
durations of all but the first and the last, which an edge of a window may cut. Grams of the corpus stand in an index; a
copy is a run of grams that follow each other in the sample and in the corpus. So it is exact in notes and rhythm, blind
to transposition, and ends at the first note that differs.

How long a stretch real pieces share with the rest of the corpus says how long is too long: see ``calibrate_copying``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType, structs
from numpy.typing import NDArray

from verifier.base import statistics
from verifier.base.text import encodable, percent
from verifier.data.batch import Batch
from verifier.data.medium import batch_of
from verifier.data.pieces import BatchPiece, piece_name
from verifier.data.view import require_same_view
from verifier.judge.calibration import PieceCounts, Verdict, excess_p_values
from verifier.judge.sets import SetCheckResult, details_of
from verifier.music import words as places
from verifier.music.corpus_index import Arrays, Index, build_index, packed, unpacked
from verifier.music.features.chord_grams import GRAM, Chords, Ints, chords, grams
from verifier.music.samples import music, roll_view
from verifier.music.view import PianoRollView
from verifier.rule.rule import Share

OCCURRENCES = 64
"""Places of the corpus that are followed for one gram: what is everywhere is nobody's, and the search stays linear."""
QUANTILE = 0.99
"""Share of real samples whose longest copy keeps within the limit."""
LEVEL = 0.001
"""Share of real sets that fail: next to nothing of what a user allows, as what is copied is copied at length."""
SHOWN_COPIES = 5
"""Copies that a result names, the longest."""
CHUNK = 4096
"""Samples looked up at a time."""

_INTERVALS = (
    *("unison", "semitone", "tone", "minor third", "major third", "fourth", "tritone"),
    *("fifth", "minor sixth", "major sixth", "minor seventh", "major seventh"),
)


class Own(NamedTuple):
    """The works of n samples (n,) and of the m samples of an index (m,), both int64: equal numbers are one work."""

    samples: Ints
    corpus: Ints


@dataclass(frozen=True, eq=False)
class Copies:
    """The longest copy in each of n samples, all (n,): ``quarters`` float64 (0 for none), ``pieces`` int64 (a sample of
    the index; -1 for none), ``corpus_steps`` int64 (its step in that), ``sample_steps`` int64 (its step in the sample),
    ``semitones`` int64 (how far the sample is above the corpus).
    """

    quarters: NDArray[np.float64]
    pieces: Ints
    corpus_steps: Ints
    sample_steps: Ints
    semitones: Ints

    def merge(self, other: "Copies") -> "Copies":
        """The copies of this part of a set, then those of the other."""
        return Copies(*(np.concatenate([getattr(self, n), getattr(other, n)]) for n in self.__dataclass_fields__))


def longest_copies(index: Index, batch: Batch, own: Own | None = None) -> Copies:
    """The longest stretch of the corpus that each sample repeats, in quarter notes; of equal ones the first. What
    ``own`` says to be of the same work is no copy.

    Its first and last chord count for as long as they last in both. Raises InputError if the views differ in anything
    but the window: the same music has other steps then.
    """
    _require_same_grid(index.view, roll_view(batch))
    found = chords(batch)
    parts = [_longest(index, found, low, min(low + CHUNK, len(batch)), own) for low in range(0, len(batch), CHUNK)]
    if not parts:
        nothing = np.zeros(0, np.int64)
        return Copies(np.zeros(0), nothing, nothing, nothing, nothing)
    steps, *rest = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Copies(steps / float(roll_view(batch).steps_per_quarter), *rest)


def _require_same_grid(a: PianoRollView, b: PianoRollView) -> None:
    require_same_view(
        structs.replace(a, window=None, remainder="keep"),
        structs.replace(b, window=None, remainder="keep"),
        "the corpus and the samples",
    )


def _longest(
    index: Index, found: Chords, low: int, high: int, works: Own | None
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Steps, corpus piece, corpus step, sample step and semitones of the longest copy in samples low..high - 1."""
    start, stop = int(found.first[low]), int(found.first[high])
    part = Chords(
        samples=found.samples[start:stop] - low,
        shapes=found.shapes[start:stop],
        lowest=found.lowest[start:stop],
        starts=found.starts[start:stop],
        steps=found.steps[start:stop],
        first=found.first[low : high + 1] - start,
    )
    gram = grams(part, GRAM)
    left = np.searchsorted(index.hashes, gram.hashes, side="left")
    right = np.searchsorted(index.hashes, gram.hashes, side="right")
    hits = np.minimum(right - left, OCCURRENCES)
    own = np.repeat(gram.chords, hits)
    theirs = index.chords[np.repeat(left, hits) + np.arange(len(own)) - np.repeat(np.cumsum(hits) - hits, hits)]
    if works is not None:
        others = works.corpus[index.music.samples[theirs]] != works.samples[low + part.samples[own]]
        own, theirs = own[others], theirs[others]
    # Grams that follow each other in both lie on one diagonal. One that spans two samples or two pieces is in neither
    # sequence, so that a run never leaves either.
    order = np.lexsort((own, theirs - own))
    own, theirs = own[order], theirs[order]
    n = high - low
    none = np.zeros(n, np.int64)
    if not len(own):
        return none, none - 1, none, none, none
    begins = np.ones(len(own), np.bool_)
    begins[1:] = (np.diff(own) != 1) | (np.diff(theirs) != 1)
    head = np.flatnonzero(begins)
    tail = np.append(head[1:], len(own)) - 1
    a, b = own[head], own[tail] + GRAM - 1
    p, q = theirs[head], theirs[tail] + GRAM - 1
    music = index.music
    first = np.minimum(part.steps[a], music.steps[p])
    inner = part.starts[b] - part.starts[a] - part.steps[a]
    steps = first + inner + np.minimum(part.steps[b], music.steps[q])
    sample = part.samples[a]
    best = np.lexsort((p, a, -steps, sample))
    which, at = np.unique(sample[best], return_index=True)
    at = best[at]
    out = [none.copy(), none - 1, none.copy(), none.copy(), none.copy()]
    a, p, first = a[at], p[at], first[at]
    out[0][which] = steps[at]
    out[1][which] = music.samples[p]
    # A first chord that began earlier in one of the two is shared only at its end.
    out[2][which] = music.starts[p] + music.steps[p] - first
    out[3][which] = part.starts[a] + part.steps[a] - first
    out[4][which] = part.lowest[a] - music.lowest[p]
    return out[0], out[1], out[2], out[3], out[4]


class CopyingReference(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """How long a stretch real samples repeat of the rest of the corpus.

    ``limit`` (quarter notes) is kept by 99 % of them; ``upper`` is the upper end of the 95 % interval, over pieces, of
    the share beyond it; ``longest`` is the longest stretch found, and ``whole`` the longest sample. ``pieces`` has the
    samples of each piece and how many of them are beyond the limit; a record leaves it out.
    """

    samples: Annotated[int, Meta(ge=1)]
    limit: Annotated[float, Meta(ge=0)]
    upper: Share
    longest: Annotated[float, Meta(ge=0)]
    whole: Annotated[float, Meta(ge=0)]
    pieces: PieceCounts | UnsetType = UNSET


def calibrate_copying(
    index: Index, learned: Batch, held_out: Batch, quantile: float = QUANTILE
) -> CopyingReference | None:
    """The limit that real samples set. ``index`` holds the learned pieces and none of those held out; each learned one
    is looked up in the others, so that a set is held against all real pieces, not only the few held out. None if
    nothing is held out.
    """
    if not len(held_out):
        return None
    copies = longest_copies(index, learned, _works(index, learned)).merge(longest_copies(index, held_out)).quarters
    limit = float(np.quantile(copies, quantile, method="higher"))
    flagged, groups = copies > limit, [*learned.groups, *held_out.groups]
    share = statistics.share_interval(flagged, groups)
    steps = max(int(learned.lengths.max(initial=0)), int(held_out.lengths.max()))
    return CopyingReference(
        samples=len(copies),
        limit=limit,
        upper=math.ceil((share.high if share else 1.0) * 1e6) / 1e6,
        longest=float(copies.max()),
        whole=steps / float(roll_view(held_out).steps_per_quarter),
        pieces=_by_piece(flagged, groups),
    )


def _by_piece(flagged: NDArray[np.bool_], groups: Sequence[str]) -> PieceCounts:
    """How many samples (n,) of each group are flagged, of how many."""
    return PieceCounts.of(flagged.astype(np.int64), np.ones(len(flagged), np.int64), statistics.numbered(groups)[1])


def _works(index: Index, learned: Batch) -> Own:
    """Which samples of the index are of the same group as which learned ones."""
    _, of = statistics.numbered(learned.groups)
    known = {
        piece_name(encodable(name), start): group
        for name, start, group in zip(learned.names, learned.starts.tolist(), of.tolist(), strict=True)
    }
    names = [piece_name(name, start) for name, start in zip(index.names, index.starts.tolist(), strict=True)]
    return Own(of, np.array([known.get(name, -1) for name in names], np.int64))


class Copy(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """One copy: of ``quarters`` quarter notes in ``sample``, whose place and origin ``text`` says in words."""

    sample: str
    piece: str
    quarters: float
    semitones: int
    text: str


class CopyingResult(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What of a sample set is copied: ``flagged`` of its samples repeat more of the corpus than the limit, of
    ``pieces`` different pieces. ``share`` is theirs of all samples with its 95 % ``interval`` over groups; ``median``
    and ``longest`` copies are in quarter notes. ``copies`` are the longest.
    """

    samples: int
    flagged: int
    share: float
    interval: tuple[float, float]
    pieces: int
    median: float
    longest: float
    copies: tuple[Copy, ...]
    reference: CopyingReference
    verdict: Verdict
    reason: str


def judge_copying(
    index: Index,
    copies: Copies,
    names: Sequence[str],
    groups: Sequence[str],
    starts: Ints,
    meters: NDArray[np.float64],
    pickups: NDArray[np.float64],
    reference: CopyingReference,
) -> CopyingResult | None:
    """The result of a set whose samples have these copies; names, groups, starts, meters and pickups (n,) are as in
    Batch.

    It fails if pieces that hold samples beyond the limit are more than real ones by chance, and passes if no more are.
    None for no sample.
    """
    flagged = copies.quarters > reference.limit
    interval = statistics.share_interval(flagged, groups)
    if interval is None:
        return None
    fails, p_value = _more_than_real(flagged, groups, interval, reference)
    copied = f"repeat more than {reference.limit:g} quarter notes of the corpus"
    verdict: Verdict = "undecided"
    reason = f"{interval.low:.2%} to {interval.high:.2%} of samples may be copies; of real ones {reference.upper:.2%}"
    if fails:
        verdict = "fail"
        share, p = (
            (f"{interval.rate:.2%}", f": p = {p_value:.2g}") if p_value < 1 else (f"at least {interval.low:.2%}", "")
        )
        reason = f"{share} of the samples {copied}; of real ones fewer than {reference.upper:.2%}{p}"
    elif reference.limit >= reference.whole:
        reason = "real samples repeat the corpus from end to end: no copy is longer than theirs"
    elif interval.rate <= reference.upper:
        verdict = "pass"
        reason = f"{interval.rate:.2%} of the samples {copied}"
    order = sorted(np.flatnonzero(flagged).tolist(), key=lambda i: (-copies.quarters[i], names[i]))
    shown = [
        _copy(index, copies, i, names[i], int(starts[i]), float(meters[i]), float(pickups[i]))
        for i in order[:SHOWN_COPIES]
    ]
    origins = {_piece_name(index, piece) for piece in np.unique(copies.pieces[flagged]).tolist()}
    return CopyingResult(
        samples=len(names),
        flagged=int(flagged.sum()),
        share=interval.rate,
        interval=(interval.low, interval.high),
        pieces=len(origins),
        median=float(np.median(copies.quarters)),
        longest=float(copies.quarters.max()),
        copies=tuple(shown),
        reference=structs.replace(reference, pieces=UNSET),
        verdict=verdict,
        reason=reason,
    )


def _more_than_real(
    flagged: NDArray[np.bool_], groups: Sequence[str], share: statistics.Interval, reference: CopyingReference
) -> tuple[bool, float]:
    """Whether more of the samples are copies than of real ones, and the p-value of that; 1 where a reference of older
    specs has no pieces to be held against, so that the interval of the share decides.
    """
    if isinstance(reference.pieces, UnsetType):
        return share.low > reference.upper, 1.0
    if not flagged.any():
        return False, 1.0
    p_value = excess_p_values({"": reference.pieces}, {"": _by_piece(flagged, groups)})[""]
    return p_value <= LEVEL, p_value


def describe(index: Index, copies: Copies, batch: Batch, i: int) -> Copy | None:
    """The copy in sample i in words; None if there is none."""
    if copies.pieces[i] < 0:
        return None
    start, meter, pickup = int(batch.starts[i]), float(music(batch).meters[i]), float(music(batch).pickups[i])
    return _copy(index, copies, i, batch.names[i], start, meter, pickup)


def _copy(index: Index, copies: Copies, i: int, name: str, start: int, meter: float, pickup: float) -> Copy:
    piece = int(copies.pieces[i])
    per_quarter = float(index.view.steps_per_quarter)
    quarters, semitones = float(copies.quarters[i]), int(copies.semitones[i])
    here = _bars((start + int(copies.sample_steps[i])) / per_quarter, quarters, meter, pickup)
    there = _bars(
        (int(index.starts[piece]) + int(copies.corpus_steps[i])) / per_quarter,
        quarters,
        float(index.meters[piece]),
        float(index.pickups[piece]),
    )
    origin = _piece_name(index, piece)
    text = f"{name} {here} = {origin} {there}, {interval_name(semitones)}"
    return Copy(sample=name, piece=origin, quarters=quarters, semitones=semitones, text=text)


def _piece_name(index: Index, piece: int) -> str:
    """The piece that a sample of the index was cut from."""
    return piece_name(index.names[piece], int(index.starts[piece]))


def _bars(start: float, quarters: float, meter: float, pickup: float) -> str:
    """``bars 3-5``: those in which a stretch that starts at a quarter note lies."""
    last = math.ceil((start + quarters - pickup) / meter - 1e-9)
    return places.bars_name(places.bar_of(start, meter, pickup), last)


def interval_name(semitones: int) -> str:
    """``a fourth up``, ``at the same pitch``, ``2 octaves and a tone down``."""
    if not semitones:
        return "at the same pitch"
    octaves, rest = divmod(abs(semitones), 12)
    parts = [f"{octaves} octaves" if octaves > 1 else "an octave"] if octaves else []
    parts += [f"a {_INTERVALS[rest]}"] if rest else []
    return f"{' and '.join(parts)} {'up' if semitones > 0 else 'down'}"


class Memorisation:
    """Whether a set holds longer passages of the corpus than unseen real samples do: a set check."""

    key = "copying"
    title = "memorised passages"
    reference = CopyingReference

    def result(self, details: Mapping[str, Any]) -> SetCheckResult:
        return _worded(msgspec.convert(details, CopyingResult))

    def index(self, pieces: Sequence[Any], view: PianoRollView) -> Index:
        """The pieces, whole, on the grid of ``view``; of what is in memory, the windows that there are."""
        in_memory = any(isinstance(piece, BatchPiece) for piece in pieces)
        whole = view if in_memory else structs.replace(view, window=None, remainder="keep")
        return build_index([batch_of(pieces, whole)])

    def pack(self, index: Index) -> Arrays:
        return packed(index)

    def unpack(self, arrays: Arrays, view: PianoRollView) -> Index:
        return unpacked(arrays, view)

    def calibrate(self, learned: Batch, held_out: Batch, index: Index | None) -> CopyingReference | None:
        return None if index is None else calibrate_copying(index, learned, held_out)

    def ready(self, reference: CopyingReference | None, index: Index | str | None) -> "ReadyMemorisation | str":
        if reference is None:
            return "the spec was learned without held-out pieces to set its limit"
        if not isinstance(index, Index):
            return f"copies were not looked for: {index or 'the corpus is not at hand'}"
        return ReadyMemorisation(reference, index)


@dataclass(frozen=True, eq=False)
class _Passages:
    """The copies in n samples, and where these lie in their pieces."""

    copies: Copies
    starts: Ints
    meters: NDArray[np.float64]
    pickups: NDArray[np.float64]

    def merge(self, other: "_Passages") -> "_Passages":
        return _Passages(
            self.copies.merge(other.copies),
            np.concatenate([self.starts, other.starts]),
            np.concatenate([self.meters, other.meters]),
            np.concatenate([self.pickups, other.pickups]),
        )


@dataclass(frozen=True, eq=False)
class ReadyMemorisation:
    """The check with what unseen real samples repeat, and the learned part of the corpus."""

    reference: CopyingReference
    corpus: Index
    softens: ClassVar[bool] = False  # its level is next to nothing

    def tally(self, batch: Batch) -> _Passages:
        own = music(batch)
        return _Passages(longest_copies(self.corpus, batch), batch.starts, own.meters, own.pickups)

    def judge(self, tally: _Passages, names: Sequence[str], groups: Sequence[str]) -> SetCheckResult | None:
        found = judge_copying(
            self.corpus, tally.copies, names, groups, tally.starts, tally.meters, tally.pickups, self.reference
        )
        return _worded(found) if found else None


def _worded(found: CopyingResult) -> SetCheckResult:
    over = f"{percent(found.share)} over {found.reference.limit:g} quarters"
    return SetCheckResult(
        verdict=found.verdict,
        reason=found.reason,
        cell=f"{over} (real up to {percent(found.reference.upper)})",
        worst=f"copies the corpus: {found.copies[0].text}" if found.copies else "",
        details=details_of(found),
    )
