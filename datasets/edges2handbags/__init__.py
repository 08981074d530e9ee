"""Handbags from a shop and their edges.

The drawn sample sews bags from parts and draws the outlines that are in sight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_datasets(register: Register) -> None:
    """Bring edges2handbags."""
    from .dataset import Edges2Handbags

    register(Edges2Handbags)
