"""Sixty-eight points of a face by heat maps whose means are read off, which is exact below the pixel.

The reading is the differentiable spatial to numerical transform of Nibali et al. ("Numerical Coordinate Regression with
Convolutional Neural Networks", 2018, section 3), also known as integral regression (Sun et al. 2018). The trunk goes
down to 4 x 4 and back up to 32 x 32 with a sum at every size, as an hourglass (Newell et al. 2016).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import SIZE, Residual, Unit

POINTS = 68
WIDTHS = (32, 64, 96, 128)
"""Channels at 32, 16, 8 and 4 pixels."""
CELL = 2
"""Pixels of the picture to a cell of a heat map."""


class Landmarks(nn.Module):
    """Pictures of one face each -> where its points lie, and whether it is a face at all."""

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth, least = WIDTHS
        self.stem = nn.Sequential(Unit(3, half, CELL), Unit(half, half))
        self.down = nn.ModuleList(
            [Residual(half, quarter, 2), Residual(quarter, eighth, 2), Residual(eighth, least, 2)]
        )
        self.around = Residual(least, least)
        self.up = nn.ModuleList(
            [nn.Conv2d(least, eighth, 1), nn.Conv2d(eighth, quarter, 1), nn.Conv2d(quarter, half, 1)]
        )
        self.join = nn.ModuleList([Unit(eighth, eighth), Unit(quarter, quarter), Unit(half, half)])
        self.heat = nn.Conv2d(half, POINTS, 1)
        self.face = nn.Linear(least, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Heat maps and score.

        Args:
            pictures: ``(N, 3, 64, 64)`` RGB in [-1, 1].

        Returns:
            Logits of the heat maps ``(N, 68, 32, 32)``, and the logit of its being a whole, upright face ``(N,)``.
        """
        x = self.stem(pictures)
        kept = []
        for down in self.down:
            kept.append(x)
            x = down(x)
        x = self.around(x)
        face = self.face(x.mean(dim=(2, 3)))[:, 0]
        for up, join, beside in zip(self.up, self.join, reversed(kept), strict=True):
            x = join(F.interpolate(up(x), scale_factor=2.0) + beside)
        return self.heat(x), face


def cells(like: Tensor) -> Tensor:
    """The centres of the cells of a heat map, along either side: ``(32,)`` pixels of the 64 x 64 picture."""
    return torch.arange(SIZE // CELL, device=like.device, dtype=like.dtype) * CELL + (CELL - 1) / 2


def read_off(heat: Tensor) -> Tensor:
    """The mean place of each heat map: logits ``(N, 68, 32, 32)`` -> ``(N, 68, 2)``, pixels of the 64 x 64 picture."""
    chances = heat.flatten(2).softmax(dim=2).view_as(heat)
    places = cells(heat)
    return torch.stack([chances.sum(dim=2) @ places, chances.sum(dim=3) @ places], dim=2)
