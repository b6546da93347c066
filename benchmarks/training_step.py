"""One training step of the shipped IWGAN: where its time goes, and samples a second against a plain loop.

The plain loop is what the paper's recipe says, written directly: the same networks, loss and optimiser, without
Lightning Fabric, checkpoints or channels-last strides, and with a pass of its own through the critic for real and for
generated samples. Both run on the processor with the same threads, turn and turn about, on noise in place of chorales.

    python benchmarks/training_step.py [--threads 2] [--steps 40]
"""

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from lightning_fabric import Fabric
from torch.profiler import ProfilerActivity, profile

from verifier.generators.config import Config, default
from verifier.generators.networks import seeded
from verifier.generators.training import Training

ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=40, help="steps in each of the rounds")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = default("iwgan")
    real = (torch.rand(1000, 1, config.rows, config.columns) > 0.93).to(torch.uint8) * 255
    ours = Training.begin(config, real, Fabric(accelerator="cpu", devices=1))
    loops: dict[str, Callable[[], object]] = {"verifier": ours.advance, "plain loop": plain(config, real)}
    times: dict[str, list[float]] = {name: [] for name in loops}
    for step in loops.values():
        timed(step, 5)
    for _ in range(ROUNDS):
        for name, step in loops.items():
            times[name].append(timed(step, options.steps))
    shown = config.batch * config.critic_steps
    print(f"{options.threads} threads, batch {config.batch}, {config.critic_steps} critic steps; {ROUNDS} rounds\n")
    print("| | seconds a step | real samples a second |\n|---|---|---|")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(f"| {name} | {middle:.3f} ({min(seconds):.3f} to {max(seconds):.3f}) | {shown / middle:.0f} |")
    ratio = statistics.median(a / b for a, b in zip(times["plain loop"], times["verifier"], strict=True))
    print(f"\nThe plain loop takes {ratio:.2f} times as long.\n")
    print_profile(ours.advance)


def timed(step: Callable[[], object], count: int) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - begin) / count


def plain(config: Config, real: torch.Tensor) -> Callable[[], object]:
    generator, critic = seeded(config)
    values = real.float() / 255
    of_generator = torch.optim.Adam(generator.parameters(), config.learning_rate, config.momenta)
    of_critic = torch.optim.Adam(critic.parameters(), config.learning_rate, config.momenta)

    def step() -> None:
        for _ in range(config.critic_steps):
            x = values[torch.randint(len(values), (config.batch,))]
            y = generator(torch.randn(config.batch, config.latent)).detach()
            between = (x + torch.rand(config.batch, 1, 1, 1) * (y - x)).requires_grad_(True)
            (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            penalty = ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
            loss = critic(y).mean() - critic(x).mean() + config.penalty_weight * penalty
            of_critic.zero_grad()
            loss.backward()
            of_critic.step()
        of_generator.zero_grad()
        (-critic(generator(torch.randn(config.batch, config.latent))).mean()).backward()
        of_generator.step()

    return step


def print_profile(step: Callable[[], object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with profile(activities=[ProfilerActivity.CPU]) as recorded:
            for _ in range(10):
                step()
    found = sorted(recorded.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in found)
    convolution = [event for event in found if "convolution" in event.key.lower()]
    rest = [event for event in found if event not in convolution]
    print("| operator | of the time |\n|---|---|")
    print(f"| convolutions, forward and backward | {sum(e.self_cpu_time_total for e in convolution) / total:.1%} |")
    for event in rest[:6]:
        print(f"| {event.key} | {event.self_cpu_time_total / total:.1%} |")


if __name__ == "__main__":
    main()
