"""Checkpoints: safetensors files, written whole or not at all, from which training goes on to the same weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from verifier.base.errors import InputError
from verifier.base.files import replacing
from verifier.generators.networks import Generator
from verifier.generators.training import Training

STATE = "checkpoint.safetensors"
"""All that training needs to go on."""
NEWEST = "generator.safetensors"
BEST = "best.safetensors"
"""The generator whose samples broke the spec least."""


def save_state(training: Training, folder: Path) -> None:
    """Write the whole state, and the generator by itself."""
    tensors: dict[str, Tensor] = {}
    for name, network in (("generator", training.generator), ("critic", training.critic)):
        tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        moments = training.optimizers[name].state_dict()["state"]
        tensors |= {
            f"{name}-optimizer.{i}.{key}": value for i, state in moments.items() for key, value in state.items()
        }
    _write(tensors, training.step, folder / STATE)
    save_generator(training, folder / NEWEST)


def save_generator(training: Training, path: Path) -> None:
    """Write the weights of the generator alone."""
    _write(training.generator.state_dict(), training.step, path)


def restore(training: Training, folder: Path) -> None:
    """Put ``training`` into the state saved in ``folder``. Raises InputError if the file does not fit or is damaged."""
    path = folder / STATE
    tensors, step = read(path)
    try:
        for name, network in (("generator", training.generator), ("critic", training.critic)):
            network.load_state_dict(_below(tensors, f"{name}."))
            optimizer = training.optimizers[name]
            state = optimizer.state_dict()
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in _below(tensors, f"{name}-optimizer.").items():
                index, _, moment = key.partition(".")
                moments.setdefault(int(index), {})[moment] = value
            optimizer.load_state_dict({**state, "state": moments})
            if step:
                _lay_out(optimizer.state)
    except (RuntimeError, ValueError) as error:  # torch's words for a name or a shape that does not fit
        raise InputError(path, f"does not fit the networks that config.yaml describes: {_first_line(error)}") from None
    training.step = step


def _lay_out(state: Mapping[Tensor, dict[str, Tensor]]) -> None:
    """Give each moment the strides of its weights: the fused optimiser goes through both in the order of memory."""
    for weights, moments in state.items():
        for name in ("exp_avg", "exp_avg_sq"):
            if name not in moments or moments[name].shape != weights.shape:
                raise ValueError(f"{name} of {tuple(weights.shape)} is missing or has another shape")
            moments[name] = torch.empty_like(weights, requires_grad=False).copy_(moments[name])


def load_generator(generator: Generator, path: Path) -> int:
    """Put the weights in ``path`` into ``generator``; returns the number of steps behind them. Raises InputError."""
    tensors, step = read(path)
    try:
        generator.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(path, f"does not fit the networks that config.yaml describes: {_first_line(error)}") from None
    return step


def read(path: Path) -> tuple[dict[str, Tensor], int]:
    """The tensors in a safetensors file, and the number of steps it was written after. Raises InputError."""
    try:
        with safe_open(path, framework="pt") as file:
            step = (file.metadata() or {}).get("step", "")
            if not step.isdecimal():
                raise InputError(path, "expected the number of steps in its metadata, found none")
            return {name: file.get_tensor(name) for name in file.keys()}, int(step)  # noqa: SIM118  # it is no dict
    except FileNotFoundError:
        raise InputError(path, "expected weights, found no such file") from None
    except (SafetensorError, OSError) as error:
        raise InputError(path, f"expected a whole safetensors file, found damage: {_first_line(error)}") from None


def _write(tensors: Mapping[str, Tensor], step: int, path: Path) -> None:
    # By value and in the usual strides, whatever the device and the memory format.
    plain = {
        name: value.detach().cpu().contiguous(memory_format=torch.contiguous_format) for name, value in tensors.items()
    }
    data = save(plain, {"step": str(step)})  # one key: several would come in random order, and equal weights differ
    with replacing(path, durable=True) as temporary:
        temporary.write_bytes(data)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
