"""Plugin module of the dataset ``facades``: photographs and label maps of house fronts, real (CMP) or synthetic."""

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
