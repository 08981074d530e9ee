"""Faces in photographs and their 68 landmarks by dlib, for people who have its packages: pip install 'i2i[dlib]'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_extractors(register: Callable[[Any], None]) -> None:
    from .extractor import DlibLandmarks

    register(DlibLandmarks)


@i2i.hookimpl
def register_models(register: Callable[[Any], None]) -> None:
    from .model import record

    register(record())
