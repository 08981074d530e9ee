"""Outdoor views by night and by day, from the webcams of the transient attributes set.

The synthetic sample builds one landscape and lights it twice.
"""

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
