"""Atomic file writes, checksums, and the directory for downloads and caches."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PART = ".part"
"""Suffix of a file that is still being written; a crash may leave one behind."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_MASK = os.umask(0o077)  # it can only be read by being set; done once, before there are threads
os.umask(_MASK)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path`` and rename it to ``path`` if the block succeeds.

    If the block fails, the temporary file is deleted and ``path`` stays as it was.

    Raises:
        OSError: the file cannot be written; also raised if the library that writes hides this in an error of its own.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        yield beside
        with beside.open("rb") as stream:
            os.fsync(stream.fileno())
        beside.chmod(_rights(path))
        beside.replace(path)
    except OSError as error:
        _name(error, beside, path)
        raise
    except Exception:
        try:
            _ask_disk(beside)
        except OSError as error:
            _name(error, beside, path)
            raise
        raise
    finally:
        if beside.exists():  # a writer that failed may still hold it open, and with it the room it takes
            os.truncate(beside, 0)
        beside.unlink(missing_ok=True)


def _name(error: OSError, beside: Path, path: Path) -> None:
    """Let an error name the file that is meant; the system names none where the disk is full."""
    if str(error.filename) == str(beside) or (error.filename is None and error.errno in _FULL):
        error.filename, error.filename2 = str(path), None


def _rights(path: Path) -> int:
    """Those of the file to be replaced, else the usual ones: safetensors makes files that only their owner may read."""
    if path.exists():
        return path.stat().st_mode & 0o777
    return 0o666 & ~_MASK


def _ask_disk(path: Path) -> None:
    """Raise the system's own reason if it takes no more: torch and safetensors tell it in words of theirs, or not."""
    with path.open("ab") as stream:
        stream.write(bytes(2**20))
        stream.flush()
        os.fsync(stream.fileno())


def hash_file(path: Path, *more: Path) -> str:
    """Return the sha256 of a file in hexadecimal, or that of several files one after another."""
    digest = hashlib.sha256()
    for file in (path, *more):
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
    return digest.hexdigest()


_SETTLED = 2 * 10**9
"""Age in nanoseconds from which a change of a file shows in its times; those of some file systems are whole seconds."""
_known_hashes: dict[tuple[tuple[str | int, ...], ...], str] = {}


def hash_unchanged(path: Path, *more: Path) -> str:
    """Return what ``hash_file`` does; files that have not changed since are read once by a process.

    A file has changed if its size, number or times differ. One that was changed within the last two seconds is always
    read. To verify a file against damage or another hash that is known beforehand, use ``hash_file``.
    """
    states = tuple(_state(file) for file in (path, *more))
    if known := _known_hashes.get(states):
        return known
    now = time.time_ns()
    found = hash_file(path, *more)
    settled = all(max(modified, changed) < now - _SETTLED for *_, modified, changed in states)
    if settled and states == tuple(_state(file) for file in (path, *more)):  # not changed while it was read
        _known_hashes[states] = found
    return found


def _state(file: Path) -> tuple[str, int, int, int, int, int]:
    """Path, device, number and size of a file, and the times of its last changes in nanoseconds."""
    known = file.stat()
    return str(file.resolve()), known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON; the file is written completely or not at all."""
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def user_directory() -> Path:
    """Return the directory of downloaded datasets, weights and caches: ``$I2I_HOME``, else ``~/.cache/i2i``."""
    return Path(os.environ.get("I2I_HOME") or Path.home() / ".cache" / "i2i").expanduser()
