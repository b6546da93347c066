from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.rolls import batch
from tests.test_check import chorale_like
from tests.test_cli import write_midi
from verifier.base.errors import InputError
from verifier.cli import main as cli
from verifier.data.batch import Batch
from verifier.generators import adversarial
from verifier.generators.adversarial import Classifier, accuracy, fgsm, fit, full_windows
from verifier.music.features.scalars import longest_pitch_class
from verifier.music.view import PianoRollView

torch.set_num_threads(1)  # networks this small lose more than they win by a second one


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def linear(weights):
    """The classifier whose scores are weights (classes, cells) times the cells of a sample."""
    layer = nn.Linear(weights.shape[1], len(weights), bias=False)
    layer.weight.data = weights
    return nn.Sequential(nn.Flatten(), layer)


def stripes(n, seed=0):
    """Planes of 8 x 8 whose bright row, among dim noise, is the label: uint8 samples and labels."""
    labels = torch.arange(n) % 8
    samples = noise(n, 1, 8, 8, seed=seed) * 0.3
    samples[torch.arange(n), 0, labels] += 0.5
    return (samples * 255).round().to(torch.uint8), labels


def test_of_two_classes_a_linear_classifier_pushes_along_the_difference_of_their_weights():
    weights = torch.tensor([[1.0, -2, 3, 0], [2.0, -5, 3, 0]])
    samples = torch.tensor([0.5, 0.5, 0.5, 0.5]).expand(2, 4).reshape(2, 1, 2, 2)
    changed = fgsm(linear(weights), samples, torch.tensor([0, 1]), 0.25)
    # The loss of class 0 rises with (w1 - w0) x = (1, -3, 0, 0) x, that of class 1 with the opposite.
    assert changed.flatten(1).tolist() == [[0.75, 0.25, 0.5, 0.5], [0.25, 0.75, 0.5, 0.5]]


def test_an_attack_keeps_to_epsilon_and_to_the_scale():
    samples = noise(20, 2, 6, 6)
    changed = fgsm(linear(noise(3, 72, seed=1) - 0.5), samples, torch.arange(20) % 3, 0.2)
    assert changed.min() == 0
    assert changed.max() == 1
    moved = (changed - samples).abs()
    assert moved.max() <= 0.2 + 1e-6
    inner = (samples > 0.2) & (samples < 0.8)
    assert moved[inner].numpy() == pytest.approx(0.2, abs=1e-6)


def test_an_attack_of_nothing_changes_nothing():
    samples = noise(3, 1, 4, 4)
    assert torch.equal(fgsm(linear(noise(2, 16, seed=1)), samples, torch.tensor([0, 1, 0]), 0.0), samples)


def test_the_direction_is_that_of_the_cross_entropy():
    classifier, samples, labels = linear(noise(5, 16, seed=1) - 0.5), noise(30, 1, 4, 4), torch.arange(30) % 5
    points = samples.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(classifier(points), labels), points)
    assert torch.equal(fgsm(classifier, samples, labels, 0.1), (samples + 0.1 * gradient.sign()).clamp(0, 1))


def test_even_a_sure_classifier_is_attacked():
    # Of class 0 with a probability of 1 - 1e-350: the cross-entropy and its gradient are 0 in float32.
    weights = torch.tensor([[800.0, 0, -1, 0], [0.0, 0, 0, 0]])
    samples = torch.tensor([1.0, 1, 0, 0]).reshape(1, 1, 2, 2)
    changed = fgsm(linear(weights), samples, torch.tensor([0]), 0.25)
    assert changed.flatten().tolist() == [0.75, 1, 0.25, 0]


def test_an_attack_does_not_depend_on_what_goes_through_together_and_leaves_the_classifier_alone(monkeypatch):
    classifier = Classifier(1, 8, 8, 8)
    samples, labels = noise(10, 1, 8, 8), torch.arange(10) % 8
    before = samples.clone()
    whole = fgsm(classifier, samples, labels, 0.1)
    right = accuracy(classifier, samples, labels)
    monkeypatch.setattr(adversarial, "CHUNK", 3)
    assert torch.equal(fgsm(classifier, samples, labels, 0.1), whole)
    assert accuracy(classifier, samples, labels) == right
    assert all(parameter.grad is None for parameter in classifier.parameters())
    assert torch.equal(samples, before)
    assert not samples.requires_grad


def test_accuracy_is_the_share_of_labels_found():
    samples = torch.eye(4).reshape(4, 1, 2, 2)
    assert accuracy(linear(torch.eye(4)), samples, torch.tensor([0, 1, 3, 3])) == 0.75


@pytest.mark.parametrize(("channels", "rows", "columns"), [(1, 28, 28), (3, 28, 28), (1, 64, 64), (3, 5, 7), (1, 4, 4)])
def test_a_classifier_takes_planes_of_any_size(channels, rows, columns):
    assert Classifier(channels, rows, columns, 5)(noise(2, channels, rows, columns)).shape == (2, 5)


def test_planes_too_small_to_halve_twice_are_refused():
    with pytest.raises(InputError, match=r"^expected samples of at least 4 x 4, found 3 x 28$"):
        Classifier(1, 3, 28, 10)


def test_a_trained_classifier_finds_the_labels_and_an_attack_misleads_it():
    classifier = Classifier(1, 8, 8, 8)
    fit(classifier, *stripes(256), steps=60, seed=0)
    samples, labels = stripes(80, seed=1)
    real = samples.float() / 255
    assert accuracy(classifier, real, labels) > 0.95
    assert accuracy(classifier, fgsm(classifier, real, labels, 0.3), labels) < 0.2


