"""Handbags from a shop and their edges.

The synthetic sample sews bags from parts and draws the outlines that are in sight.
"""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register the dataset ``edges2handbags``."""
    register(
        "edges2handbags",
        "i2i_datasets.edges2handbags.dataset:Edges2Handbags",
        summary="Line drawings of handbags and their photographs.",
    )
