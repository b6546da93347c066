"""Power: which planted fault does a spec catch, at which dose, at its own false-alarm rate, and what is it blind to."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

import verifier
from verifier.base.errors import InputError
from verifier.base.statistics import numbered, share_interval
from verifier.base.text import plural
from verifier.data.batch import Batch, concatenate
from verifier.data.view import View, require_same_view
from verifier.judge.calibration import Calibration, PieceCounts, require_level
from verifier.judge.conformal import Conformal
from verifier.rule.fault import Fault, fault_named, faults_for
from verifier.rule.registry import rule_named
from verifier.rule.rule import Checker, Rule
from verifier.spec.spec import Spec
from verifier.verbs.check import ALPHA
from verifier.verbs.learn import Rules, calibrate

PARTS = 5
"""Random parts of the held-out pieces, each of which is ranked among all the others."""
CURVE_PIECES = (25, 50, 100, 200, 270)
CURVE_ORDERS = 4
"""Random orders of the pieces that a learning curve pools, each with a dealing of the held-out pieces of its own."""

Trial = tuple[Fault, float]
"""A fault and a dose of it."""
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Share(Struct, frozen=True, kw_only=True):
    """A share with its 95 % interval over pieces."""

    share: float
    low: float
    high: float


class Caught(Struct, frozen=True, kw_only=True, rename="kebab"):
    """Samples whose p-value is at most alpha: under each rule by its own p-value, and under all rules together."""

    rules: dict[str, Share]
    combined: Share

    def best(self) -> str:
        """The rule that catches most; of equal ones the first in the spec."""
        return max(self.rules, key=lambda name: self.rules[name].share)


class PowerRow(Struct, frozen=True, kw_only=True, rename="kebab"):
    """One fault at one dose. ``planted`` is the share of samples that it changed at all: the others had no room for it.

    ``auroc`` is the chance that the combined p-value of an edited sample is smaller than that of an unedited one, ties
    counting half; its interval is over pieces.
    """

    fault: str
    dose: float
    unit: str
    planted: float
    caught: Caught
    auroc: Share


class PowerTable(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What ``power`` found. ``real`` is the same for the unedited samples: the spec's own false-alarm rate.

    ``kind`` is that of the view. ``crossed``: each sample was ranked among real samples of other pieces than its own
    part of the held-out ones.
    """

    verifier: str
    spec: str
    kind: str
    alpha: float
    seed: int
    samples: int
    pieces: int
    crossed: bool
    real: Caught
    rows: tuple[PowerRow, ...]

    def __repr__(self) -> str:
        return f"PowerTable(spec={self.spec!r}, {plural('fault', len(self.rows))} planted in {self.samples:,} samples)"

    def rules(self) -> tuple[str, ...]:
        """The rules, in the order of the spec."""
        return tuple(self.real.rules)


class BlindSpot(Struct, frozen=True, kw_only=True, rename="kebab"):
    """A fault at a dose that nothing catches more often than twice the level; ``share`` is the most that any does."""

    fault: str
    dose: float
    share: float


def power(
    spec: Spec,
    real: Batch | Iterable[Batch],
    *,
    faults: Sequence[str] = (),
    doses: Sequence[float] = (),
    alpha: float = ALPHA,
    seed: int = 0,
    crossed: bool = True,
) -> PowerTable:
    """Plant faults (by name; all of the medium if none are named) in real samples and report which rule catches which
    at which dose.

    ``doses`` replaces the doses of every fault. A sample is caught if its p-value is at most ``alpha``.

    With ``crossed``, ``real`` are the samples that the spec was calibrated with. p-values among these would mislead: an
    edited sample would be ranked beside the one it was made from. So the pieces are dealt into ``PARTS`` parts. The
    faults are planted in one, which is ranked by rules calibrated anew on the others, among these and the learned
    pieces that the spec's calibration has scored by rules that had not seen them; then in the next (cross-conformal).
    Only the part's own pieces are missing in that reference. Without ``crossed``, ``real`` are other samples, which are
    read a batch at a time and ranked in the spec's own calibration.

    The same seed gives the same parts and the same faults, whichever faults are asked for. Raises InputError for a
    fault that is unknown or of another medium, a dose that it cannot have, a level that the reference is too small for,
    samples of another view or, for a fault of sound, without their waves, no samples, and a spec without calibration
    or, with ``crossed``, a single piece.
    """
    planned = trials(faults, doses, spec.view.kind)
    batches = _checked(spec, [real] if isinstance(real, Batch) else real)
    found: list[_Found] = []
    if crossed:
        held_out = concatenate(spec.view, list(batches))
        learned = _of_learned(spec.calibration) if spec.calibration else None
        found += _crossed(spec.rules, held_out, planned, seed=seed, alpha=alpha, learned=learned)
    else:
        if spec.calibration is None:
            raise InputError(f"spec {spec.name}", "has no scores of held-out data to rank samples among")
        judge = _Judge.of(spec.rules, spec.calibration, alpha, "samples")
        for at, batch in enumerate(batches):
            found.append(judge.measure(batch, _edited(batch, planned, seed, at), block=0))
    names = [rule.name() for rule in spec.rules]
    return _table(spec.name, spec.view.kind, names, found, planned, alpha=alpha, seed=seed, crossed=crossed)


