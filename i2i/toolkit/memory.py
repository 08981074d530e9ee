"""The memory of this process: how much it took, and what becomes of what it frees.

By glibc's own rules a block of megabytes goes back to the system when it is freed, and the system fills the next one
with zeros, page by page at the first touch. Networks and pictures ask for the same blocks again at every step, so on a
CPU a tenth of the time and more can go into that.
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
    """Let this process keep what it frees, for what it asks for next, until it ends.

    Whoever rules glibc's memory by the environment (``MALLOC_...``, ``GLIBC_TUNABLES``) is left to it.

    Returns:
        Whether it does so now; False where the C library is another one, such as on macOS, on Windows and with musl.
    """
    if "GLIBC_TUNABLES" in os.environ or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))


def peak_memory() -> int:
    """The most that this process had in use so far, bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def is_out_of_memory(error: Exception) -> bool:
    """True for what torch and Python raise where memory, of the card or the machine, does not suffice."""
    import torch

    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(word in str(error) for word in words)
