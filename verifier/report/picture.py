"""Samples with their violations marked and numbered, as a picture: music as a score, the others as such."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from verifier.data.batch import Batch
from verifier.music.view import PianoRollView
from verifier.rule.rule import Violation
from verifier.spec.spec import Spec

SUFFIXES = (".png", ".svg", ".pdf")


def write(path: Path, spec: Spec, batch: Batch, found: Mapping[int, Sequence[Violation]], shown: int) -> None:
    """Draw the ``shown`` samples of ``batch`` that break ``spec`` most; ``found`` has the violations of each sample."""
    from verifier.draw import cells as picture_media
    from verifier.music import draw as picture_music

    if isinstance(spec.view, PianoRollView):
        picture_music.write(path, batch, found, shown)
    else:
        picture_media.write(path, spec, batch, found, shown)
