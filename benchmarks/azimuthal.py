"""The azimuthal average of many pictures at once, next to one picture at a time as the authors of UpConv published it.

What is compared: `image.features.azimuthal` in its two ways, and the published way as they compute it (indices,
radii and their order anew for each picture, `numpy.fft.fft2`, a logarithm of every pixel). The way `durall` must give
the same numbers, to 1e-5 of the largest; `exact` is compared with itself written out plainly, ring by ring. One thread
each, then with as many threads of scipy's as there are processors. Processor time, the least of several runs: a shared
machine then disturbs least; wall time for threads.

    python benchmarks/azimuthal.py
"""

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from verifier.data.intensity import LEVELS
from verifier.image.features.azimuthal import _averages, azimuthal_average

Pictures = NDArray[np.float32]


def published(pictures: Pictures) -> NDArray[np.float64]:
    """Experiments_Faces-HQ of their repository, in other words but by the same steps."""
    found = []
    for picture in pictures:
        transform = np.fft.fftshift(np.fft.fft2(picture * np.float64(255))) + 1e-8
        level = 20 * np.log(np.abs(transform))
        y, x = np.indices(level.shape)
        radius = np.hypot(x - x.max() / 2, y - y.max() / 2)
        order = np.argsort(radius.ravel())
        ring = radius.ravel()[order].astype(int)
        last = np.flatnonzero(ring[1:] - ring[:-1])
        sums = np.cumsum(level.ravel()[order])
        found.append((sums[last[1:]] - sums[last[:-1]]) / (last[1:] - last[:-1]))
    return np.array(found)


def plain(pictures: Pictures) -> NDArray[np.float64]:
    """The exact way, ring by ring."""
    found = []
    for picture in pictures:
        power = np.abs(np.fft.fft2(picture.astype(np.float64))) ** 2 / picture.size
        down, across = (np.fft.fftfreq(side) for side in picture.shape)
        ring = np.rint(np.hypot(down[:, None], across) * min(picture.shape)).astype(int).ravel()
        found.append(np.bincount(ring, power.ravel()) / np.bincount(ring))
    return np.array(found)


def least(work: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    taken = []
    for _ in range(repeats):
        start = clock()
        work()
        taken.append(clock() - start)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[28, 64, 128, 256])
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    print("microseconds a picture, and how many times as fast as the published way")
    threads = f"exact, {os.cpu_count()} threads"
    print(f"{'side':>5} {'published':>10} {'durall':>16} {'exact':>16} {threads:>18}  agreement")
    for side in given.sides:
        pictures = LEVELS[rng.integers(0, 256, (max(8, 2**21 // side**2), side, side))]
        agreement = []
        for mode, reference in (("durall", published), ("exact", plain)):
            want, got = reference(pictures), azimuthal_average(pictures, mode)
            assert want.shape == got.shape
            agreement.append(float(np.abs(got - want).max() / np.abs(want).max()))
            assert agreement[-1] < 1e-5, (side, mode, agreement)

        def of(work: Callable[[], object], clock: Callable[[], float], n: int = len(pictures)) -> float:
            return 1e6 * least(work, given.repeats, clock) / n

        some = pictures[: max(4, len(pictures) // 8)]
        base = of(lambda: published(some), time.thread_time, len(some))  # noqa: B023  # called within this turn
        cells = [f"{side:5} {base:10.1f}"]
        for mode in ("durall", "exact"):
            took = of(lambda: _averages(pictures, mode), time.thread_time)  # noqa: B023  # likewise
            cells.append(f"{took:8.1f} {base / took:6.1f}x")
        base = of(lambda: published(some), time.perf_counter, len(some))  # noqa: B023  # likewise
        took = of(lambda: azimuthal_average(pictures), time.perf_counter)  # noqa: B023  # likewise
        cells.append(f"{took:10.1f} {base / took:6.1f}x ")
        print(" ".join(cells), " ".join(f"{value:.0e}" for value in agreement))


if __name__ == "__main__":
    main()
