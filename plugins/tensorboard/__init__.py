"""Plugin module of the TensorBoard logger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_callbacks(register: Register) -> None:
    """Register the callback ``tensorboard``."""
    from .logger import TensorBoard

    register(TensorBoard)