def test_the_seed_decides_the_weights_and_the_training_and_no_other_random_state_is_touched():
    torch.manual_seed(5)
    state = torch.get_rng_state()

    def trained(first, order):
        classifier = Classifier(1, 8, 8, 8, seed=first)
        fit(classifier, *stripes(128), steps=3, seed=order)
        return nn.utils.parameters_to_vector(classifier.parameters())

    weights = trained(0, 0)
    assert torch.equal(trained(0, 0), weights)
    assert not torch.equal(trained(1, 0), weights)
    assert not torch.equal(trained(0, 1), weights)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_label_of_music_is_the_pitch_class_that_sounds_longest():
    samples = [
        "C4:0-6 E4:0-3 E5:2-6",  # E sounds for 3 + 4 steps in two octaves, C for 6
        "G4:0-4 D4:4-8",  # equals: the lower
        "A4:0-9 F#4:0-12=0.5 F4:0-16=0.4",  # from the threshold on
        "",
    ]
    assert longest_pitch_class(batch(samples)).tolist() == [4, 2, 6, 0]
    view = PianoRollView(lowest_pitch=43, pitches=40, window=16)
    assert longest_pitch_class(batch(samples, view)).tolist() == [4, 2, 6, 0]


def test_what_is_after_the_end_of_a_sample_has_no_part_in_its_label():
    music = batch(["C4:0-4 D4:4-16"])
    music.lengths[:] = 8
    assert longest_pitch_class(music).tolist() == [0]


class Given:
    """A sample set of the batches given."""

    label = "given"

    def __init__(self, *batches: Batch) -> None:
        self.batches = lambda: iter(batches)


def test_only_windows_that_are_full_and_sound_are_attacked():
    first, second = batch(["C4:0-4", "", "D4:0-4"]), batch(["E4:0-4"])
    first.lengths[2] = 15
    found = full_windows(Given(first, second))
    assert list(found.names) == ["sample-0", "sample-0"]
    assert np.array_equal(found.values, np.concatenate([first.values[:1], second.values]))
    with pytest.raises(InputError, match=r"^given: expected at least one full window in which something sounds"):
        full_windows(Given(first.take([1, 2])))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder of MIDI files whose windows have 16 steps, and beside it a spec learned from it."""
    root = tmp_path_factory.mktemp("attack")
    (root / "music").mkdir()
    for i, text in enumerate(chorale_like(0, 30)):
        write_midi(root / "music" / f"{i:02}.mid", f"{text} {'CDEFGAB'[i % 7]}6:{i % 13}-{i % 13 + 3}")
    arguments = ["--view", "window=16", "--rule", "pitch-range", "--hold-out", "0.4", "-q"]
    assert cli.main(["learn", str(root / "music"), "-o", str(root / "spec.yaml"), *arguments]) == 0
    return root


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(adversarial, "STEPS", 5)


def attack(corpus: Path, out: Path, *arguments: str) -> int:
    return cli.main(["attack", str(corpus / "music"), "-o", str(out), *arguments])


def test_the_command_writes_held_out_windows_near_the_real_ones_and_says_what_it_did(corpus, tmp_path, capsys):
    out = tmp_path / "out.npz"
    assert attack(corpus, out, "--spec", str(corpus / "spec.yaml"), "--epsilon", "0.2") == 0
    text = capsys.readouterr().out
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays.files == ["x"]
        x = arrays["x"]
    assert x.dtype == np.float32
    assert x.shape[1:] == (64, 16)
    assert f"{len(x)} held-out windows" in text
    # Real windows are 0 and 1, so that all there can be is 0, epsilon, 1 - epsilon and 1.
    assert np.unique(x) == pytest.approx([0, 0.2, 0.8, 1], abs=1e-6)
    # At the threshold of .5 the music is the held-out music.
    assert cli.main(["--spec", str(corpus / "spec.yaml"), str(out), "--alpha", "0.1", "-q"]) == 0


def test_the_command_is_repeated_by_its_seed(corpus, tmp_path, capsys):
    outs = [tmp_path / f"{i}.npz" for i in range(3)]
    for out, seed in zip(outs, "001", strict=True):
        assert attack(corpus, out, "--view", "window=16", "-n", "4", "--seed", seed) == 0
    first, again, other = (out.read_bytes() for out in outs)
    assert first == again != other
    assert np.load(outs[0])["x"].shape == (4, 64, 16)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--view", "window=16", "-n", "1000"], "-n: expected at most the "),
        (["--view", "window=null"], "--view: expected a view with windows of equal length, found window: null"),
        (["--view", "window=10000"], "music:learn: expected at least one full window in which something sounds"),
        (["--view", "window=16", "--view", "pitches=2", "--view", "lowest-pitch=60"], "expected samples of at least 4"),
        (["--epsilon", "1.5"], "argument --epsilon: expected a share from 0 to below 1, found 1.5"),
        (["--spec", "spec.yaml", "--view", "window=16"], "not allowed with argument"),
    ],
)
def test_what_cannot_be_attacked_is_refused_in_one_line_and_nothing_is_written(
    corpus, tmp_path, capsys, arguments, problem
):
    assert attack(corpus, tmp_path / "out.npz", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert problem in line
    assert not list(tmp_path.iterdir())


def test_the_output_is_one_npz(corpus, tmp_path, capsys):
    assert attack(corpus, tmp_path / "out.npy") == 2
    assert capsys.readouterr().err == "verify: expected one -o FILE.npz to write the samples to\n"
