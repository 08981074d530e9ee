"""Memory of this process: peak usage, and reuse of freed memory.

By default glibc returns large freed blocks to the operating system, which zeroes every page of the next allocation.
Training and optimisation allocate the same blocks in each step, so this can cost a tenth of the time on a CPU.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt``."""


@functools.cache
def keep_freed_memory() -> bool:
    """Keep freed memory for later allocations of this process, until it ends.

    Nothing is changed if the environment configures glibc's allocator (``MALLOC_...``, ``GLIBC_TUNABLES``).

    Returns:
        Whether it is in effect; False with other C libraries, such as on macOS, on Windows and with musl.
    """
    if "GLIBC_TUNABLES" in os.environ or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))


def peak_memory() -> int:
    """Return the peak resident memory of this process in bytes; 0 where the system does not report it."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of torch or Python means that the memory of the GPU or the machine is exhausted.

    It does not import torch, whose errors are ``RuntimeError``s that say so.
    """
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )
