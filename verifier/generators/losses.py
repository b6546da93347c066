"""The losses of the critic and of the generator, and the gradient penalty.

Scores are what the critic returns, (n,). Both functions are to be lowered.

======= =================================================== ====================== ============================
model   critic                                              generator              source
======= =================================================== ====================== ============================
iwgan   mean D(fake) - mean D(real) + lambda penalty        -mean D(fake)          Gulrajani, arXiv:1704.00028
lsgan   mean (D(real) - 1)^2 / 2 + mean D(fake)^2 / 2       mean (D(fake) - 1)^2/2 Mao, arXiv:1611.04076
nsgan   -mean log s(D(real)) - mean log(1 - s(D(fake)))     -mean log s(D(fake))   Goodfellow, arXiv:1406.2661
dragan  as nsgan, + lambda penalty                          as nsgan               Kodali, arXiv:1705.07215
======= =================================================== ====================== ============================

s is the logistic function. The penalty is the mean of (|gradient of D at x| - 1)^2; x lies between a real and a
generated sample (iwgan), or is a real one with noise (dragan).
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from verifier.generators.config import Model


def critic_loss(model: Model, real: Tensor, fake: Tensor) -> Tensor:
    """The critic's loss without the penalty, (), from its scores of real and of generated samples."""
    if model == "iwgan":
        return fake.mean() - real.mean()
    if model == "lsgan":
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(model: Model, fake: Tensor) -> Tensor:
    """The generator's loss, (), from the critic's scores of its samples."""
    if model == "iwgan":
        return -fake.mean()
    if model == "lsgan":
        return 0.5 * (fake - 1).square().mean()
    return softplus(-fake).mean()


def penalty_points(model: Model, real: Tensor, fake: Tensor, noise: torch.Generator) -> Tensor:
    """Where the gradient is penalised: (n, channels, rows, columns), with gradients wanted.

    Of iwgan, a uniform point between a real and a generated sample; of dragan, a real sample plus uniform noise of half
    the standard deviation of the batch, as its authors' code has it (the paper's text draws normal noise).
    """
    n = len(real)
    if model == "iwgan":
        share = torch.rand(n, 1, 1, 1, generator=noise, device=real.device, dtype=real.dtype)
        points = torch.lerp(real, fake, share)
    else:
        away = torch.rand(real.shape, generator=noise, device=real.device, dtype=real.dtype)
        points = real + 0.5 * real.std() * away
    return points.detach().requires_grad_(True)


def gradient_penalty(scores: Tensor, points: Tensor) -> Tensor:
    """The mean over samples of (|gradient| - 1)^2, (), differentiable.

    ``scores`` (n,) are the critic's at ``points`` (n, ...); the norm goes over every axis but the first. (Where it goes
    over the channels alone, as in code that is often copied, every pixel has a gradient of norm 1 instead.)
    """
    (gradient,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    norms: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return (norms - 1).square().mean()
