"""How recordings usually come changed, by dose: what real ones are made to look like when a spec is learned."""

from collections.abc import Callable, Mapping

from verifier.audio.faults import FAULTS, compand
from verifier.audio.samples import waves
from verifier.data.batch import Batch
from verifier.judge.degraded import Degradation


def _of_recordings(fault: str, processing: str, doses: tuple[float, ...], words: Callable[[float], str]) -> Degradation:
    """What a fault does, to samples whose recordings are kept."""
    return Degradation.by(FAULTS[fault], processing, doses, words, possible=has_recordings)


def has_recordings(batch: Batch) -> bool:
    """Whether the recordings that the samples were cut from are kept with them."""
    return len(waves(batch).sounds) == len(batch) > 0


DEGRADATIONS: Mapping[str, Degradation] = {
    "band-limited": _of_recordings(
        "band-limited",
        "band limit",
        (0.05, 0.1, 0.25, 0.5, 0.75),
        lambda dose: f"losing the upper {dose:.0%} of the band",
    ),
    "quieter": _of_recordings("quieter", "loudness change", (3, 6, 12, 24), lambda dose: f"{dose:.2g} dB less"),
    "louder": _of_recordings("louder", "loudness change", (3, 6, 12), lambda dose: f"{dose:.2g} dB more"),
    "clipped": _of_recordings("clipped", "clipping", (1, 3, 6, 12), lambda dose: f"clipping at {dose:.2g} dB"),
    "fewer-bits": _of_recordings(
        "fewer-bits", "quantisation", (4, 6, 8), lambda dose: f"rounding to {16 - dose:.0f} bits"
    ),
    "companded": Degradation(
        processing="quantisation",
        doses=(1,),
        words=lambda _: "mu-law",
        plant=compand,
        graded=False,
        possible=has_recordings,
    ),
    "hiss": _of_recordings("hiss", "noise", (0.0003, 0.001, 0.003, 0.01), lambda dose: f"white noise of {dose:.2g}"),
}
"""Each by its name in the spec file."""
