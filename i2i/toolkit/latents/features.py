"""The resolution at which edits compare images by the features of a perceptual network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

LARGEST = 256
"""Resolution, px, to which larger images are downsampled (averaged), as in the published methods."""
SMALLEST = 64
"""Least resolution, px, of perceptual distances; smaller images are upsampled by a whole factor."""


def resize_for_features(images: Tensor) -> Tensor:
    """Resize images ``(N, C, R, R)`` to the resolution at which features are compared; differentiable."""
    side = min(images.shape[2:])
    if side > LARGEST:
        return F.interpolate(images, (LARGEST, LARGEST), mode="area")
    return images if side >= SMALLEST else F.interpolate(images, scale_factor=-(-SMALLEST // side))


def passes_gradients(read: Callable[[Tensor], Tensor], images: Tensor) -> bool:
    """Return whether an extractor passes gradients to its input images ``(N, 3, H, W)``."""
    with torch.enable_grad():
        try:
            return bool(read(images.detach().clone().requires_grad_()).requires_grad)
        except RuntimeError:  # it computes outside torch
            return False
