"""The pixels of a Batch of pictures, as arrays with an axis for what they mean."""

import numpy as np
from numpy.typing import NDArray

from verifier.data.batch import Batch
from verifier.image.view import ImageView

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the luma of ITU-R BT.601-2."""


def image_view(batch: Batch) -> ImageView:
    """The view of a Batch of pictures. Raises TypeError for any other: its rules must not have been asked."""
    if not isinstance(batch.view, ImageView):
        raise TypeError(f"expected pictures, found a {batch.view.kind}")
    return batch.view


def planes(batch: Batch) -> NDArray[np.float32]:
    """(n, channels, height, width) the pixels, 0 to 1; a view where the values of the Batch are float32."""
    view = image_view(batch)
    values = batch.values[:, :, : view.width].astype(np.float32, copy=False)
    return values.reshape(len(batch), view.channels, view.height, view.width)


def luma(batch: Batch) -> NDArray[np.float32]:
    """(n, height, width) grey: the only plane, or the weighted sum of three, which is not rounded to 8 bit."""
    of_all = planes(batch)
    if of_all.shape[1] == 1:
        return of_all[:, 0]

    def weighted(_: Batch) -> NDArray[np.float32]:
        return np.asarray(np.einsum("c,nchw->nhw", np.array(LUMA, np.float32), of_all), np.float32)

    return batch.feature("luma", weighted)
