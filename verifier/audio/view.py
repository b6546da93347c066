"""The view of sound: a mel spectrogram."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from verifier.audio.waveform import Waves
from verifier.data.view import View
from verifier.data.windows import windows

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aif", ".aiff", ".au")


class MelView(View, frozen=True, kw_only=True, tag="mel-spectrogram"):
    """Sound as a mel spectrogram: rows are bands (row 0 is the lowest), columns are frames.

    Channels are averaged and resampled to ``sample_rate``; frames are centred, and see zeros beyond both ends. A value
    is log(1 + ``compression`` M) / ``full_scale``, where M is the power in a band of librosa's filter bank (Slaney's
    scale and area). A recording is cut into consecutive windows from its start.

    The defaults are those of TequilaGAN (Valle, Cai and Doshi, arXiv:1807.04919).
    """

    extra = Waves

    sample_rate: Annotated[int, Meta(ge=1000, le=768000)] = 16000
    """Samples a second, after resampling."""
    n_fft: Annotated[int, Meta(ge=16, le=65536)] = 1024
    """Samples in a frame, under a Hann window."""
    hop_length: Annotated[int, Meta(ge=1, le=65536)] = 160
    """Samples from one frame to the next."""
    bands: Annotated[int, Meta(ge=1, le=512)] = 64
    """Number of rows."""
    lowest_hz: Annotated[float, Meta(ge=0)] = 0
    """Where the lowest band begins."""
    highest_hz: Annotated[float, Meta(gt=0)] | None = None
    """Where the highest band ends; null is half the sample rate."""
    compression: Annotated[float, Meta(gt=0)] = 1000
    """What the power is multiplied by before the logarithm."""
    full_scale: Annotated[float, Meta(gt=0)] = 14
    """The logarithm that becomes a value of 1; a full-scale sine at the defaults comes near it."""
    window: Annotated[int, Meta(ge=1, le=65536)] | None = 64
    """Frames in a window; null keeps every recording whole."""
    remainder: Literal["keep", "drop"] = "drop"
    """What becomes of the frames after the last full window; a recording shorter than one is kept in any case."""
    silence_db: Annotated[float, Meta(le=0)] | None = -60
    """A window whose loudest sample stays below this level, of full scale, is left out; so is what stays this far below
    the loudest sample of a recording before and after the sound; null keeps all.
    """

    @property
    def rows(self) -> int:
        """Rows of a sample."""
        return self.bands

    @property
    def ceiling_hz(self) -> float:
        """Where the highest band ends, in hertz."""
        return self.sample_rate / 2 if self.highest_hz is None else self.highest_hz

    @property
    def quietest(self) -> float:
        """The least that the loudest sample of a window reaches, 1 being full scale; 0 if silence is kept."""
        return 0.0 if self.silence_db is None else float(10 ** (self.silence_db / 20))

    def cuts(self, steps: int) -> Sequence[tuple[int, int]]:
        """A spectrogram shorter than a window is kept."""
        return windows(steps, self.window, self.remainder) or [(0, steps)]

    def __post_init__(self) -> None:
        if not self.lowest_hz < self.ceiling_hz <= self.sample_rate / 2:
            raise ValueError(
                f"bands from {self.lowest_hz:g} to {self.ceiling_hz:g} Hz do not lie below half the sample rate,"
                f" {self.sample_rate / 2:g} Hz"
            )
