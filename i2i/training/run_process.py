"""The process that trains a run: recorded in its directory, so that others can show it and stop it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..api.errors import I2IError
from ..toolkit.files import write_json
from ..toolkit.locks import file_lock

PROCESS = "process.json"
"""The record, in the directory of the run while it is trained; one that a crash left behind means nothing."""
_PATIENCE = 2.0
"""Seconds to wait for the lock, which ``training_process`` holds for a moment."""


@contextmanager
def recorded_process(folder: Path) -> Iterator[None]:
    """Record this process as the one that trains a run, while the body runs.

    Raises:
        I2IError: another process trains the run.
        OSError: the record cannot be written.
    """
    end = time.monotonic() + _PATIENCE
    path = folder / PROCESS
    with file_lock(path, stop=lambda: time.monotonic() > end) as held:
        if not held and (other := training_process(folder)) is not None:
            raise I2IError(f"{folder} is being trained already, by process {other}: stop that one, or wait for it.")
        write_json(path, {"pid": os.getpid(), "host": socket.gethostname()})
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def training_process(folder: Path) -> int | None:
    """Return the id of the process of this machine that trains a run; None where none does."""
    path = folder / PROCESS
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        pid, host = int(record["pid"]), record["host"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if host != socket.gethostname():
        return None
    # The system releases the lock of a process that dies, whose id may belong to another one by now.
    with file_lock(path, stop=lambda: True) as free:
        return None if free or not _is_alive(pid) else pid


def _is_alive(pid: int) -> bool:
    if os.name != "posix":  # where signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
