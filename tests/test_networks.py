from typing import get_args

import pytest
import torch
from torch import nn

from verifier.base.errors import InputError
from verifier.generators.config import Config, Model, Norm, Upsampling
from verifier.generators.networks import Critic, Generator, Output, seeded, stages

torch.set_num_threads(1)  # networks this small lose more than they win by a second one


def parameters(network):
    return sum(values.numel() for values in network.parameters())


SMALL = {"generator_width": 2, "critic_width": 2, "latent": 5}


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("rows", "columns", "halvings"), [(28, 28, 2), (64, 64, 4), (32, 48, 3), (28, 128, 2), (8, 8, 1), (128, 128, 5)]
)
def test_samples_have_the_size_of_the_config_and_one_score_each(rows, columns, halvings, channels):
    config = Config(rows=rows, columns=columns, channels=channels, **SMALL)
    generator, critic = seeded(config)
    assert stages(config) == halvings
    samples = generator(noise(3, 5))
    assert samples.shape == (3, channels, rows, columns)
    assert critic(samples).shape == (3,)


@pytest.mark.parametrize("upsampling", get_args(Upsampling))
@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 15])
@pytest.mark.parametrize("last", [0, 2])
def test_every_upsampling_doubles_the_planes_exactly(upsampling, kernel, last):
    config = Config(rows=28, columns=56, upsampling=upsampling, kernel=kernel, last_convolutions=last, **SMALL)
    generator = Generator(config)
    sizes = []
    for layer in generator.layers:
        if isinstance(layer, nn.ConvTranspose2d | nn.Upsample | nn.Conv2d):
            layer.register_forward_hook(lambda _layer, _inputs, output: sizes.append(tuple(output.shape[2:])))
    assert generator(noise(2, 5)).shape == (2, 1, 28, 56)
    doubled = [(14, 28), (28, 56)]
    if upsampling != "transposed":  # each plane is interpolated, and then convolved
        doubled = [size for size in doubled for _ in range(2)]
    assert sizes == doubled + last * [(28, 56)]


def test_last_convolutions_stand_after_the_last_doubling_and_the_channels_come_last():
    config = Config(rows=28, columns=28, channels=3, last_convolutions=2, upsampling="nearest", kernel=3, **SMALL)
    convolutions = [layer for layer in Generator(config).layers if isinstance(layer, nn.Conv2d)]
    assert [(layer.in_channels, layer.out_channels) for layer in convolutions] == [(4, 2), (2, 2), (2, 2), (2, 3)]
    assert [layer.kernel_size for layer in convolutions] == 4 * [(3, 3)]


def test_the_number_of_parameters_is_that_of_the_layers_by_hand():
    config = Config(rows=28, columns=28, norm="none", kernel=4, latent=5, generator_width=2, critic_width=3)
    generator, critic = seeded(config)
    # A linear layer to 4 planes of 7 x 7; 4 to 2 and 2 to 1 planes by kernels of 4 x 4; a bias for each plane.
    assert parameters(generator) == (5 * 196 + 196) + (4 * 2 * 16 + 2) + (2 * 1 * 16 + 1)
    # 1 to 3 and 3 to 6 planes; a linear layer from 6 planes of 7 x 7.
    assert parameters(critic) == (1 * 3 * 16 + 3) + (3 * 6 * 16 + 6) + (6 * 49 + 1)


@pytest.mark.parametrize(("norm", "extra"), [("batch", 4 + 2), ("layer", (4 + 4 * 2) * 49)])
def test_a_norm_adds_its_scale_and_its_shift(norm, extra):
    plain, normed = (Config(rows=28, columns=28, norm=kind, **SMALL) for kind in ("none", norm))
    # Layers of 4 planes of 7 x 7 and of 2 planes of 14 x 14: one of each for a plane (batch), or for a cell (layer).
    assert parameters(Generator(normed)) - parameters(Generator(plain)) == 2 * extra


@pytest.mark.parametrize("norm", get_args(Norm))
@pytest.mark.parametrize("model", get_args(Model))
def test_the_score_of_a_sample_depends_on_the_others_only_through_batch_norm_and_never_with_a_penalty(model, norm):
    torch.manual_seed(0)
    critic = Critic(Config(model=model, rows=28, columns=28, norm=norm, **SMALL)).train()
    samples = noise(4, 1, 28, 28)
    others = torch.cat([samples[:1], 3 * samples[1:] + 1])
    close = torch.isclose(critic(samples)[0], critic(others)[0], rtol=1e-5, atol=1e-5)
    assert bool(close) == (model in ("iwgan", "dragan") or norm != "batch")


def test_the_seed_decides_the_weights_and_no_other_random_state_is_touched():
    torch.manual_seed(3)
    state = torch.get_rng_state()

    def weights(seed):
        networks = seeded(Config(rows=28, columns=28, seed=seed, **SMALL))
        return torch.cat([nn.utils.parameters_to_vector(network.parameters()) for network in networks])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("rows", "columns"), [(30, 30), (15, 15), (9, 64), (7, 7)])
def test_planes_that_do_not_halve_to_seven_or_less_are_refused_in_one_line(rows, columns):
    config = Config(rows=rows, columns=columns)
    for network in (Generator, Critic):
        with pytest.raises(InputError) as caught:
            network(config)
        assert str(caught.value) == (
            f"expected samples whose sides halve to 7 or less (28, 32, 64, 128), found {rows} x {columns}"
        )


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("sigmoid", 0, 1), ("tanh", -1, 1), ("scaled-tanh", -1.7159, 1.7159), ("linear", -100, 100)],
)
def test_an_output_reaches_just_over_its_range_and_decodes_to_0_to_1(kind, low, high):
    output = Output(Config(output=kind))
    made = output(torch.linspace(-100, 100, 1001))
    assert made.min().item() == pytest.approx(low)
    assert made.max().item() == pytest.approx(high)
    assert bool((made.diff() >= 0).all())
    decoded = output.decode(made)
    assert (decoded.min(), decoded.max()) == (0, 1)


@pytest.mark.parametrize(("kind", "at_0", "at_1"), [("sigmoid", 0, 1), ("linear", 0, 1), ("tanh", -1, 1)])
def test_outputs_encode_real_values_on_their_own_scale(kind, at_0, at_1):
    assert Output(Config(output=kind)).encode(torch.tensor([0.0, 1.0])).tolist() == [at_0, at_1]


@pytest.mark.parametrize("kind", ["sigmoid", "tanh", "scaled-tanh", "linear"])
def test_decoding_undoes_encoding(kind):
    output = Output(Config(output=kind))
    values = torch.arange(256) / 255
    assert torch.allclose(output.decode(output.encode(values)), values, atol=1e-7)


def test_the_scaled_tanh_of_lecun_maps_1_to_1_and_its_scale_is_that_of_real_values():
    output = Output(Config(output="scaled-tanh"))
    ends = output(torch.tensor([-1.0, 1.0]))
    assert ends.tolist() == pytest.approx([-1, 1], abs=1e-4)
    assert output.encode(torch.tensor([0.0, 1.0])).tolist() == [-1, 1]
    # a tanh(bx) has the slope ab in 0.
    steep = Output(Config(output="scaled-tanh", scale=3, slope=0.5))
    x = torch.zeros(1, requires_grad=True)
    steep(x).backward()
    assert x.grad.item() == pytest.approx(1.5)
