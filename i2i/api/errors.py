"""What a user can cause: one sentence that says what is wrong, where, and what to type next."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class I2IError(Exception):
    """A failure a user can cause; its text is the whole message, and the command line ends with code 1."""

    exit_code = 1


class UsageError(I2IError):
    """A wrong command, option or value; the command line ends with code 2."""

    exit_code = 2


class DiskFullError(I2IError):
    """The disk, or the user's share of it, is full; another source or file to download is of no use."""


class PluginError(I2IError):
    """A plugin failed or broke its contract; the text names it, and its author has to mend it."""


class Interrupted(I2IError):
    """The user stopped the work; the work so far is saved, and the message says how to resume."""


_LISTED = 30
"""Names that a sentence can hold."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'pix2pix'?"`` for a near miss, else the known names, of many only those that hold it."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f" Did you mean {near[0]!r}?"
    if len(names) > _LISTED:
        names = [known for known in names if name and name in known]
    return f" There are: {', '.join(names)}." if 0 < len(names) <= _LISTED else ""


def disk_trouble(error: OSError, doing: str, then: str = "run the command again.") -> I2IError:
    """Turn the operating system's refusal to read or write into a sentence with a way out.

    Args:
        doing: What failed, such as ``"saving x.png"``.
        then: What to type once the cause is gone.
    """
    where = f" ({error.filename})" if error.filename else ""
    where += f" in {owner}" if (owner := getattr(error, "i2i_owner", "")) else ""
    reasons = {
        errno.ENOSPC: "the disk is full: free some space",
        errno.EDQUOT: "your disk quota is used up: free some space",
        errno.EACCES: "permission denied: name a file or folder that you may use",
        errno.EPERM: "permission denied: name a file or folder that you may use",
        errno.EROFS: "the disk is read-only: make it writable, or name a folder elsewhere",
        errno.EEXIST: "a file of this name exists: name another folder",
        errno.ENOTDIR: "a file of this name exists: name another folder",
        errno.EISDIR: "a folder of this name exists: name another file",
    }
    reason = reasons.get(error.errno or 0, f"{error.strerror or error}: check the path and the disk")
    kind = DiskFullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else I2IError
    return kind(f"{doing}{where} failed: {reason}, then {then}")
