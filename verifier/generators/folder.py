"""The folder of a training: ``config.yaml``, which says what is trained on what, and the tables that grow beside it."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import yaml
from msgspec import Struct, structs

from verifier.base.errors import InputError, printable
from verifier.base.files import replacing
from verifier.data.medium import decoded_view
from verifier.data.view import View
from verifier.generators.config import Config
from verifier.spec.provenance import CorpusRecord

CONFIG = "config.yaml"
LOG = "log.csv"
CHECKS = "checks.csv"
CURVE = "curve.png"

VERSION = 1
MAX_BYTES = 1 << 20
T = TypeVar("T")


class TrainedRecord(Struct, frozen=True, kw_only=True):
    """What a folder holds: the generator, the view of its samples, and the corpus with the split it learned from."""

    config: Config
    view: View
    corpus: CorpusRecord


class _File(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    verifier: int
    generator: Config
    view: dict[str, Any]
    corpus: CorpusRecord


class LogRow(Struct, frozen=True, kw_only=True, rename="kebab"):
    """A row of log.csv: what one step measured (see training.Measured). ``penalty`` is None for a model without one.

    ``samples_per_second`` are real samples shown to the critic, over all devices, since the row before.
    """

    step: int
    critic_loss: float
    generator_loss: float
    distance: float
    penalty: float | None
    gradient_norm: float
    samples_per_second: float


class CheckRow(Struct, frozen=True, kw_only=True, rename="kebab"):
    """A row of checks.csv: how often samples made after ``step`` steps break one rule.

    ``rate`` is violations per trial, None without a trial; ``held_out_rate`` is that of held-out real data, ``ratio``
    the one over the other. ``flagged_share`` is that of the samples that all rules together find strange, the same in
    every row of a step; None if the spec has no calibration.
    """

    step: int
    rule: str
    violations: int
    distinct: int
    trials: int
    rate: float | None
    held_out_rate: float | None
    ratio: float | None
    flagged_share: float | None


def load(folder: Path) -> TrainedRecord:
    """The record in ``folder``. Raises InputError that names the file and the field."""
    path = folder / CONFIG
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(path, f"expected the record of a training: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise InputError(path, f"expected at most {MAX_BYTES >> 20} MiB, found more")
    try:
        found = yaml.safe_load(data.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(path, f"not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or found.get("verifier") != VERSION:
        raise InputError(path, f"expected the record of a training, which starts with 'verifier: {VERSION}'")
    file_ = converted(found, _File, path)
    try:
        view = decoded_view(file_.view)
    except msgspec.ValidationError as error:
        raise InputError(path, _problem(error, "view")) from None
    except InputError as error:  # a kind of view that there is not
        raise InputError(path, f"view: {error}") from None
    return TrainedRecord(config=file_.generator, view=view, corpus=file_.corpus)


def dump(record: TrainedRecord, folder: Path) -> None:
    """Write ``config.yaml``, whole or not at all."""
    text = yaml.safe_dump(_document(record), default_flow_style=None, sort_keys=False, width=118, allow_unicode=True)
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(text, encoding="utf-8")


def require_same(found: TrainedRecord, wanted: TrainedRecord, folder: Path) -> None:
    """Raise InputError that names the fields in which the record of a folder differs from that of a command."""
    old, new = _flat(_document(found)), _flat(_document(wanted))
    differing = [
        f"{name} {old.get(name)} against {new.get(name)}" for name in old | new if old.get(name) != new.get(name)
    ]
    if differing:
        raise InputError(
            folder / CONFIG,
            f"another training is in this folder, expected a new --out: {printable(', '.join(differing))}",
        )


def converted(data: object, kind: type[T], place: object, *, strict: bool = True) -> T:
    """``data`` as a ``kind``. Raises InputError that names the field; not ``strict``, text may stand for a number."""
    try:
        return msgspec.convert(data, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise InputError(place, _problem(error)) from None


def _problem(error: msgspec.ValidationError, of: str = "") -> str:
    """What is wrong, after the name of the field; ``of`` is the field that was converted, if it was not all."""
    problem, _, at = str(error).replace("`", "'").partition(" - at '$")
    field = f"{of}{at[:-1]}".removeprefix(".")
    problem = problem[:1].lower() + problem[1:]
    return printable(f"{field}: {problem}" if field else problem)


def _document(record: TrainedRecord) -> dict[str, Any]:
    found = msgspec.to_builtins(
        _File(
            verifier=VERSION,
            generator=record.config,
            view=msgspec.to_builtins(record.view),
            corpus=record.corpus,
        )
    )
    plain: dict[str, Any] = {
        name: {key: value for key, value in part.items() if value is not None} if isinstance(part, dict) else part
        for name, part in found.items()
    }
    plain["generator"]["momenta"] = list(plain["generator"]["momenta"])
    return plain


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested maps, by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in data.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


R = TypeVar("R", bound=LogRow | CheckRow)


class Table(Generic[R]):
    """Rows of one type in a CSV file, in order of their steps. It is appended to while training goes on."""

    def __init__(self, path: Path, kind: type[R]) -> None:
        self.path = path
        self.kind = kind
        self.columns = [field.encode_name for field in structs.fields(kind)]

    def read(self) -> list[R]:
        """The rows there are, up to the first one that was not written whole. Raises InputError for other columns."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        lines = text.split("\n")[:-1]  # what does not end in a newline was cut short
        rows = list(csv.reader(lines))
        if rows and rows[0] != self.columns:
            raise InputError(self.path, f"expected the columns {', '.join(self.columns)}; found others")
        found = []
        for row in rows[1:]:
            fields = {name: value if value else None for name, value in zip(self.columns, row, strict=False)}
            try:
                found.append(msgspec.convert(fields, self.kind, strict=False))
            except msgspec.ValidationError:
                break
        return found

    def cut(self, step: int) -> list[R]:
        """Drop the rows after ``step``, and return those that stay. The file is there afterwards."""
        kept = [row for row in self.read() if row.step <= step]
        data = (",".join(self.columns) + "\n" + self._text(kept)).encode()
        if not self.path.exists() or self.path.read_bytes() != data:
            with replacing(self.path) as temporary:
                temporary.write_bytes(data)
        return kept

    def append(self, rows: Sequence[R]) -> None:
        """Add rows at the end."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(self._text(rows))

    def sync(self) -> None:
        """Wait until the disk has every row."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def _text(self, rows: Sequence[R]) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(msgspec.to_builtins(row).values() for row in rows)
        return text.getvalue()
