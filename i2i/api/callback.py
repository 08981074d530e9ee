"""Callbacks: follow trainings and edits while they run, as loggers and notifiers do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from .options import Options

if TYPE_CHECKING:
    import numpy as np


class Callback:
    """A follower of trainings and edits; each method is called when its event happens, and by default does nothing.

    ``Callback()``, or ``Callback(options)`` where it has ``Options``, is called once for each run or edit, in the first
    process only. All arguments are plain values, paths and NumPy images, which must not be changed. A callback that
    raises an exception is named once and gets no further calls; the training or edit continues.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    default: ClassVar[bool] = False
    """Whether it is called unless ``--callbacks`` chooses others."""

    def run_begins(self, folder: Path, options: Mapping[str, Any], step: int, total: int) -> None:
        """Start to follow a training.

        Args:
            folder: The run directory.
            options: The content of its ``options.json``.
            step: Steps done before; greater than 0 when the run is resumed.
            total: The last step of the run.
        """

    def losses(self, step: int, epoch: float, values: Mapping[str, float], images_per_second: float) -> None:
        """Receive the losses of one step, by name; a loss that is not finite comes just before the run fails.

        Args:
            epoch: Passes over the dataset after this step.
            images_per_second: Speed of the last steps, over all processes.
        """

    def samples(self, step: int, split: str, image: np.ndarray, path: Path) -> None:
        """Receive a sample grid.

        Args:
            split: ``train`` or ``val``.
            image: uint8 ``(H, W, 3)`` RGB.
            path: The file that holds it.
        """

    def validation(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Receive metrics on the validation samples, by name."""

    def checkpoint(self, step: int, path: Path, best: bool) -> None:
        """Receive a checkpoint that was written.

        Args:
            path: Its ``.safetensors`` file.
            best: Whether it is the best so far by the trainer's ``best_metric``.
        """

    def run_ends(self, summary: Mapping[str, Any]) -> None:
        """Stop following a training; ``summary`` is the content of its ``summary.json``."""

    def edit_begins(self, recipe: Mapping[str, Any]) -> None:
        """Start to follow an edit; ``recipe`` holds at least ``plugin`` (the editor's name) and ``options``."""

    def edit_ends(self, image: np.ndarray, scalars: Mapping[str, float], folder: Path | None) -> None:
        """Receive the result of an edit.

        Args:
            image: The edited image, uint8 ``(H, W, 3)`` RGB.
            scalars: What the editor reported, by name.
            folder: The directory its files were written to; None if none were.
        """
