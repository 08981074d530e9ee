"""Who is in the picture: ArcFace embeddings by the networks of InsightFace, and the alignment that they expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_extractors(register: Callable[[Any], None]) -> None:
    from .extractor import ArcFace

    register(ArcFace)


@i2i.hookimpl
def register_models(register: Callable[[Any], None]) -> None:
    from .extractor import MODEL

    register(MODEL)
