"""The paper's table of digits: how the values of pixels are distributed in test digits, generated ones and noise.

Everything is held against every sixth of the 60,000 training digits: scipy's two-sample KS of the values, and the
Jensen-Shannon divergence of 256 bins in nats, raw and rounded to 8 bits. The generators are those
that ship and those in ``benchmarks/generated``; if there are weights, samples are made anew, so that they are raw. FGSM
attacks held-out training digits.

    python benchmarks/digits.py [--samples 10000] [--fgsm FILE.npz]

``--fgsm`` takes what ``verify attack mnist -n 3000 -o FILE.npz`` wrote. The second table has the outputs of generators
trained on digits in grey and in black and white: what share of the values is exactly 0, exactly 1 and in between.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import generated
import numpy as np
from generators import jsd
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from verifier.corpora import corpus as corpora

Values = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000, help="of each generator (default 10,000)")
    parser.add_argument("--fgsm", type=Path, help="adversarial samples (.npz)")
    options = parser.parse_args()
    for corpus in ("mnist", "mnist-binary"):
        train = digits(corpus)[::6]
        rng = np.random.default_rng(0)
        sets: dict[str, Callable[[], Values]] = {
            "test": lambda corpus=corpus: digits("mnist-test") if corpus == "mnist" else binary(digits("mnist-test")),
            **{
                name: lambda corpus=corpus, name=name: made(corpus, name, options.samples)
                for name in generated.names(corpus)
            },
            "bernoulli": lambda train=train, rng=rng: (
                rng.random((options.samples, 28, 28)) < train.mean(dtype=np.float64)
            ).astype(np.float32),
        }
        if corpus == "mnist" and options.fgsm:
            sets["fgsm"] = lambda: np.load(options.fgsm, allow_pickle=False)["x"]
        print(f"\nAgainst {corpus}, {len(train):,} digits\n")
        columns = ["KS raw", "KS 8-bit", "JSD raw", "JSD 8-bit", "exactly 0", "between", "exactly 1"]
        print(f"| | digits | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
        for name, values in sets.items():
            print(row(name, values(), train.ravel()), flush=True)


def row(name: str, values: Values, train: Values) -> str:
    flat = values.ravel()
    rounded = np.round(flat * 255) / np.float32(255)
    cells = [f"{ks_2samp(train, each, method='asymp').statistic:.4f}" for each in (flat, rounded)]
    cells += [f"{jsd(train, each):.5f}" for each in (flat, rounded)]
    cells += [f"{share:.1%}" for share in (np.mean(flat == 0), np.mean((flat > 0) & (flat < 1)), np.mean(flat == 1))]
    return f"| {name} | {len(values):,} | {' | '.join(cells)} |"


def digits(corpus: str) -> Values:
    """(n, 28, 28), every digit of a corpus, 0 to 1."""
    return np.stack([piece.pixels for piece in corpora.load(corpus).pieces]) / np.float32(255)


def binary(values: Values) -> Values:
    """As the corpus ``mnist-binary`` makes them."""
    return (values >= np.float32(128 / 255)).astype(np.float32)


def made(corpus: str, name: str, samples: int) -> Values:
    """Samples as the output of a generator has them; the rounded ones there are, if its weights are not there."""
    if generated.has_weights(corpus, name):
        import torch

        torch.set_flush_denormal(True)
        return generated.made(corpus, name, samples)
    values: NDArray[np.uint8] = np.load(generated.samples_of(corpus, name), allow_pickle=False)["x"]
    return values / np.float32(255)


if __name__ == "__main__":
    main()
