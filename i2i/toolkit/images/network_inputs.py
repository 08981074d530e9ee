"""Images as inputs of networks: check and resize them, differentiably."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def check_rgb(images: Tensor, name: str) -> None:
    """Check that a tensor has the shape of RGB images.

    Args:
        images: ``(N, 3, H, W)``.
        name: Name of the extractor that takes them, for the message.

    Raises:
        ValueError: it has another shape.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"{name} takes images (N, 3, H, W), got {tuple(images.shape)}")


def resize_images(images: Tensor, height: int, width: int) -> Tensor:
    """Resize images ``(N, C, H, W)`` to ``(N, C, height, width)`` float32: bilinear with antialiasing, differentiable.

    Call it with autocast off. Images of this size are not copied.
    """
    images = images.float()
    if images.shape[2:] == (height, width):
        return images
    return F.interpolate(images, (height, width), mode="bilinear", antialias=True)


def prepare_images(images: Tensor, size: int, name: str) -> Tensor:
    """Check RGB images and resize them for a network: ``(N, 3, size, size)`` float32, channels last.

    Differentiable, with antialiasing. Call it with autocast off.

    Args:
        images: ``(N, 3, H, W)``.
        size: Height and width of the network's input, pixels.
        name: Name of the extractor, for the message.

    Raises:
        ValueError: the shape is not that of RGB images.
    """
    check_rgb(images, name)
    return resize_images(images, size, size).contiguous(memory_format=torch.channels_last)
