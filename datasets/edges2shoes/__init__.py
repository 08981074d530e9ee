"""Shoes from a catalogue and their edges.

The drawn sample builds shoes from parts and draws the outlines that are in sight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_datasets(register: Register) -> None:
    """Bring edges2shoes."""
    from .dataset import Edges2Shoes

    register(Edges2Shoes)
