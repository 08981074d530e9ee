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
"""Longer side, in pixels, about as large as which pictures are shown to be looked at."""


def resize(array: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize uint8 ``(H, W, 3)`` to ``(height, width, 3)``: bicubic, antialiased, aspect ignored."""
    if array.shape[:2] == (height, width):
        return array
    return np.array(Image.fromarray(array).resize((width, height), Image.Resampling.BICUBIC))


def enlarge(array: np.ndarray, side: int = LEGIBLE_SIDE) -> np.ndarray:
    """A small picture by the whole factor that brings its longer side nearest to ``side`` pixels; others as they are.

    uint8 ``(H, W, 3)`` -> ``(k H, k W, 3)``, bicubic.
    """
    height, width = array.shape[:2]
    times = max(1, round(side / max(height, width)))
    return resize(array, times * width, times * height)


def to_tensor(array: np.ndarray) -> Tensor:
    """uint8 ``(H, W, 3)`` -> float32 ``(1, 3, H, W)`` in [-1, 1]."""
    import torch

    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"expected uint8 (H, W, 3), got {array.dtype} {array.shape}")
    planes = torch.tensor(array).permute(2, 0, 1).unsqueeze(0).contiguous()
    return planes.float().div_(127.5).sub_(1)


def to_array(tensor: Tensor) -> np.ndarray:
    """``(1, 3, H, W)`` or ``(3, H, W)`` in [-1, 1] -> uint8 ``(H, W, 3)``: rounded, and clamped where outside.

    Exactly undoes ``to_tensor``.
    """
    import torch

    planes = (
        tensor.detach().reshape(tensor.shape[-3:]) if tensor.ndim == 4 and tensor.shape[0] == 1 else tensor.detach()
    )
    if planes.ndim != 3 or planes.shape[0] != 3:
        raise ValueError(f"expected (1, 3, H, W) or (3, H, W), got {tuple(tensor.shape)}")
    whole = planes.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return whole.permute(1, 2, 0).contiguous().cpu().numpy()
