"""Output directories: the one that ``--out`` names, or the next numbered one, such as ``runs/pix2pix-facades-001``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..api.errors import UsageError


def output_directory(out: str | Path) -> Path:
    """Convert the value of ``--out`` to a path.

    Raises:
        UsageError: it is empty, which would be the current directory.
    """
    if isinstance(out, str) and not out.strip():
        raise UsageError('--out "": name a folder, such as --out edits/mine, or leave it out.')
    return Path(out)


@contextmanager
def numbered_directory(parent: Path, stem: str) -> Iterator[Path]:
    """Claim the next free ``parent/STEM-NNN`` and yield it; remove it on exit if it is still empty.

    The number is one above the highest in use, and at least three digits long. The directory is created by an atomic
    ``mkdir``, so processes and threads that start at the same moment get different directories. A command that fails
    or is interrupted before it writes a file leaves no directory behind.

    Args:
        parent: The directory that holds the numbered ones; created if it does not exist.
        stem: The name in front of the number; slashes in it become hyphens.

    Raises:
        OSError: ``parent`` or the directory cannot be created.
    """
    new = not parent.exists()
    path = _claim(parent, stem)
    try:
        yield path
    finally:
        with suppress(OSError):  # it holds files, or somebody has removed it
            path.rmdir()
            if new:
                parent.rmdir()


def _claim(parent: Path, stem: str) -> Path:
    """Create the next free ``parent/STEM-NNN``."""
    stem = stem.replace("/", "-").replace(os.sep, "-")
    pattern = re.compile(rf"{re.escape(stem)}-(\d+)")
    while True:
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            if os.path.lexists(parent):  # a file is in its place
                raise
            continue
        # In between, another process may claim the number (FileExistsError) or, if it wrote nothing, remove ``parent``.
        with suppress(FileExistsError, FileNotFoundError):
            matches = [pattern.fullmatch(path.name) for path in parent.iterdir()]
            number = max((int(match[1]) for match in matches if match), default=0) + 1
            path = parent / f"{stem}-{number:03d}"
            path.mkdir()
            return path
