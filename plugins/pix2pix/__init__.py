"""The door of pix2pix: paired image-to-image translation."""

from __future__ import annotations

from typing import Any

import i2i


@i2i.hookimpl
def register_trainers(register: Any) -> None:
    from .trainer import Pix2Pix

    register(Pix2Pix)