def trials(faults: Sequence[str], doses: Sequence[float], kind: str) -> tuple[Trial, ...]:
    """The faults named (all for that kind of view if none are) at the doses given (each fault's own if none are), by
    rising dose.

    Raises InputError for an unknown fault, one named twice, and a dose that it cannot have or that is 0.
    """
    for name in faults:
        if faults.count(name) > 1:
            raise InputError("--fault", f"{name} is named twice")
    chosen = [fault_named(name, kind, "--fault") for name in faults] or list(faults_for(kind).values())
    planned = []
    for fault in chosen:
        for dose in sorted({float(dose) for dose in doses} or fault.doses):
            fault.require(dose)
            if dose == 0:
                raise InputError("--dose", "a dose of 0 plants nothing")
            planned.append((fault, dose))
    return tuple(planned)


def blind_spots(table: PowerTable) -> tuple[BlindSpot, ...]:
    """The faults and doses that no rule and no combination catches in more than twice the level of the samples."""
    found = []
    for row in table.rows:
        most = max(row.caught.combined.share, *(share.share for share in row.caught.rules.values()))
        if most <= 2 * table.alpha:
            found.append(BlindSpot(fault=row.fault, dose=row.dose, share=most))
    return tuple(found)


def blind_words(table: PowerTable) -> list[str]:
    """The blind spots in words, one line for each fault that has any."""
    lines = []
    spots = blind_spots(table)
    for name in dict.fromkeys(spot.fault for spot in spots):
        fault = fault_named(name, table.kind)
        tried = [row.dose for row in table.rows if row.fault == name]
        blind = [spot.dose for spot in spots if spot.fault == name]
        most = max(spot.share for spot in spots if spot.fault == name)
        doses = f"any dose tried, {_listed(tried)}" if len(blind) == len(tried) else f"a dose of {_listed(blind)}"
        lines.append(
            f"no rule sees {fault.words} at {doses} ({fault.unit}): at most {most:.1%} of the samples are caught"
        )
    return lines


def _listed(doses: Sequence[float]) -> str:
    texts = [f"{dose:g}" for dose in doses]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def learning_curve(
    name: str,
    learned: Batch,
    held_out: Batch,
    rules: Rules,
    *,
    faults: Sequence[tuple[str, float]],
    pieces: Sequence[int] = CURVE_PIECES,
    orders: int = CURVE_ORDERS,
    alpha: float = ALPHA,
    seed: int = 0,
) -> dict[int, PowerTable]:
    """Number of pieces -> the power of a spec, called ``name``, that learned ``rules`` from as many of ``learned``.

    The pieces (groups) are put in ``orders`` random orders, of which a smaller number takes the beginning. Faults are
    planted in ``held_out`` and judged as ``power`` does it with ``crossed``, but among held-out pieces alone, with one
    dealing for each order; the table pools the orders. Raises InputError as ``power`` does, and for more pieces than
    there are.
    """
    planned = tuple(trial for fault, dose in faults for trial in trials([fault], [dose], learned.view.kind))
    labels, piece = numbered(learned.groups)
    for count in pieces:
        if not 1 <= count <= len(labels):
            raise InputError("", f"expected 1 to {len(labels)} pieces to learn from, found {count}")
    empty = [rule_named(rule, learned.view.kind).with_options(**options) for rule, options in rules.items()]
    places = [np.random.default_rng([seed, order]).permutation(len(labels))[piece] for order in range(orders)]
    curve = {}
    for count in pieces:
        found = []
        for dealing, place in enumerate(places):
            # In one go, which is the same as piece by piece and merged, and faster.
            some = learned.take(np.flatnonzero(place < count))
            states = [type(rule).learn(some, **rule.set_options()) for rule in empty]
            found += _crossed(states, held_out, planned, seed=seed, alpha=alpha, dealing=dealing)
        curve[count] = _table(
            name, learned.view.kind, list(rules), found, planned, alpha=alpha, seed=seed, crossed=True
        )
    return curve


