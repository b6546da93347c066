"""Adversarial samples: real ones, changed as little as it takes to mislead a classifier.

The TequilaGAN paper (Valle et al., arXiv:1807.04919) checks them next to generated samples. The attack is the fast
gradient sign method, FGSM (Goodfellow et al., arXiv:1412.6572).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from verifier.base.errors import InputError
from verifier.corpora.sample_sets import SampleSet
from verifier.data.batch import Batch, concatenate
from verifier.data.medium import Classes, medium_of

SMALLEST = 4
"""Rows and columns that two halvings need."""
STEPS = 300
"""Steps of training; 64 of the chorales' 925 windows a step go through them some twenty times."""
AT_ONCE = 64
"""Samples a step of training."""
LEARNING_RATE = 1e-3
"""Of Adam: what its paper (Kingma and Ba, arXiv:1412.6980) has."""
CHUNK = 256
"""Samples that go through the classifier together when it is not trained, so that memory does not grow with them."""


class Classifier(nn.Module):
    """Samples (n, channels, rows, columns) on the scale from 0 to 1 to a score of each class (n, classes).

    Two convolutions of stride 2 and a linear layer. ``seed`` decides the first weights; no other random state is
    touched. Raises InputError for planes with a side below SMALLEST.
    """

    def __init__(self, channels: int, rows: int, columns: int, classes: int, *, seed: int = 0) -> None:
        super().__init__()
        if min(rows, columns) < SMALLEST:
            raise InputError("", f"expected samples of at least {SMALLEST} x {SMALLEST}, found {rows} x {columns}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Conv2d(channels, 16, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(16, 32, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(32 * (rows // 4) * (columns // 4), classes),
            )

    def forward(self, samples: Tensor) -> Tensor:
        x: Tensor = self.layers(samples)
        return x


def fit(classifier: Classifier, samples: Tensor, labels: Tensor, *, steps: int, seed: int) -> None:
    """Train ``classifier`` on ``samples`` (n, channels, rows, columns) uint8, 0 to 255, and ``labels`` (n,) int64.

    ``seed`` decides which samples each step sees; no other random state is touched.
    """
    choice = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(classifier.parameters(), LEARNING_RATE)
    for _ in range(steps):
        at = torch.randint(len(samples), (AT_ONCE,), generator=choice)
        loss = cross_entropy(classifier(samples[at].float() / 255), labels[at])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
        optimizer.step()


def fgsm(classifier: nn.Module, samples: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """``samples`` + ``epsilon`` sign(gradient of the cross-entropy of ``labels``), clipped to 0..1.

    The equation stands in section 4 of the paper. ``samples`` (n, channels, rows, columns) are floats on the scale from
    0 to 1, ``labels`` (n,) int64. A cell without a gradient stays as it is. The gradients of the classifier's own
    weights are left alone.
    """
    changed = [
        (part + epsilon * _gradient(classifier, part, label).sign()).clamp(0, 1)
        for part, label in zip(torch.split(samples, CHUNK), torch.split(labels, CHUNK), strict=True)
    ]
    return torch.cat(changed)


def _gradient(classifier: nn.Module, samples: Tensor, labels: Tensor) -> Tensor:
    """The gradient by ``samples`` of how far the scores of all other classes lie above that of the label.

    It has the sign of the gradient of the cross-entropy log(1 + exp(margin)), which rises with the margin, but not its
    rounding: where float32 takes a label for certain, the cross-entropy forgets the weights of that label.
    """
    points = samples.detach().requires_grad_(True)
    scores = classifier(points)
    own = labels[:, None]
    margin = scores.scatter(1, own, -torch.inf).logsumexp(1) - scores.gather(1, own)[:, 0]
    (gradient,) = torch.autograd.grad(margin.sum(), points)
    return gradient


@torch.no_grad()
def accuracy(classifier: nn.Module, samples: Tensor, labels: Tensor) -> float:
    """Share of ``samples`` (n, channels, rows, columns), on the scale from 0 to 1, whose ``labels`` (n,) are found."""
    found = [classifier(part).argmax(1) for part in torch.split(samples, CHUNK)]
    return float((torch.cat(found) == labels).double().mean())


class Attacked(NamedTuple):
    """Attacked windows, and what the attack did to a classifier of them."""

    values: NDArray[np.float32]
    """(n, rows, steps) from 0 to 1."""
    before: float
    """Accuracy on the windows as they were."""
    after: float
    most_frequent: float
    """Share of the most frequent label: what is right without a look at the samples."""


def attack(learned: Batch, windows: Batch, labels: Mapping[str, int] | None, *, epsilon: float, seed: int) -> Attacked:
    """``windows`` attacked, with a classifier that ``learned`` taught: of what the medium says of a sample, or where it
    says nothing, of ``labels`` by name.

    Both hold full windows of one view (see ``full_windows``). Raises InputError for labels that are missing.
    """
    medium = medium_of(windows.view)
    found = [_classes(batch, labels) for batch in (learned, windows)]
    (taught, taught_labels), (samples, own) = (
        (
            torch.from_numpy(medium.cells(batch)).reshape(len(batch), *medium.planes(batch.view)),
            torch.from_numpy(classes.of),
        )
        for batch, classes in zip((learned, windows), found, strict=True)
    )
    return _attack(taught, taught_labels, samples, own, found[0].number, epsilon, seed)


def _classes(batch: Batch, labels: Mapping[str, int] | None) -> Classes:
    found = medium_of(batch.view).classes(batch)
    if found is not None:
        return found
    if labels is None:
        raise InputError("", "expected labels of what the samples show, found none")
    of = np.array([labels[name] for name in batch.names], np.int64)
    return Classes(of, max(labels.values()) + 1, "what the picture shows")


def _attack(
    taught: Tensor, taught_labels: Tensor, real: Tensor, labels: Tensor, classes: int, epsilon: float, seed: int
) -> Attacked:
    """Samples (n, channels, rows, columns) from 0 to 1, and labels (n,)."""
    _, channels, rows, columns = real.shape
    classifier = Classifier(channels, rows, columns, classes, seed=seed)
    fit(classifier, (taught * 255).round().to(torch.uint8), taught_labels, steps=STEPS, seed=seed)
    changed = fgsm(classifier, real, labels, epsilon)
    return Attacked(
        changed.flatten(1, 2).numpy(),
        accuracy(classifier, real, labels),
        accuracy(classifier, changed, labels),
        float(labels.bincount().max()) / len(labels),
    )


def full_windows(samples: SampleSet) -> Batch:
    """The samples that fill their window, and in which something sounds or is to be seen.

    A file of arrays has no place for lengths: padding would be attacked, and read, as if it belonged to the sample.
    Raises InputError if there are none.
    """
    batches = [
        batch.take(np.flatnonzero((batch.lengths == batch.view.window) & medium_of(batch.view).speaks(batch)))
        for batch in samples.batches()
    ]
    if not any(map(len, batches)):
        raise InputError(samples.label, "expected at least one full window in which something sounds, found none")
    return concatenate(batches[0].view, batches)
