"""What a generator is made of and how it is trained, as the file ``config.yaml`` beside its weights says it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Model = Literal["iwgan", "lsgan", "nsgan", "dragan"]
Output = Literal["sigmoid", "tanh", "scaled-tanh", "linear"]
Upsampling = Literal["transposed", "nearest", "bilinear"]
Norm = Literal["batch", "layer", "none"]

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]
Momentum = Annotated[float, Meta(ge=0, lt=1)]


class Config(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A DCGAN (Radford et al., arXiv:1511.06434), its loss, and its training.

    A sample has ``channels`` planes of ``rows`` x ``columns`` values. Networks halve or double these as often as both
    are even and above 7: twice for 28 x 28, four times for 64 x 64.
    """

    model: Model = "iwgan"
    """The loss; see losses.py."""
    channels: Literal[1, 3] = 1
    rows: Count = 64
    columns: Count = 64
    output: Output = "sigmoid"
    """The last activation of the generator; see networks.Output."""
    scale: Positive = 1.7159
    """a in the scaled tanh a tanh(bx) (LeCun et al., Efficient BackProp, 1998)."""
    slope: Positive = 2 / 3
    """b in the scaled tanh a tanh(bx)."""
    upsampling: Upsampling = "transposed"
    """How the generator doubles its planes: transposed convolution of stride 2, or interpolation and convolution."""
    kernel: Annotated[int, Meta(ge=2, le=15)] = 4
    """Width of the generator's convolutions; of interpolation and of last convolutions an odd one (4 becomes 5)."""
    last_convolutions: Annotated[int, Meta(ge=0, le=8)] = 0
    """Convolutions without upsampling after the last doubling (Durall et al., arXiv:2003.01826, found that they mend
    spectra)."""
    norm: Norm = "batch"
    """Normalisation in the generator, and in the critic of a model without gradient penalty."""
    latent: Count = 100
    """Length of the normal noise vector that a sample is made of."""
    generator_width: Count = 16
    """Channels of the generator's last hidden layer; each earlier one has twice as many."""
    critic_width: Count = 12
    """Channels of the critic's first layer; each later one has twice as many."""
    critic_steps: Count = 5
    """Steps of the critic for each of the generator."""
    penalty_weight: Positive = 10.0
    """lambda, weight of the gradient penalty (iwgan, dragan)."""
    batch: Annotated[int, Meta(ge=2)] = 16
    learning_rate: Positive = 5e-4
    momenta: tuple[Momentum, Momentum] = (0.0, 0.9)
    """beta_1 and beta_2 of Adam."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """Of the first weights, the noise and the choice of samples."""


DEFAULTS: dict[Model, dict[str, object]] = {
    "iwgan": {"critic_steps": 5, "momenta": (0.0, 0.9), "learning_rate": 5e-4},
    "lsgan": {"critic_steps": 1, "momenta": (0.5, 0.999), "learning_rate": 2e-4},
    "nsgan": {"critic_steps": 1, "momenta": (0.5, 0.999), "learning_rate": 2e-4},
    "dragan": {"critic_steps": 1, "momenta": (0.5, 0.9), "learning_rate": 2e-4},
}
"""What each model's paper trains with, where it differs from the defaults of Config."""

PENALISED: tuple[Model, ...] = ("iwgan", "dragan")
"""The models with a gradient penalty: their critic has no normalisation, which would tie the samples of a batch."""


def default(model: Model) -> Config:
    """The Config of ``model`` with the optimiser of its paper."""
    return Config(model=model, **DEFAULTS[model])  # type: ignore[arg-type]  # the values are typed by Config itself
