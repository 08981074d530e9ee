"""From a photo to the latents of a generator: the encoder of "Designing an Encoder for StyleGAN Image Manipulation"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_extractors(register: Callable[[Any], None]) -> None:
    from .extractor import E4E

    register(E4E)


@i2i.hookimpl
def register_models(register: Callable[[Any], None]) -> None:
    from .models import MODELS

    for model in MODELS:
        register(model)
