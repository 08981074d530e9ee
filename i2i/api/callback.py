"""Callbacks: what is called while a run trains, such as loggers."""

from __future__ import annotations

from typing import ClassVar

from .options import Options


class Callback:
    """What is called while a run trains; loggers are callbacks."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
