"""The training loop: log, checkpoints, checks by a spec, and stops from which the same command goes on."""

import logging
import math
import signal
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import filelock
import torch
from lightning_fabric import Fabric

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.generators import curve, folder
from verifier.generators.checkpoint import BEST, NEWEST, STATE, read, restore, save_generator, save_state
from verifier.generators.folder import CheckRow, LogRow, Table, TrainedRecord
from verifier.generators.sample import blocks
from verifier.generators.training import Measured, Training
from verifier.spec.run import SetResult
from verifier.spec.spec import Spec
from verifier.verbs.check import ALPHA, judge
from verifier.verbs.tallies import Checkers, tally

SEED = 0
"""Of the noise that checks sample from: every check sees samples of the same noise."""

Precision = Literal["32-true", "bf16-mixed"]
"""Not 16-mixed: its loss scale would be a further state, and the second derivative of the penalty does not know it."""


class Plan(NamedTuple):
    """How long to train and how often to do what, in steps of the generator; None is never."""

    steps: int
    log_every: int = 10
    checkpoint_every: int = 500
    keep_every: int | None = None
    """Generators kept beside the newest."""
    verify_every: int | None = None
    """With a spec, which is also checked after the last step."""
    verify_samples: int = 1000


class Checked(NamedTuple):
    """What a check found after ``step`` steps; ``best`` is the best step so far."""

    step: int
    result: SetResult
    score: float
    best: int


class Outcome(NamedTuple):
    """How a run ended: the steps behind the generator, those of this run, and the seconds that these took, without
    checks and files. ``samples`` are the real ones that the critic was shown in them, over all devices.
    """

    step: int
    done: int
    samples: int
    seconds: float
    best: int | None
    interrupted: bool


def fabric_on(device: str, devices: int, precision: Precision | None) -> Fabric:
    """The Fabric for ``device`` (auto, cpu or cuda); ``precision`` is bf16-mixed on CUDA if None, and else 32-true.

    Raises InputError for a device that is not there.
    """
    present = torch.cuda.device_count()
    if device == "cuda" and not present:
        raise InputError("--device cuda", "expected a CUDA device, found none; try --device cpu")
    accelerator = "cuda" if present and device != "cpu" else "cpu"
    if accelerator == "cuda" and devices > present:
        raise InputError("--devices", f"expected at most the {present} CUDA devices there are, found {devices}")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it greets once a process
    # PyTorch counts the order of axes that weights of one channel leave open as a mismatch, which costs nothing.
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view", UserWarning)
    return Fabric(
        accelerator=accelerator,
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        precision=precision or ("bf16-mixed" if accelerator == "cuda" else "32-true"),
    )


def device_name(fabric: Fabric) -> str:
    """What trains, for a person: ``cuda (NVIDIA H100 80GB HBM3)``, ``cpu (AVX512, 2 threads)``."""
    if fabric.device.type == "cuda":
        name = torch.cuda.get_device_name(fabric.device)
    else:
        threads = torch.get_num_threads()
        name = f"{torch.backends.cpu.get_cpu_capability()}, {threads} thread{'s' if threads > 1 else ''}"
    return f"{fabric.world_size} x {fabric.device.type} ({name})"


