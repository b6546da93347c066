"""How music is stored: what its files tell, its notes, and those that the view has no place for."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from verifier.data.storage import NOTICED, SOME, Count, StorageProfile
from verifier.music.extra import GRIDS, READ

UNIT = 1.8
"""Times as long, or as short, as in the corpus a note must be for its time unit to be in doubt."""
RARE = 0.01
"""Share of the samples of the corpus of which the notes last shorter, or longer, than what is in doubt too."""
MANY = 0.1
"""Share of the samples whose time unit must be in doubt for it to be said."""
_UNITS = ((1 / 4, "a sixteenth"), (1 / 2, "an eighth"), (2, "a half note"), (4, "a whole note"))
CHANCE = 0.1
"""Real files look like clips at most so often."""
CUT_SHORT = 0.9
"""Times as long as those of the corpus samples are at most that are compared with real ones cut as short."""
BAR = 4
"""Quarters in which the length of a piece is counted."""


LENGTHLESS = 0.5
"""Share of the notes from which on a set counts as one that tells no lengths."""
UNQUANTISED = 0.2
"""Share of the notes from which on nothing is learned from their places between the steps without being told to."""
FITS = 0.95
"""Share of the notes that must begin on the steps of a grid for it to be one that fits."""
LOWEST_KEY, HIGHEST_KEY = 21, 108
"""Of a piano: what a view has room for that need not be wider."""


class MusicStorage(StorageProfile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """notes: all that were read; ``clipped`` of them have no row in the view, ``off_grid`` begin between its steps.
    off_grids: notes that begin between so many steps a quarter. beyond: notes without a row, by MIDI number.

    drums, mended, guessed, doubled, sequential, octaves, padding: as in Notes. voiced: samples with voices;
    repeating: samples of a piece that tells a repeated note from a held one. bars: how many pieces end in each bar
    of 4 quarters, by its number from 1; ``cut`` of them begin between two beats. registers: samples by their mean
    pitch. held: steps that sound, over all notes inside the view. paces: samples by how long their notes last on
    average, in eighths of a doubling.
    """

    notes: Count = 0
    clipped: Count = 0
    off_grid: Count = 0
    off_grids: dict[int, Count] = {}
    beyond: dict[int, Count] = {}
    drums: Count = 0
    mended: Count = 0
    guessed: Count = 0
    doubled: Count = 0
    sequential: Count = 0
    octaves: Count = 0
    padding: Count = 0
    voiced: Count = 0
    repeating: Count = 0
    held: Count = 0
    cut: Count = 0
    bars: dict[int, Count] = {}
    registers: dict[int, Count] = {}
    paces: dict[int, Count] = {}

    def against(self, corpus: "MusicStorage") -> Iterator[str]:
        """What differs from the corpus, in sentences."""
        if corpus.notes and not self.notes and not self.drums:
            yield "not one value reaches the threshold of the view: nothing sounds; is the scale right?"
        yield from _off_grid(corpus, self)
        yield from _let_go(corpus, self)
        yield from _unit(corpus, self)
        yield from _drums(corpus, self)
        yield from _voices(corpus, self)
        yield from _tracks(corpus, self)
        yield from _padding(corpus, self)
        yield from _cut(corpus, self)
        yield from _outside(corpus, self)
        yield from _register(corpus, self)

    def unknown(self, corpus: "MusicStorage | None") -> Mapping[str, str]:
        """What these samples do not tell, with why."""
        found = {}
        if not self.voiced:
            found["voices"] = "no file has voices: parts, tracks or channels that sing one note at a time"
        if self.voiced and not self.repeating:
            found["attacks"] = "no note is repeated without a gap: a repeated note is not told from a held one"
        if not self.bars:
            found["ends"] = "nothing says where a piece ends"
        elif corpus is not None and (clips := _clips(corpus.bars, self.bars)):
            found["ends"] = clips
        return found

    def holds_less(self, corpus: StorageProfile) -> str:
        if self.guessed > LENGTHLESS * self.notes:
            return "where all notes have one length, no rest is told from a note"
        return super().holds_less(corpus)

    def degraded(self, corpus: "MusicStorage") -> tuple[str, float] | None:
        """The degradation that these samples tell: that they are shorter than those of the corpus."""
        length = self.relative_length(corpus)
        return ("cut", 1 - length) if 0 < length < CUT_SHORT else None


def _off_grid(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    real, tested = corpus.share("off_grid", "notes"), samples.share("off_grid", "notes")
    if tested - real > NOTICED:
        yield (
            f"{tested:.0%} of the notes begin between the steps of the view, {real:.0%} in the corpus: played, swung or"
            f" of another tempo; {_grid(samples)[1]}; quantise them first, or learn from a corpus that is as they are"
        )


def _grid(samples: MusicStorage) -> tuple[int, str]:
    """The steps in a quarter of the coarsest grid that holds the notes, 0 if none does; and that in words."""
    for steps, off in samples.off_grids.items():
        held = 1 - off / max(samples.notes, 1)
        if held >= FITS:
            return steps, f"{steps} steps a quarter would hold {held:.0%}"
    return 0, f"no grid of up to {GRIDS[-1]} steps a quarter holds {FITS:.0%}"


def unquantised(facts: MusicStorage, steps: float) -> str:
    """Why no rhythm can be learned of the notes on a grid of so many steps a quarter; nothing if it can."""
    off = facts.share("off_grid", "notes")
    if off <= UNQUANTISED:
        return ""
    grid, words = _grid(facts)
    return (
        f"{off:.0%} of the notes begin between the steps of the view ({steps:g} a quarter): a rhythm learned of them"
        f" would be that of the rounding; {words}: {f'--view steps-per-quarter={grid}' if grid else 'quantise them'},"
        f" or say --view steps-per-quarter={steps:g} to learn them as they are"
    )


def wider(facts: MusicStorage, lowest: int, highest: int) -> str:
    """The view that has room for the pitches of a corpus, if that from ``lowest`` to ``highest`` has not."""
    share = facts.share("clipped", "notes")
    if share <= SOME:
        return ""
    low, high = min(lowest, *facts.beyond), max(highest, *facts.beyond)
    if low >= LOWEST_KEY and high <= HIGHEST_KEY and high - low > highest - lowest:
        low, high = LOWEST_KEY, HIGHEST_KEY
    return (
        f"{share:.2%} of the notes lie outside the pitches of the view, {lowest} to {highest}; it has room for all with"
        f" --view lowest-pitch={low} --view pitches={high - low + 1}"
    )


def _let_go(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    real, tested = (min(profile.share("mended", "notes"), 1.0) for profile in (corpus, samples))
    if tested - real > NOTICED:
        yield (
            f"{tested:.0%} of the notes are let go of early, late or never: they are judged as long as they must have"
            " been written"
        )


def _unit(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    real, tested = (profile.held / max(profile.notes - profile.clipped, 1) for profile in (corpus, samples))
    if real and tested and not 1 / UNIT < tested / real < UNIT:
        yield (
            f"a pitch sounds for {tested:.1f} steps on average, for {real:.1f} in the corpus: is a quarter note of the"
            f" files one of the corpus, or {_unit_of(tested / real)}, and do they tell how long notes last?"
        )
        return
    total = sum(samples.paces.values())
    short, long = _ends(corpus.paces)
    shorter = sum(count for pace, count in samples.paces.items() if pace < short)
    longer = sum(count for pace, count in samples.paces.items() if pace > long)
    for count, word in ((shorter, "shorter"), (longer, "longer")):
        if count > MANY * total:
            yield (
                f"notes last {word} in {count:,} of {total:,} samples than in {1 - RARE:.0%} of the corpus: is a"
                " quarter note of these files one of the corpus?"
            )


def _unit_of(ratio: float) -> str:
    """What a quarter note of the corpus is written as, if notes last ``ratio`` times as long."""
    return f"is it written as {min(_UNITS, key=lambda unit: abs(math.log(ratio / unit[0])))[1]}"


def _ends(histogram: Mapping[int, int]) -> tuple[float, float]:
    """The values below which, and above which, no more than RARE of them lie."""

    def end(values: Sequence[int]) -> int:
        reached = accumulate(histogram[value] for value in values)
        return next(value for value, count in zip(values, reached, strict=True) if count > RARE * total)

    total = sum(histogram.values())
    return (end(sorted(histogram)), end(sorted(histogram, reverse=True))) if total else (-math.inf, math.inf)


def _drums(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    real, tested = (profile.drums / max(profile.drums + profile.notes, 1) for profile in (corpus, samples))
    if tested - real > NOTICED:
        yield f"{samples.drums:,} hits of percussion are left out, {tested:.0%} of the notes; {real:.0%} in the corpus"


def _voices(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    # What is silent has no register.
    sounding, of_corpus = (max(sum(each.registers.values()), each.voiced) for each in (samples, corpus))
    real, tested = (each.voiced / max(total, 1) for each, total in ((corpus, of_corpus), (samples, sounding)))
    if tested and real - tested > NOTICED:
        yield (
            f"{sounding - samples.voiced:,} of {sounding:,} samples have no voices, {1 - real:.0%} in the corpus: rules"
            " of voices judge the others alone"
        )


def _tracks(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    more = {part for part in READ if samples.share(part, "notes") - corpus.share(part, "notes") > NOTICED}
    if "doubled" in more:
        yield f"parts that only double others are left out: {samples.doubled:,} notes"
    if "octaves" in more:
        yield (
            f"parts double others one or more octaves apart: {samples.octaves:,} notes, which are judged as voices of"
            " their own; leave them out"
        )
    if "sequential" in more:
        yield (
            "these are MIDI files of type 2, of which the tracks are patterns that are played one after the other; save"
            " what is to sound together as type 1"
        )


def _padding(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    real, tested = (profile.padding / max(profile.padding + profile.steps, 1) for profile in (corpus, samples))
    if tested - real > NOTICED:
        yield (
            f"{tested:.0%} of the time is silence before the first note or after the last of a sample, or of three"
            " quarters and more between: left out"
        )


def _cut(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    real, tested = (profile.cut / max(sum(profile.bars.values()), 1) for profile in (corpus, samples))
    is_played = samples.share("off_grid", "notes") - corpus.share("off_grid", "notes") > NOTICED  # without any beats
    if tested - real > NOTICED and not is_played:
        yield (
            f"{samples.cut:,} of {sum(samples.bars.values()):,} files begin between two beats, {real:.0%} in the corpus"
            ": cut there, of what sounds at the cuts nobody knows how long it lasts"
        )


def _outside(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    real, tested = corpus.share("clipped", "notes"), samples.share("clipped", "notes")
    if tested - real > SOME:
        yield (
            f"{tested:.2%} of the notes lie outside the pitches of the view, {real:.2%} in the corpus: only rules of"
            " ranges and of voices see them"
        )


def _register(corpus: MusicStorage, samples: MusicStorage) -> Iterator[str]:
    """Said where the mean lies further from the corpus's than that of nearly any real set of as many samples."""
    real, tested = _moments(corpus.registers), _moments(samples.registers)
    if real and tested:
        apart, spread = tested[0] - real[0], real[1] / samples.samples**0.5
        if abs(apart) >= max(1, 4 * spread):
            way = "higher" if apart > 0 else "lower"
            yield f"the music sounds {abs(apart):.1f} semitones {way} than the corpus; no rule asks for the key"


