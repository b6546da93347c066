"""Writing a file whole or not at all, and reading none that would not end."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from verifier.base.errors import InputError


def shipped_folder(name: str) -> Path:
    """The folder ``name`` (specs, corpora) that ships: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "_shipped" / name
    return inside if inside.is_dir() else package.parent / name


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A temporary path beside ``path``: renamed to it when the block ends well, removed when it does not.

    ``durable`` waits for the disk before the renaming, so that not even a power cut leaves half a file. Raises
    InputError if the folder does not exist or cannot be written to.
    """
    temporary = _beside(path)
    try:
        yield temporary
        _make_ordinary(temporary)
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_all(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """As ``replacing``, of files that belong together: where one cannot be put in its place, none is."""
    temporaries: list[Path] = []
    try:
        temporaries.extend(_beside(path) for path in paths)
        yield temporaries
        _replace_all(temporaries, paths)
    finally:
        for left in temporaries:
            left.unlink(missing_ok=True)


def _replace_all(temporaries: Sequence[Path], paths: Sequence[Path]) -> None:
    before: dict[Path, Path | None] = {}
    replaced: list[Path] = []
    try:
        for path in paths:
            before[path] = _copy_beside(path) if path.is_file() else None
        for temporary, path in zip(temporaries, paths, strict=True):
            _make_ordinary(temporary)
            temporary.replace(path)
            replaced.append(path)
    except BaseException:
        for path in replaced:
            old = before[path]
            if old is None:
                path.unlink(missing_ok=True)
            else:
                old.replace(path)
        raise
    finally:
        for copy in before.values():
            if copy is not None:
                copy.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """A new empty file in the folder of ``path``. Raises InputError if there cannot be one."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    except OSError as error:
        raise InputError(path, f"cannot be written: {error.strerror}") from None
    os.close(handle)
    return Path(name)


def _copy_beside(path: Path) -> Path:
    copy = _beside(path)
    shutil.copy2(path, copy)
    return copy


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path``, renamed to it when the block ends well, removed when it does not. An empty
    folder at ``path`` is replaced.
    """
    path = path.resolve()  # "." has no name
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        _make_ordinary(temporary, 0o777)
        if path.is_dir():
            path.rmdir()  # only an empty one goes
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # renamed, it is gone


def _make_ordinary(temporary: Path, mode: int = 0o666) -> None:
    """What tempfile makes is private; a report is ordinary."""
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(mode & ~umask)


def require_writable(path: Path) -> None:
    """Raise InputError now if ``path`` could not be written later: before the long work, not after it."""
    if path.is_dir():
        raise InputError(path, "expected a file to write, found a folder")
    if not path.parent.is_dir():
        raise InputError(path, f"its folder does not exist: {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise InputError(path, "its folder cannot be written to")


def open_regular(path: Path, name: str, what: str = "a readable file, found") -> io.BufferedReader:
    """``path`` opened for reading. Raises InputError if it is missing, forbidden or no ordinary file (a pipe hangs)."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(name, "expected an ordinary file, found a folder, pipe or device")
        return path.open("rb")
    except OSError as error:
        raise InputError(name, f"expected {what}: {error.strerror}") from error


def read_bytes(path: Path, what: str, most: int) -> bytes:
    """An ordinary file of at most ``most`` bytes, which is to be ``what``. Raises InputError; for a larger file before
    it is read.
    """
    with open_regular(path, str(path), what) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise InputError(path, f"expected {what} of at most {most >> 20} MiB, found {-(-size >> 20)} MiB")
        return file.read(most)


def read_text(path: Path, what: str, most: int) -> str:
    """The UTF-8 text of a file that ``read_bytes`` reads. Raises InputError as that does, and for another encoding."""
    data = read_bytes(path, what, most)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(path, f"expected UTF-8 text, found byte {data[error.start]:#04x}") from None
