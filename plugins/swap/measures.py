"""What a swap did, in numbers: whom it shows, and what it left as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

import i2i
from i2i.toolkit.latents.features import fitting

from .losses import SwapLoss
from .people import people_in

if TYPE_CHECKING:
    from torch import Tensor

GAP = 0.1
"""Under this much between a cosine and 1 two pictures show one person, and a share of what is left says nothing."""
LEVELS = 127.5
"""Grey levels of 255 in one unit of a picture in [-1, 1]."""


def measure(scene: i2i.Scene, loss: SwapLoss, pictures: Tensor) -> list[dict[str, float]]:
    """For each of ``pictures (N, 3, R, R)`` in [-1, 1], held against its target:

    * ``identity/before``, ``identity/after``: cosine to the source;
    * ``closed``: the share of the gap between the first and 1 that was closed, where it was at least ``GAP``;
    * ``landmarks``: how far landmarks moved, mean over points, in eye distances;
    * ``background``: how far the mean colour outside the face moved, the most of three channels, of 255;
    * ``lpips/outside``: the perceptual distance to the target outside the face, where that can be measured.
    """
    with torch.no_grad():
        before, after = (
            (people_in(scene, each).vectors * loss.people.vectors).sum(dim=1) for each in (loss.targets, pictures)
        )
        columns = {
            "identity/before": before,
            "identity/after": after,
            "closed": (after - before) / (1 - before).clamp_min(GAP),
            "landmarks": loss.away(loss.landmarks(pictures)).mean(dim=1),
            "background": background(loss, pictures),
        }
        if loss.perceptual is not None:
            outside = loss.targets + (1 - loss.region) * (pictures - loss.targets)
            columns["lpips/outside"] = loss.perceptual.compare(
                loss.perceptual.features(fitting(outside)), loss.features
            )
    rows: Sequence[Sequence[float]] = torch.stack([each.cpu() for each in columns.values()], dim=1).tolist()
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    for numbers in found:
        if 1 - numbers["identity/before"] < GAP:
            del numbers["closed"]
    return found


def background(loss: SwapLoss, pictures: Tensor) -> Tensor:
    """How far the mean colour outside the face moved, of 255: ``(N,)``."""
    outside = (1 - loss.region).expand_as(pictures)
    moved = (outside * (pictures - loss.targets)).sum(dim=(2, 3)) / outside.sum(dim=(2, 3)).clamp_min(1e-6)
    return LEVELS * moved.abs().amax(dim=1)