@dataclass(frozen=True, eq=False)
class _Measured:
    """Samples as judged: whether each is caught, (n, rules + 1), all rules together last, and the combined p-values."""

    caught: Bools
    combined: Floats


@dataclass(frozen=True, eq=False)
class _Found:
    """Real samples that were ranked in one reference: as they are, and edited in each of the ways planned.

    ``changed`` (trials, n): whether the fault changed the sample at all. p-values are compared within a ``block``:
    those of one set of rules.
    """

    groups: Sequence[str]
    names: Sequence[str]
    block: int
    real: _Measured
    edited: Sequence[_Measured]
    changed: Bools


@dataclass(frozen=True, eq=False)
class _Judge:
    """A spec made ready to catch samples at a level."""

    checkers: Mapping[str, Checker]
    reference: Conformal
    alpha: float

    @classmethod
    def of(cls, rules: Sequence[Rule], calibration: Calibration, alpha: float, what: str) -> "_Judge":
        """Raises InputError if ``alpha`` is too small for the number of held-out samples, which it calls ``what``."""
        names = [rule.name() for rule in rules]
        reference = Conformal(calibration, names)
        require_level(alpha, reference.size, what)
        return cls({rule.name(): rule.compile() for rule in rules}, reference, alpha)

    def measure(self, real: Batch, edited: Iterable[Batch], block: int) -> _Found:
        of_real = self._measured(real)
        measured, changed = [], []
        for batch in edited:
            measured.append(self._measured(batch))
            changed.append(_changed(real, batch))
        changes = np.array(changed, np.bool_).reshape(len(changed), len(real))
        return _Found(real.groups, real.names, block, of_real, measured, changes)

    def _measured(self, batch: Batch) -> _Measured:
        scores = np.stack([checker.count(batch).scores for checker in self.checkers.values()], axis=1)
        p = self.reference.of_samples(scores)
        # A p-value is a quotient of whole numbers: what equals alpha may differ from it in the last digit.
        return _Measured(np.column_stack([p.rules, p.combined]) <= self.alpha + 1e-12, p.combined)


def _changed(real: Batch, edited: Batch) -> Bools:
    """(n,) whether the values of each sample were changed, or what its medium knows beside."""
    inside = real.inside()
    changed = ((edited.values != real.values) & inside[:, None, :]).any(axis=(1, 2))
    return np.asarray(changed | real.extra.differs(edited.extra, inside))


def _checked(spec: Spec, batches: Iterable[Batch]) -> Iterator[Batch]:
    view: View = spec.view
    for batch in batches:
        require_same_view(view, batch.view, f"spec {spec.name} and the samples")
        yield batch


def _edited(batch: Batch, planned: Sequence[Trial], seed: int, part: int) -> Iterator[Batch]:
    """``batch`` with each fault at each dose. All doses of a fault draw the same numbers, so that they compare."""
    for fault, dose in planned:
        yield fault.plant(batch, dose, np.random.default_rng([seed, zlib.crc32(fault.name.encode()), part]))


def _parts(groups: Sequence[str], seed: int, dealing: int) -> NDArray[np.int64]:
    """(n,) the part of each sample, from 0; all samples of a group are in one. Raises InputError for a single group."""
    labels, group = numbered(groups)
    if len(labels) < 2:
        raise InputError("", f"expected two held-out pieces or more, to rank one among others, found {len(labels)}")
    dealt = np.random.default_rng([seed, dealing]).permutation(len(labels)) % PARTS
    return np.asarray(dealt[group])


def _crossed(
    rules: Sequence[Rule],
    held_out: Batch,
    planned: Sequence[Trial],
    *,
    seed: int,
    alpha: float,
    dealing: int = 0,
    learned: Calibration | None = None,
) -> list[_Found]:
    """Each part of the held-out pieces as judged by ``rules`` calibrated on the other parts, among these and the
    ``learned`` pieces.
    """
    if not len(held_out):
        return []
    parts = _parts(held_out.groups, seed, dealing)
    found = []
    for part in np.unique(parts).tolist():
        calibrated, calibration = calibrate(rules, held_out.take(np.flatnonzero(parts != part)))
        assert calibration is not None, "there are other parts"
        if learned is not None:
            calibration = Calibration.joined([calibration, learned])
        judge = _Judge.of(calibrated, calibration, alpha, "samples of other pieces")
        tested = held_out.take(np.flatnonzero(parts == part))
        edited = _edited(tested, planned, seed, PARTS * dealing + part)
        found.append(judge.measure(tested, edited, block=dealing))
    return found


