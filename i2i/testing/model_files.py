"""Model files for tests: where the weights of a model record lie once they are downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..assets.models import place

if TYPE_CHECKING:
    from ..api.model import Model


def downloaded_path(model: Model) -> Path:
    """Return the path at which the file of a model lies once it is downloaded, and create its directory.

    A test writes a small file there in place of the download; use the fixture ``i2i_home``, so that the directory is
    not the user's own.

    Args:
        model: The record; a model with ``path`` lies in its package.
    """
    path = place(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
