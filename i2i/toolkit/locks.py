"""Locks between processes: one process creates a file, the others wait and use it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import user_directory

_POLL = 0.2  # seconds between two looks at ``stop``


@contextmanager
def file_lock(
    path: Path, *, waiting: Callable[[], None] | None = None, stop: Callable[[], bool] = lambda: False
) -> Iterator[bool]:
    """Hold the lock of a file or directory while the body makes it; the system releases it if the process dies.

    After waiting, check again whether ``path`` exists. A lock is not reentrant. The lock files lie in
    ``locks`` of the user's directory and stay there, empty, because a lock file that is deleted no longer locks.
    Where they cannot be written, the body runs without a lock.

    Args:
        path: What is made; it need not exist.
        waiting: Called once if another process holds the lock.
        stop: Asked while waiting; True ends the wait without the lock.

    Yields:
        Whether the lock is held.
    """
    from filelock import FileLock, Timeout

    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    file = user_directory() / "locks" / f"{name}.lock"
    lock, held, reported = None, False, False
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file)
        while not held:
            try:
                lock.acquire(timeout=_POLL if reported else 0)
                held = True
            except Timeout:
                if waiting is not None and not reported:
                    waiting()
                reported = True
                if stop():
                    break
    except (OSError, NotImplementedError):
        held = False
    try:
        yield held
    finally:
        if lock is not None and held:
            lock.release()
