"""Square crops of faces as FAN expects them, and the way back; to the fraction of a pixel, and differentiable.

The rule is that of face-alignment: about the middle of a face's frame, moved up by 12 % of its height, a square of
200/195 of width and height together. There, crop and landmarks are cut off to whole pixels, which moves landmarks by up
to a pixel and jumps when a frame moves; here, nothing is. All coordinates are pixels, (0, 0) the centre of the upper
left one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

UP = 0.12
SCALE = 200 / 195
FINEST = 16
"""Samples along each side of a pixel of a crop, at most."""


@dataclass(frozen=True)
class CropSquare:
    """A square in an image."""

    x: float
    y: float
    """Its centre."""
    side: float


def square_of(box: tuple[float, float, float, float]) -> CropSquare:
    """The square that FAN expects to a face's frame x0, y0, x1, y1."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    return CropSquare((x0 + x1) / 2, (y0 + y1) / 2 - UP * height, SCALE * (width + height))


def square_about(height: int, width: int) -> CropSquare:
    """The square about a whole image."""
    return CropSquare((width - 1) / 2, (height - 1) / 2, max(height, width))


def crop(images: Tensor, square: CropSquare, size: int) -> Tensor:
    """``(N, 3, H, W)`` in [-1, 1] -> ``(N, 3, size, size)`` float32 in [-1, 1], black where there is no image.

    Bilinear, each pixel the mean of as many samples as it covers pixels: nothing is skipped, which would alias.
    """
    fine = min(max(1, round(square.side / size)), FINEST)
    across = (torch.arange(size * fine, device=images.device) + 0.5) / (size * fine) - 0.5
    height, width = images.shape[2:]
    # grid_sample counts from -1 to 1, from edge to edge of the image.
    x = (2 * (square.x + across * square.side) + 1) / width - 1
    y = (2 * (square.y + across * square.side) + 1) / height - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).expand(len(images), -1, -1, -1)
    found = F.grid_sample(images.float() + 1, grid, align_corners=False) - 1
    return F.avg_pool2d(found, fine) if fine > 1 else found


def to_image(points: Tensor, square: CropSquare, size: int) -> Tensor:
    """Points ``(..., 2)``, x and y in pixels of a crop -> in those of the image it was cut from."""
    corner = points.new_tensor([square.x, square.y]) - square.side / 2
    return corner + (points + 0.5) * (square.side / size)
