"""Two small variational autoencoders of digits, whose clean output is smooth: what must not pass for a blur.

    python benchmarks/vae.py OUT [--samples 2000] [--steps 4000]

Writes ``OUT/dense.npz`` and ``OUT/convolutional.npz``, digits (samples, 28, 28) of 8 bits each, drawn from the prior:
the mean of each pixel, as such networks are shown (Kingma and Welling, Auto-Encoding Variational Bayes,
arXiv:1312.6114). One has two layers of 400, the other strided convolutions; both 16 numbers in the middle, and a
Bernoulli likelihood. A few minutes of one thread.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verifier.corpora import corpus as corpora

LATENT = 16
BATCH = 64


class Dense(nn.Module):
    """An encoder and a decoder of one hidden layer each."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 2 * LATENT))
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 400), nn.ReLU(), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28))
        )


class Convolutional(nn.Module):
    """Two strided convolutions, and two transposed ones."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(32 * 49, 2 * LATENT),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 32 * 49), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)), nn.ConvTranspose2d(32, 16, 4, 2, 1),
            nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1),
        )  # fmt: skip


def train(network: Dense | Convolutional, digits: Tensor, steps: int) -> None:
    """Descend the negative evidence bound, with Adam."""
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(steps):
        batch = digits[torch.randint(len(digits), (BATCH,))]
        mean, log_variance = network.encoder(batch).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * torch.exp(log_variance / 2)
        seen = nn.functional.binary_cross_entropy_with_logits(network.decoder(code), batch, reduction="sum")
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        adam.zero_grad()
        ((seen + divergence) / len(batch)).backward()
        adam.step()


@torch.no_grad()
def sampled(network: Dense | Convolutional, samples: int) -> NDArray[np.uint8]:
    """(samples, 28, 28) from the prior, rounded to 8 bits."""
    pixels = torch.sigmoid(network.decoder(torch.randn(samples, LATENT)))
    return np.asarray((255 * pixels).round().to(torch.uint8)[:, 0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=4000)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    digits = torch.from_numpy(np.stack([piece.pixels for piece in corpora.load("mnist").pieces]))
    digits = digits[:, None].float() / 255
    options.out.mkdir(parents=True, exist_ok=True)
    for name, network in (("dense", Dense()), ("convolutional", Convolutional())):
        train(network, digits, options.steps)
        np.savez_compressed(options.out / f"{name}.npz", x=sampled(network, options.samples))


if __name__ == "__main__":
    main()
