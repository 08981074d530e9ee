"""Square crops of faces for FAN, and landmarks mapped back; with sub-pixel accuracy, and differentiable.

The rule is that of face-alignment: the centre is that of the box, moved up by 12 % of its height, and the side is
200/195 of width plus height. There, crops and landmarks are truncated to whole pixels, which moves landmarks by up to a
pixel; here they are not. All coordinates are pixels, (0, 0) the centre of the upper
left one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

UP = 0.12
SCALE = 200 / 195
MAX_SAMPLES = 16
"""Largest number of samples along each side of a pixel of a crop."""


@dataclass(frozen=True)
class CropSquare:
    """A square crop: centre and side, pixels of the image."""

    x: float
    y: float
    """Its centre."""
    side: float


def square_of(box: tuple[float, float, float, float]) -> CropSquare:
    """Return the square that FAN expects for a face with the box x0, y0, x1, y1."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    return CropSquare((x0 + x1) / 2, (y0 + y1) / 2 - UP * height, SCALE * (width + height))


def square_about(height: int, width: int) -> CropSquare:
    """Return the square around a whole image."""
    return CropSquare((width - 1) / 2, (height - 1) / 2, max(height, width))


def crop(images: Tensor, square: CropSquare, size: int) -> Tensor:
    """Crop ``(N, 3, H, W)`` in [-1, 1] to ``(N, 3, size, size)`` float32 in [-1, 1], black outside the image.

    Bilinear with antialiasing: each pixel is the mean of as many samples as it covers pixels.
    """
    fine = min(max(1, round(square.side / size)), MAX_SAMPLES)
    across = (torch.arange(size * fine, device=images.device) + 0.5) / (size * fine) - 0.5
    height, width = images.shape[2:]
    # grid_sample counts from -1 to 1, from edge to edge of the image.
    x = (2 * (square.x + across * square.side) + 1) / width - 1
    y = (2 * (square.y + across * square.side) + 1) / height - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).expand(len(images), -1, -1, -1)
    samples = F.grid_sample(images.float() + 1, grid, align_corners=False) - 1
    return F.avg_pool2d(samples, fine) if fine > 1 else samples


def to_image(points: Tensor, square: CropSquare, size: int) -> Tensor:
    """Map points ``(..., 2)``, x and y in pixels of a crop, to pixels of the image."""
    corner = points.new_tensor([square.x, square.y]) - square.side / 2
    return corner + (points + 0.5) * (square.side / size)
