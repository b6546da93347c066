"""The third answer: samples that were processed after they were made, so that some rules cannot say who made them.

JPEG or a slight blur makes most real pictures break rules about exact values: such a rule then means "not this
pipeline", not "generated". Numbers of some rules betray a processing (``NumericRange.traces``), and each rule declares
which processing real samples survive under it (``Rule.survives``; benchmarks/processing.py measures it by `verify
power`).
Only what leaves a trace of its own is looked for. High frequencies that are too strong, or peaks at a stride, may come
of noise or of enlarging, but they are also what generators leave: they excuse nothing.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from verifier.rule.numeric_range import BINS, NumericRange
from verifier.rule.rule import Rule, SparseCounts

TRACED = 0.15
"""Share of the samples of a set that must lie beyond nearly all real ones in a number that betrays a processing. Of
pictures grown by repetition up to 8 % have a grid of 8 beyond all real ones by chance: less would excuse them."""


PROCESSINGS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "JPEG": (("jpeg", 50),),
    "blur": (("gaussian-blur", 1), ("enlarged", 0.5)),
    "band limit": (("band-limited", 0.25), ("band-limited", 0.5)),
    "loudness change": (("quieter", 12), ("louder", 6)),
    "clipping": (("clipped", 6),),
}
"""Each processing that is looked for -> the faults, and the dose of each, that stand for it: real samples survive it
under a rule that catches at most alpha more of them after each of these than before."""


class ProcessingSign(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What betrays a ``processing``: a ``share`` of the samples has more, or less, of a rule's ``number`` than real
    ones, of which ``real`` do, at most.
    """

    processing: str
    rule: str
    number: str
    share: float
    real: float
    above: bool

    def words(self) -> str:
        """``looks like JPEG: 8 x 8 grid above that of real ones in 97 % of samples``."""
        side = "above" if self.above else "below"
        return (
            f"looks like {self.processing}: in {self.share:.0%} of the samples, {self.number} ({self.rule}) is {side}"
            f" {1 - self.real:.1%} of the corpus"
        )


def signs_of(rules: Sequence[Rule], kinds: Mapping[str, SparseCounts], samples: int) -> tuple[ProcessingSign, ...]:
    """What betrays processing in a set of so many samples, by the violations that each rule counted; for each
    processing the number that most samples show.
    """
    found: dict[str, ProcessingSign] = {}
    for rule in rules:
        if not isinstance(rule, NumericRange) or not rule.traces:
            continue
        broken = kinds[rule.name()]
        ranges = rule.ranges(rule.learned)
        for number, (processing, side) in rule.traces.items():
            at = rule.index(number)
            if at not in ranges:
                continue
            low, high = ranges[at]
            own = broken.keys // BINS == at
            for above in (True, False) if not side else (side > 0,):
                beyond = own & (broken.keys > high if above else broken.keys < low)
                share = int(broken.counts[beyond].sum()) / max(samples, 1)
                if share >= TRACED and (processing not in found or share > found[processing].share):
                    found[processing] = ProcessingSign(
                        processing=processing,
                        rule=rule.name(),
                        number=number,
                        share=round(share, 6),
                        real=rule.tail,
                        above=above,
                    )
    return tuple(found[name] for name in sorted(found))


def unheard(rules: Sequence[Rule], trials: Mapping[str, int]) -> set[str]:
    """The processings that no rule can tell of in a set: all of those that know a trace of it had no trial."""
    of_rules = [
        (processing, trials[rule.name()] > 0)
        for rule in rules
        if isinstance(rule, NumericRange) and rule.traces
        for processing, _ in rule.traces.values()
    ]
    return {processing for processing, _ in of_rules} - {processing for processing, heard in of_rules if heard}


def set_aside(rules: Sequence[Rule], found: Sequence[ProcessingSign]) -> dict[str, str]:
    """Rules that cannot be believed after what was found -> the processing that they do not survive, in words."""
    processed = [trace.processing for trace in found]
    lost = {rule.name(): [name for name in processed if name not in rule.survives] for rule in rules}
    return {name: " and ".join(names) for name, names in lost.items() if names}
