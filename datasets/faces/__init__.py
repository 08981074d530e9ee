"""Drawn faces with known truth: landmarks, identity, pose, expression, light and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_datasets(register: Register) -> None:
    """Bring faces."""
    from .dataset import Faces

    register(Faces)