def _moments(histogram: Mapping[int, int]) -> tuple[float, float] | None:
    """The mean and the standard deviation; None of nothing."""
    total = sum(histogram.values())
    if not total:
        return None
    mean = sum(value * count for value, count in histogram.items()) / total
    return mean, (sum(count * (value - mean) ** 2 for value, count in histogram.items()) / total) ** 0.5


def _clips(real: Mapping[int, int], tested: Mapping[int, int]) -> str:
    """Why these pieces may be clips of longer ones, by the bars in which they end; nothing if they may well be whole.

    They are clips if more of them are shorter than nearly every real piece than chance allows, or more of them equally
    long. An end that is not known to be one must not be judged: where real pieces happen to look so, a rule is lost.
    """
    from scipy.special import bdtrc

    pieces, real_pieces = sum(tested.values()), sum(real.values())
    if not real_pieces:
        return ""
    shortest = min(real)
    short = sum(count for bars, count in tested.items() if bars < shortest)
    if short and bdtrc(short - 1, pieces, 1 / (real_pieces + 1)) <= CHANCE:
        return f"{short:,} of {pieces:,} files are shorter than any of the corpus ({shortest} bars): they may be clips"
    bars, most = max(tested.items(), key=lambda entry: entry[1])
    # As probable as that any length of the corpus should be so frequent.
    chance = sum(bdtrc(most - 1, pieces, count / real_pieces) for count in real.values())
    if chance <= CHANCE:
        return f"{most:,} of {pieces:,} files end in bar {bars}: they may be clips"
    return ""
