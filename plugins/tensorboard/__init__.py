"""Plugin module of the TensorBoard logger."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_callbacks(register: i2i.Register) -> None:
    """Register the callback ``tensorboard``."""
    register(
        "tensorboard",
        "i2i_plugins.tensorboard.logger:TensorBoard",
        summary="Losses, metrics and sample grids for TensorBoard, in tb/ of the run.",
        default=True,
    )
