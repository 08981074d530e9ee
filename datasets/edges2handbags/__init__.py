"""Plugin module of the dataset ``edges2handbags``: line drawings and photographs of handbags, real or synthetic."""

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
