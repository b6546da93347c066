"""The generator and the critic of DCGAN (Radford et al., arXiv:1511.06434), for planes of 28 x 28, 64 x 64 and more."""

import torch
from torch import Tensor, nn

from verifier.base.errors import InputError
from verifier.generators.config import PENALISED, Config, Norm

SMALLEST = 7
"""Planes are halved until a side is at most this."""

CRITIC_KERNEL = 4
SLOPE_BELOW_ZERO = 0.2
"""Of the critic's leaky rectifiers, as in DCGAN."""


class Output(nn.Module):
    """The last activation, and the scale on which the critic sees values.

    ``encode`` maps real values from 0..1 to that scale, ``decode`` maps generated ones back:

    =========== ==================== =============================
    output      activation           scale of real values
    =========== ==================== =============================
    sigmoid     1 / (1 + exp(-x))    0 to 1
    tanh        tanh x               -1 to 1
    scaled-tanh a tanh(b x)          -1 to 1, below its asymptote a
    linear      x                    0 to 1
    =========== ==================== =============================

    What scaled tanh and linear put outside of 0..1 is clipped by ``decode``.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.kind = config.output
        self.scale = config.scale
        self.slope = config.slope

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "sigmoid":
            return x.sigmoid()
        if self.kind == "tanh":
            return x.tanh()
        if self.kind == "scaled-tanh":
            return self.scale * (self.slope * x).tanh()
        return x

    def encode(self, values: Tensor) -> Tensor:
        """``values``, of any shape, from 0..1 to the scale of the critic."""
        return values if self.kind in ("sigmoid", "linear") else 2 * values - 1

    def decode(self, output: Tensor) -> Tensor:
        """``output`` of ``forward``, of any shape, to 0..1."""
        values = output if self.kind in ("sigmoid", "linear") else (output + 1) / 2
        return values.clamp(0, 1)


class Generator(nn.Module):
    """Noise (n, latent) to samples (n, channels, rows, columns) on the scale of the critic."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        doublings = stages(config)
        rows, columns = config.rows >> doublings, config.columns >> doublings
        width = config.generator_width << (doublings - 1)
        layers: list[nn.Module] = [
            nn.Linear(config.latent, width * rows * columns),
            nn.Unflatten(1, (width, rows, columns)),
            _norm(config.norm, width, rows, columns),
            nn.ReLU(),
        ]
        for remaining in reversed(range(doublings)):
            last = remaining == 0 and not config.last_convolutions
            out = config.channels if last else max(width // 2, config.generator_width)
            layers += _doubling(config, width, out)
            rows, columns = 2 * rows, 2 * columns
            if not last:
                layers += [_norm(config.norm, out, rows, columns), nn.ReLU()]
            width = out
        for remaining in reversed(range(config.last_convolutions)):
            out = width if remaining else config.channels
            layers.append(nn.Conv2d(width, out, _odd(config.kernel), padding=_odd(config.kernel) // 2))
            if remaining:
                layers += [_norm(config.norm, out, rows, columns), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.output = Output(config)
        self.apply(_first_weights)

    def forward(self, noise: Tensor) -> Tensor:
        x: Tensor = self.output(self.layers(noise))
        return x


class Critic(nn.Module):
    """Samples (n, channels, rows, columns) to how real they look (n,): a number of any size, not a probability."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        norm: Norm = "none" if config.model in PENALISED else config.norm
        rows, columns = config.rows, config.columns
        inner: int = config.channels
        width = config.critic_width
        layers: list[nn.Module] = []
        for stage in range(stages(config)):
            layers.append(nn.Conv2d(inner, width, CRITIC_KERNEL, stride=2, padding=1))
            rows, columns = rows // 2, columns // 2
            if stage:  # DCGAN: none next to the samples
                layers.append(_norm(norm, width, rows, columns))
            layers.append(nn.LeakyReLU(SLOPE_BELOW_ZERO))
            inner, width = width, 2 * width
        layers += [nn.Flatten(), nn.Linear(inner * rows * columns, 1), nn.Flatten(0)]
        self.layers = nn.Sequential(*layers)
        self.apply(_first_weights)

    def forward(self, samples: Tensor) -> Tensor:
        x: Tensor = self.layers(samples)
        return x


def stages(config: Config) -> int:
    """How often the planes are halved; at least once. Raises InputError for sides that cannot be."""
    rows, columns, count = config.rows, config.columns, 0
    while rows % 2 == 0 and columns % 2 == 0 and min(rows, columns) > SMALLEST:
        rows, columns, count = rows // 2, columns // 2, count + 1
    if not count or min(rows, columns) > SMALLEST:
        found = f"{config.rows} x {config.columns}"
        raise InputError(
            "", f"expected samples whose sides halve to {SMALLEST} or less (28, 32, 64, 128), found {found}"
        )
    return count


def _doubling(config: Config, inner: int, out: int) -> list[nn.Module]:
    kernel = config.kernel
    if config.upsampling == "transposed":
        # Sides double exactly: (side - 1) 2 - 2 padding + kernel + output padding = 2 side.
        padding = (kernel - 1) // 2
        return [nn.ConvTranspose2d(inner, out, kernel, stride=2, padding=padding, output_padding=kernel % 2)]
    kernel = _odd(kernel)
    return [
        nn.Upsample(scale_factor=2, mode=config.upsampling),
        nn.Conv2d(inner, out, kernel, padding=kernel // 2),
    ]


def _odd(kernel: int) -> int:
    return kernel + 1 - kernel % 2


def _norm(kind: Norm, channels: int, rows: int, columns: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "layer":
        return nn.LayerNorm([channels, rows, columns])
    return nn.Identity()


def _first_weights(module: nn.Module) -> None:
    # He et al., arXiv:1502.01852. DCGAN's normal of .02 leaves a critic without normalisation nearly constant for long.
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        fan = (
            module.weight[0].numel() if not isinstance(module, nn.ConvTranspose2d) else module.weight[:, 0].numel() / 4
        )
        nn.init.normal_(module.weight, 0, (2 / fan) ** 0.5)
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # every one of these layers is made with a bias


def seeded(config: Config) -> tuple[Generator, Critic]:
    """A new generator and critic; ``config.seed`` decides their weights, and no other random state is touched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return Generator(config), Critic(config)
