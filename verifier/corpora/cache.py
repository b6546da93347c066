"""Parsed pieces on disk. The cache saves time and nothing else: without it, or with a broken one, all still works."""

import os
import re
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import filelock
import numpy as np
import platformdirs

from verifier.base.errors import printable
from verifier.music.archive import pack, unpack
from verifier.music.notes import Notes

UNREADABLE = (
    *(OSError, EOFError, KeyError, ValueError, TypeError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What numpy and zipfile raise for a file that is missing or damaged (RuntimeError: one that seems to be encrypted)."""


def folder() -> Path:
    """The folder of the cache: that of the user, unless the environment variable VERIFIER_CACHE names another."""
    chosen = os.environ.get("VERIFIER_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("verifier", appauthor=False)


def path_of(key: str) -> Path:
    """The file that holds the pieces kept under ``key``, if there is one."""
    return folder() / (re.sub(r"[^A-Za-z0-9._-]+", "_", key) + ".npz")


def cached(key: str, make: Callable[[], Sequence[Notes]]) -> list[Notes]:
    """The pieces kept under ``key``, or else those that ``make`` gives, which are then kept.

    Of several processes that ask at once, one makes them and the others wait for it. A file that cannot be read whole
    is made anew. A folder that cannot be written to costs a warning on standard error. What ``make`` raises passes on.
    """
    path = path_of(key)
    pieces = _read(path)
    if pieces is not None:
        return pieces
    lock = filelock.FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as error:  # the latter from a file system without locks
        _warn(path, error)
        return list(make())
    try:
        pieces = _read(path)
        if pieces is None:
            pieces = list(make())
            _write(path, pieces)
        return pieces
    finally:
        lock.release()


def _read(path: Path) -> list[Notes] | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return unpack(arrays)
    except UNREADABLE:
        return None


def _write(path: Path, pieces: Sequence[Notes]) -> None:
    """Put the file in its place in one move, so that nobody ever sees half of it."""
    try:
        # Only whoever holds the lock writes: what lies here was left by a process that was killed.
        for stale in path.parent.glob(f"{path.stem}.*.tmp"):
            stale.unlink(missing_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.stem}.", suffix=".tmp", delete=False) as file:
            try:
                np.savez(file, **pack(pieces))  # type: ignore[arg-type]  # its option allow_pickle is not among the names
                file.flush()
                os.fsync(file.fileno())
                file.close()
                os.replace(file.name, path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        _warn(path, error)


def _warn(path: Path, error: Exception) -> None:
    reason = getattr(error, "strerror", None) or str(error)
    place = printable(path.parent)
    print(f"warning: nothing is kept in the cache {place} ({reason}); VERIFIER_CACHE can name another", file=sys.stderr)
