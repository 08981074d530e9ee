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
    matrices = matrices.float().to(images.device)
    steps = matrices[:, :, :2].detach().norm(dim=1).amax(dim=1)  # from a pixel of the crop to the next, in the image
    parts = _covered_parts(matrices.detach(), size, *images.shape[2:])
    crops = [
        _supersample(image[:, y0:y1, x0:x1], matrix - matrix.new_tensor([[0, 0, x0], [0, 0, y0]]), size, _samples(step))
        for image, matrix, step, (x0, y0, x1, y1) in zip(images, matrices, steps.tolist(), parts, strict=True)
    ]
    return torch.stack(crops) if crops else images.new_empty(0, images.shape[1], size, size, dtype=torch.float32)


def _covered_parts(matrices: Tensor, size: int, height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Return x0, y0, x1, y1 of the part of each image that its crop needs, at least one pixel.

    Crops of a photo are often small parts of it, which are converted without the rest.
    """
    edges = matrices.new_tensor([-0.5, size - 0.5])
    corners = _positions(matrices, edges).flatten(1, 2)
    low, high = corners.amin(dim=1).floor() - 1, corners.amax(dim=1).ceil() + 2
    limits = matrices.new_tensor([width, height])
    low = torch.minimum(low.nan_to_num().clamp(min=0), limits - 1)
    high = torch.maximum(torch.minimum(high.nan_to_num(), limits), low + 1)
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in torch.cat([low, high], dim=1).int().tolist()]


def _positions(matrices: Tensor, across: Tensor) -> Tensor:
    """Map a grid of points, ``across`` in x and y, by matrices ``(..., 2, 3)``: ``(..., S, S, 2)``, row by row.

    There is no matrix product, as that has fewer digits on some devices.
    """
    x, y, shift = matrices[..., None, None, :, :].unbind(dim=-1)
    return across[:, None] * x + across[:, None, None] * y + shift


def _samples(step: float) -> int:
    """Return the number of samples along a side of a pixel of a crop, which covers ``step`` pixels of the image."""
    return min(max(1, math.ceil(step - 1e-3)), MAX_SAMPLES) if math.isfinite(step) else 1


def _supersample(image: Tensor, matrix: Tensor, size: int, count: int) -> Tensor:
    """Extract a crop ``(C, size, size)`` of an image ``(C, H, W)``, with ``count ** 2`` samples for each pixel."""
    across = (torch.arange(size * count, device=image.device) + 0.5) / count - 0.5
    extent = matrix.new_tensor([image.shape[2], image.shape[1]])
    grid = (2 * _positions(matrix, across) + 1) / extent - 1  # grid_sample counts from edge to edge of the image
    image = image.float()[None] + 1  # padding is 0, and black is -1
    samples = F.grid_sample(image, grid[None], align_corners=False) - 1
    return (F.avg_pool2d(samples, count) if count > 1 else samples)[0]


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


def map_points(points: Tensor, matrices: Tensor) -> Tensor:
    """Map points ``(N, K, 2)``, pixels of crops, by their matrices ``(N, 2, 3)`` to pixels of the images."""
    x, y, shift = matrices[:, None].unbind(dim=-1)
    return points[..., :1] * x + points[..., 1:] * y + shift


def aligned_squares(images: Tensor, place: tuple[float, float, float]) -> Tensor:
    """Return the same square of each image, ``(N, 3)`` float32: x and y of its centre and its side, pixels.

    Args:
        images: ``(N, C, H, W)``.
        place: x and y of the centre and the side, as fractions of the smallest square around the image.
    """
    height, width = images.shape[2:]
    side = max(height, width)
    x, y, part = place
    square = (x * side + (width - side) / 2 - 0.5, y * side + (height - side) / 2 - 0.5, part * side)
    return torch.tensor(square, device=images.device).expand(len(images), 3)