def _of_learned(calibration: Calibration) -> Calibration | None:
    """The learned pieces in a calibration: each was scored by rules that had not seen it. None if it has none."""
    pieces = len(calibration.samples) - calibration.learned
    samples = sum(calibration.samples[:pieces])
    if not calibration.learned:
        return None
    return Calibration(
        samples=calibration.samples[pieces:],
        scores={name: scores[samples:] for name, scores in calibration.scores.items()},
        counts={
            name: PieceCounts(violations=counts.violations[pieces:], trials=counts.trials[pieces:])
            for name, counts in calibration.counts.items()
        },
    )


def _table(
    name: str,
    kind: str,
    rules: Sequence[str],
    found: Sequence[_Found],
    planned: Sequence[Trial],
    *,
    alpha: float,
    seed: int,
    crossed: bool,
) -> PowerTable:
    """All parts pooled. Raises InputError if there is no sample."""
    groups = [group for part in found for group in part.groups]
    if not groups:
        raise InputError("", "there is no real sample to plant faults in")
    blocks = np.concatenate([np.full(len(part.groups), part.block) for part in found])
    real = _pooled([part.real for part in found])
    rows = []
    for at, (fault, dose) in enumerate(planned):
        edited = _pooled([part.edited[at] for part in found])
        row = PowerRow(
            fault=fault.name,
            dose=dose,
            unit=fault.unit,
            planted=float(np.concatenate([part.changed[at] for part in found]).mean()),
            caught=_caught(rules, edited, groups),
            auroc=_auroc(edited.combined, real.combined, blocks, groups),
        )
        rows.append(row)
    return PowerTable(
        verifier=verifier.__version__,
        spec=name,
        kind=kind,
        alpha=alpha,
        seed=seed,
        samples=len({name for part in found for name in part.names}),
        pieces=len(set(groups)),
        crossed=crossed,
        real=_caught(rules, real, groups),
        rows=tuple(rows),
    )


def _pooled(parts: Sequence[_Measured]) -> _Measured:
    return _Measured(np.concatenate([part.caught for part in parts]), np.concatenate([part.combined for part in parts]))


def _caught(rules: Sequence[str], measured: _Measured, groups: Sequence[str]) -> Caught:
    shares = []
    for column in measured.caught.T:
        interval = share_interval(column, groups)
        assert interval is not None, "there are samples"
        shares.append(Share(share=interval.rate, low=interval.low, high=interval.high))
    return Caught(rules=dict(zip(rules, shares[:-1], strict=True)), combined=shares[-1])


def _auroc(edited: Floats, real: Floats, blocks: NDArray[np.int64], groups: Sequence[str]) -> Share:
    """The chance that an edited sample is stranger (its p-value smaller) than a real one of its block, with its
    95 % interval over groups, both of whose parts vary together (Obuchowski, Biometrics 53, 1997).
    """
    stranger = np.zeros(len(edited))  # of each edited sample, the share of the real ones than which it is stranger
    found = np.zeros(len(real))  # of each real one, the share of the edited ones that are stranger than it
    for block in np.unique(blocks):
        inside = blocks == block
        a, b = np.sort(edited[inside]), np.sort(real[inside])
        n = len(a)
        stranger[inside] = 1 - _below(b, edited[inside]) / n
        found[inside] = _below(a, real[inside]) / n
    area = float(stranger.mean())
    index = numbered(groups)[1]
    influence = np.bincount(index, weights=stranger + found - 2 * area) / len(edited)
    count = len(influence)
    error = float(np.sqrt(count / (count - 1) * (influence**2).sum())) if count > 1 else 0.5
    return Share(share=area, low=max(0.0, area - 1.96 * error), high=min(1.0, area + 1.96 * error))


def _below(ascending: Floats, values: Floats) -> Floats:
    """How many of ``ascending`` lie below each value, equal ones counting half."""
    left, right = (np.searchsorted(ascending, values, side=side) for side in ("left", "right"))
    return np.asarray((left + right) / 2)
