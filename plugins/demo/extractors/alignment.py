"""Alignment of faces for the identity network: eyes and mouth are moved to their mean positions.

Points are ``(x, y)`` in pixels, (0, 0) the centre of the upper left pixel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.layers import SIZE


def three_points(landmarks: Tensor) -> Tensor:
    """Compute the centres of left eye, right eye and outer lips: ``(N, 68, 2)``, iBUG order -> ``(N, 3, 2)``."""
    parts = (slice(36, 42), slice(42, 48), slice(48, 60))
    return torch.stack([landmarks[:, part].mean(dim=1) for part in parts], dim=1)


def align(images: Tensor, landmarks: Tensor, layout: Tensor) -> Tensor:
    """Rotate, scale and translate faces so that eyes and mouth fit the layout best.

    With points as complex numbers relative to their means, the least-squares similarity (Umeyama 1991) from the layout
    to the image is one product: ``<layout, points> / <layout, layout>``. This direction gives, for every output pixel,
    the position where it is read.

    Args:
        images: ``(N, 3, H, W)`` in [-1, 1], each filled by one face; the result is differentiable in them. Images of
            96 pixels and more are first downsampled with antialiasing.
        landmarks: ``(N, 68, 2)``, pixels of the images.
        layout: ``(3, 2)``, pixels of an image of 64 x 64.

    Returns:
        ``(N, 3, 64, 64)`` float32 in [-1, 1]; beyond the image, its border is repeated.

    Raises:
        ValueError: images or landmarks have another shape.
    """
    if images.ndim != 4 or images.shape[1] != 3 or landmarks.shape != (len(images), 68, 2):
        shapes = f"{tuple(images.shape)} and {tuple(landmarks.shape)}"
        raise ValueError(f"alignment takes images (N, 3, H, W) and landmarks (N, 68, 2), got {shapes}")
    with torch.autocast(images.device.type, enabled=False):
        images = images.float()
        grid = _sampling_grid(three_points(landmarks.to(images)), layout.to(images), images.shape[3], images.shape[2])
        ratio = SIZE / min(images.shape[2:])
        if ratio <= 2 / 3:
            smaller = [round(side * ratio) for side in images.shape[2:]]
            images = F.interpolate(images, smaller, mode="bilinear", antialias=True)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _sampling_grid(points: Tensor, layout: Tensor, width: int, height: int) -> Tensor:
    """Compute where each pixel of an aligned face is read: ``(N, 64, 64, 2)``; -1 and 1 are the image's edges."""
    centre, middle = layout.mean(dim=0), points.mean(dim=1, keepdim=True)
    (x, y), (u, v) = (layout - centre).unbind(dim=1), (points - middle).unbind(dim=2)
    spread = (x * x + y * y).sum()
    cosine, sine = (x * u + y * v).sum(dim=1) / spread, (x * v - y * u).sum(dim=1) / spread
    rotation = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
    across = torch.arange(SIZE, device=points.device, dtype=points.dtype)
    pixels = torch.cartesian_prod(across, across).flip(1) - centre  # (64 * 64, 2): x, y of each pixel, row by row
    positions = pixels @ rotation.mT + middle
    return ((2 * positions + 1) / points.new_tensor([width, height]) - 1).view(-1, SIZE, SIZE, 2)
