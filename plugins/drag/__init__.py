"""Drag points of a picture to where they should be, by hand or by landmark presets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_editors(register: Register) -> None:
    from .editor import Drag

    register(Drag)


@i2i.hookimpl
def register_presets(register: Register) -> None:
    from .presets import PRESETS

    for preset in PRESETS:
        register(preset)
