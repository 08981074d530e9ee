"""Faces and their 68 landmarks in photographs, by the networks of face-alignment: S3FD for faces, FAN for points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_extractors(register: Callable[[Any], None]) -> None:
    from .extractor import FaceAlignment

    register(FaceAlignment)


@i2i.hookimpl
def register_models(register: Callable[[Any], None]) -> None:
    from .models import FAN_MODEL, S3FD_MODEL

    register(FAN_MODEL)
    register(S3FD_MODEL)
