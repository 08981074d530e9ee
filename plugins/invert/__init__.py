"""Photos into latents: by an encoder, by optimisation, by both, and by tuning the generator to a photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_editors(register: Callable[[Any], None]) -> None:
    """Register the editor ``invert``."""
    from .editor import Invert

    register(Invert)


@i2i.hookimpl
def register_inverters(register: Callable[[Any], None]) -> None:
    """Register the six inverters."""
    from .inverters import INVERTERS

    for inverter in INVERTERS:
        register(inverter)
