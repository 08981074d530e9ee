"""Streets of German cities and what stands in them.

The set cannot be fetched without an account; the synthetic sample looks down a street of its own.
"""

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
