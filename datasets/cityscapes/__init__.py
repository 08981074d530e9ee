"""Streets of German cities and what stands in them.

The set cannot be fetched without an account; the drawn sample looks down a street of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_datasets(register: Register) -> None:
    """Bring cityscapes."""
    from .dataset import Cityscapes

    register(Cityscapes)
