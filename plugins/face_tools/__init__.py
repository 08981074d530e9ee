"""Crops as a generator sees them: what `i2i edit` cuts out of a photo, and how it puts it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_editors(register: Callable[[Any], None]) -> None:
    from .editor import Align

    register(Align)
