import random
from typing import get_args

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from msgspec import structs
from safetensors.torch import load_file, save_file

from verifier.base.errors import InputError
from verifier.generators.checkpoint import NEWEST, STATE, load_generator, restore, save_generator, save_state
from verifier.generators.config import PENALISED, Config, Model, Norm, Output, Upsampling, default
from verifier.generators.networks import Generator
from verifier.generators.training import Training

torch.set_num_threads(1)  # networks this small lose more than they win by a second one

FABRIC = Fabric(accelerator="cpu", devices=1)
REAL = torch.randint(0, 256, (9, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def small(model: Model, **options) -> Config:
    sizes = {"rows": 28, "columns": 28, "latent": 6, "generator_width": 3, "critic_width": 2, "batch": 3}
    return structs.replace(default(model), **{**sizes, "critic_steps": 2, **options})


def begin(config: Config) -> Training:
    return Training.begin(config, REAL, FABRIC)


def run(config: Config, steps: int) -> Training:
    training = begin(config)
    for _ in range(steps):
        training.advance()
    return training


def state(training: Training) -> dict[str, torch.Tensor]:
    """Copies of all weights and running statistics."""
    networks = {"generator": training.generator, "critic": training.critic}
    return {f"{a}.{b}": value.clone() for a, network in networks.items() for b, value in network.state_dict().items()}


def assert_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


@pytest.mark.parametrize("norm", get_args(Norm))
@pytest.mark.parametrize("upsampling", get_args(Upsampling))
@pytest.mark.parametrize("output", get_args(Output))
@pytest.mark.parametrize("model", get_args(Model))
def test_a_step_changes_every_layer_and_leaves_everything_finite(model, output, upsampling, norm):
    training = begin(small(model, output=output, upsampling=upsampling, norm=norm, critic_steps=1))
    before = state(training)
    measured = training.advance()
    after = state(training)
    unchanged = {name for name in before if name.endswith("weight") and torch.equal(before[name], after[name])}
    assert not unchanged
    assert all(bool(value.isfinite().all()) for value in after.values())
    assert all(value.shape == () for value in measured)
    assert bool(measured.penalty.isnan()) == (model not in PENALISED)
    assert all(bool(value.isfinite()) for name, value in measured._asdict().items() if name != "penalty")
    assert measured.gradient_norm > 0
    assert not any(value.requires_grad for value in measured)
    assert all(p.requires_grad for p in training.critic.parameters())
    assert training.step == 1


def test_equal_seeds_give_equal_weights_and_another_seed_others():
    first, again, other = (state(run(small("iwgan", seed=seed), 3)) for seed in (0, 0, 1))
    assert_equal(first, again)
    assert not any(torch.equal(first[name], other[name]) for name in first if name.endswith("weight"))


def test_the_noise_follows_from_the_number_of_the_step_alone(monkeypatch):
    training, seen = begin(small("iwgan")), []
    latent = training._latent
    monkeypatch.setattr(training, "_latent", lambda n: seen.append(latent(n)) or seen[-1])
    for step in (0, 1, 0):
        training.step = step
        training.advance()
    first, second, again = (torch.cat(seen[i : i + 3]) for i in (0, 3, 6))  # two steps of the critic and one more
    assert torch.equal(first, again)
    assert len(torch.cat([first, second]).unique()) == first.numel() + second.numel()


def test_a_step_touches_no_other_random_state():
    training = begin(small("dragan"))
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    before = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    training.advance()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]


def test_each_network_learns_in_its_own_steps_alone():
    training = begin(small("iwgan"))

    def changed_by(step):
        before = state(training)
        step()
        after = state(training)
        return {
            name.split(".")[0] for name in before if "weight" in name and not torch.equal(before[name], after[name])
        }

    assert changed_by(training._critic_step) == {"critic"}
    assert changed_by(training._generator_step) == {"generator"}


def test_the_critic_takes_as_many_steps_as_the_config_says(monkeypatch):
    training = begin(small("iwgan", critic_steps=4))
    steps, step = [], training._critic_step
    monkeypatch.setattr(training, "_critic_step", lambda: steps.append(1) or step())
    training.advance()
    assert len(steps) == 4


def test_a_critic_learns_to_tell_white_from_black():
    config = small("nsgan", norm="none", critic_steps=30, learning_rate=0.01)
    training = Training.begin(config, torch.full((5, 1, 28, 28), 255, dtype=torch.uint8), FABRIC)
    with torch.no_grad():
        for parameter in training.generator.parameters():
            parameter.zero_()
        training.generator.layers[-1].bias.fill_(-20)  # sigmoid: black
    assert training.advance().distance > 2


@pytest.mark.parametrize("model", get_args(Model))
@pytest.mark.parametrize("options", [{}, {"upsampling": "nearest", "last_convolutions": 1, "norm": "layer"}])
def test_a_restored_training_goes_on_to_the_same_weights_bit_for_bit(tmp_path, model, options):
    config = small(model, **options)
    save_state(run(config, 2), tmp_path)
    resumed = begin(config)
    restore(resumed, tmp_path)
    assert resumed.step == 2
    assert_equal(state(resumed), state(run(config, 2)))
    for _ in range(2):
        resumed.advance()
    assert_equal(state(resumed), state(run(config, 4)))


def test_a_training_is_restored_to_before_its_first_step(tmp_path):
    config = small("iwgan")
    save_state(begin(config), tmp_path)
    resumed = run(structs.replace(config, seed=1), 1)
    restore(resumed, tmp_path)
    assert resumed.step == 0
    assert_equal(state(resumed), state(begin(config)))


def test_the_generator_by_itself_is_the_one_of_the_state(tmp_path):
    training = run(small("lsgan"), 2)
    save_state(training, tmp_path)
    loaded = Generator(training.config)
    assert load_generator(loaded, tmp_path / NEWEST) == 2
    latent = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(loaded.eval()(latent), training.generator.eval()(latent), atol=1e-6)


def test_a_state_is_two_files_and_nothing_half_written_beside_them(tmp_path):
    training = run(small("iwgan"), 1)
    for _ in range(2):
        save_state(training, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [STATE, NEWEST]


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path):
    path.write_bytes(b"")


def foreign(path):
    path.write_bytes(b"PK\x03\x04" + bytes(100))


def damaged(path):
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [cut, emptied, foreign, damaged, folder])
def test_a_file_that_is_not_whole_is_refused_in_one_line(tmp_path, spoil):
    training = run(small("iwgan"), 1)
    save_state(training, tmp_path)
    before = state(training)
    for name in (STATE, NEWEST):
        spoil(tmp_path / name)
        with pytest.raises(InputError, match=r"expected a whole safetensors file, found damage: ") as caught:
            restore(training, tmp_path) if name == STATE else load_generator(training.generator, tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert len(str(caught.value).splitlines()) == 1
    assert_equal(state(training), before)


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path):
    with pytest.raises(InputError, match=rf"{STATE}: expected weights, found no such file$"):
        restore(begin(small("iwgan")), tmp_path)


