"""Plugin module of the dataset ``cityscapes``: street scenes and label maps; the real images need an account."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register the dataset ``cityscapes``."""
    register(
        "cityscapes",
        "i2i_datasets.cityscapes.dataset:Cityscapes",
        summary="Street scenes and label maps of what stands in them.",
    )