def claim(path: Path, record: TrainedRecord) -> None:
    """Make ``path`` the folder of the training that ``record`` describes, or find that it is that already.

    Raises InputError if it holds another training.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(path, f"expected a folder to train in: {error.strerror}") from None
    if (path / folder.CONFIG).exists() or (path / STATE).exists():
        folder.require_same(folder.load(path), record, path)
    else:
        folder.dump(record, path)


def train(
    training: Training,
    path: Path,
    plan: Plan,
    spec: Spec | None = None,
    on_log: Callable[[LogRow], None] = lambda row: None,
    on_check: Callable[[Checked], None] = lambda checked: None,
) -> Outcome:
    """Train up to ``plan.steps`` from the checkpoint in the folder ``path``, or from the start, and write there.

    What is in the folder after a step does not depend on interruptions before it, timings apart: on a CPU, with the
    same number of threads, to the bit. An interrupt from the keyboard ends the run after the step under way, a second
    one at once. Every process of ``training.fabric`` calls this; the first one alone writes.

    Raises InputError if a loss or a weight is no longer finite, with the last checkpoint kept; if another process
    trains in the folder; if its checks were made with another spec.
    """
    fabric = training.fabric
    if (path / STATE).exists():
        restore(training, path)
    first, seconds, stop = training.step, 0.0, False
    pace = training.config.batch * training.config.critic_steps * fabric.world_size
    logged = (first, seconds)
    with _interrupts() as asked, _writer(training, path, spec, plan) as writer:
        while training.step < plan.steps and not stop:
            begun = time.perf_counter()
            measured = training.advance()
            step, last = training.step, training.step == plan.steps
            logs = step % plan.log_every == 0
            checks = spec is not None and (last or _every(plan.verify_every, step))
            keeps = _every(plan.keep_every, step)
            # Processes ask each other now and then only, for it takes time.
            stop = _any(fabric, asked()) if logs or fabric.world_size == 1 else False
            saves = stop or last or checks or keeps or _every(plan.checkpoint_every, step)
            numbers: dict[str, float] = {}
            if logs or saves:  # to read a number waits for the device
                numbers = dict(zip(Measured._fields, torch.stack(measured).tolist(), strict=True))
            seconds += time.perf_counter() - begun
            if numbers:
                _require_finite(training, numbers, saves, path)
            if logs:
                row = _log_row(step, numbers, (step - logged[0]) * pace / (seconds - logged[1]))
                logged = (step, seconds)
                if writer:
                    writer.log(row)
                on_log(row)
            if saves and writer:
                found = writer.save(checks, keeps)
                if found:
                    on_check(found)
        best = writer.best if writer else None
    done = training.step - first
    return Outcome(training.step, done, done * pace, seconds, best, stop and training.step < plan.steps)


def _log_row(step: int, numbers: Mapping[str, float], samples_per_second: float) -> LogRow:
    return LogRow(
        step=step,
        critic_loss=numbers["critic_loss"],
        generator_loss=numbers["generator_loss"],
        distance=numbers["distance"],
        penalty=None if math.isnan(numbers["penalty"]) else numbers["penalty"],
        gradient_norm=numbers["gradient_norm"],
        samples_per_second=samples_per_second,
    )


def badness(rows: Sequence[CheckRow], spec: Spec) -> float:
    """How badly the samples of one check break ``spec``: 1 is as rarely as held-out real data or more rarely.

    The geometric mean, over the rules with a held-out record, of the larger of 1 and

        ((violations + 1/2) / (trials + 1)) / ((held-out violations + 1/2) / (held-out trials + 1)).

    The half counts keep a rule without a violation from deciding alone, and let few trials count for little: samples
    without any trial of a rule (silence has no chords) break it in half of their trials. It is never below 1, for to
    break a rule less often than real music is no merit: a single chord, over and over, would make up for all else.
    """
    logs = []
    for row in rows:
        held_out = spec.rule(row.rule).held_out
        if held_out:
            real = (held_out.violations + 0.5) / (held_out.trials + 1)
            logs.append(math.log(max(1.0, (row.violations + 0.5) / (row.trials + 1) / real)))
    return math.exp(statistics.fmean(logs))


class _Writer:
    """All that a run writes into its folder, in such an order that a kill at any moment leaves what can be gone on
    from: rows first, then the checkpoint, then what follows from the two.
    """

    def __init__(self, training: Training, path: Path, spec: Spec | None, plan: Plan) -> None:
        self.training = training
        self.path = path
        self.spec = spec
        self.plan = plan
        self.checkers = Checkers.of(spec) if spec else None
        self.logs = Table(path / folder.LOG, LogRow)
        self.checks = Table(path / folder.CHECKS, CheckRow)
        self.logs.cut(training.step)
        self.rows = self.checks.cut(training.step) if spec else []
        self.scores: dict[int, float] = {}
        if spec:
            self._require_spec(spec)
            for step in dict.fromkeys(row.step for row in self.rows):
                self.scores[step] = badness([row for row in self.rows if row.step == step], spec)
        if training.step:
            # A kill between the checkpoint and what is written after it.
            if _step_of(path / NEWEST) != training.step:
                save_generator(training, path / NEWEST)
            if self.best == training.step and _step_of(path / BEST) != training.step:
                save_generator(training, path / BEST)
        self.board = _board(path / "tensorboard", training.step)

    @property
    def best(self) -> int | None:
        """The step with the lowest badness, of equal ones the earliest; None before the first check."""
        return min(self.scores, key=lambda step: (self.scores[step], step), default=None)

    def log(self, row: LogRow) -> None:
        self.logs.append([row])
        if self.board:
            for name in ("critic_loss", "generator_loss", "distance", "gradient_norm", "samples_per_second"):
                self.board.add_scalar(f"training/{name}", getattr(row, name), row.step)

    def save(self, checks: bool, keeps: bool) -> Checked | None:
        """Write the checkpoint, and before it what is due: a check, a generator to keep."""
        training, found = self.training, None
        if checks and self.spec and self.checkers:
            found = self._check(self.spec, self.checkers)
            self.checks.sync()
        self.logs.sync()
        if keeps:
            save_generator(training, self.path / f"generator-{training.step:06d}.safetensors")
        save_state(training, self.path)
        if found:
            if found.best == training.step:
                save_generator(training, self.path / BEST)
            curve.draw(self.rows, found.best, self.path / folder.CURVE)
        return found

    def _check(self, spec: Spec, checkers: Checkers) -> Checked:
        step = self.training.step
        result = judge(
            spec,
            tally(spec, self._samples(spec), checkers=checkers),
            alpha=_alpha(spec),
            checkers=checkers,
        )
        flagged = None if result.flagged is None else len(result.flagged) / result.samples
        rows = [
            CheckRow(
                step=step,
                rule=name,
                violations=rule.violations,
                distinct=rule.distinct,
                trials=rule.trials,
                rate=rule.rate,
                held_out_rate=rule.held_out.rate if rule.held_out else None,
                ratio=rule.ratio,
                flagged_share=flagged,
            )
            for name, rule in result.rules.items()
        ]
        self.checks.append(rows)
        self.rows += rows
        self.scores[step] = badness(rows, spec)
        assert self.best is not None
        if self.board:
            for row in rows:
                self.board.add_scalar(f"rate/{row.rule}", math.nan if row.rate is None else row.rate, step)
            self.board.add_scalar("checks/badness", self.scores[step], step)
        return Checked(step, result, self.scores[step], self.best)

    def _samples(self, spec: Spec) -> Iterator[Batch]:
        training, done = self.training, 0
        device = training.fabric.device
        for block in blocks(training.generator, training.config, self.plan.verify_samples, SEED, device):
            values = block[:, 0]
            yield Batch.of(spec.view, values, names=[f"[{i}]" for i in range(done, done + len(values))])
            done += len(values)

    def _require_spec(self, spec: Spec) -> None:
        """Raise InputError for a spec that cannot tell better from worse, or checks that were made with another one."""
        known = {rule.name(): rule.held_out.rate if rule.held_out else None for rule in spec.rules}
        if not any(rule.held_out for rule in spec.rules):
            raise InputError(
                f"spec {spec.name}", "expected a rule with a held-out record to compare samples with, found none"
            )
        if {row.rule: row.held_out_rate for row in self.rows} not in ({}, known):
            raise InputError(
                self.checks.path, "was made with another spec; expected the same --spec, or a new --out to train in"
            )


@contextmanager
def _writer(training: Training, path: Path, spec: Spec | None, plan: Plan) -> Iterator[_Writer | None]:
    """The one that writes, in the first process; None in the others."""
    if training.fabric.global_rank:
        yield None
        return
    lock = filelock.FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise InputError(path, "another process trains in this folder; expected it to end first") from None
    writer = None
    try:
        writer = _Writer(training, path, spec, plan)
        yield writer
    finally:
        if writer and writer.board:
            writer.board.close()
        lock.release()


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Tells whether an interrupt came from the keyboard, which would leave a step half done; a second one raises."""
    came = False

    def remember(number: int, frame: object) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)