def test_a_file_without_its_number_of_steps_is_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / STATE)
    with pytest.raises(InputError, match=r"expected the number of steps in its metadata, found none$"):
        restore(begin(small("iwgan")), tmp_path)


@pytest.mark.parametrize(
    "other", [{"critic_width": 3}, {"generator_width": 4}, {"last_convolutions": 1}, {"latent": 7}]
)
def test_the_weights_of_other_networks_are_refused_in_one_line(tmp_path, other):
    save_state(run(small("iwgan"), 1), tmp_path)
    training = begin(small("iwgan", **other))
    with pytest.raises(InputError, match=r"does not fit the networks that config\.yaml describes: ") as caught:
        restore(training, tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_the_generator_alone_is_no_state_and_a_state_no_generator(tmp_path):
    training = run(small("iwgan"), 1)
    save_state(training, tmp_path)
    with pytest.raises(InputError, match="does not fit"):
        load_generator(training.generator, tmp_path / STATE)
    save_generator(training, tmp_path / STATE)
    with pytest.raises(InputError, match="does not fit"):
        restore(training, tmp_path)


def test_moments_of_another_shape_are_refused(tmp_path):
    # The fused optimiser would read past their end.
    save_state(run(small("iwgan"), 1), tmp_path)
    tensors = load_file(tmp_path / STATE)
    tensors["critic-optimizer.0.exp_avg"] = torch.zeros(1)
    save_file(tensors, tmp_path / STATE, {"step": "1"})
    with pytest.raises(InputError, match="does not fit"):
        restore(begin(small("iwgan")), tmp_path)
