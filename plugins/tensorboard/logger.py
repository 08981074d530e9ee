"""The TensorBoard logger: losses, metrics and sample grids of a training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import i2i

if TYPE_CHECKING:
    import numpy as np


class TensorBoard(i2i.Callback):
    """Writes event files into ``tb/`` of the run directory; show them with ``tensorboard --logdir RUN/tb``."""

    name = "tensorboard"
    summary = "Losses, metrics and sample grids for TensorBoard, in tb/ of the run."
    default = True

    def __init__(self) -> None:
        self._writer: Any = None

    def run_begins(self, folder: Path, options: Mapping[str, Any], step: int, total: int) -> None:
        """Open the event file; when a run is resumed, what was logged after its checkpoint is hidden."""
        from torch.utils.tensorboard import SummaryWriter  # loads tensorboard, which takes a second

        self._writer = SummaryWriter(folder / "tb", purge_step=step + 1 if step else None)

    def losses(self, step: int, epoch: float, values: Mapping[str, float], images_per_second: float) -> None:
        """Write the losses of a step and its speed."""
        self._scalars(step, "loss", values)
        self._writer.add_scalar("images_per_second", images_per_second, step)

    def validation(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Write metrics."""
        self._scalars(step, "val", values)

    def samples(self, step: int, split: str, image: np.ndarray, path: Path) -> None:
        """Write a sample grid."""
        self._writer.add_image(f"samples/{split}", image, step, dataformats="HWC")

    def run_ends(self, summary: Mapping[str, Any]) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()

    def _scalars(self, step: int, group: str, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{group}/{name}", value, step)
