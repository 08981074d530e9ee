"""Plugin module of the dataset ``edges2shoes``: line drawings and photographs of shoes, real or synthetic."""

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
