"""Plugin module of the dataset ``night2day``: outdoor views by night and by day, real or synthetic."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register the dataset ``night2day``."""
    register(
        "night2day",
        "i2i_datasets.night2day.dataset:Night2Day",
        summary="Outdoor views by night and by day.",
    )
