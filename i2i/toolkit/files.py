"""Atomic file writes, checksums, and the directory for downloads and caches."""

from __future__ import annotations

import errno
import hashlib
import json
import os
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


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON; the file is written completely or not at all."""
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def user_directory() -> Path:
    """Return the directory of downloaded datasets, weights and caches: ``$I2I_HOME``, else ``~/.cache/i2i``."""
    return Path(os.environ.get("I2I_HOME") or Path.home() / ".cache" / "i2i").expanduser()
