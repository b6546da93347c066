"""What rules of sound ask of a Batch: its view, and the waves behind its spectrograms."""

from verifier.audio.view import MelView
from verifier.audio.waveform import Waves
from verifier.data.batch import Batch


def mel_view(batch: Batch) -> MelView:
    """The view of a Batch of sound. Raises TypeError for any other: its rules must not have been asked."""
    if not isinstance(batch.view, MelView):
        raise TypeError(f"expected sound, found a {batch.view.kind}")
    return batch.view


def waves(batch: Batch) -> Waves:
    """What is known of the waves of a Batch of sound. Raises TypeError for any other."""
    if not isinstance(batch.extra, Waves):
        raise TypeError(f"expected sound, found a {batch.view.kind}")
    return batch.extra
