"""The size at which edits compare pictures by the features of a perceptual network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

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


def passes_gradients(read: Callable[[Tensor], Tensor], pictures: Tensor) -> bool:
    """Whether what an extractor reads depends on pictures ``(N, 3, H, W)`` in a way that can be followed."""
    with torch.enable_grad():
        try:
            return bool(read(pictures.detach().clone().requires_grad_()).requires_grad)
        except RuntimeError:  # it leaves torch on the way
            return False
