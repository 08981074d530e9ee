"""Shoes from a catalogue and their edges.

The synthetic sample builds shoes from parts and draws the outlines that are in sight.
"""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register the dataset ``edges2shoes``."""
    register(
        "edges2shoes",
        "i2i_datasets.edges2shoes.dataset:Edges2Shoes",
        summary="Line drawings of shoes and their photographs.",
    )
