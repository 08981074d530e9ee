"""Sample sheets of a training run: what its trainer makes now, beside what it learns from."""

from __future__ import annotations

import numpy as np

from ..api.dataset import Direction
from ..api.device import Device
from ..api.trainer import Trainer
from ..data.batches import fixed_batches
from ..data.sources import Source
from ..toolkit.images import to_array
from ..toolkit.images.grids import image_grid

PAIRS = 4
"""Pairs in a sheet, one a row."""
ACROSS, DOWN = 6, 4
"""Pictures in a row of a sheet of pictures, and rows of pictures that were made."""


def sheet_of_pairs(
    trainer: Trainer, source: Source, count: int, size: int, direction: Direction, device: Device
) -> np.ndarray:
    """Input, output and target of the first ``count`` pairs, at most ``PAIRS``: uint8 ``(H, W, 3)``."""
    rows = []
    for _, batch in fixed_batches(source, size, direction, 1, device, range(min(PAIRS, count))):
        output = trainer.sample({"input": batch["input"]})
        rows.append([to_array(picture[0]) for picture in (batch["input"], output.clamp(-1, 1), batch["target"])])
    return image_grid(rows, columns=("input", "output", "target"))


def sheet_of_pictures(trainer: Trainer, source: Source, count: int, size: int, device: Device) -> np.ndarray:
    """The first of ``count`` pictures of the set, and below them what the trainer makes: uint8 ``(H, W, 3)``."""
    real = [source.read(index, size)[1] for index in range(min(ACROSS, count))]
    shape = (ACROSS * DOWN, size, size, 3)
    made = trainer.sample({"input": device.put(np.broadcast_to(real[0], shape).copy())}).clamp(-1, 1)
    pictures = [to_array(picture) for picture in made]
    rows = [pictures[first : first + ACROSS] for first in range(0, len(pictures), ACROSS)]
    return image_grid([real, *rows], labels=("set", "made", *("",) * (len(rows) - 1)))
