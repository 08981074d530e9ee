"""Outdoor views by night and by day, from the webcams of the transient attributes set.

The drawn sample builds one landscape and lights it twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_datasets(register: Register) -> None:
    """Bring night2day."""
    from .dataset import Night2Day

    register(Night2Day)
