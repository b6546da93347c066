"""Trained generators against the spec of the TequilaGAN paper: violations, durations, intensities, training.

    verify --spec bach-tequilagan bach:learn bach:hold-out bach:iwgan bach:lsgan bach:bernoulli

says it rule by rule, of those that ship; the others lie in ``benchmarks/generated``. The first table here has the
paper's figures for the same sets. The second holds the rules that take transpositions for the same, and likelihoods,
beside the exact set: each learned from all windows of the learned works. The third asks what rounding to 8 bits does to
the distance of intensities; raw values are made anew from the weights. The fourth compares outputs at equal steps, and
the last is the curve of violations against training.

    python benchmarks/generators.py [-o docs/training.png]
"""

import argparse
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import generated
import numpy as np
from numpy.typing import NDArray
from paper import MEASURED, Measured, measure, print_table
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from verifier.corpora import corpus as corpora
from verifier.corpora.sample_sets import open_samples
from verifier.data.batch import Batch, concatenate
from verifier.music.piano_roll import batch_of
from verifier.rule.rule import Rule
from verifier.spec import spec
from verifier.verbs.learn import calibrate, learn_rules

SEEDS = ("iwgan", "iwgan-seed-1", "iwgan-seed-2")
OUTPUTS = {
    "sigmoid": "iwgan-sigmoid",
    "tanh": "iwgan-tanh",
    "scaled tanh": "iwgan-scaled-tanh",
    "linear": "iwgan-linear",
}
PAPER_RATIO = 11.7
"""Violations of IWGAN samples over those of test data in the paper's table."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=Path("specs/bach-tequilagan.yaml"))
    parser.add_argument("-o", "--output", type=Path, help="draw the curve: .png, .svg or .pdf")
    options = parser.parse_args()
    shipped = spec.load(options.spec)
    sets = {name: read(shipped, part) for name, part in columns().items()}
    print_violations(shipped, sets)
    print_rules(shipped, sets)
    print_intensities(sets)
    print_outputs(shipped)
    print_curve(options.output)


def columns() -> dict[str, str]:
    seeds = {f"iwgan, seed {seed}": samples_of(name) for seed, name in enumerate(SEEDS)}
    return {
        "train": "bach:learn",
        "test": "bach:hold-out",
        **seeds,
        "lsgan": samples_of("lsgan"),
        "bernoulli": "bach:bernoulli",
    }


def samples_of(name: str) -> str:
    return str(generated.samples_of("bach", name))


def read(shipped: spec.Spec, part: str) -> Batch:
    return concatenate(shipped.view, list(open_samples(part, shipped.view, shipped.corpus).batches()))


def print_violations(shipped: spec.Spec, sets: dict[str, Batch]) -> None:
    rules = [shipped.rule(cls.name()) for cls in MEASURED]
    found = {name: measure(rules, batch) for name, batch in sets.items()}
    # Distinct violations grow with the number of windows: the ratio is taken at the number of test windows.
    n = len(sets["test"])
    equal = {name: measure(rules, batch.take(range(min(n, len(batch))))) for name, batch in sets.items()}
    test = equal["test"]
    rows: dict[str, Callable[[str, Measured], str]] = {
        "windows": lambda name, m: f"{m.windows:,}",
        "transitions that break it": lambda name, m: f"{m.occurrences:,} ({m.occurrences / m.steps:.1%})",
        "rate over that of test": lambda name, m: f"{m.occurrences / m.steps / (test.occurrences / test.steps):.1f}",
        "distinct": lambda name, m: f"{m.distinct:,}",
        f"distinct in {n} windows, over test": lambda name, m: f"{equal[name].distinct / test.distinct:.1f}",
        "durations: KS of the 64 bar heights": lambda name, m: f"{m.histogram_ks:.3f}",
        "durations: JSD, nats": lambda name, m: f"{m.duration_jsd:.4f}",
    }
    print(f"Against `{shipped.name}` (the paper's ratio of IWGAN to test: {PAPER_RATIO})\n")
    print_table(["", *found], [[title, *(cell(*item) for item in found.items())] for title, cell in rows.items()])


def print_rules(shipped: spec.Spec, sets: dict[str, Batch]) -> None:
    learned, held_out = (
        batch_of(part, shipped.view) for part in corpora.split(corpora.load("bach"), shipped.corpus.split)
    )
    variants: dict[str, dict[str, dict[str, Any]]] = {
        "exact set, per step": {"chroma-transitions": {"per": "step", "invariance": "none"}},
        "exact set, per change": {"chroma-transitions": {"per": "change", "invariance": "none"}},
        "closed under transposition, per change": {"chroma-transitions": {"per": "change"}},
        "likelihood of a change below that of 99 % of real ones": {"chroma-likelihood": {}},
        "accidentals, per note": {"accidentals": {}},
    }
    print("\nEach learned from all windows of the learned works: rate, and how many times that of test\n")
    shown = [name for name in sets if name != "train"]
    rows = []
    for title, rules in variants.items():
        (rule,), _ = calibrate(learn_rules(learned, rules), held_out)
        rates = {name: rate(rule, sets[name]) for name in shown}
        rows.append([title, *(f"{rates[name]:.2%} x{rates[name] / rates['test']:.1f}" for name in shown)])
    print_table(["", *shown], rows)


def rate(rule: Rule, batch: Batch) -> float:
    counts = rule.compile().count(batch)
    return int(counts.violations.sum()) / int(counts.trials.sum())


def print_intensities(sets: dict[str, Batch]) -> None:
    real = sets["train"].values.astype(np.float32).ravel()
    found: dict[str, NDArray[np.float32]] = {"test": sets["test"].values.astype(np.float32).ravel()}
    found |= {name: generated.made("bach", name, 1000).ravel() for name in ("iwgan", "lsgan")}
    found["bernoulli"] = sets["bernoulli"].values.astype(np.float32).ravel()
    print(
        "\nIntensities against train: scipy's two-sample KS, and JSD of 256 bins in nats; raw, and rounded to 8 bits\n"
    )
    rows = []
    for name, values in found.items():
        rounded = np.round(values * 255) / np.float32(255)
        cells = [f"{ks_2samp(real, each, method='asymp').statistic:.4f}" for each in (values, rounded)]
        cells += [f"{jsd(real, each):.4f}" for each in (values, rounded)]
        rows.append([name, *cells, f"{np.mean(values == 0):.1%}"])
    print_table(["", "KS raw", "KS 8-bit", "JSD raw", "JSD 8-bit", "exactly 0"], rows)


def jsd(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    tables = [np.histogram(values, bins=256, range=(0, 1))[0] for values in (a, b)]
    return float(jensenshannon(*tables)) ** 2


def print_outputs(shipped: spec.Spec) -> None:
    rules = [shipped.rule(cls.name()) for cls in MEASURED]
    print("\nOutputs at equal steps (8-bit samples): where values lie, and what breaks\n")
    rows = []
    for title, name in OUTPUTS.items():
        batch = read(shipped, samples_of(name))
        values, found = batch.values, measure(rules, batch)
        between = float(np.mean((values > 0) & (values < 1)))
        shares = [f"{np.mean(values == 0):.1%}", f"{between:.1%}", f"{np.mean(values == 1):.1%}"]
        rows.append([title, *shares, f"{found.occurrences / found.steps:.1%}", f"{found.intensity_ks:.3f}"])
    print_table(["output", "exactly 0", "between", "exactly 1", "transitions that break it", "intensity KS"], rows)


def print_curve(output: Path | None) -> None:
    curves = {name: curve(name) for name in SEEDS}
    steps = sorted(set.intersection(*(set(points) for points in curves.values())))
    print("\nRate of transitions that break the spec, over that of held-out music, while IWGAN trains\n")
    rows = [
        [f"{step:,}", *(f"{curves[name][step]:.1f}" for name in SEEDS), spread([curves[name][step] for name in SEEDS])]
        for step in steps
    ]
    print_table(["steps", *(f"seed {seed}" for seed in range(len(SEEDS))), "mean, lowest, highest"], rows)
    if output is not None:
        draw(curves, output)


def curve(name: str) -> dict[int, float]:
    """Steps -> ratio of the exact rule."""
    with generated.samples_of("bach", name).with_name("checks.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["rule"] == "chroma-transitions"]
    return {int(row["step"]): float(row["ratio"]) for row in rows}


def spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def draw(curves: dict[str, dict[int, float]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for seed, points in enumerate(curves.values()):
        axes.plot(list(points), list(points.values()), marker="o", markersize=3, label=f"IWGAN, seed {seed}")
    axes.axhline(PAPER_RATIO, color="0.4", linestyle="--", linewidth=1, label=f"IWGAN in the paper ({PAPER_RATIO})")
    axes.axhline(1, color="0.4", linewidth=1, label="held-out chorales")
    axes.set_yscale("log")
    axes.set_yticks([1, 2, 5, 10, 20], labels=["1", "2", "5", "10", "20"])
    axes.minorticks_off()
    axes.set_xlabel("generator steps")
    axes.set_ylabel("violations, times held-out")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
