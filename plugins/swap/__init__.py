"""Face swap: a picture keeps its pose, expression, light and background, and shows somebody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_editors(register: Callable[[Any], None]) -> None:
    from .editor import Swap

    register(Swap)
