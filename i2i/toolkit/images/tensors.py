"""Arrays and tensors of images: resize and convert them.

An array is uint8 ``(H, W, 3)``, RGB. A tensor is float32 ``(1, 3, H, W)``, RGB, in [-1, 1].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

LEGIBLE_SIDE = 256
"""Longer side in pixels to which small images are enlarged so that people can see details."""


def resize(array: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize an image to ``height`` x ``width`` px: bicubic, antialiased; the aspect ratio may change.

    Args:
        array: uint8 ``(H, W, 3)``.
        width: New width in pixels.
        height: New height in pixels.

    Returns:
        uint8 ``(height, width, 3)``; ``array`` itself if it has this size.
    """
    if array.shape[:2] == (height, width):
        return array
    return np.array(Image.fromarray(array).resize((width, height), Image.Resampling.BICUBIC))


def enlarge(array: np.ndarray, side: int = LEGIBLE_SIDE) -> np.ndarray:
    """Enlarge a small image by an integer factor, so that its longer side is about ``side`` pixels.

    Args:
        array: uint8 ``(H, W, 3)``.
        side: Target length of the longer side in pixels.

    Returns:
        uint8 ``(k H, k W, 3)``, bicubic; ``k`` is 1 for images that are large enough.
    """
    height, width = array.shape[:2]
    times = max(1, round(side / max(height, width)))
    return resize(array, times * width, times * height)


def to_tensor(array: np.ndarray) -> Tensor:
    """Convert an array to a tensor.

    Args:
        array: uint8 ``(H, W, 3)``, RGB.

    Returns:
        float32 ``(1, 3, H, W)`` in [-1, 1], on the CPU.

    Raises:
        ValueError: another shape or type.
    """
    import torch

    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"expected uint8 (H, W, 3), got {array.dtype} {array.shape}")
    planes = torch.tensor(array).permute(2, 0, 1).unsqueeze(0).contiguous()
    return planes.float().div_(127.5).sub_(1)


def to_array(tensor: Tensor) -> np.ndarray:
    """Convert a tensor to an array; the exact inverse of ``to_tensor``.

    Args:
        tensor: ``(1, 3, H, W)`` or ``(3, H, W)`` in [-1, 1], on any device; values outside are clamped.

    Returns:
        uint8 ``(H, W, 3)``, rounded to the nearest value.

    Raises:
        ValueError: another shape.
    """
    import torch

    planes = (
        tensor.detach().reshape(tensor.shape[-3:]) if tensor.ndim == 4 and tensor.shape[0] == 1 else tensor.detach()
    )
    if planes.ndim != 3 or planes.shape[0] != 3:
        raise ValueError(f"expected (1, 3, H, W) or (3, H, W), got {tuple(tensor.shape)}")
    whole = planes.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return whole.permute(1, 2, 0).contiguous().cpu().numpy()
