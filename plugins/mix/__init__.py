"""Latents into new pictures: style mixing, expression transfer, morphs, means, and directions of the latent space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_editors(register: Callable[[Any], None]) -> None:
    from .editor import Mix

    register(Mix)
