"""A landmark network: the 68 points of a face as the means of heat maps, with sub-pixel accuracy.

The mean is the differentiable spatial to numerical transform of Nibali et al. ("Numerical Coordinate Regression with
Convolutional Neural Networks", 2018, section 3), also known as integral regression (Sun et al. 2018). The trunk goes
down to 4 x 4 and back up to 32 x 32 with a sum at every size, as an hourglass (Newell et al. 2016).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import SIZE, ConvNorm, ResNetDBlock

POINTS = 68
WIDTHS = (32, 64, 96, 128)
"""Channels at 32, 16, 8 and 4 pixels."""
CELL = 2
"""Pixels of the image in a cell of a heat map, along each side."""


class LandmarkNetwork(nn.Module):
    """Images of one face each -> heat maps of the landmarks, and whether there is a face."""

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth, least = WIDTHS
        self.stem = nn.Sequential(ConvNorm(3, half, CELL), ConvNorm(half, half))
        self.down = nn.ModuleList(
            [ResNetDBlock(half, quarter, 2), ResNetDBlock(quarter, eighth, 2), ResNetDBlock(eighth, least, 2)]
        )
        self.around = ResNetDBlock(least, least)
        self.up = nn.ModuleList(
            [nn.Conv2d(least, eighth, 1), nn.Conv2d(eighth, quarter, 1), nn.Conv2d(quarter, half, 1)]
        )
        self.join = nn.ModuleList([ConvNorm(eighth, eighth), ConvNorm(quarter, quarter), ConvNorm(half, half)])
        self.heat = nn.Conv2d(half, POINTS, 1)
        self.face = nn.Linear(least, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute heat maps and score.

        Args:
            images: ``(N, 3, 64, 64)`` RGB in [-1, 1].

        Returns:
            Logits of the heat maps ``(N, 68, 32, 32)``, and the logit of a whole, upright face ``(N,)``.
        """
        x = self.stem(images)
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        x = self.around(x)
        face = self.face(x.mean(dim=(2, 3)))[:, 0]
        for up, join, skip in zip(self.up, self.join, reversed(skips), strict=True):
            x = join(F.interpolate(up(x), scale_factor=2.0) + skip)
        return self.heat(x), face


def cells(like: Tensor) -> Tensor:
    """Return the centres of the cells of a heat map along one side: ``(32,)`` pixels of the 64 x 64 image."""
    return torch.arange(SIZE // CELL, device=like.device, dtype=like.dtype) * CELL + (CELL - 1) / 2


def expected_positions(heat: Tensor) -> Tensor:
    """Compute the mean positions ``(N, 68, 2)``, pixels of the 64 x 64 image, of logits ``(N, 68, 32, 32)``."""
    probabilities = heat.flatten(2).softmax(dim=2).view_as(heat)
    positions = cells(heat)
    return torch.stack([probabilities.sum(dim=2) @ positions, probabilities.sum(dim=3) @ positions], dim=2)
