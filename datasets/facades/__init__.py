"""The facades of CMP: photographs of house fronts and maps of their parts.

The synthetic sample plans a house front, paints its label map and builds the image from the same plan.
"""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register the dataset ``facades``."""
    register(
        "facades",
        "i2i_datasets.facades.dataset:Facades",
        summary="Photographs of house fronts and label maps of their parts.",
    )
