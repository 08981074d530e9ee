"""The door of pix2pix: paired image-to-image translation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_trainers(register: Register) -> None:
    """Bring the trainer pix2pix."""
    from .trainer import Pix2Pix

    register(Pix2Pix)
