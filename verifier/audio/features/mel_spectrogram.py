"""Mel spectrograms: sound as the values of a MelView, at once or as it streams in.

The definition is librosa's (``feature.melspectrogram`` with its defaults: Slaney's mel scale and area norm, Hann
window, frames centred, zeros beyond both ends; it takes an even n_fft), then log(1 + compression M) / full_scale.
"""

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from verifier.audio.features.windows import hann
from verifier.audio.view import MelView
from verifier.data.batch import Batch

Wave = NDArray[np.float32]

BLOCK = 2**18
"""Samples of frames that are transformed at a time: as many as stay in the cache of a processor."""
THREADS = 2
"""Most threads that one wave takes: the processes of a run share the machine."""


def frame_rate(view: MelView) -> float:
    """Frames a second."""
    return view.sample_rate / view.hop_length


def by_length(batch: Batch) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """The samples of each length in turn: their indices (k,) and values (k, bands, length), with nothing after them."""
    for length in np.unique(batch.lengths).tolist():
        at = np.flatnonzero(batch.lengths == length)
        values = batch.values if len(at) == len(batch) else batch.values[at]
        yield at, values[:, :, :length].astype(np.float32, copy=False)


def mel_frequencies(view: MelView) -> NDArray[np.float64]:
    """(bands + 2,) hertz: band b rises from the b-th to its centre, the next, and falls to the one after it.

    They are evenly spaced on Slaney's scale (Auditory Toolbox, 1998): linear below 1000 Hz, 3 mels in 200 Hz; above it,
    27 mels for a factor of 6.4.
    """
    low, high = (_mel(hertz) for hertz in (view.lowest_hz, view.ceiling_hz))
    mels = np.linspace(low, high, view.bands + 2)
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * (np.log(6.4) / 27)))


@functools.lru_cache(maxsize=8)
def band_names(view: MelView) -> tuple[str, ...]:
    """Each band by the frequency at its centre: ``1,234 Hz``."""
    return tuple(f"{centre:,.0f} Hz" for centre in mel_frequencies(view)[1:-1])


def mel_filters(view: MelView) -> NDArray[np.float32]:
    """(bands, 1 + n_fft // 2), the weight of each frequency of a frame in each band: triangles of area 1 over hertz.

    A band so narrow that it holds no frequency of a frame weighs nothing, and is 0 in every spectrogram.
    """
    edges = mel_frequencies(view)
    hertz = np.arange(1 + view.n_fft // 2) * (view.sample_rate / view.n_fft)
    rising = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * area[:, None], np.float32)


def frames_of(samples: int, view: MelView) -> int:
    """Frames of a wave of that many samples at the rate of ``view``: one is centred on each multiple of the hop."""
    return 1 + samples // view.hop_length


def mel_spectrogram(wave: Wave, view: MelView) -> NDArray[np.float32]:
    """(bands, frames) of a wave (samples,) at the rate of ``view``. Takes two threads for a long one."""
    stream = MelStream(view)
    blocks = [*stream.blocks(wave), *stream.last_blocks()]
    if len(blocks) < 2 * THREADS:
        return np.concatenate([stream.frames(block) for block in blocks], axis=1)
    with ThreadPoolExecutor(THREADS) as pool:
        return np.concatenate(list(pool.map(stream.frames, blocks)), axis=1)


class MelStream:
    """The mel spectrogram of a wave that comes in parts; equal to the bit to that of the whole, however it is parted.

    Memory does not grow with the wave. After ``finish`` a stream is spent.
    """

    def __init__(self, view: MelView) -> None:
        self._view = view
        # A band weighs few neighbouring bins, from the first with a weight to the last, in two numbers each.
        filters = np.repeat(mel_filters(view), 2, axis=1)
        at = np.arange(filters.shape[1])
        self._first = (filters > 0).argmax(axis=1)
        ends = np.where(filters > 0, at + 1, 0).max(axis=1)
        self._starts = np.concatenate([[0], np.cumsum(np.maximum(ends - self._first, 0))])
        self._weights = filters[(at >= self._first[:, None]) & (at < ends[:, None])]
        self._hann = hann(view.n_fft)
        self._at_once = max(1, BLOCK // view.n_fft)
        self._step = self._at_once * view.hop_length
        self._span = (self._at_once - 1) * view.hop_length + view.n_fft
        self._parts = [np.zeros(view.n_fft // 2, np.float32)]
        self._waiting = view.n_fft // 2

    def push(self, wave: Wave) -> Iterator[NDArray[np.float32]]:
        """The frames, (bands, k) each, that the next samples of the wave complete. Must be read to its end."""
        return map(self.frames, self.blocks(wave))

    def finish(self) -> Iterator[NDArray[np.float32]]:
        """The frames that are left, of which the last look beyond the end of the wave, where there are zeros."""
        return map(self.frames, self.last_blocks())

    def blocks(self, wave: Wave) -> Iterator[Wave]:
        """What ``push`` transforms: stretches of the wave that hold a fixed number of frames. Of floats, a sum may
        depend on how many are added at once; so no frame sees how the wave came.
        """
        self._parts.append(wave)
        self._waiting += len(wave)
        least = max(self._span, self._step)
        if self._waiting < least:
            return
        wave = np.concatenate(self._parts)
        at = 0
        while len(wave) - at >= least:
            yield wave[at : at + self._span]
            at += self._step
        self._parts = [wave[at:].copy()]
        self._waiting = len(wave) - at

    def last_blocks(self) -> Iterator[Wave]:
        """What ``finish`` transforms."""
        n_fft, hop = self._view.n_fft, self._view.hop_length
        wave = np.concatenate([*self._parts, np.zeros(n_fft - n_fft // 2, np.float32)])
        count = 1 + (len(wave) - n_fft) // hop
        for first in range(0, count, self._at_once):
            some = min(self._at_once, count - first)
            yield wave[first * hop : (first + some - 1) * hop + n_fft]

    def frames(self, wave: Wave) -> NDArray[np.float32]:
        """(bands, k) the frames that lie wholly in a block."""
        from verifier.audio import kernels  # numba takes a second to import

        view = self._view
        cut = np.lib.stride_tricks.sliding_window_view(wave, view.n_fft)[:: view.hop_length]
        spectrum = scipy.fft.rfft(cut * self._hann)
        mel = np.empty((len(cut), view.bands), np.float32)
        kernels.mel_powers(spectrum.view(np.float32), self._first, self._starts, self._weights, mel)
        mel *= np.float32(view.compression)
        # log(1 + x) in place of log1p, which numpy does not compute on vectors: it is off by a rounding of 1 at most.
        mel += 1
        np.log(mel, out=mel)
        mel *= np.float32(1 / view.full_scale)
        return np.ascontiguousarray(mel.T)


def _mel(hertz: float) -> float:
    return float(hertz * 3 / 200 if hertz < 1000 else 15 + np.log(hertz / 1000) * (27 / np.log(6.4)))
