"""Crops of faces for networks: antialiased and differentiable in the images.

Points are ``(x, y)`` in pixels, (0, 0) the centre of the upper left pixel, in the image and in the crop alike.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_SAMPLES = 16
"""Largest number of samples along each side of a pixel of a crop."""


def extract_crops(images: Tensor, matrices: Tensor, size: int) -> Tensor:
    """Extract one crop from each image: bilinear with antialiasing, black outside the image.

    A pixel of a crop is the mean of a grid of samples, at most a pixel of the image apart, so that no pixel is skipped.
    A crop that is no smaller than its part of the image has one sample for each pixel. Crops do not depend on each
    other.

    Args:
        images: ``(N, C, H, W)`` in [-1, 1].
        matrices: ``(N, 2, 3)``: the affine transforms from pixels of the crop to pixels of the image.
        size: Height and width of the crops, pixels.

    Returns:
        ``(N, C, size, size)`` float32 in [-1, 1]; coordinates do not fit half precision.
    """
    images = images.float()
    matrices = matrices.float().to(images.device)
    steps = matrices[:, :, :2].detach().norm(dim=1).amax(dim=1)  # from a pixel of the crop to the next, in the image
    counts = [_samples(step) for step in steps.tolist()]
    crops: list[Tensor | None] = [None] * len(images)
    for count in dict.fromkeys(counts):
        places = [place for place, own in enumerate(counts) if own == count]
        whole = len(places) == len(images)
        part = (images, matrices) if whole else (images[places], matrices[places])
        for place, crop in zip(places, _supersample(*part, size, count), strict=True):
            crops[place] = crop
    found = [crop for crop in crops if crop is not None]
    return torch.stack(found) if found else images.new_empty(0, images.shape[1], size, size)


def _samples(step: float) -> int:
    """Return the number of samples along a side of a pixel of a crop, which covers ``step`` pixels of the image."""
    return min(max(1, math.ceil(step - 1e-3)), MAX_SAMPLES) if math.isfinite(step) else 1


def _supersample(images: Tensor, matrices: Tensor, size: int, count: int) -> Tensor:
    across = (torch.arange(size * count, device=images.device) + 0.5) / count - 0.5
    points = torch.cartesian_prod(across, across).flip(1)  # (size * size * count ** 2, 2): x, y, row by row
    positions = points @ matrices[:, :, :2].mT + matrices[:, None, :, 2]
    extent = images.new_tensor([images.shape[3], images.shape[2]])
    grid = (2 * positions + 1) / extent - 1  # grid_sample counts from edge to edge of the image
    grid = grid.view(-1, size * count, size * count, 2)
    samples = F.grid_sample(images + 1, grid, align_corners=False) - 1  # padding is 0, and black is -1
    return F.avg_pool2d(samples, count) if count > 1 else samples


def square_matrices(squares: Tensor, size: int) -> Tensor:
    """Return the transforms ``(N, 2, 3)`` from pixels of crops of ``size`` x ``size`` to pixels of the image.

    Args:
        squares: ``(N, 3)``: x and y of the centre and the side of each axis-aligned square, pixels of the image.
        size: Height and width of the crops, pixels.
    """
    scale = squares[:, 2] / size
    corner = squares[:, :2] - squares[:, 2:] / 2 + scale[:, None] / 2  # the centre of the upper left pixel
    zero = torch.zeros_like(scale)
    rows = torch.stack([scale, zero, corner[:, 0], zero, scale, corner[:, 1]], dim=1)
    return rows.view(-1, 2, 3)
