"""One step of adversarial training, and the state that steps change."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from verifier.generators.config import PENALISED, Config
from verifier.generators.losses import critic_loss, generator_loss, gradient_penalty, penalty_points
from verifier.generators.networks import Critic, Generator, seeded


class Measured(NamedTuple):
    """What one step measured, each (); of the critic's steps the last one."""

    critic_loss: Tensor
    """With the penalty, if the model has one."""
    generator_loss: Tensor
    distance: Tensor
    """Mean score of real samples less that of generated ones; of iwgan an estimate of the Wasserstein distance."""
    penalty: Tensor
    """The gradient penalty before its weight; NaN if the model has none."""
    gradient_norm: Tensor
    """Euclidean norm of the generator's gradient."""


@dataclass(eq=False)
class Training:
    """The networks, their optimisers, and the number of generator steps done.

    ``real`` (n, channels, rows, columns) uint8 holds the samples to learn, 0 to 255, on the device. ``wrapped`` are the
    networks as Fabric runs them, by name.
    """

    config: Config
    fabric: Fabric
    generator: Generator
    critic: Critic
    wrapped: dict[str, Any]
    optimizers: dict[str, Any]
    real: Tensor
    step: int = 0
    _noise: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._noise = torch.Generator(self.fabric.device)

    @classmethod
    def begin(cls, config: Config, real: Tensor, fabric: Fabric) -> "Training":
        """The state before the first step. ``real`` is as above, on any device."""
        torch.set_flush_denormal(True)  # weights that fade out would otherwise slow a CPU down tenfold
        generator, critic = seeded(config)
        wrapped, optimizers = {}, {}
        for name, network in (("generator", generator), ("critic", critic)):
            # Strides fit for convolutions: an eighth faster on a CPU, more with tensor cores.
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as torch documents
            optimizer = torch.optim.Adam(network.parameters(), config.learning_rate, config.momenta, fused=True)
            wrapped[name], optimizers[name] = fabric.setup(network, optimizer)
        return cls(config, fabric, generator, critic, wrapped, optimizers, fabric.to_device(real))

    def advance(self) -> Measured:
        """One step of the generator after ``critic_steps`` of the critic.

        All random numbers come from the seed, the number of the step and that of the process: what follows a checkpoint
        is the same whether or not the training was interrupted.
        """
        config = self.config
        entropy = np.random.SeedSequence([config.seed, self.step, self.fabric.global_rank])
        self._noise.manual_seed(int(entropy.generate_state(1)[0]))
        self.generator.train()
        for _ in range(config.critic_steps):
            loss, distance, penalty = self._critic_step()
        generator, norm = self._generator_step()
        self.step += 1
        return Measured(loss.detach(), generator.detach(), distance.detach(), penalty.detach(), norm)

    def _critic_step(self) -> tuple[Tensor, Tensor, Tensor]:
        config, critic = self.config, self.wrapped["critic"]
        real = self._real_batch()
        with torch.no_grad():
            fake = self.wrapped["generator"](self._latent(config.batch))
        if config.model in PENALISED:
            # The critic has no normalisation: real and generated samples may pass through it together.
            on_real, on_fake = critic(torch.cat([real, fake])).float().split(config.batch)
            points = penalty_points(config.model, real, fake, self._noise)
            penalty = gradient_penalty(critic(points).float(), points)
            loss = critic_loss(config.model, on_real, on_fake) + config.penalty_weight * penalty
        else:
            on_real, on_fake = critic(real).float(), critic(fake).float()
            penalty = on_real.new_tensor(float("nan"))
            loss = critic_loss(config.model, on_real, on_fake)
        self._update("critic", loss)
        return loss, on_real.mean() - on_fake.mean(), penalty

    def _generator_step(self) -> tuple[Tensor, Tensor]:
        self.critic.requires_grad_(False)  # its own gradients would be computed for nothing
        try:
            fake = self.wrapped["generator"](self._latent(self.config.batch))
            # Not the wrapped critic: with several processes it would wait for gradients that never come.
            with self.fabric.autocast():
                scores = self.critic(fake)
            loss = generator_loss(self.config.model, scores.float())
            self._update("generator", loss)
        finally:
            self.critic.requires_grad_(True)
        gradients = [p.grad for p in self.generator.parameters() if p.grad is not None]
        return loss, nn.utils.get_total_norm(gradients)

    def _update(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.optimizers[name].step()

    def _real_batch(self) -> Tensor:
        at = torch.randint(len(self.real), (self.config.batch,), generator=self._noise, device=self.real.device)
        return self.generator.output.encode(self.real[at].float() / 255)

    def _latent(self, n: int) -> Tensor:
        return torch.randn(n, self.config.latent, generator=self._noise, device=self.real.device)
