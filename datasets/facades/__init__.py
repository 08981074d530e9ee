"""The facades of CMP: photographs of house fronts and maps of their parts.

The drawn sample plans a house front, paints its label map and builds the picture from the same plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_datasets(register: Register) -> None:
    """Bring facades."""
    from .dataset import Facades

    register(Facades)
