"""Folders of this machine to choose from. Without NiceGUI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..api.errors import UsageError

MOST_FOLDERS = 500
"""Folders that are listed at most."""


@dataclass(frozen=True)
class ListedFolder:
    """A folder inside the one that is shown."""

    path: Path
    kind: Literal["run", "dataset", "folder"]
    """A run of ``i2i train``, a folder with training images, or any other."""


def nearest_folder(text: str) -> Path:
    """Return the folder that a path names, else the nearest one above it; the working directory where none is named."""
    path = Path(text.strip() or ".").expanduser().absolute()
    return next((each for each in (path, *path.parents) if each.is_dir()), Path.cwd())


def list_folders(folder: Path) -> Sequence[ListedFolder]:
    """Return the folders in a folder by name, without hidden ones.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        inside = sorted(each for each in folder.iterdir() if not each.name.startswith(".") and each.is_dir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be read ({error.strerror}); choose another folder.") from None
    return [ListedFolder(each, _kind(each)) for each in inside[:MOST_FOLDERS]]


def _kind(folder: Path) -> Literal["run", "dataset", "folder"]:
    try:
        if (folder / "options.json").is_file():
            return "run"
        return "dataset" if (folder / "train").is_dir() else "folder"
    except OSError:  # one that only others may read
        return "folder"
