"""The size at which edits compare pictures by the features of a perceptual network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 256
"""Side at which larger pictures are compared; they are averaged down to it, as in the published methods."""
SMALLEST = 64
"""Side from which perceptual distances mean something; smaller pictures are enlarged by a whole factor."""


def fitting(pictures: Tensor) -> Tensor:
    """Pictures ``(N, C, R, R)`` at the size at which features are compared; differentiable."""
    side = min(pictures.shape[2:])
    if side > LARGEST:
        return F.interpolate(pictures, (LARGEST, LARGEST), mode="area")
    return pictures if side >= SMALLEST else F.interpolate(pictures, scale_factor=-(-SMALLEST // side))