def _require_finite(training: Training, numbers: dict[str, float], weights: bool, path: Path) -> None:
    """Raise InputError, in every process, if a number, or with ``weights`` one of those, is not finite in any."""
    lost = [
        name.replace("_", " ") for name, number in numbers.items() if not math.isfinite(number) and name != "penalty"
    ]
    if weights and not lost:
        states = (training.generator.state_dict(), training.critic.state_dict())
        if not torch.stack([value.isfinite().all() for state in states for value in state.values()]).all():
            lost = ["weights"]
    if not _any(training.fabric, bool(lost)):
        return
    kept = _step_of(path / STATE)
    raise InputError(
        f"{path}, step {training.step:,}",
        f"expected finite numbers, found others in {', '.join(lost) or 'another process'}; "
        + (f"the checkpoint of step {kept:,} is kept" if kept else "there was no checkpoint yet")
        + "; try a lower --set learning-rate, another --seed, or --precision 32-true, in a new --out",
    )


def _any(fabric: Fabric, flag: bool) -> bool:
    """Whether ``flag`` is true in any process."""
    if fabric.world_size == 1:
        return flag
    total = fabric.all_reduce(torch.tensor(float(flag), device=fabric.device), reduce_op="sum")
    assert isinstance(total, torch.Tensor)
    return bool(total > 0)


def _every(period: int | None, step: int) -> bool:
    return period is not None and step % period == 0


def _alpha(spec: Spec) -> float:
    """The usual level, or the smallest that the calibration is large enough for."""
    return max(ALPHA, 1 / (len(spec.calibration.samples) + 1)) if spec.calibration else ALPHA


def _step_of(path: Path) -> int | None:
    return read(path)[1] if path.exists() else None


def _board(path: Path, step: int) -> Any:
    """A writer for TensorBoard, which shows nothing after ``step`` from before; None if it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(path), purge_step=step + 1)
