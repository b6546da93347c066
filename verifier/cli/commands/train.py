"""Train a generator on a corpus."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from verifier.api.load import load_spec, view_for
from verifier.base.errors import InputError, printable
from verifier.cli import options
from verifier.cli.generators import require_generators
from verifier.cli.progress import progress_of
from verifier.generators.config import Config, Model, Output, Upsampling

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import Tensor

    from verifier.data.view import View
    from verifier.generators.folder import LogRow
    from verifier.generators.train import Checked, Outcome
    from verifier.spec.spec import Spec


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("corpus", metavar="CORPUS", help="a name that `verify corpora` lists, or a folder of files")
    parser.add_argument("--model", required=True, choices=get_args(Model), help="the loss")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder; one that is there goes on")
    parser.add_argument("--spec", metavar="SPEC", help="its view, its part `learn`, and the rules to check by")
    parser.add_argument(
        "--steps", type=options.positive, default=10_000, metavar="N", help="of the generator (default 10000)"
    )
    parser.add_argument("--output", choices=get_args(Output), help="last activation of the generator (default sigmoid)")
    parser.add_argument("--upsampling", choices=get_args(Upsampling), help="in the generator (default transposed)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="other field of the generator in config.yaml"
    )
    parser.add_argument(
        "--seed", type=options.natural, metavar="S", help="of weights, noise and choice of samples (default 0)"
    )
    parser.add_argument(
        "--view", action="append", default=[], metavar="FIELD=VALUE", help="field of the view, without --spec"
    )
    parser.add_argument(
        "--verify-every", type=options.positive, metavar="N", help="steps from check to check (default: at end)"
    )
    parser.add_argument(
        "--verify-samples", type=options.positive, default=1000, metavar="N", help="of a check (default 1000)"
    )
    parser.add_argument(
        "--checkpoint-every", type=options.positive, default=500, metavar="N", help="steps (default 500)"
    )
    parser.add_argument(
        "--keep-every", type=options.positive, metavar="N", help="keep the generator of every Nth step too"
    )
    parser.add_argument(
        "--log-every", type=options.positive, default=10, metavar="N", help="steps a row of log.csv (default 10)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to train")
    parser.add_argument("--devices", type=options.positive, default=1, metavar="N", help="how many of them (default 1)")
    parser.add_argument(
        "--precision", choices=("32-true", "bf16-mixed"), help="default: bf16-mixed on CUDA, else 32-true"
    )
    parser.add_argument(
        "--threads", type=options.positive, metavar="N", help="of the processor (default: PyTorch chooses)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="write files and say nothing")


def run(given: argparse.Namespace) -> int:
    """Train a generator on a corpus. The same command goes on where it was stopped."""
    require_generators()
    from verifier.generators import data
    from verifier.generators.folder import TrainedRecord
    from verifier.generators.train import claim, fabric_on
    from verifier.spec.provenance import Split

    spec = None if given.spec is None else load_spec(given.spec)
    view = _view(spec, given)
    chosen = {name: getattr(given, name) for name in ("output", "upsampling", "seed")}
    settings = {name: value for name, value in chosen.items() if value is not None}
    config = data.configured(given.model, options.settings(given.set) | settings, view)
    fabric = fabric_on(given.device, given.devices, given.precision)
    with progress_of(given.quiet)(f"reading {given.corpus}", None) as advance:
        split = spec.corpus.split if spec else Split()
        real = data.load_real(given.corpus, view, split, lambda done, total: advance(1, total))
    claim(given.out, TrainedRecord(config=config, view=view, corpus=real.corpus))
    fabric.launch()
    if given.threads is not None:
        import torch

        torch.set_num_threads(given.threads)
    return _trained(fabric, config, real.values, spec, given)


def _view(spec: "Spec | None", given: argparse.Namespace) -> "View":
    if spec is None and given.verify_every is not None:
        raise InputError("--verify-every", "expected --spec SPEC too, to check by")
    if spec is not None and given.view:
        raise InputError("--view", "expected it without --spec, whose view it would contradict")
    return spec.view if spec else view_for(given.corpus, options.settings(given.view))


def _trained(fabric: "Fabric", config: Config, real: "Tensor", spec: "Spec | None", given: argparse.Namespace) -> int:
    """Train, say how it went, and give the exit code."""
    from verifier.generators.train import Plan, train
    from verifier.generators.training import Training

    quiet = given.quiet or fabric.global_rank > 0
    plan = Plan(
        given.steps,
        given.log_every,
        given.checkpoint_every,
        given.keep_every,
        given.verify_every,
        given.verify_samples,
    )
    training = Training.begin(config, real, fabric)
    with _training_progress(given.steps, quiet) as on_log:
        try:
            ended = train(
                training, given.out, plan, spec, on_log, lambda found: None if quiet else _print_checked(found)
            )
        except InputError:
            if not fabric.global_rank:
                raise
            return 0  # the first process says it; one that fails has all the others killed
    if not quiet:
        _print_ended(ended, fabric, given)
    return 130 if ended.interrupted and not fabric.global_rank else 0


def _print_ended(ended: "Outcome", fabric: "Fabric", given: argparse.Namespace) -> None:
    from verifier.generators.train import device_name

    where = printable(given.out)
    if not ended.done:
        print(f"nothing to do: {where} has {ended.step:,} steps")
    else:
        speed = f"{ended.samples / ended.seconds:,.0f} samples/s ({ended.done / ended.seconds:.3g} steps/s)"
        print(f"{ended.done:,} steps, {speed} on {device_name(fabric)}, {fabric.strategy.precision.precision}")
    if ended.best is not None:
        print(f"best by {printable(given.spec)}: step {ended.best:,}, in {where}/best.safetensors")
    if ended.interrupted:
        print(f"verify: interrupted after step {ended.step:,}; the same command goes on from there", file=sys.stderr)


def _print_checked(found: "Checked") -> None:
    """One line for a check: the rate of each rule, and how many times that of held-out real data it is."""
    from verifier.base.text import percent

    rates = ", ".join(
        f"{name} {'no trial' if rule.rate is None else percent(rule.rate)}"
        + (f" ({rule.ratio:.3g}x real)" if rule.ratio is not None else " (real 0%)" if rule.held_out else "")
        for name, rule in found.result.rules.items()
    )
    best = "best" if found.best == found.step else f"best: {found.best:,}"
    print(f"step {found.step:,}: {found.result.verdict}; {rates}; badness {found.score:.3g} ({best})", flush=True)


@contextmanager
def _training_progress(steps: int, quiet: bool) -> Iterator[Callable[["LogRow"], None]]:
    """What a row of the log says: beside a bar on standard error, or if that is no terminal as a line now and then."""
    if quiet:
        yield lambda row: None
        return

    if not sys.stderr.isatty():
        import time
        from datetime import timedelta

        first: tuple[int, float] | None = None
        said = -1

        def line(row: "LogRow") -> None:
            nonlocal first, said
            now, twentieth = time.monotonic(), 20 * row.step // steps
            first = first or (row.step, now)
            if twentieth == said:
                return
            said = twentieth
            text = f"step {row.step:,} of {steps:,}: {_words(row)}"
            if row.step > first[0]:
                seconds = (now - first[1]) / (row.step - first[0]) * (steps - row.step)
                text += f", {timedelta(seconds=round(seconds))} left"
            print(text, file=sys.stderr, flush=True)

        yield line
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from verifier.report import terminal

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    # Checks are printed on standard output, which is not the bar's to take if it goes elsewhere.
    both = sys.stdout.isatty()
    with Progress(*columns, console=terminal.console(stderr=True), transient=True, redirect_stdout=both) as bar:
        task = bar.add_task("", total=steps)
        yield lambda row: bar.update(task, completed=row.step, description=_words(row))


def _words(row: "LogRow") -> str:
    return (
        f"critic {row.critic_loss:.4g}, generator {row.generator_loss:.4g}, distance {row.distance:.4g},"
        f" gradient {row.gradient_norm:.3g}, {row.samples_per_second:,.0f} samples/s"
    )
