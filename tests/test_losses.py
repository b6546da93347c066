import math
from typing import get_args

import pytest
import torch

from verifier.generators.config import Model
from verifier.generators.losses import critic_loss, generator_loss, gradient_penalty, penalty_points

MODELS = get_args(Model)


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.randn(shape, generator=draws(seed), dtype=torch.float64)


def log_logistic(x):
    return -math.log1p(math.exp(-x))


REAL, FAKE = (0.5, 2.0), (-1.0, 3.0)


@pytest.mark.parametrize(
    ("model", "critic", "generator"),
    [
        ("iwgan", 1.0 - 1.25, -1.0),
        ("lsgan", (0.25 + 1) / 4 + (1 + 9) / 4, (4 + 4) / 4),
        *(
            (
                model,
                -(log_logistic(0.5) + log_logistic(2)) / 2 - (log_logistic(1) + log_logistic(-3)) / 2,
                -(log_logistic(-1) + log_logistic(3)) / 2,
            )
            for model in ("nsgan", "dragan")
        ),
    ],
)
def test_losses_are_those_of_the_papers_by_hand(model, critic, generator):
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    assert critic_loss(model, real, fake).item() == pytest.approx(critic)
    assert generator_loss(model, fake).item() == pytest.approx(generator)


@pytest.mark.parametrize("model", ["nsgan", "dragan"])
def test_scores_of_any_size_give_a_finite_loss_with_a_gradient_where_it_is_wrong(model):
    real, fake = (torch.tensor([1e4, -1e4], requires_grad=True) for _ in range(2))
    loss = critic_loss(model, real, fake)
    assert loss.item() == pytest.approx(1e4)  # half of the scores are wrong, by 1e4 each, for real and for generated
    loss.backward()
    assert real.grad.tolist() == pytest.approx([0, -0.5])
    assert fake.grad.tolist() == pytest.approx([0.5, 0])
    # "Non-saturating": the generator learns where the critic is sure of it.
    fake.grad = None
    generator_loss(model, fake).backward()
    assert fake.grad.tolist() == pytest.approx([0, -0.5])


@pytest.mark.parametrize("model", MODELS)
def test_a_critic_wants_higher_scores_of_real_samples_and_a_generator_of_its_own(model):
    real, fake = (torch.zeros(3, requires_grad=True) for _ in range(2))
    critic_loss(model, real, fake).backward()
    assert bool((real.grad < 0).all())
    assert model == "lsgan" or bool((fake.grad > 0).all())  # of lsgan, 0 is what generated samples are to have
    fake.grad = None
    generator_loss(model, fake).backward()
    assert bool((fake.grad < 0).all())


@pytest.mark.parametrize("seed", range(3))
def test_a_linear_critic_has_the_penalty_of_its_weights_at_every_point(seed):
    weights = noise(2, 4, 5, seed=seed).requires_grad_(True)
    points = noise(6, 2, 4, 5, seed=seed + 10).requires_grad_(True)
    penalty = gradient_penalty((points * weights).sum(dim=(1, 2, 3)), points)
    length = weights.detach().norm()
    assert penalty.item() == pytest.approx((length.item() - 1) ** 2)
    penalty.backward()
    # The derivative of (|w| - 1)^2 by w.
    assert torch.allclose(weights.grad, 2 * (length - 1) * weights.detach() / length)


def test_a_quadratic_critic_has_the_points_themselves_as_its_gradient():
    points = noise(5, 3, 2, 2).requires_grad_(True)
    penalty = gradient_penalty(points.square().sum(dim=(1, 2, 3)) / 2, points)
    expected = (points.detach().flatten(1).norm(dim=1) - 1).square().mean()
    assert penalty.item() == pytest.approx(expected.item())


def test_the_norm_goes_over_channels_rows_and_columns():
    # A gradient of 1/2 in each of 1 x 2 x 2 cells has the norm 1, though each pixel's has 1/2.
    points = noise(3, 1, 2, 2).requires_grad_(True)
    assert gradient_penalty(0.5 * points.sum(dim=(1, 2, 3)), points).item() == pytest.approx(0)
    # One of 1 in each of 4 cells has the norm 2, though each pixel's has 1.
    assert gradient_penalty(points.sum(dim=(1, 2, 3)), points).item() == pytest.approx(1)


def test_a_critic_without_a_gradient_has_penalty_1_and_stays_finite():
    weights = torch.zeros(1, 2, 2, requires_grad=True)
    points = torch.ones(3, 1, 2, 2, requires_grad=True)
    penalty = gradient_penalty((points * weights).sum(dim=(1, 2, 3)), points)
    assert penalty.item() == 1
    penalty.backward()
    assert bool(weights.grad.isfinite().all())


def test_points_of_iwgan_lie_on_the_segments_one_share_a_sample():
    real, fake = noise(200, 2, 3, 4, seed=1), noise(200, 2, 3, 4, seed=2)
    points = penalty_points("iwgan", real, fake, draws())
    assert points.requires_grad
    assert points.is_leaf
    shares = ((points.detach() - real) / (fake - real)).flatten(1)
    assert torch.allclose(shares, shares[:, :1].expand_as(shares), atol=1e-9)
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert shares[:, 0].mean().item() == pytest.approx(0.5, abs=0.08)
    assert shares[:, 0].std().item() == pytest.approx(12**-0.5, abs=0.04)


def test_points_of_dragan_are_real_samples_with_uniform_noise_of_half_their_deviation():
    real, fake = noise(200, 1, 3, 4, seed=1), noise(200, 1, 3, 4, seed=2)
    points = penalty_points("dragan", real, fake, draws())
    assert points.requires_grad
    away = (points.detach() - real) / real.std()
    assert away.min() >= 0
    assert away.max() <= 0.5
    assert away.mean().item() == pytest.approx(0.25, abs=0.02)
    assert away[0].std() > 0.05  # each cell has its own
    assert torch.equal(points, penalty_points("dragan", real, 5 * fake, draws()))


@pytest.mark.parametrize("model", ["iwgan", "dragan"])
def test_points_follow_from_the_generator_of_noise_alone(model):
    real, fake = noise(4, 1, 3, 3, seed=1), noise(4, 1, 3, 3, seed=2)
    state = torch.get_rng_state()
    assert torch.equal(penalty_points(model, real, fake, draws(5)), penalty_points(model, real, fake, draws(5)))
    assert not torch.equal(penalty_points(model, real, fake, draws(5)), penalty_points(model, real, fake, draws(6)))
    assert torch.equal(torch.get_rng_state(), state)
