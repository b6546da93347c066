"""How pictures are stored: how bright they are, whether they are framed, transparent, or of JPEG."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.data.storage import NOTICED, Count, StorageProfile
from verifier.image.features.pixel_differences import levels
from verifier.image.features.planes import luma

APART = 0.2
"""A difference of mean brightness from which on pictures may be inverted."""
DARKER = 4
"""Times as dark as in the corpus from which on pictures may be on another scale: levels from 0 to 15, or 0 and 1."""
FLATTER = 0.8
"""Share of the span of levels of a picture of the corpus, on average, below which it is said that there is less."""
WIDER = 1.0
"""Pixels by which a plain frame is wider than in the corpus, on average, from which on it is said."""


class ImageStorage(StorageProfile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """brightness: the levels of 1/255 of all pixels, added up, and ``pixels``, how many; span: the levels from the
    darkest to the brightest pixel of each picture, added up; frame: the width in pixels of the plain frame around each
    picture, added up; transparent: pictures with transparent pixels; jpeg: pictures of JPEG files.
    """

    brightness: Count = 0
    pixels: Count = 0
    span: Count = 0
    frame: Count = 0
    transparent: Count = 0
    jpeg: Count = 0

    def against(self, corpus: Any) -> Iterator[str]:
        """What differs from the corpus, in sentences; nothing of what a spec did not count yet."""
        clear = self.share("transparent", "samples")
        if clear > NOTICED:
            yield f"{clear:.0%} of the pictures have transparent pixels, which were put on black"
        real, tested = (each.share("jpeg", "samples") for each in (corpus, self))
        if abs(tested - real) > NOTICED:
            some = "; check these by themselves" if real < tested < 1 else ""
            yield f"{tested:.0%} of the pictures are of JPEG files, {real:.0%} in the corpus{some}"
        if not corpus.pixels or not self.pixels:
            return
        real, tested = (each.share("brightness", "pixels") / 255 for each in (corpus, self))
        if abs(tested - real) > APART and abs(1 - tested - real) < abs(tested - real) / 3:
            yield f"the pictures look inverted: mean {tested:.2f} against {real:.2f} in the corpus"
        elif tested < real / DARKER:
            yield f"the pictures are dark: mean {tested:.3f} against {real:.3f} in the corpus; is the scale right?"
        elif self.share("span", "samples") < FLATTER * corpus.share("span", "samples"):
            span, usual = (each.share("span", "samples") for each in (self, corpus))
            yield (
                f"a picture spans {span:.0f} of 255 levels on average, {usual:.0f} in the corpus: is the scale right,"
                " or was the contrast reduced?"
            )
        real, tested = (each.share("frame", "samples") for each in (corpus, self))
        if tested - real > WIDER:
            yield (
                f"a plain frame of {tested:.1f} pixels is around a picture on average, of {real:.1f} in the corpus:"
                " they may have been padded; cut it off"
            )


def counts_of(batch: Batch) -> dict[str, int]:
    """The fields of ImageStorage of a batch."""
    pictures = levels(luma(batch))
    return {
        "brightness": int(pictures.sum(dtype=np.int64)),
        "pixels": pictures.size,
        "span": int(np.ptp(pictures.reshape(len(pictures), -1), axis=1).sum(dtype=np.int64)) if pictures.size else 0,
        "frame": int(_frames(pictures).sum()),
        **{name: int(np.count_nonzero(getattr(batch.extra, name))) for name in ("transparent", "jpeg")},
    }


def _frames(pictures: NDArray[np.int16]) -> NDArray[np.int64]:
    """(n,) how wide a frame of each picture (n, height, width) has one level; at most half of its shorter side."""
    n, height, width = pictures.shape
    other = pictures != pictures[:, :1, :1]
    y, x = np.mgrid[:height, :width]
    depth = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
    most = min(height, width) // 2
    return np.asarray(np.where(other, depth, most).reshape(n, -1).min(axis=1, initial=most), np.int64)
