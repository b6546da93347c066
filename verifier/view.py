"""A view says how a file becomes an array. It is pinned in the spec: numbers of two views are never compared."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from verifier.errors import InputError


class PianoRollView(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag="piano-roll",
    rename="kebab",
    forbid_unknown_fields=True,
):
    """Notes on a grid of time steps: rows are pitches (row 0 is ``lowest_pitch``), columns are steps.

    A note sounds from the step nearest its onset up to the step nearest its end, and for at least one step. A piece is
    cut into consecutive windows from its start; ``remainder`` says whether a last window that is shorter is kept.
    """

    steps_per_quarter: Annotated[float, Meta(gt=0, le=960)] = 4
    """Time steps in a quarter note; 4 is a grid of sixteenths."""
    lowest_pitch: Annotated[int, Meta(ge=0, le=127)] = 36
    """MIDI number of the first row."""
    pitches: Annotated[int, Meta(ge=1, le=128)] = 64
    """Number of rows."""
    window: Annotated[int, Meta(ge=1, le=65536)] | None = 64
    """Steps in a window; null keeps every piece whole."""
    remainder: Literal["keep", "drop"] = "keep"
    """What becomes of the steps after the last full window."""
    threshold: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """A cell sounds if its value, on the scale from 0 to 1, is at least this."""

    @property
    def rows(self) -> int:
        """Rows of a sample."""
        return self.pitches

    @property
    def highest_pitch(self) -> int:
        """MIDI number of the last row."""
        return self.lowest_pitch + self.pitches - 1

    def __post_init__(self) -> None:
        if self.highest_pitch > 127:
            raise ValueError(
                f"lowest-pitch {self.lowest_pitch} and {self.pitches} pitches reach MIDI number {self.highest_pitch};"
                " the highest there is is 127"
            )


class MelView(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag="mel-spectrogram",
    rename="kebab",
    forbid_unknown_fields=True,
):
    """Sound as a mel spectrogram: rows are bands (row 0 is the lowest), columns are frames.

    Channels are averaged and resampled to ``sample_rate``; frames are centred, and see zeros beyond both ends. A value
    is log(1 + ``compression`` M) / ``full_scale``, where M is the power in a band of librosa's filter bank (Slaney's
    scale and area). A recording is cut into consecutive windows from its start.

    The defaults are those of TequilaGAN (Valle, Cai and Doshi, arXiv:1807.04919).
    """

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
    """A window whose loudest sample stays below this level, of full scale, is left out; null keeps all."""

    @property
    def rows(self) -> int:
        """Rows of a sample."""
        return self.bands

    @property
    def ceiling_hz(self) -> float:
        """Where the highest band ends, in hertz."""
        return self.sample_rate / 2 if self.highest_hz is None else self.highest_hz

    def __post_init__(self) -> None:
        if not self.lowest_hz < self.ceiling_hz <= self.sample_rate / 2:
            raise ValueError(
                f"bands from {self.lowest_hz:g} to {self.ceiling_hz:g} Hz do not lie below half the sample rate,"
                f" {self.sample_rate / 2:g} Hz"
            )


class ImageView(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag="image",
    rename="kebab",
    forbid_unknown_fields=True,
):
    """Pictures: rows are lines from the top, columns are pixels from the left. Values lie between 0, black, and 1.

    A sample has ``channels`` planes, one below the other in the rows. Nothing is ever resized: a picture has the size
    of the view, or is cut into tiles of that size.
    """

    height: Annotated[int, Meta(ge=2, le=8192)] = 28
    """Lines of a sample."""
    width: Annotated[int, Meta(ge=2, le=8192)] = 28
    """Pixels in a line."""
    channels: Literal[1, 3] = 1
    """1 is grey (a coloured picture becomes its luma, ITU-R 601-2), 3 is red, green and blue."""
    cut: Literal["none", "tiles"] = "none"
    """Whether a larger picture is refused or cut into tiles, side by side from the top left; rests are dropped."""
    tiles: Annotated[int, Meta(ge=1)] | None = None
    """Most tiles of one picture, spread evenly over it; null takes all."""

    @property
    def rows(self) -> int:
        """Rows of a sample."""
        return self.channels * self.height

    @property
    def window(self) -> int:
        """Columns of a sample."""
        return self.width


View = PianoRollView | MelView | ImageView


def kind_of(view: View) -> str:
    """The name of its kind in the spec file."""
    return str(view.__struct_config__.tag)


def require_same_view(a: View, b: View, place: object) -> None:
    """Raise InputError that names the fields in which two views differ."""
    if type(a) is not type(b):
        raise InputError(place, f"two views cannot be compared: a {kind_of(a)} against a {kind_of(b)}")
    differing = [
        f"{name.replace('_', '-')} {getattr(a, name)} against {getattr(b, name)}"
        for name in a.__struct_fields__
        if getattr(a, name) != getattr(b, name)
    ]
    if differing:
        raise InputError(place, f"two views cannot be compared; they differ in {', '.join(differing)}")


def view_of(settings: dict[str, Any], kind: str = "piano-roll") -> View:
    """The view of that kind with ``settings`` (kebab-case) in place of its defaults; a setting ``kind`` chooses another
    kind. Raises msgspec.ValidationError for what is no setting.
    """
    view: View = msgspec.convert({"kind": kind, **settings}, View, strict=False)
    return view
