"""One's own pairs: ``DIR/train`` and ``DIR/val`` with A|B pictures, or each with folders ``A`` and ``B``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_datasets(register: Register) -> None:
    """Bring the set ``folder``."""
    from .dataset import Folder

    register(Folder)
