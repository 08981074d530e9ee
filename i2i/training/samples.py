"""Sample grids of a training run: what its trainer makes now, beside what it learns from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from ..api.device import Device
from ..api.field import Field
from ..api.trainer import DataInfo, Trainer
from ..data.batches import fixed_batches
from ..data.pixels import panel_image
from ..data.training_data import TrainingData
from ..runtime.notes import note
from ..toolkit.images.grids import image_grid

ROWS = 4
"""Samples in a grid, one in each row."""
ACROSS, DOWN = 6, 4
"""Images in a row of a grid of images, and rows of images that were made."""


def sample_grid(trainer: Trainer, data: TrainingData, count: int, size: int, device: Device) -> np.ndarray:
    """Lay out what a trainer makes of the first samples of ``data``.

    Args:
        count: Samples that may be shown; at most ``ROWS`` are, one in a row: inputs, panels of ``sample``, target.
        size: Height and width in pixels.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    if trainer.learns_from() == "images":
        return _grid_of_images(trainer, data, count, size, device)
    rows: list[list[np.ndarray]] = []
    columns: tuple[str, ...] = ()
    for batch in fixed_batches(data.groups, size, 1, device, min(ROWS, count)):
        panels = _panels(trainer, batch)
        rows.append([array for _, array in panels])
        columns = tuple(name for name, _ in panels)
    return image_grid(rows, columns=columns)


def _panels(trainer: Trainer, batch: dict[str, Tensor]) -> list[tuple[str, np.ndarray]]:
    """The panels of one row with their captions."""
    fields = trainer.data.fields
    target = fields[1] if len(fields) > 1 else None
    given = {"input": batch["input"]} if trainer.learns_from() == "pairs" else batch
    made = trainer.sample(given)
    warn_not_finite(trainer, made)
    named = made if isinstance(made, Mapping) else {"output": made}
    row = [(field.name, _shown(field, batch[field.name], trainer.data)) for field in fields if _visible(field, target)]
    row += [(name, panel_image(tensor[0], trainer.data.palette)) for name, tensor in named.items()]
    if target is not None and target.kind != "value":
        row.append((target.name, _shown(target, batch[target.name], trainer.data)))
    return row


def warn_not_finite(trainer: Trainer, made: Tensor | Mapping[str, Tensor]) -> None:
    """Warn of images that a sample grid cannot show."""
    panels = made.values() if isinstance(made, Mapping) else (made,)
    if not all(bool(panel.isfinite().all()) for panel in panels):
        note(
            f"warning: sample() of the trainer {trainer.name!r} gives numbers that are not finite; see the sample grid"
        )


def _visible(field: Field, target: Field | None) -> bool:
    return field.kind != "value" and field is not target


def _shown(field: Field, tensor: Tensor, data: DataInfo) -> np.ndarray:
    return panel_image(tensor[0] * 2 - 1 if field.kind == "mask" else tensor[0], data.palette)


def _grid_of_images(trainer: Trainer, data: TrainingData, count: int, size: int, device: Device) -> np.ndarray:
    """The first images of the dataset, and below them what the trainer makes."""
    batch = next(fixed_batches(data.groups, size, min(ACROSS, count), device, min(ACROSS, count)))
    real = [panel_image(image, trainer.data.palette) for image in batch["target"]]
    first = batch["target"][:1]
    made = trainer.sample({"input": first.repeat(ACROSS * DOWN, 1, 1, 1)})
    named = made if isinstance(made, Mapping) else {"made": made}
    rows, labels = [real], ["set"]
    for name, tensor in named.items():
        images = [panel_image(image, trainer.data.palette) for image in tensor]
        below = [images[start : start + ACROSS] for start in range(0, len(images), ACROSS)]
        rows += below
        labels += [name, *("",) * (len(below) - 1)]
    return image_grid(rows, labels=tuple(labels))
