"""How a drawn face is laid out for the identity network: eyes and mouth brought onto their mean places.

Points are ``(x, y)`` in pixels, (0, 0) the centre of the upper left pixel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.layers import SIZE


def three_points(landmarks: Tensor) -> Tensor:
    """The centres of the left eye, the right eye and the outer lips: ``(N, 68, 2)``, iBUG order -> ``(N, 3, 2)``."""
    parts = (slice(36, 42), slice(42, 48), slice(48, 60))
    return torch.stack([landmarks[:, part].mean(dim=1) for part in parts], dim=1)


def align(pictures: Tensor, landmarks: Tensor, layout: Tensor) -> Tensor:
    """Turn, scale and shift faces so that eyes and mouth lie as near to the layout as can be.

    With points as complex numbers about their means, the similarity of least squares (Umeyama 1991) from the layout to
    the picture is one product: ``<layout, points> / <layout, layout>``. It is wanted in this direction, for every pixel
    that is written asks where it is to be read.

    Args:
        pictures: ``(N, 3, H, W)`` in [-1, 1], each filled by one face; the result is differentiable in them. Those of
            96 pixels and more are made smaller first, with antialiasing, so that none of their pixels is skipped.
        landmarks: ``(N, 68, 2)``, pixels of the pictures.
        layout: ``(3, 2)``, pixels of a picture of 64 x 64.

    Returns:
        ``(N, 3, 64, 64)`` float32 in [-1, 1]; what lies outside a picture goes on like its border.

    Raises:
        ValueError: the shapes are others.
    """
    if pictures.ndim != 4 or pictures.shape[1] != 3 or landmarks.shape != (len(pictures), 68, 2):
        shapes = f"{tuple(pictures.shape)} and {tuple(landmarks.shape)}"
        raise ValueError(f"faces are aligned by pictures (N, 3, H, W) and landmarks (N, 68, 2), got {shapes}")
    with torch.autocast(pictures.device.type, enabled=False):
        pictures = pictures.float()
        grid = _places(three_points(landmarks.to(pictures)), layout.to(pictures), pictures.shape[3], pictures.shape[2])
        ratio = SIZE / min(pictures.shape[2:])
        if ratio <= 2 / 3:
            smaller = [round(side * ratio) for side in pictures.shape[2:]]
            pictures = F.interpolate(pictures, smaller, mode="bilinear", antialias=True)
        return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def _places(points: Tensor, layout: Tensor, width: int, height: int) -> Tensor:
    """Where each pixel of an aligned face is read: ``(N, 64, 64, 2)``, -1 and 1 being the edges of the picture."""
    centre, middle = layout.mean(dim=0), points.mean(dim=1, keepdim=True)
    (x, y), (u, v) = (layout - centre).unbind(dim=1), (points - middle).unbind(dim=2)
    spread = (x * x + y * y).sum()
    cosine, sine = (x * u + y * v).sum(dim=1) / spread, (x * v - y * u).sum(dim=1) / spread
    turn = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
    across = torch.arange(SIZE, device=points.device, dtype=points.dtype)
    wanted = torch.cartesian_prod(across, across).flip(1) - centre  # (64 * 64, 2): x, y of each pixel, row by row
    places = wanted @ turn.mT + middle
    return ((2 * places + 1) / points.new_tensor([width, height]) - 1).view(-1, SIZE, SIZE, 2)
