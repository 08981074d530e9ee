"""What a sentence says of a picture: CLIP by the package open_clip_torch, with weights to fetch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_extractors(register: Callable[[Any], None]) -> None:
    from .extractor import OpenClip

    register(OpenClip)


@i2i.hookimpl
def register_models(register: Callable[[Any], None]) -> None:
    from .extractor import MODEL

    register(MODEL)
